"""Until when something is tried."""

from __future__ import annotations

import time
from dataclasses import dataclass

#: seconds of the clock for each that this process may spend
WAITED = 2.0


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """A time of this process, so that what is found does not hang on what others do meanwhile, and
    one of the clock, for functions that run elsewhere and take long."""

    seconds: float
    process: float
    clock: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """So many seconds from now."""
        return cls(
            seconds=seconds,
            process=time.process_time() + seconds,
            clock=time.monotonic() + WAITED * seconds,
        )

    def anew(self, share: float) -> Deadline:
        """This share of its seconds, from now."""
        return Deadline.after(share * self.seconds)

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return time.process_time() > self.process or time.monotonic() > self.clock
