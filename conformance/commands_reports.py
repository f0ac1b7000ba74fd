"""The commands on reports that are there already: `report`, `diff`, `merge`, `trend`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from msgspec.structs import replace

from lossproof.conformance.given import PATH, STYLE, split
from lossproof.conformance.naming import fitting
from lossproof.conformance.registry import UsageError
from lossproof.reports import (
    badge,
    changes_text,
    encoding,
    jsonl,
    junit,
    markdown,
    page,
    sheet,
    terminal,
    trend_text,
)  # fmt: skip
from lossproof.reports.atomic import write_text
from lossproof.reports.compare import compare
from lossproof.reports.merge import Part
from lossproof.reports.merge import merge as merged
from lossproof.reports.model import Report
from lossproof.reports.trend import trend as trend_of

LINES = 20  # of each kind of change, in a terminal


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a format makes text of: reports, the files they come from, and the label of a badge."""

    names: tuple[str, ...]
    reports: tuple[Report, ...]
    label: str

    @property
    def report(self) -> Report:
        """The report, for a format that takes one."""
        return self.reports[0]


@dataclass(frozen=True, kw_only=True)
class Format:
    """How reports become text.

    `several`: it takes more than one report. `truncated`: it also shows one that was cut off, as
    such. `narrowed`: it can show a part of the losses and backends.
    """

    write: Callable[[Given], str]
    several: bool = False
    truncated: bool = False
    narrowed: bool = False


def _in_terminal(report: Report, path: str, limit: int | None = None) -> str:
    width = shutil.get_terminal_size((200, 20)).columns  # of a file or a pipe
    return terminal.render(report, width, sys.stdout.isatty(), limit=limit, path=path)


FORMATS: Mapping[str, Format] = {
    "terminal": Format(write=lambda given: _in_terminal(given.report, given.names[0])),
    "md": Format(write=lambda given: markdown.render(given.report)),
    "junit": Format(write=lambda given: junit.render(given.report)),
    "csv": Format(write=lambda given: sheet.render(given.report)),
    "html": Format(
        write=lambda given: page.render(given.reports, given.names),
        several=True,
        truncated=True,
    ),
    "badge": Format(
        write=lambda given: badge.render(given.report, given.label), truncated=True, narrowed=True
    ),
}


def _files(least: int, word: str) -> Callable[..., tuple[Path, ...]]:
    """A check of FILE arguments: enough of them, and none twice."""

    def check(
        context: click.Context, _: click.Parameter, files: tuple[Path, ...]
    ) -> tuple[Path, ...]:
        if len(files) < least:
            raise UsageError(f"{context.info_name} takes {word}, got {len(files) or 'none'}")
        seen: dict[Path, Path] = {}
        for file in files:
            if file.resolve() in seen:
                raise UsageError(f"{file} is given twice")
            seen[file.resolve()] = file
        return files

    return check


def _apart(out: Path | None, files: Sequence[Path]) -> None:
    """Raises UsageError where the output would replace what is read."""
    if out is not None and out.resolve() in {file.resolve() for file in files}:
        raise UsageError(f"--out {out} is one of the reports that are read")


def _deliver(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)


OUT = click.option("--out", "-o", type=PATH, help="Write to this file; default: print.")


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, type=PATH, callback=_files(1, "a FILE"))
@click.option(
    "--format",
    "style",
    type=click.Choice(list(FORMATS)),
    default="terminal",
    show_default=True,
    help="Text for a terminal, Markdown, JUnit XML, CSV, a page, or the JSON of an endpoint badge.",
)
@OUT
@click.option("--loss", "losses", multiple=True, help="Badge: of these losses, or of a pattern.")
@click.option("--backend", "backends", multiple=True, help="Badge: of these backends.")
@click.option("--label", help="Badge: its left half; default: lossproof and what it is of.")
def report(
    files: tuple[Path, ...],
    style: str,
    out: Path | None,
    losses: tuple[str, ...],
    backends: tuple[str, ...],
    label: str | None,
) -> None:
    """Show a report, or write it in another format. A page shows several side by side.

    Example: lossproof report report.jsonl --format html -o report.html
    """
    chosen = FORMATS[style]
    losses, backends = split(losses), split(backends)
    if len(files) > 1 and not chosen.several:
        raise UsageError(f"--format {style} takes one FILE, got {len(files)}")
    if (losses or backends or label) and not chosen.narrowed:
        raise UsageError("--loss, --backend and --label belong to --format badge")
    _apart(out, files)
    reports = [jsonl.read(file, allow_truncated=chosen.truncated) for file in files]
    if losses or backends:
        reports = [_narrowed(found, losses, backends) for found in reports]
    given = Given(
        names=tuple(map(str, files)),
        reports=tuple(reports),
        label=" ".join(("lossproof", *losses, *backends)) if label is None else label,
    )
    _deliver(chosen.write(given), out)


def _narrowed(found: Report, losses: Sequence[str], backends: Sequence[str]) -> Report:
    """The report with the results of some losses and backends only. Raises UsageError."""
    mine = fitting((r.loss for r in found.results), losses, "loss")
    run = fitting((r.backend for r in found.results), backends, "backend")
    results = tuple(r for r in found.results if r.loss in mine and r.backend in run)
    return replace(found, results=results)


@click.command()
@click.argument("files", metavar="OLD NEW", nargs=-1, type=PATH, callback=_files(2, "OLD and NEW"))
@STYLE
@OUT
def diff(files: tuple[Path, ...], style: str, out: Path | None) -> None:
    """What NEW says otherwise than OLD, what got worse first.

    Worse is: a new failure, another fault in a cell that failed, a cell that is gone or no longer
    examined, and a worse grade where both runs asked the same questions.

    Exit codes: 0 nothing got worse, 1 something did, 2 usage.

    Example: lossproof diff main.jsonl report.jsonl --format md
    """
    if len(files) > 2:
        raise UsageError(f"diff takes OLD and NEW, got {len(files)}")
    _apart(out, files)
    old, new = (jsonl.read(file) for file in files)
    found = compare(old, new)
    text = {
        "terminal": lambda: changes_text.terminal(found, LINES),
        "md": lambda: changes_text.markdown(found),
        "json": lambda: encoding.document(found),
    }[style]()
    _deliver(text, out)
    sys.exit(found.exit_code)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, type=PATH, callback=_files(1, "a FILE"))
@click.option("--out", "-o", required=True, type=PATH, help="The report of the whole run.")
@click.option("--partial", is_flag=True, help="Do without the shards that are missing.")
@click.option("--any-cpu", is_flag=True, help="Processors and operating systems may differ.")
def merge(files: tuple[Path, ...], out: Path, partial: bool, any_cpu: bool) -> None:
    """Put the shards of a run together: the report that one run would have written.

    Exit codes are those of the run: 0 conforms, 1 failures, 3 nothing ran or a shard is missing;
    2 where the reports do not fit together.

    Example: lossproof merge shard-*/report.jsonl -o report.jsonl
    """
    _apart(out, files)
    parts = [Part(name=str(file), report=jsonl.read(file)) for file in files]
    whole = merged(parts, partial=partial, any_cpu=any_cpu)
    jsonl.write(out, whole)
    click.echo(_in_terminal(whole, str(out), LINES), nl=False)
    click.echo(f"report: {out}")
    assert whole.footer is not None
    sys.exit(whole.footer.exit_code)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, type=PATH, callback=_files(1, "a FILE"))
@STYLE
@OUT
def trend(files: tuple[Path, ...], style: str, out: Path | None) -> None:
    """How counts, pass share and worst errors went from report to report, by time of the runs.

    Example: lossproof trend history/*.jsonl
    """
    _apart(out, files)
    found = trend_of((str(file), jsonl.read(file)) for file in files)
    text = {
        "terminal": lambda: trend_text.terminal(found),
        "md": lambda: trend_text.markdown(found),
        "json": lambda: encoding.document(found),
    }[style]()
    _deliver(text, out)


COMMANDS = (report, diff, merge, trend)
