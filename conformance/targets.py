"""`lossproof check`: anybody's function, examined in a process of its own."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace as changed

from lossproof.backends import loading
from lossproof.backends.base import Backend
from lossproof.backends.loading import Source
from lossproof.backends.process import program
from lossproof.backends.process.backend import Limits, Remote, isolated
from lossproof.backends.registry import Implementation
from lossproof.conformance import baseline, deviations, inherited, lanes, message, plan, runner
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.registry import UsageError, backend, choose
from lossproof.conformance.resemblance import looks_like
from lossproof.conformance.settle import Settled, settle
from lossproof.conformance.subject import Subject
from lossproof.reports import summary, verdict
from lossproof.reports.atomic import write_text
from lossproof.reports.model import Result
from lossproof.spec.loss import catalogue, get

BAD = ("failed", "errored", "warned")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `check` is asked: a target, what it claims, and how it is examined."""

    source: Source
    selection: plan.Selection
    seed: int
    expected: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)
    isolation: bool = True
    json: Path | None = None
    baseline: Path | None = None
    strict: bool = False


def load(target: str | Mapping[str, Any], loss: str, name: str) -> Implementation:
    """The implementation that a target names, loaded in this process. Raises UsageError."""
    source = Source(target=target) if isinstance(target, str) else Source(**target)
    return loading.load(source, loss, name)


def check(request: Request) -> int:
    """Examine a target, print what fails as it is found, and a verdict; the exit code.

    0 conforms, 1 violations or errors, 3 nothing could be examined. Raises UsageError.
    """
    started = time.monotonic()
    selection = request.selection
    choose("loss", selection.losses[0], tuple(catalogue()))
    choose("backend", selection.backends[0], (*plan.backend_names(), program.NAME))
    chosen = _resolved(selection)
    known = tuple(d for path in request.expected for d in deviations.read(path))
    earlier = None if request.baseline is None else baseline.read(request.baseline)
    placed, claimed = _placed(request, chosen.losses[0], chosen.backends[0])
    try:
        for device in chosen.devices:
            choose("device", device, placed.devices())
        settled = settle(claimed, get(chosen.losses[0]), placed, chosen.devices[0])
        for note in settled.notes:
            click.echo(note)
        shown = _Shown()
        compared = False
        for result in _results(settled, placed, chosen, request):
            subject = _subject(result, settled, placed, chosen)
            marked = deviations.mark(result, known)
            if (marked.check, marked.status) == ("value", "failed") and not compared:
                compared = True  # what it is does not depend on the dtype
                marked = _likened(marked, subject)
            shown.add(marked)
    finally:
        if isinstance(placed, Remote):
            placed.worker.close()
    results = shown.results
    fresh = results if earlier is None else baseline.fresh(results, earlier)
    code = verdict.exit_code(fresh, strict=request.strict)
    for line in _closing(shown, fresh, chosen, request, deviations.unmatched(results, known)):
        click.echo(line)
    if request.json is not None:
        document = verdict.Check(
            target=request.source.target,
            loss=chosen.losses[0],
            backend=chosen.backends[0],
            framework=placed.version(),
            seed=request.seed,
            profile=chosen.profile,
            sufficient=EFFORTS[chosen.profile].sufficient,
            isolated=request.isolation,
            notes=settled.notes,
            held=dict(settled.implementation.dialect),
            results=tuple(results),
            new=tuple(r.id for r in fresh if r.status in ("failed", "errored")),
            exit_code=code,
            verdict=verdict.WORDS[code],
            seconds=round(time.monotonic() - started, 3),
        )
        write_text(request.json, verdict.text(document))
    return code


def _likened(result: Result, subject: Subject) -> Result:
    """The result of a function that is not its loss, with what it looks like instead."""
    like = looks_like(subject)
    return (
        result
        if like is None
        else changed(result, message=f"{result.message}\n{message.said(like)}")
    )


def _resolved(selection: plan.Selection) -> plan.Selection:
    """The selection with its names checked; programs are a backend of `check` alone."""
    if selection.backends != (program.NAME,):
        return selection.resolved()
    return replace(replace(selection, backends=()).resolved(), backends=selection.backends)


def _placed(request: Request, loss: str, name: str) -> tuple[Backend, Implementation]:
    """The backend that calls the target, and the target's claim."""
    if name == program.NAME:
        if not request.isolation:
            raise UsageError("a program always runs in a process of its own")
        return program.program(request.source, loss, request.limits)
    inner = backend(name)
    absent = inner.missing()
    if absent is not None:
        raise UsageError(absent)
    if request.isolation:
        return isolated(request.source, loss, inner, request.limits)
    return inner, loading.load(request.source, loss, inner.name)


def _subject(result: Result, settled: Settled, placed: Backend, chosen: plan.Selection) -> Subject:
    """The subject that a result is of."""
    unit = plan.Unit(
        loss=result.loss, backend=result.backend, dtype=result.dtype, device=result.device
    )
    return plan.subject(unit, placed, chosen.profile, settled.implementation)


def _results(
    settled: Settled, placed: Backend, chosen: plan.Selection, request: Request
) -> Iterator[Result]:
    """All results of a target, each as soon as it is known; its first dtype first."""

    def here(unit: plan.Unit) -> Iterator[Result]:
        named = sorted(plan.names(unit, chosen.checks), key=lambda n: _place(n[0].name))
        reason = plan.missing(unit, placed, settled.implementation)
        if reason is not None:
            for found, name in named:
                yield runner.blank(unit, found, name, "skipped", reason)
            return
        subject = plan.subject(unit, placed, chosen.profile, settled.implementation)
        yield from runner.examine(subject, named, seed=request.seed, excuses=inherited.excuse)

    units = sorted(plan.units(chosen), key=lambda u: not u.primary)
    offered = [u for u in units if plan.missing(u, placed, settled.implementation) is None]
    # a program of another language states what it has in other words, and is soon done
    if not (placed.compiles and request.isolation and len(offered) > 1 and os.cpu_count() != 1):
        for unit in units:
            yield from here(unit)
        return
    for unit in units:
        if unit not in offered:
            yield from here(unit)
    examination = lanes.Examination(
        implementation=settled.implementation,
        limits=request.limits,
        checks=chosen.checks,
        profile=chosen.profile,
        seed=request.seed,
    )
    yield from lanes.two(offered, examination, here)


def _place(name: str) -> int:
    """Numbers come first: what a reader must know is whether they are right."""
    first = ("value", "gradient", "overflow", "kink")
    return first.index(name) if name in first else len(first)


@dataclass
class _Shown:
    """What was printed, so that one fault in four dtypes is told once."""

    results: list[Result] = field(default_factory=list)
    told: dict[tuple[str, ...], list[Result]] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Print a violation, unless its like was printed for another check or dtype."""
        self.results.append(result)
        if result.status not in BAD:
            return
        key = _fault(result)
        if key in self.told:
            self.told[key].append(result)
            return
        self.told[key] = []
        click.echo(f"\n{result.status}: {result.message or result.reason}")


def _fault(result: Result) -> tuple[str, ...]:
    """What two results have in common that tell of one fault."""
    if result.status == "errored":
        return ("errored", (result.reason or "")[:80])
    got = result.worst.got if result.worst is not None else ""
    if result.sentence == "the answer cannot be compared":
        return (result.sentence, got)
    return (result.check, result.sentence)


def _closing(
    shown: _Shown,
    fresh: list[Result],
    chosen: plan.Selection,
    request: Request,
    unmatched: list[deviations.Deviation],
) -> Iterator[str]:
    """The last lines: the same faults elsewhere, what was not examined, and the verdict."""
    yield ""
    for alike in shown.told.values():
        if alike:
            names = ", ".join(dict.fromkeys(r.check for r in alike))
            dtypes = ", ".join(dict.fromkeys(r.dtype for r in alike))
            yield f"the same fault: {names} in {dtypes}"
    reasons = Counter(r.reason for r in shown.results if r.status == "skipped")
    for reason, number in reasons.items():
        yield f"skipped {number}: {reason}"
    for reason, number in Counter(
        f"{r.reason} ({r.link})" if r.link else r.reason
        for r in shown.results
        if r.status == "xfailed"
    ).items():
        yield f"expected {number}: {reason}"
    for deviation in unmatched:
        yield f"warning: expected deviation matches no cell: {deviation.id}"
    if len(fresh) < len(shown.results):
        yield f"known from {request.baseline}: {len(shown.results) - len(fresh)}"
    if not EFFORTS[chosen.profile].sufficient:
        yield f"This {chosen.profile} run is not sufficient evidence of conformance."
    for dtype in dict.fromkeys(r.dtype for r in shown.results):
        of_dtype = [r for r in shown.results if r.dtype == dtype]
        bad = [r.check for r in of_dtype if r.status in ("failed", "errored")]
        if bad:
            yield f"{dtype}: {', '.join(bad)}"
    counts = summary.tally(r.status for r in shown.results)
    words = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    yield f"{words} (seed {request.seed})"
