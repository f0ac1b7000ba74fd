"""Reports in the order in which their runs started: how counts and errors went, and what changed.

`trend.schema.json` is a copy of the schema, which `python -m lossproof.reports.trend` writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from lossproof.reports import headers, schema, summary
from lossproof.reports.headers import Difference
from lossproof.reports.model import Report

TREND_VERSION: Final = 1
COPY = Path(__file__).with_name("trend.schema.json")


class Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One report of a trend."""

    name: str
    started: str
    lossproof: str
    profile: str
    shortcomings: tuple[str, ...]  # what keeps it from being evidence of conformance
    counts: dict[str, int]  # by status
    applicable: int  # cells that were not skipped: what a pass share is of
    worst: dict[str, float]  # backend -> worst error / budget of values and gradients that passed
    changed: tuple[Difference, ...]  # in the header, since the report before


class Trend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reports by the time at which they started."""

    points: tuple[Point, ...]
    schema_version: int = TREND_VERSION


def trend(named: Iterable[tuple[str, Report]]) -> Trend:
    """The trend of reports and their names; the same for any order of them."""
    ordered = sorted(named, key=lambda item: (item[1].header.started, item[0]))
    points = []
    before: Report | None = None
    for name, report in ordered:
        points.append(_point(name, report, before))
        before = report
    return Trend(points=tuple(points))


def _point(name: str, report: Report, before: Report | None) -> Point:
    header = report.header
    found = summary.counts(report.results)
    passed = summary.with_status(report.results, "passed")
    worst = {
        backend: ratio
        for backend in sorted({r.backend for r in passed})
        if (ratio := summary.group(r for r in passed if r.backend == backend).ratio) is not None
    }
    return Point(
        name=name,
        started=header.started,
        lossproof=header.lossproof,
        profile=header.profile,
        shortcomings=tuple(summary.shortcomings(report)),
        counts=found,
        applicable=summary.applicable(found),
        worst=worst,
        changed=() if before is None else headers.differences(before.header, header),
    )


def schema_text() -> str:
    """The schema as it stands in `trend.schema.json`."""
    return schema.of_document(Trend, "What lossproof trend finds", TREND_VERSION)


if __name__ == "__main__":
    COPY.write_text(schema_text(), encoding="utf-8", newline="\n")
