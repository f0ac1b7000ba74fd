"""A run from end to end: plan, examine, mark what was expected, write the report."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from lossproof import __version__
from lossproof.backends.process.threads import single_threaded
from lossproof.conformance import deviations, environment, plan, runner, unused, worker
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.facts import facts
from lossproof.conformance.registry import UsageError, backend
from lossproof.reports import headers, jsonl, summary
from lossproof.reports.model import Footer, Header, Report, ReportError, Result
from lossproof.spec.loss import get

Progress = Callable[[int, int, Result], None]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a run is made: its seed, its workers, its end, its report."""

    out: Path
    seed: int = 0
    jobs: int = 1
    max_time: float | None = None
    resume: Path | None = None
    overwrite: bool = False
    expected: tuple[Path, ...] = deviations.OWN
    shard: plan.Shard | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A report, where it lies, and what is to be said of it.

    `replaced` is the header of a report that lay there before; `unmatched` are deviations that
    fitted no cell, `expired` those that fitted one and excuse it no longer.
    """

    report: Report
    path: Path
    replaced: Header | None
    unmatched: tuple[deviations.Deviation, ...]
    expired: tuple[deviations.Deviation, ...]


def conduct(selection: plan.Selection, settings: Settings, progress: Progress) -> Outcome:
    """Run what is selected. Raises UsageError for names unknown, ReportError for the disk."""
    chosen = selection.resolved()
    units = plan.units(chosen)
    if settings.shard is not None:
        units = settings.shard.of(units)
    known = tuple(
        entry
        for path in settings.expected
        for entry in deviations.read(path)
        if entry.concerns(chosen.backends)
    )
    planned = sum(len(plan.names(u, chosen.checks)) for u in units)
    single_threaded()  # before the header, which says what workers inherit
    path, earlier, replaced = settings.out / "report.jsonl", None, None
    if settings.resume is not None:
        path = settings.resume
        earlier = jsonl.read(path, allow_truncated=True)
    else:
        replaced = _replaced(path, settings.overwrite)
    header = _header(chosen, settings, planned)
    started = time.monotonic()
    deadline = None if settings.max_time is None else started + settings.max_time
    with jsonl.Writer(path, resume=earlier) as writer:
        writer.start(header, [facts(get(loss)) for loss in chosen.losses])
        left = [u for u in units if not _done(u, chosen.checks, writer)]
        for examined in worker.run(
            left,
            chosen.checks,
            chosen.profile,
            seed=settings.seed,
            again=path.name,
            jobs=settings.jobs,
            deadline=deadline,
        ):
            for curve in examined.curves:
                writer.add_curve(curve)
            for result in deviations.apply(examined.results, known):
                if result.id not in writer.finished:
                    writer.add(result)
                    progress(len(writer.finished), planned, result)
        complete = len(writer.finished) == planned
        for result in [] if complete else _not_run(units, chosen.checks, writer):
            writer.add(result)
        counts = writer.counts
        writer.finish(
            Footer(
                counts=counts,
                results=planned,
                seconds=round(time.monotonic() - started, 3),
                exit_code=summary.exit_code(counts),
                complete=complete,
            )
        )
    report = jsonl.read(path)
    return Outcome(
        report=report,
        path=path,
        replaced=replaced,
        unmatched=unused.impossible(unused.unmatched(report.results, known)),
        expired=unused.expired(report.results, known),
    )


def as_before(path: Path) -> tuple[plan.Selection, int, plan.Shard | None]:
    """Selection, seed and shard of the run that left a report behind. Raises ReportError."""
    header = jsonl.read(path, allow_truncated=True).header
    axes = ("losses", "backends", "dtypes", "devices", "checks")
    chosen = {axis: tuple(header.selection.get(axis, ())) for axis in axes}
    parts = headers.shards(header)
    return (
        plan.Selection(**chosen, profile=header.profile),
        header.seed,
        plan.Shard.read(parts[0]) if len(parts) == 1 else None,
    )


def _replaced(path: Path, overwrite: bool) -> Header | None:
    """The header of the report that a run is to replace, None if there is none.

    Raises UsageError for what must not be lost: a report that was cut off, or no report at all.
    """
    if overwrite or not path.is_file() or not path.stat().st_size:
        return None
    try:
        found = jsonl.read(path, allow_truncated=True)
    except ReportError as error:
        raise UsageError(f"{error}; --overwrite replaces it") from error
    if found.footer is None and found.results:
        raise UsageError(
            f"{path}: a run was cut off after {len(found.results)} of {found.header.cells} cells; "
            f"--resume {path} finishes it, --overwrite replaces it"
        )
    return found.header


def _done(unit: plan.Unit, checks: Sequence[str], writer: jsonl.Writer) -> bool:
    return all(unit.id(name) in writer.finished for _, name in plan.names(unit, checks))


def _not_run(
    units: Sequence[plan.Unit], checks: Sequence[str], writer: jsonl.Writer
) -> list[Result]:
    """Cells that a time limit left out."""
    return [
        runner.blank(unit, check, name, "not-run", "the time limit ended the run")
        for unit in units
        for check, name in plan.names(unit, checks)
        if unit.id(name) not in writer.finished
    ]


def _header(chosen: plan.Selection, settings: Settings, planned: int) -> Header:
    present = [b for b in map(backend, chosen.backends) if b.missing() is None]
    return Header(
        lossproof=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=environment.processor(),
        versions=environment.versions(present),
        devices={b.name: {d: b.describe(d) for d in b.devices()} for b in present},
        seed=settings.seed,
        profile=chosen.profile,
        sufficient=EFFORTS[chosen.profile].sufficient,
        selection={
            "losses": list(chosen.losses),
            "backends": list(chosen.backends),
            "dtypes": list(chosen.dtypes),
            "devices": list(chosen.devices),
            "checks": list(chosen.checks),
            "expected": [_digest(path) for path in settings.expected],
            **({headers.SHARD: [settings.shard.text]} if settings.shard else {}),
        },
        cells=planned,
        probes=environment.probes(present),
        flags=environment.flags(),
        started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _digest(path: Path) -> str:
    """A file of expected deviations by its name and what it holds."""
    name = path.name if path in deviations.OWN else path.as_posix()
    return f"{name} (sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]})"


__all__ = ["Outcome", "Settings", "UsageError", "conduct"]
