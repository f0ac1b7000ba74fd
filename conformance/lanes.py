"""Two lanes: the dtypes of one target, some of them examined in another process at the same time.

The oracle works in the process that asks, so each lane has one of its own, and a target's too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

from lossproof.backends.process.backend import Limits, Remote, isolated
from lossproof.backends.registry import Implementation
from lossproof.conformance import inherited, plan, runner
from lossproof.conformance.registry import backend
from lossproof.conformance.worker import serve
from lossproof.reports.model import Result


@dataclass(frozen=True, kw_only=True)
class Examination:
    """All that another process needs to examine a unit of a target."""

    implementation: Implementation
    limits: Limits
    checks: tuple[str, ...]
    profile: str
    seed: int


def two(
    units: Sequence[plan.Unit],
    examination: Examination,
    here: Callable[[plan.Unit], Iterator[Result]],
) -> Iterator[Result]:
    """The results of all units: the first of them here, the others wherever there is time."""
    first, *others = units
    with ProcessPoolExecutor(
        max_workers=1,
        mp_context=get_context("spawn"),
        initializer=serve,
        initargs=(os.getpid(),),
    ) as pool:
        futures = {unit: pool.submit(_examine, unit, examination) for unit in others}
        yield from here(first)
        left = [unit for unit in others[::-1] if futures[unit].cancel()]
        for unit in left:
            yield from here(unit)
        for unit in others:
            if unit in left:
                continue
            try:
                yield from futures[unit].result()
            except BrokenProcessPool:
                yield from here(unit)


def _examine(unit: plan.Unit, examination: Examination) -> list[Result]:
    implementation = examination.implementation
    placed = _placed(unit, examination)
    subject = plan.subject(unit, placed, examination.profile, implementation)
    named = plan.names(unit, examination.checks)
    return list(runner.examine(subject, named, seed=examination.seed, excuses=inherited.excuse))


_REMOTES: dict[str, Remote] = {}


def _placed(unit: plan.Unit, examination: Examination) -> Remote:
    """The target's own process of this lane, started once."""
    name = examination.implementation.name
    if name not in _REMOTES:
        source = examination.implementation.source
        _REMOTES[name] = isolated(source, unit.loss, backend(unit.backend), examination.limits)[0]
    return _REMOTES[name]
