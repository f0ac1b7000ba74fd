"""A trend as text for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tabulate import tabulate

from lossproof.reports.markup import folded, table
from lossproof.reports.model import STATUSES
from lossproof.reports.summary import percent, short
from lossproof.reports.text import escape, one_line
from lossproof.reports.trend import Point, Trend

TOLD = "worst: of values and gradients that passed, the worst error as a multiple of its budget"


def terminal(trend: Trend) -> str:
    """A line for each report, then what changed between them."""
    heads, rows = _rows(trend, one_line)
    align = ["left", "left"] + ["right"] * (len(heads) - 2)
    lines = tabulate(rows, heads, "simple", disable_numparse=True, colalign=align)
    return "\n\n".join([lines, TOLD, *_joined(trend, one_line)]) + "\n"


def markdown(trend: Trend) -> str:
    """A table, and what changed folded below it."""
    heads, rows = _rows(trend, escape)
    parts = ["# lossproof trend", table(heads, rows), TOLD.capitalize() + "."]
    changed = "\n".join(f"* {line}" for line in _changes(trend, escape))
    return "\n\n".join([*parts, *folded("What changed between the runs", changed)]) + "\n"


def _rows(trend: Trend, shown: Callable[[str], str]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows; a column for each status that occurs and for each backend."""
    points = trend.points
    statuses = [status for status in STATUSES if any(p.counts[status] for p in points)]
    backends = sorted({backend for point in points for backend in point.worst})
    heads = ["started", "report", *statuses, "share", *(f"{shown(b)} worst" for b in backends)]
    rows = [
        [
            shown(point.started),
            shown(point.name),
            *(str(point.counts[status]) for status in statuses),
            _share(point),
            *(short(point.worst[b]) if b in point.worst else "" for b in backends),
        ]
        for point in points
    ]
    return heads, rows


def _share(point: Point) -> str:
    """Of the cells that were not skipped, those that passed."""
    return percent(point.counts["passed"], point.applicable) if point.applicable else ""


def _joined(trend: Trend, shown: Callable[[str], str]) -> list[str]:
    lines = list(_changes(trend, shown))
    return ["\n".join(lines)] if lines else []


def _changes(trend: Trend, shown: Callable[[str], str]) -> Iterator[str]:
    """What a report has otherwise than the one before it, and what it lacks."""
    for point in trend.points:
        for text in (*(d.text for d in point.changed), *point.shortcomings):
            yield shown(f"{point.name}: {text}")
