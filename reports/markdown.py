"""A report as Markdown. No clock, no disk: the text changes only when a verdict or a number does.

So it leaves out when the run started and how long it took.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from lossproof.reports import summary
from lossproof.reports.model import STATUSES, Header, Report, Result
from lossproof.reports.text import code, escape, fence, link


def render(report: Report) -> str:
    """The whole report. Every text that came from outside is escaped."""
    results = report.results
    sections = [
        "# lossproof report",
        *(f"**{escape(text)}**" for text in summary.shortcomings(report)),
        *_section("Environment", _environment(report.header)),
        *_section("Counts", _counts(results)),
        *_section(
            "Worst error of values and gradients, as a multiple of its budget", _matrix(results)
        ),
        *_failures("Failures", summary.with_status(results, "failed", "errored")),
        *_failures("Warnings", summary.with_status(results, "warned")),
        *_section("Expected failures", _expected(summary.with_status(results, "xfailed"))),
        *_section("Unexpected passes", _expected(summary.with_status(results, "xpassed"))),
        *_section("Skipped", _skipped(results)),
        *_section("More than half excused", _excused(summary.mostly_excused(results))),
        *_section("Conventions", _conventions(results)),
    ]
    return "\n\n".join(sections) + "\n"


def _environment(header: Header) -> str:
    rows = summary.environment(header)
    return _table(("environment", ""), [(escape(name), escape(text)) for name, text in rows])


def _counts(results: Sequence[Result]) -> str:
    found = summary.counts(results)
    table = _table(("status", "cells"), [(status, str(found[status])) for status in STATUSES])
    judged, excused = summary.points(results)
    if not judged + excused:
        return table
    share = 100 * excused / (judged + excused)
    mostly = len(summary.mostly_excused(results))
    return (
        f"{table}\n\n{judged} sample points judged; {excused} more ({share:.2g} %) excused: at "
        "an undecided branch, or where no accuracy is promised. Cells with more than half of their "
        f"points excused: {mostly}."
    )


def _matrix(results: Sequence[Result]) -> str:
    rows = summary.matrix(results)
    columns = sorted({column for cells in rows.values() for column in cells})
    return _table(
        ("loss", "backend", *map(escape, columns)),
        [
            (escape(loss), escape(backend), *(_text(cells.get(column)) for column in columns))
            for (loss, backend), cells in rows.items()
        ],
    )


def _text(group: summary.Group | None) -> str:
    return "" if group is None else group.text


def _failures(title: str, results: Sequence[Result]) -> list[str]:
    rows = []
    for r in results:
        facts = [code(text) for _, text in summary.facts(r)] or [""] * 5
        rows.append((summary.MARKS[r.status], code(r.id), escape(r.sentence), *facts))
    heads = ("status", "id", "what is not true", "at", "truth", "got", "off", "allowed")
    return [*_section(title, _table(heads, rows)), *(part for r in results for part in _again(r))]


def _again(result: Result) -> list[str]:
    """What the check said, and how to see it again."""
    blocks = []
    if result.message:
        blocks.append(fence(result.message, "text"))
    if result.snippet:
        blocks.append(fence(result.snippet, "python"))
    return [f"### {code(result.id)}", *blocks] if blocks else []


def _expected(results: Sequence[Result]) -> str:
    rows = [(code(r.id), escape(r.reason or ""), link(r.link or "")) for r in results]
    return _table(("id", "reason", "link"), rows)


def _skipped(results: Sequence[Result]) -> str:
    rows = [(escape(reason), str(count)) for reason, count in summary.skips(results)]
    return _table(("reason", "cells"), rows)


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
    return _table(("loss", "backend", "dtype", "checks", "judged", "excused"), rows)


def _conventions(results: Sequence[Result]) -> str:
    rows = summary.conventions(results)
    backends = sorted({backend for seen in rows.values() for backend in seen})
    return _table(
        ("loss", "convention", *map(escape, backends)),
        [
            (escape(loss), escape(name), *(escape(seen.get(b, "")) for b in backends))
            for (loss, name), seen in rows.items()
        ],
    )


def _section(title: str, body: str) -> list[str]:
    return [f"## {title}", body] if body else []


def _table(heads: Iterable[str], rows: Sequence[Sequence[str]]) -> str:
    """A GitHub table of the texts as they are; nothing for no rows."""
    return tabulate(rows, list(heads), tablefmt="github", disable_numparse=True) if rows else ""
