"""Two lanes: the dtypes of one target, some of them examined in another process at the same time.

The oracle works in the process that asks, so each lane has one of its own, and a target's too.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context

from lossproof.backends.loading import Source
from lossproof.backends.process.backend import Limits, Remote, isolated
from lossproof.backends.registry import Implementation
from lossproof.conformance import inherited, interrupts, plan, runner
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


@contextmanager
def second(source: Source, loss: str, name: str, limits: Limits) -> Iterator[ProcessPoolExecutor]:
    """The other process. It loads the target while this one does, which is half of a short run."""
    with ProcessPoolExecutor(
        max_workers=1,
        mp_context=get_context("spawn"),
        initializer=serve,
        initargs=(os.getpid(),),
    ) as pool:
        with interrupts.held_back():
            pool.submit(_load, source, loss, name, limits)
        try:
            yield pool
        finally:
            with suppress(BrokenProcessPool):
                pool.submit(_leave)


def two(
    units: Sequence[plan.Unit],
    examination: Examination,
    here: Callable[[plan.Unit], Iterator[Result]],
    pool: ProcessPoolExecutor,
) -> Iterator[Result]:
    """The results of all units in their order: the first is examined here, as it is the one that
    is read while it is, each of the others wherever there is time."""
    first, *others = units
    waiting = deque(others)
    found: dict[plan.Unit, list[Result]] = {}

    def there() -> None:
        while True:
            try:
                unit = waiting.popleft()
            except IndexError:
                return
            try:
                found[unit] = pool.submit(_examine, unit, examination).result()
            except BrokenProcessPool:
                waiting.append(unit)
                return

    with ThreadPoolExecutor(max_workers=1) as thread:
        lane = thread.submit(there)
        try:
            yield from here(first)
            while waiting or not lane.done():
                try:
                    unit = waiting.pop()
                except IndexError:
                    lane.result()
                else:
                    found[unit] = list(here(unit))
            lane.result()
        finally:
            waiting.clear()
    for unit in others:
        yield from found[unit]


def _examine(unit: plan.Unit, examination: Examination) -> list[Result]:
    implementation = examination.implementation
    placed = _placed(implementation.source, unit.loss, unit.backend, examination.limits)
    subject = plan.subject(unit, placed, examination.profile, implementation)
    named = plan.names(unit, examination.checks)
    return list(
        runner.examine(subject, named, seed=examination.seed, excuses=inherited.excuse, brief=True)
    )


_REMOTES: dict[str, Remote] = {}


def _load(source: Source, loss: str, name: str, limits: Limits) -> None:
    _placed(source, loss, name, limits)


def _leave() -> None:
    """End this process at once: the frameworks in it take most of a second to end in order."""
    for remote in _REMOTES.values():
        remote.worker.close()
    os._exit(0)


def _placed(source: Source, loss: str, name: str, limits: Limits) -> Remote:
    """The target's own process of this lane, started once."""
    if source.target not in _REMOTES:
        _REMOTES[source.target] = isolated(source, loss, backend(name), limits)[0]
    return _REMOTES[source.target]
