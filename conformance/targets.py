"""`lossproof check`: anybody's function, examined in a process of its own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from lossproof.backends import loading
from lossproof.backends.base import Backend
from lossproof.backends.loading import Source
from lossproof.backends.process.backend import Limits, Remote, isolated
from lossproof.backends.registry import Implementation
from lossproof.conformance import baseline, deviations, plan, runner
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.registry import UsageError, backend, choose
from lossproof.conformance.settle import Settled, settle
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
    choose("backend", selection.backends[0], plan.backend_names())
    chosen = selection.resolved()
    inner = backend(chosen.backends[0])
    absent = inner.missing()
    if absent is not None:
        raise UsageError(absent)
    known = tuple(d for path in request.expected for d in deviations.read(path))
    earlier = None if request.baseline is None else baseline.read(request.baseline)
    placed, claimed = _placed(request, chosen.losses[0], inner)
    try:
        for device in chosen.devices:
            choose("device", device, placed.devices())
        settled = settle(claimed, get(chosen.losses[0]), placed, chosen.devices[0])
        for note in settled.notes:
            click.echo(note)
        shown = _Shown(known=known)
        for result in _results(settled, placed, chosen, request.seed, shown.mark):
            shown.add(result)
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
            framework=inner.version(),
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


def _placed(request: Request, loss: str, inner: Backend) -> tuple[Backend, Implementation]:
    """The backend that calls the target, and the target's claim."""
    if request.isolation:
        return isolated(request.source, loss, inner, request.limits)
    return inner, loading.load(request.source, loss, inner.name)


def _results(
    settled: Settled,
    placed: Backend,
    chosen: plan.Selection,
    seed: int,
    mark: Callable[[Result], Result],
) -> Iterator[Result]:
    """All results of a target, each as soon as it is known; its first dtype first."""
    for unit in sorted(plan.units(chosen), key=lambda u: not u.primary):
        named = plan.names(unit, chosen.checks)
        reason = plan.missing(unit, placed, settled.implementation)
        if reason is not None:
            for found, name in named:
                yield mark(runner.blank(unit, found, name, "skipped", reason))
            continue
        subject = plan.subject(unit, placed, chosen.profile, settled.implementation)
        for result in runner.examine(subject, named, seed=seed):
            yield mark(result)


@dataclass
class _Shown:
    """What was printed, so that one fault in four dtypes is told once."""

    known: tuple[deviations.Deviation, ...]
    results: list[Result] = field(default_factory=list)
    told: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def mark(self, result: Result) -> Result:
        """The result, xfailed or xpassed where it was expected."""
        return deviations.mark(result, self.known)

    def add(self, result: Result) -> None:
        """Print a violation, unless its like was printed for another dtype."""
        self.results.append(result)
        if result.status not in BAD:
            return
        key = (result.check, result.sentence if result.status != "errored" else "errored")
        if key in self.told:
            self.told[key].append(result.dtype)
            return
        self.told[key] = []
        click.echo(f"\n{result.status}: {result.message or result.reason}")


def _closing(
    shown: _Shown,
    fresh: list[Result],
    chosen: plan.Selection,
    request: Request,
    unmatched: list[deviations.Deviation],
) -> Iterator[str]:
    """The last lines: the same faults elsewhere, what was not examined, and the verdict."""
    yield ""
    for (name, _), dtypes in shown.told.items():
        if dtypes:
            yield f"the same in {', '.join(dict.fromkeys(dtypes))}: {name}"
    reasons = Counter(r.reason for r in shown.results if r.status == "skipped")
    for reason, number in reasons.items():
        yield f"skipped {number}: {reason}"
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
