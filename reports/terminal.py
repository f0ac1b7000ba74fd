"""A report as text for a terminal: a short table, what failed, and one closing line."""

from __future__ import annotations

import re
from io import StringIO

from rich.console import Console
from rich.text import Text
from tabulate import tabulate

from lossproof.reports import summary
from lossproof.reports.model import Report, Result, Status
from lossproof.reports.text import one_line, visible

CLOSING: tuple[Status, ...] = (
    "failed", "errored", "xpassed", "warned", "passed", "xfailed", "skipped", "not-run",
)  # fmt: skip

STYLES: dict[Status, str] = {
    "failed": "bold red", "errored": "bold red", "xpassed": "bold red", "warned": "yellow",
    "passed": "green", "xfailed": "dim", "skipped": "dim", "not-run": "yellow",
}  # fmt: skip

LEAST = 20  # columns, below which the name of the worst cell is left out


#: in a message, the command that asks again, up to the name of the report
AGAIN = re.compile(r"^(  again +lossproof reproduce ')[^'#]*(?=#)", re.MULTILINE)


def render(
    report: Report,
    width: int,
    color: bool = False,
    *,
    limit: int | None = None,
    path: str | None = None,
) -> str:
    """The report in `width` columns; messages and commands are never wrapped.

    `limit` is the most messages shown of each of failures, warnings and unexpected passes; what is
    left out is counted. `path` is where the report lies as seen from here, for the commands that
    ask again: in the report itself they have its name alone, wherever it is put. Independent of the
    environment and of the order of arrival.
    """
    out = StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, force_jupyter=False, no_color=not color,
        color_system="standard" if color else None, legacy_windows=False,
    )  # fmt: skip
    for text in _blocks(report, width, limit, path):
        console.print(text, soft_wrap=True)
    return out.getvalue()


def _blocks(report: Report, width: int, limit: int | None, path: str | None) -> list[Text]:
    results = report.results
    blocks = []
    for statuses in (("failed", "errored"), ("warned",), ("xpassed",)):
        chosen = summary.with_status(results, *statuses)
        shown = chosen if limit is None else chosen[:limit]
        blocks += [_styled(f"{_message(r, path)}\n", r.status) for r in shown]
        if left := len(chosen) - len(shown):
            blocks.append(Text(f"... and {left} more {' or '.join(statuses)}\n"))
    if results:
        blocks.append(Text(_table(results, width) + "\n"))
    if results and all(r.status == "skipped" for r in results):
        blocks += [
            Text(f"skipped, {_cells(number)}: {one_line(reason)}")
            for reason, number in summary.skips(results)[:limit]
        ]
    if excused := summary.mostly_excused(results):
        blocks.append(Text(f"{_cells(len(excused))} had more than half of the points excused"))
    blocks += [Text(one_line(note), "yellow") for note in summary.shortcomings(report)]
    blocks.append(_closing(report))
    return blocks


def _cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"


def _message(result: Result, path: str | None) -> str:
    """What failed, in the words of the check; where it has none, from the facts."""
    if result.message:
        said = result.message
        if path is not None:
            quoted = path.replace("'", r"'\''")
            said = AGAIN.sub(lambda found: found[1] + quoted, said)
        return visible(said).rstrip("\n")
    facts = [*summary.facts(result), *([("because", result.reason)] if result.reason else [])]
    head = f"{summary.MARKS[result.status]} {one_line(result.id)}: {one_line(result.sentence)}"
    return "\n".join([head, *(f"  {name:<8} {one_line(text)}" for name, text in facts if text)])


def _styled(message: str, status: Status) -> Text:
    """The message, its first line in the colour of its status."""
    text = Text(message)
    text.stylize(STYLES[status], 0, message.index("\n"))
    return text


def _table(results: tuple[Result, ...], width: int) -> str:
    """A row for each backend, dtype and device; a column for each status that occurs."""
    total = summary.counts(results)
    statuses = [status for status in CLOSING if total[status]]
    rows = []
    for key, group in summary.by_target(results).items():
        numbers = [str(group.counts[status]) for status in statuses]
        ratio = "" if group.ratio is None else summary.short(group.ratio)
        where = "" if group.worst is None else f"{group.worst.loss}/{group.worst.check}"
        rows.append([one_line(" ".join(key)), *numbers, ratio, one_line(where)])
    heads = ["target", *statuses, "worst", "at"]
    align = ["left"] + ["right"] * (len(statuses) + 1) + ["left"]
    text = _plain(rows, heads, align)
    if max(map(len, text.splitlines())) <= width:
        return text
    text = _plain([row[:-1] for row in rows], heads[:-1], align[:-1])
    room = width - max(map(len, text.splitlines())) - 2
    if room < LEAST:
        return text
    return _plain([[*row[:-1], _cut(row[-1], room)] for row in rows], heads, align)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _plain(rows: list[list[str]], heads: list[str], align: list[str]) -> str:
    return tabulate(rows, heads, tablefmt="simple", disable_numparse=True, colalign=align)


def _closing(report: Report) -> Text:
    found = summary.counts(report.results)
    parts = [(f"{found[status]} {status}", STYLES[status]) for status in CLOSING if found[status]]
    text = Text(", ").join(Text(part, style) for part, style in parts)
    if not parts:
        text.append("no results", "bold red")
    if report.footer is not None:
        text.append(f" in {report.footer.seconds:.1f} s")
    return text
