"""Lines of plots: parted where there is no number, and without the points that do not show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

Point = tuple[float, float]
P = TypeVar("P", bound=Point)
#: twice the area of a triangle, for each unit of its width, below which it is a straight line
FLAT = 1e-9
#: how many times as large as its neighbours a step is that is a jump, and its least part of it all
STEEP, RIPPLE = 16.0, 0.05


def runs(points: Iterable[tuple[float, float | None]]) -> Iterator[list[Point]]:
    """The stretches on which the second coordinate is a finite number."""
    run: list[Point] = []
    for x, y in points:
        if y is not None and math.isfinite(y):
            run.append((x, y))
        elif run:
            yield run
            run = []
    if run:
        yield run


def jumps(numbers: Sequence[float | None]) -> list[int]:
    """The places after which a line jumps: with no sample between, and flat on both sides of it.

    A step is a jump if it is many times as large as the steps beside it, and no ripple.
    """
    known = [v for v in numbers if v is not None and math.isfinite(v)]
    if len(known) < 4:
        return []
    least = RIPPLE * (max(known) - min(known))
    steps = [
        math.inf
        if a is None or b is None or not math.isfinite(a) or not math.isfinite(b)
        else abs(b - a)
        for a, b in pairwise(numbers)
    ]
    return [
        i
        for i in range(1, len(steps) - 1)
        if least < steps[i] < math.inf and STEEP * max(steps[i - 1], steps[i + 1]) < steps[i]
    ]


def thinned(run: Sequence[P]) -> list[P]:
    """The run without points that lie on the straight line of their neighbours."""
    kept = list(run[:1])
    for here, after in pairwise(run[1:]):
        (x0, y0), (x1, y1), (x2, y2) = kept[-1], here, after
        if abs((y1 - y0) * (x2 - x0) - (y2 - y0) * (x1 - x0)) > FLAT * abs(x2 - x0):
            kept.append(here)
    return [*kept, *run[-1:]] if len(run) > 1 else kept
