"""Dice as it is often written: how often smooth counts, what the denominator is, rows or all."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from lossproof.conformance.candidates import Base
from lossproof.conformance.variants import Value, stated
from lossproof.spec.maths import square, total
from lossproof.spec.tracked import Tracked

#: how often smooth is added above and below, in words, and how far-fetched that is
SMOOTH = {
    (1, 1): ("", 0.0),
    (2, 1): ("smooth is doubled with the overlap, and is not in the denominator", 0.5),
    (0, 1): ("smooth is added to the denominator only", 0.5),
    (2, 2): ("smooth counts twice", 1.5),
}
#: what it is row by row, and what it is not
ROWS = " of each row, averaged (dice is one ratio over all entries)"
BELOW = {
    "sum": ("", 0.0),
    "squares": (" with squares in the denominator", 0.5),
    "union": (": the intersection over the union (Jaccard), not twice it over the sum", 0.5),
}


def overlaps(base: Any) -> Iterator[Base]:
    """Every combination but that which is stated, the least far-fetched first."""
    made = []
    for times, below, rows in itertools.product(SMOOTH, BELOW, (False, True)):
        if (times, below, rows) == ((1, 1), "sum", False):
            continue
        (but, odd), (after, far) = SMOOTH[times], BELOW[below]
        said = f"{after}{ROWS}" if rows else after
        cost = odd + far + 0.5 * rows
        loss = stated(base, _value(times, below, rows))
        made.append(Base(loss=loss, after=said, but=but, cost=cost))
    yield from sorted(made, key=lambda b: b.cost)


def _value(times: tuple[int, int], below: str, rows: bool) -> Value:
    above, under = times
    axis = -1 if rows else None

    def value(bound: Any, prediction: Tracked, target: Tracked) -> Tracked:
        both = total(prediction * target, axis=axis)
        p, t = (square(prediction), square(target)) if below == "squares" else (prediction, target)
        whole = total(p, axis=axis) + total(t, axis=axis)
        whole, top = (whole - both, both) if below == "union" else (whole, 2 * both)
        if above:
            top = top + above * bound.smooth
        each: Tracked = 1 - top / (whole + under * bound.smooth)
        return total(each) / float(each.size) if rows else each

    return value
