"""A curve: one argument of a loss swept, all others held, and what an implementation answered.

Two sweeps are made. `shape` goes over a plain range in even steps, to show the loss itself, in one
dtype; `range` goes from the least to the largest numbers of every dtype, to show the errors.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Sweep = Literal["shape", "range"]
Numbers = tuple[float | None, ...]


class Trace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One quantity along a curve, an entry for each x. A `range` has the errors alone.

    A truth is None at a kink, where it is an interval, and where it is no finite number; an error
    is None where nothing is promised.
    """

    error: Numbers  # error / budget; above 1 is a violation
    got: Numbers = ()
    truth: Numbers = ()


class Curve(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="curve", tag_field="kind"
):
    """The answers of one implementation along one sweep, rounded for plotting."""

    loss: str
    backend: str
    dtype: str
    device: str
    sweep: Sweep
    argument: str  # the one that is swept; of an array, one entry of it
    held: str  # all of it in words: `prediction=x, target=0, delta=1.0`
    x: tuple[float, ...]  # ascending, exactly as asked
    value: Trace
    gradient: Trace | None = None  # by the entry that is swept; None if there is none

    @property
    def id(self) -> str:
        """Its name, such as `huber/range[torch,float32,cpu]`; one of a kind in a report."""
        return f"{self.loss}/{self.sweep}[{self.backend},{self.dtype},{self.device}]"
