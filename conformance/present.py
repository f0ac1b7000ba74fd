"""What the command line prints, and the run behind `lossproof run`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from tabulate import tabulate

from lossproof.conformance import session, unused
from lossproof.conformance.check import checks
from lossproof.conformance.entry import entry as written
from lossproof.conformance.facts import facts
from lossproof.conformance.plan import Selection, Shard
from lossproof.conformance.registry import UsageError, backend, backend_names
from lossproof.conformance.reproduce import answer
from lossproof.reports import jsonl, markdown, terminal
from lossproof.reports.atomic import write_text
from lossproof.reports.model import Result
from lossproof.reports.text import visible
from lossproof.spec.loss import Loss, catalogue, get


def overview() -> str:
    """The losses, checks and backends, as three tables."""
    losses = [(name, cls.family, _first_line(cls)) for name, cls in catalogue().items()]
    required = [(c.name, c.level, c.sentence) for c in checks().values()]
    present = [
        (name, found.missing() or found.version())
        for name, found in ((n, backend(n)) for n in backend_names())
    ]
    return "\n\n".join(
        (
            tabulate(losses, headers=("loss", "family", "what it is")),
            tabulate(required, headers=("check", "level", "requirement")),
            tabulate(present, headers=("backend", "version")),
        )
    )


def _first_line(cls: type[Loss]) -> str:
    return cls.formula().partition("\n")[0]


def specification(name: str) -> str:
    """The page of one loss."""
    stated = facts(get(name))
    parts = [f"{stated.name} ({stated.family})\n{'=' * len(stated.name)}", stated.text]
    arguments = [
        (a.name, a.shape, a.domain, "yes" if a.differentiable else "no",
         "optional" if a.optional else "")
        for a in stated.arguments
    ]  # fmt: skip
    parts.append(tabulate(arguments, headers=("argument", "shape", "domain", "gradient", "")))
    if stated.options:
        options = [(o.name, o.default, o.description) for o in stated.options]
        parts.append(tabulate(options, headers=("parameter", "default", "values")))
    if len(stated.reductions) > 1:
        parts.append(f"reductions: {', '.join(stated.reductions)}")
    for quantity, names in stated.algorithms.items():
        parts.append(f"algorithms of the {quantity}: {', '.join(names)}")
    listed = {
        "kinks": [f"{where}: {what}" for where, what in stated.kinks.items()],
        "laws": stated.laws,
        "relations": [f"{r.other}: {r.sentence}" for r in stated.relations],
        "dialects": [f"{k}: {v}" for k, v in stated.dialects.items()],
        "references": stated.references,
    }
    for title, lines in listed.items():
        if lines:
            parts.append("\n".join((title, *(f"  {line}" for line in lines))))
    return "\n\n".join(parts)


def run(
    selection: Selection,
    *,
    out: Path,
    seed: int,
    jobs: int,
    max_time: float | None,
    resume: Path | None,
    overwrite: bool,
    expected: tuple[Path, ...],
    shard: Shard | None = None,
) -> int:
    """Conduct a run with progress on the terminal, print its summary, return its exit code."""
    settings = session.Settings(
        out=out,
        seed=seed,
        jobs=jobs,
        max_time=max_time,
        resume=resume,
        overwrite=overwrite,
        expected=expected,
        shard=shard,
    )
    if sys.stderr.isatty():
        outcome = _with_bar(selection, settings)
    else:
        outcome = session.conduct(selection, settings, _plain_progress)
    summary_path = outcome.path.with_suffix(".md")
    write_text(summary_path, markdown.render(outcome.report))
    width = shutil.get_terminal_size((100, 20)).columns
    color, path = sys.stdout.isatty(), str(outcome.path)
    click.echo(terminal.render(outcome.report, width, color, limit=20, path=path), nl=False)
    for line in unused.warnings(outcome.unmatched, outcome.expired):
        click.echo(line, err=True)
    click.echo(f"reports: {outcome.path}, {summary_path}")
    if outcome.replaced is not None:
        began = outcome.replaced.started
        click.echo(f"the report of the run of {began} that lay there is replaced", err=True)
    footer = outcome.report.footer
    return footer.exit_code if footer is not None else 3


def _with_bar(selection: Selection, settings: session.Settings) -> session.Outcome:
    from rich.console import Console

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("examining", total=None)
        failures = 0

        def step(done: int, planned: int, result: Result) -> None:
            nonlocal failures
            failures += result.status in ("failed", "errored")
            words = f"{result.loss} {result.backend} {result.dtype}"
            if failures:
                words += f" ({failures} failed)"
            bar.update(task, completed=done, total=planned, description=words)

        return session.conduct(selection, settings, step)


def _plain_progress(done: int, planned: int, result: Result) -> None:
    """A line for each tenth of the run, and for each failure."""
    if result.status in ("failed", "errored"):
        click.echo(f"{result.status}: {result.id}", err=True)
    if done * 10 // planned > (done - 1) * 10 // planned:
        click.echo(f"{done} of {planned} cells", err=True)


def reproduce(reference: str) -> int:
    """Ask the question of a cell again: 1 if its violation is still there, 0 if it is not."""
    cell = _cell(reference)
    if cell.worst is None or cell.worst.case is None:
        raise UsageError(f"{cell.id} ({cell.status}) stores no question to ask again")
    case = cell.worst.case
    holds, text = answer(
        check=cell.check,
        backend=cell.backend,
        device=cell.device,
        question=case["question"],
        how=case.get("how", {}),
        target=case.get("target"),
        settled=case.get("settled"),
    )
    click.echo(f"{visible(text)}\n\n{'not reproduced' if holds else 'reproduced'}: {cell.id}")
    return 0 if holds else 1


def entry(reference: str) -> str:
    """A cell as an entry of a file of expected deviations."""
    return written(_cell(reference))


def _cell(reference: str) -> Result:
    path, hash_, identifier = reference.rpartition("#")
    if not hash_ or not path or not identifier:
        raise UsageError(f"{reference!r} names no cell; write FILE#ID")
    found = jsonl.read(Path(path), allow_truncated=True)
    cells = {r.id: r for r in found.results}
    if identifier not in cells:
        raise UsageError(f"{path} has no cell {identifier!r}")
    return cells[identifier]
