"""Two lanes: parts of what is asked of one target, some examined in another process meanwhile.

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
from socket import socket

from lossproof.backends.loading import Source
from lossproof.backends.process import forked
from lossproof.backends.process.backend import Limits, Remote, isolated
from lossproof.backends.registry import Implementation
from lossproof.conformance import inherited, interrupts, owned, plan, runner
from lossproof.conformance.check import Check
from lossproof.conformance.registry import backend
from lossproof.conformance.worker import serve
from lossproof.reports.model import Result


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some checks of a unit, which are examined together."""

    unit: plan.Unit
    checks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Examination:
    """All that another process needs, besides a part, to examine it."""

    implementation: Implementation
    limits: Limits
    profile: str
    seed: int


@contextmanager
def second(source: Source, loss: str, name: str, limits: Limits) -> Iterator[ProcessPoolExecutor]:
    """The other process. It loads the target while this one does, which is half of a short run."""
    with ProcessPoolExecutor(
        max_workers=1,
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(os.getpid(), name, forked.server(name).channel if forked.SAFE else None),
    ) as pool:
        with interrupts.held_back():
            pool.submit(_load, source, loss, name, limits)
        try:
            yield pool
        finally:
            with suppress(BrokenProcessPool):
                pool.submit(_leave)


def parted(
    unit: plan.Unit, named: Sequence[tuple[Check, str]], *, whole: bool = False
) -> list[Part]:
    """The parts of a unit: checks that share a search in one, any other check alone.

    All in one if `whole`: what one process has compiled another would compile again.
    """
    groups: dict[str, list[str]] = {}
    for check, name in named:
        shared = "" if whole else check.source.name if check.source.regimes else name
        groups.setdefault(shared, []).append(name)
    return [Part(unit=unit, checks=tuple(names)) for names in groups.values()]


def two(
    parts: Sequence[Part],
    examination: Examination,
    here: Callable[[Part], Iterator[Result]],
    pool: ProcessPoolExecutor,
) -> Iterator[Result]:
    """The results of all parts in their order: the first is examined here, as it is the one that
    is read while it is, each of the others wherever there is time."""
    first, *others = parts
    waiting, order = deque(others), deque(others)
    found: dict[Part, list[Result]] = {}

    def there() -> None:
        while True:
            try:
                part = waiting.popleft()
            except IndexError:
                return
            try:
                found[part] = pool.submit(_examine, part, examination).result()
            except BrokenProcessPool:
                waiting.append(part)
                return

    with ThreadPoolExecutor(max_workers=1) as thread:
        lane = thread.submit(there)
        try:
            yield from here(first)
            while waiting or not lane.done():
                while order and order[0] in found:
                    yield from found[order.popleft()]
                try:
                    part = waiting.pop()
                except IndexError:
                    lane.result()
                else:
                    found[part] = list(here(part))
            lane.result()
        finally:
            waiting.clear()
    for part in order:
        yield from found[part]


def _examine(part: Part, examination: Examination) -> list[Result]:
    unit, implementation = part.unit, examination.implementation
    placed = _placed(implementation.source, unit.loss, unit.backend, examination.limits)
    subject = plan.subject(unit, placed, examination.profile, implementation)
    named = plan.names(unit, part.checks)
    return list(
        runner.examine(subject, named, seed=examination.seed, excuses=inherited.excuse, brief=True)
    )


_REMOTES: dict[str, Remote] = {}


def _begin(parent: int, name: str, channel: socket | None) -> None:
    if channel is not None:
        forked.share(name, channel)
    serve(parent)


def _load(source: Source, loss: str, name: str, limits: Limits) -> None:
    _placed(source, loss, name, limits)


def _leave() -> None:
    """End this process at once: the frameworks in it take most of a second to end in order."""
    for remote in _REMOTES.values():
        remote.worker.close()
    owned.close()
    os._exit(0)


def _placed(source: Source, loss: str, name: str, limits: Limits) -> Remote:
    """The target's own process of this lane, started once."""
    if source.target not in _REMOTES:
        _REMOTES[source.target] = isolated(source, loss, backend(name), limits)[0]
    return _REMOTES[source.target]
