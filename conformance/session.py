"""A run from end to end: plan, examine, mark what was expected, write the report."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from lossproof import __version__
from lossproof.conformance import deviations, environment, plan, runner, worker
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.registry import UsageError, backend
from lossproof.reports import jsonl
from lossproof.reports.model import Footer, Header, Report, Result

Progress = Callable[[int, int, Result], None]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a run is made: its seed, its workers, its end, its report."""

    out: Path
    seed: int = 0
    jobs: int = 1
    max_time: float | None = None
    resume: Path | None = None
    expected: tuple[Path, ...] = (deviations.OWN,)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A report, where it lies, and deviations that fitted no cell."""

    report: Report
    path: Path
    unmatched: tuple[deviations.Deviation, ...]


def conduct(selection: plan.Selection, settings: Settings, progress: Progress) -> Outcome:
    """Run what is selected. Raises UsageError for names unknown, ReportError for the disk."""
    chosen = selection.resolved()
    units = plan.units(chosen)
    known = tuple(d for path in settings.expected for d in deviations.read(path))
    planned = sum(len(plan.names(u, chosen.checks)) for u in units)
    header = _header(chosen, settings.seed, planned)
    path = settings.out / "report.jsonl"
    earlier = None
    if settings.resume is not None:
        path = settings.resume
        earlier = jsonl.read(path, allow_truncated=True)
    started = time.monotonic()
    deadline = None if settings.max_time is None else started + settings.max_time
    with jsonl.Writer(path, resume=earlier) as writer:
        writer.start(header)
        left = [u for u in units if not _done(u, chosen.checks, writer)]
        for results in worker.run(
            left,
            chosen.checks,
            chosen.profile,
            seed=settings.seed,
            again=path.name,
            jobs=settings.jobs,
            deadline=deadline,
        ):
            for result in deviations.apply(results, known):
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
                exit_code=exit_code(counts),
                complete=complete,
            )
        )
    report = jsonl.read(path)
    unmatched = tuple(d for d in deviations.unmatched(report.results, known) if _covered(d, chosen))
    return Outcome(report=report, path=path, unmatched=unmatched)


def exit_code(counts: dict[str, int]) -> int:
    """0 conforms, 1 new failures, 3 nothing ran or not all of it."""
    if counts.get("failed", 0) or counts.get("errored", 0):
        return 1
    ran = sum(counts.get(s, 0) for s in ("passed", "warned", "xfailed", "xpassed"))
    return 0 if ran and not counts.get("not-run", 0) else 3


def _done(unit: plan.Unit, checks: Sequence[str], writer: jsonl.Writer) -> bool:
    return all(_id(unit, name) in writer.finished for _, name in plan.names(unit, checks))


def _id(unit: plan.Unit, name: str) -> str:
    return f"{unit.loss}/{name}[{unit.backend},{unit.dtype},{unit.device}]"


def _not_run(
    units: Sequence[plan.Unit], checks: Sequence[str], writer: jsonl.Writer
) -> list[Result]:
    """Cells that a time limit left out."""
    return [
        Result(
            id=_id(unit, name),
            loss=unit.loss,
            check=name,
            backend=unit.backend,
            dtype=unit.dtype,
            device=unit.device,
            level=runner.level(check),
            status="not-run",
            sentence=check.sentence,
            reason="the time limit ended the run",
        )
        for unit in units
        for check, name in plan.names(unit, checks)
        if _id(unit, name) not in writer.finished
    ]


def _covered(deviation: deviations.Deviation, chosen: plan.Selection) -> bool:
    """Whether the run was wide enough for the entry to have matched."""
    return any(
        deviation.matches(f"{loss}/{name}[{b},{dtype},{device}]")
        for loss in chosen.losses
        for b in chosen.backends
        if backend(b).missing() is None
        for dtype in chosen.dtypes
        for device in chosen.devices
        for _, name in plan.names(
            plan.Unit(loss=loss, backend=b, dtype=dtype, device=device), chosen.checks
        )
    )


def _header(chosen: plan.Selection, seed: int, planned: int) -> Header:
    present = [b for b in map(backend, chosen.backends) if b.missing() is None]
    return Header(
        lossproof=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=environment.processor(),
        versions=environment.versions(),
        devices={b.name: {d: b.describe(d) for d in b.devices()} for b in present},
        seed=seed,
        profile=chosen.profile,
        sufficient=EFFORTS[chosen.profile].sufficient,
        selection={
            "losses": list(chosen.losses),
            "backends": list(chosen.backends),
            "dtypes": list(chosen.dtypes),
            "devices": list(chosen.devices),
            "checks": list(chosen.checks),
        },
        cells=planned,
        probes=environment.probes(present),
        flags=environment.flags(),
        started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


__all__ = ["Outcome", "Settings", "UsageError", "conduct", "exit_code"]
