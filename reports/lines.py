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


def thinned(run: Sequence[P]) -> list[P]:
    """The run without points that lie on the straight line of their neighbours."""
    kept = list(run[:1])
    for here, after in pairwise(run[1:]):
        (x0, y0), (x1, y1), (x2, y2) = kept[-1], here, after
        if abs((y1 - y0) * (x2 - x0) - (y2 - y0) * (x1 - x0)) > FLAT * abs(x2 - x0):
            kept.append(here)
    return [*kept, *run[-1:]] if len(run) > 1 else kept
