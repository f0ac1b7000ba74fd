"""A report as Markdown: what a reader of CI needs first, and the rest folded.

No clock, no disk: the text changes only when a verdict or a number does. So it leaves out when the
run started and how long it took.
"""

from __future__ import annotations

from collections.abc import Sequence

from lossproof.reports import summary
from lossproof.reports.markup import ROWS, folded, more, section, table
from lossproof.reports.model import STATUSES, Header, Report, Result
from lossproof.reports.text import code, escape, fence, link

MESSAGES = 50  # of failures that are shown in full


def render(report: Report) -> str:
    """The whole report. Every text that came from outside is escaped."""
    results = report.results
    failures = summary.with_status(results, "failed", "errored")
    warnings = summary.with_status(results, "warned")
    expected = summary.with_status(results, "xfailed")
    sections = [
        "# lossproof report",
        *(f"**{escape(text)}**" for text in summary.shortcomings(report)),
        *section("Counts", _counts(results)),
        *section("Failures", _failures(failures)),
        *folded("Failures in full", _in_full(failures)),
        *folded(
            "Worst error of values and gradients, as a multiple of its budget", _matrix(results)
        ),
        *folded(f"Warnings: {len(warnings)}", _failures(warnings)),
        *folded("Warnings in full", _in_full(warnings)),
        *section("Unexpected passes", _expected(summary.with_status(results, "xpassed"))),
        *folded(f"Expected failures: {len(expected)}", _expected(expected)),
        *folded("Skipped", _skipped(results)),
        *folded("More than half excused", _excused(summary.mostly_excused(results))),
        *folded("Conventions", _conventions(results)),
        *folded("Environment", _environment(report.header)),
    ]
    return "\n\n".join(sections) + "\n"


def _environment(header: Header) -> str:
    rows = summary.environment(header)
    return table(("environment", ""), [(escape(name), escape(text)) for name, text in rows])


def _counts(results: Sequence[Result]) -> str:
    found = summary.counts(results)
    rows = table(("status", "cells"), [(status, str(found[status])) for status in STATUSES])
    judged, excused = summary.points(results)
    if not judged + excused:
        return rows
    share = 100 * excused / (judged + excused)
    mostly = len(summary.mostly_excused(results))
    return (
        f"{rows}\n\n{judged} sample points judged; {excused} more ({share:.2g} %) excused: at "
        "an undecided branch, or where no accuracy is promised. Cells with more than half of their "
        f"points excused: {mostly}."
    )


def _matrix(results: Sequence[Result]) -> str:
    rows = summary.matrix(results)
    columns = sorted({column for cells in rows.values() for column in cells})
    return table(
        ("loss", "backend", *map(escape, columns)),
        [
            (escape(loss), escape(backend), *(_text(cells.get(column)) for column in columns))
            for (loss, backend), cells in rows.items()
        ],
    )


def _text(group: summary.Group | None) -> str:
    return "" if group is None else group.text


def _failures(results: Sequence[Result]) -> str:
    rows = []
    for r in results[:ROWS]:
        facts = [code(text) for _, text in summary.facts(r)] or [""] * 5
        rows.append((summary.MARKS[r.status], code(r.id), escape(r.sentence), *facts))
    heads = ("status", "id", "what is not true", "at", "truth", "got", "off", "allowed")
    return f"{table(heads, rows)}{more(len(results) - len(rows))}"


def _in_full(results: Sequence[Result]) -> str:
    """What the checks said, and how to see it again."""
    said = [blocks for r in results if (blocks := _again(r))]
    left = len(said) - len(said[:MESSAGES])
    return "\n\n".join(part for blocks in said[:MESSAGES] for part in blocks) + more(left)


def _again(result: Result) -> list[str]:
    blocks = []
    if result.message:
        blocks.append(fence(result.message, "text"))
    if result.snippet:
        blocks.append(fence(result.snippet, "python"))
    return [f"### {code(result.id)}", *blocks] if blocks else []


def _expected(results: Sequence[Result]) -> str:
    rows = [(code(r.id), escape(r.reason or ""), link(r.link or "")) for r in results]
    return table(("id", "reason", "link"), rows, ROWS)


def _skipped(results: Sequence[Result]) -> str:
    rows = [(escape(reason), str(count)) for reason, count in summary.skips(results)]
    return table(("reason", "cells"), rows, ROWS)


def _excused(results: Sequence[Result]) -> str:
    """A row for each loss, backend and dtype, its checks named: these come in groups."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for r in results:
        groups.setdefault((r.loss, r.backend, f"{r.dtype} {r.device}"), []).append(r)
    rows = [
        (
            *map(escape, key),
            ", ".join(code(r.check) for r in group),
            str(sum(r.points for r in group)),
            str(sum(r.excused for r in group)),
        )
        for key, group in groups.items()
    ]
    return table(("loss", "backend", "dtype", "checks", "judged", "excused"), rows, ROWS)


def _conventions(results: Sequence[Result]) -> str:
    rows = summary.conventions(results)
    backends = sorted({backend for seen in rows.values() for backend in seen})
    return table(
        ("loss", "convention", *map(escape, backends)),
        [
            (escape(loss), escape(name), *(escape(seen.get(b, "")) for b in backends))
            for (loss, name), seen in rows.items()
        ],
    )
