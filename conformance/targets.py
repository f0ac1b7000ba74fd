"""`lossproof check`: anybody's function, examined in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any

from msgspec.structs import replace as changed

from lossproof.backends import loading
from lossproof.backends.base import DTYPES, Backend
from lossproof.backends.loading import Source
from lossproof.backends.process import program
from lossproof.backends.process.backend import Limits, Remote, isolated
from lossproof.backends.registry import Implementation
from lossproof.conformance import (
    baseline,
    deviations,
    inherited,
    lanes,
    message,
    owned,
    plan,
    runner,
    told,
)
from lossproof.conformance.again import recorded
from lossproof.conformance.check import Check, Observation
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.narrowed import narrowings
from lossproof.conformance.registry import UsageError, backend, choose
from lossproof.conformance.resemblance import looks_like
from lossproof.conformance.settle import Settled, settle
from lossproof.conformance.subject import Subject
from lossproof.reports import verdict
from lossproof.reports.atomic import must_be_writable, write_text
from lossproof.reports.model import Result
from lossproof.reports.text import one_line
from lossproof.spec.loss import catalogue, get

LATE = "the time limit ended the examination"


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
    max_time: float | None = None  # seconds after which no further cell is begun


def load(target: str | Mapping[str, Any], loss: str, name: str) -> Implementation:
    """The implementation that a target names, loaded in this process. Raises UsageError."""
    source = Source(target=target) if isinstance(target, str) else Source(**target)
    return loading.load(source, loss, name)


NO_BFLOAT16 = "bfloat16 is not asked: NumPy has none of its own; --dtype bfloat16 asks for it"


def check(request: Request) -> int:
    """Examine a target, print what fails as it is found, and a verdict; the exit code.

    0 conforms, 1 violations or errors, 3 nothing or not all was examined. Raises UsageError.
    """
    started = time.monotonic()
    selection = request.selection
    choose("loss", selection.losses[0], tuple(catalogue()))
    choose("backend", selection.backends[0], (*plan.backend_names(), program.NAME))
    chosen = _resolved(selection)
    known = tuple(d for path in request.expected for d in deviations.read(path))
    earlier = frozenset() if request.baseline is None else baseline.read(request.baseline)
    if request.json is not None:
        must_be_writable(request.json)  # not after an hour
    say = told.say if request.json is None else told.say_if_heard
    with ExitStack() as opened:
        lane = _lane(request, chosen)
        pool = None if lane is None else opened.enter_context(lane)
        placed, claimed = _placed(request, chosen.losses[0], chosen.backends[0])
        if isinstance(placed, Remote):
            opened.callback(placed.worker.close)
            opened.callback(owned.close)
        for device in chosen.devices:
            choose("device", device, placed.devices())
        loss = get(chosen.losses[0])
        settled = settle(claimed, loss, placed, chosen.devices[0])
        settled = replace(settled, implementation=recorded(claimed, settled.implementation))
        notes = (*narrowings(claimed, loss, request.source.fix), *settled.notes)
        if chosen.backends == ("numpy",) and not selection.dtypes:
            notes = (*notes, NO_BFLOAT16)
        for note in notes:
            say(one_line(note))
        shown = told.Shown(say=say, earlier=request.baseline, known=earlier)
        notice = _Notice(known=known, earlier=earlier)
        compared = False
        deadline = inf if request.max_time is None else started + request.max_time
        for result in _results(settled, placed, chosen, request, deadline, pool, notice):
            subject = _subject(result, settled, placed, chosen)
            marked = deviations.mark(result, known)
            if (marked.check, marked.status) == ("value", "failed") and not compared:
                compared = True  # what it is does not depend on the dtype
                marked = _likened(marked, subject)
            shown.add(marked)
            notice.done = notice.done or bool(shown.told)
    results = shown.results
    fresh = baseline.fresh(results, earlier)
    code = _exit_code(results, fresh, request.strict)
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
            notes=notes,
            held=dict(settled.implementation.dialect),
            results=tuple(results),
            new=tuple(r.id for r in fresh if r.status in ("failed", "errored")),
            exit_code=code,
            verdict=verdict.WORDS[code],
            seconds=round(time.monotonic() - started, 3),
        )
        write_text(request.json, verdict.text(document))
    for line in told.closing(shown, fresh, chosen, request.seed, known):
        say(line)
    return code


@dataclass
class _Notice:
    """Tells, on standard error, of the first violation that is met in this process and that nobody
    expects; once, and not where a violation is told of already."""

    known: Sequence[deviations.Deviation]
    earlier: baseline.Known
    done: bool = False

    def __call__(self, subject: Subject, name: str, observation: Observation) -> None:
        cell, fault = plan.Unit.of(subject).id(name), str(observation.fault)
        expected = any(
            entry.matches(cell) and entry.in_force() and entry.excuses("failed", fault)
            for entry in self.known
        )
        if self.done or expected or (cell, "failed", fault) in self.earlier:
            return
        self.done = True
        said = message.unharmed(lambda: message.noticed(subject, name, observation))
        told.whisper(said)


def _exit_code(results: list[Result], fresh: list[Result], strict: bool) -> int:
    """The code of what is new; a target of which all is known was examined all the same."""
    code = verdict.exit_code(fresh, strict=strict)
    cut_off = any(r.status == "not-run" for r in fresh)
    return 0 if code == 3 != verdict.exit_code(results) and not cut_off else code


def _likened(result: Result, subject: Subject) -> Result:
    """The result of a function that is not its loss, with what it looks like instead."""
    like = message.unharmed(lambda: looks_like(subject))
    return (
        result
        if like in (None, result.loss)  # it is that, if not well
        else changed(result, message=f"{result.message}\n{message.said(like)}")
    )


def _resolved(selection: plan.Selection) -> plan.Selection:
    """The selection with its names checked; programs are a backend of `check` alone.

    Of NumPy, which has no bfloat16 and promotes what others bring by no rule of its own, that dtype
    is examined where it is asked for.
    """
    if selection.backends == ("numpy",) and not selection.dtypes:
        selection = replace(selection, dtypes=tuple(d for d in DTYPES if d != "bfloat16"))
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


def _lane(
    request: Request, chosen: plan.Selection
) -> AbstractContextManager[ProcessPoolExecutor] | None:
    """A second process to examine in, where one is of use."""
    name = chosen.backends[0]
    # a program of another language states what it has in other words, and is soon done
    apart = request.isolation and name != program.NAME
    # another process knows nothing of a deadline
    of_use = apart and os.cpu_count() != 1 and request.max_time is None
    if not of_use or len(chosen.dtypes) * len(chosen.devices) < 2:
        return None
    if backend(name).missing() is not None:
        return None
    return lanes.second(request.source, chosen.losses[0], name, request.limits)


def _subject(result: Result, settled: Settled, placed: Backend, chosen: plan.Selection) -> Subject:
    """The subject that a result is of."""
    unit = plan.Unit(
        loss=result.loss, backend=result.backend, dtype=result.dtype, device=result.device
    )
    return plan.subject(unit, placed, chosen.profile, settled.implementation)


def _results(
    settled: Settled,
    placed: Backend,
    chosen: plan.Selection,
    request: Request,
    deadline: float,
    pool: ProcessPoolExecutor | None,
    notice: runner.Notice,
) -> Iterator[Result]:
    """All results of a target, each as soon as it is known; its first dtype first.

    What is not known by the deadline, on the monotonic clock, is not run.
    """

    def here(part: lanes.Part) -> Iterator[Result]:
        unit, named = part.unit, plan.names(part.unit, part.checks)
        reason = plan.missing(unit, placed, settled.implementation)
        if reason is not None:
            for found, name in named:
                yield runner.blank(unit, found, name, "skipped", reason)
            return
        subject = plan.subject(unit, placed, chosen.profile, settled.implementation)
        left = {name: found for found, name in named}
        if time.monotonic() <= deadline:
            for result in runner.examine(
                subject, named, seed=request.seed, excuses=inherited.excuse, brief=True,
                notice=notice,
            ):  # fmt: skip
                del left[result.check]
                yield result
                if time.monotonic() > deadline:
                    break
        for name, found in left.items():
            yield runner.blank(unit, found, name, "not-run", LATE)

    units = sorted(plan.units(chosen), key=lambda u: not u.primary)
    parts = [
        part
        for unit in units
        for part in lanes.parted(unit, _named(unit, chosen.checks), whole=placed.compiles)
    ]
    offered = [p for p in parts if plan.missing(p.unit, placed, settled.implementation) is None]
    if pool is None or len(offered) < 2:
        for part in parts:
            yield from here(part)
        return
    for part in parts:
        if part not in offered:
            yield from here(part)
    examination = lanes.Examination(
        implementation=settled.implementation,
        limits=request.limits,
        profile=chosen.profile,
        seed=request.seed,
    )
    yield from lanes.two(offered, examination, here, pool)


def _named(unit: plan.Unit, checks: Sequence[str]) -> list[tuple[Check, str]]:
    """The checks of a unit, numbers first: what a reader must know is whether they are right."""
    first = ("value", "gradient", "overflow", "kink")

    def place(named: tuple[Check, str]) -> int:
        name = named[0].name
        return first.index(name) if name in first else len(first)

    return sorted(plan.names(unit, checks), key=place)
