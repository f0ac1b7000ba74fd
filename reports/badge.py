"""A report as the JSON of an endpoint badge, as shields.io reads it.

The share is of passed cells among all but the skipped, rounded down; skips are counted beside it.
Red is a failure, and a report that proves nothing (nothing ran, cut off, one shard, a smoke run) is
grey and says so. Only where every cell that applies has passed is it bright green.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from lossproof.reports import headers, summary
from lossproof.reports.model import Report
from lossproof.reports.text import one_line


def render(report: Report, label: str = "lossproof") -> str:
    """The badge of a whole report, or of one that was cut off."""
    found = summary.counts(report.results)
    short = _shortcoming(report, found)
    failed = found["failed"] + found["errored"]
    cells = summary.applicable(found)
    if failed:
        color = "red"
    elif short:
        color = "lightgrey"
    else:
        color = "brightgreen" if found["passed"] == cells else "green"
    badge = {
        "schemaVersion": 1,
        "label": one_line(label),
        "message": ", ".join(_parts(found, cells, short)),
        "color": color,
    }
    return json.dumps(badge, ensure_ascii=False) + "\n"


def _parts(found: dict[str, int], cells: int, short: str | None) -> Iterable[str]:
    if short:
        yield short
    for status in ("failed", "errored"):
        if found[status]:
            yield f"{found[status]} {status}"
    if cells - found["not-run"]:
        yield f"{summary.percent(found['passed'], cells)} of {cells} passed"
    if found["skipped"]:
        yield f"{found['skipped']} skipped"


def _shortcoming(report: Report, found: dict[str, int]) -> str | None:
    """Why the report is no evidence of conformance, in a word or two."""
    header = report.header
    ran = summary.applicable(found) - found["not-run"]
    if report.footer is None:
        return "cut off"
    if not ran:
        return "nothing ran"
    if found["not-run"] or not report.footer.complete:
        return f"{found['not-run']} not run"
    if shards := headers.shards(header):
        return f"only shard {', '.join(shards)}"
    return None if header.sufficient else f"{one_line(header.profile)} only"
