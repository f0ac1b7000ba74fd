"""The command `lossproof`, and `python -m lossproof`."""

from __future__ import annotations

import os
import signal
from typing import Any

from lossproof.conformance.interrupts import INTERRUPTED


def main() -> None:
    """Load the command line, and be it. Ctrl-C while it is loading ends this at once, in a line."""
    before = signal.signal(signal.SIGINT, _leave)
    from lossproof.conformance.cli import main as command  # most of a second

    signal.signal(signal.SIGINT, before)
    command()


def _leave(*_: Any) -> None:
    os.write(2, b"lossproof: interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
