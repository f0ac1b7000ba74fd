"""A report as CSV: a row for each cell, for spreadsheets and data frames. Columns do not change.

Text that a spreadsheet would take for a formula gets an apostrophe before it; numbers do not.
Text is quoted and numbers are not, so a reader can tell them apart.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import StringIO
from typing import Final

from lossproof.reports.model import Report, Result
from lossproof.reports.text import one_line

COLUMNS: Final = (
    "id", "loss", "check", "backend", "dtype", "device", "level", "status", "grade", "ratio",
    "ulps", "points", "excused", "violations", "sentence", "reason", "link", "at", "truth", "got",
    "off", "allowed", "conventions",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and in full width
PLAIN_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?(e[-+]?[0-9]+)?", re.IGNORECASE)


def render(report: Report) -> str:
    """A head and the rows, sorted by id."""
    out = StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in sorted(report.results, key=lambda r: r.id):
        writer.writerow(_row(result))
    return out.getvalue()


def _row(result: Result) -> Iterator[str | float]:
    worst = result.worst
    values: dict[str, str | float | None] = {
        **{name: getattr(result, name, None) for name in COLUMNS},
        **{name: getattr(worst, name, None) for name in ("ratio", "ulps", "truth", "got", "off")},
        "allowed": None if worst is None else worst.allowed,
        "at": None if worst is None else _pairs(worst.at),
        "conventions": _pairs(result.conventions),
    }
    for name in COLUMNS:
        value = values[name]
        if value is None:
            yield ""
        else:
            yield value if isinstance(value, (int, float)) else _inert(one_line(value))


def _pairs(facts: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in facts.items())


def _inert(text: str) -> str:
    if text.startswith(FORMULA) and not PLAIN_NUMBER.fullmatch(text):
        return f"'{text}"
    return text
