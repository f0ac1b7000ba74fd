"""A worker: examines units one after another, in this process or in one of a pool."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context

from lossproof.backends.base import Backend
from lossproof.backends.process.server import end_with_parent
from lossproof.conformance import interrupts, plan, runner
from lossproof.conformance.curves import curves
from lossproof.reports.curve import Curve
from lossproof.reports.model import Result, Status

#: checks of numbers; where none of them is asked for, no curve is
NUMBERS = ("value", "gradient")


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What came of one unit."""

    results: list[Result]
    curves: list[Curve]


def serve(parent: int) -> None:
    """Begin a worker, whose environment is that of its parent, and end it when that is gone."""
    threading.Thread(target=end_with_parent, args=(parent,), daemon=True).start()
    interrupts.quietly()


@cache
def _backend(name: str) -> Backend:
    return plan.backend(name)


def examine(
    unit: plan.Unit, checks: Sequence[str], profile: str, seed: int, again: str
) -> Examined:
    """The results and curves of one unit; all skipped, with the reason, where that cannot be."""
    found = _backend(unit.backend)
    reason = plan.missing(unit, found)
    if reason is not None:
        return refused(unit, checks, "skipped", reason)
    subject = plan.subject(unit, found, profile)
    results = list(runner.examine(subject, plan.names(unit, checks), seed=seed, again=again))
    numbers = any(name.partition(".")[0] in NUMBERS for name in checks)
    return Examined(results=results, curves=list(curves(subject)) if numbers else [])


def run(
    units: Sequence[plan.Unit],
    checks: Sequence[str],
    profile: str,
    *,
    seed: int,
    again: str,
    jobs: int,
    deadline: float | None = None,
) -> Iterator[Examined]:
    """What came of each unit as it ends. Past the deadline no further unit is begun.

    Processes of a pool inherit the environment: `threads.single_threaded` is for the caller to say.
    """
    if jobs <= 1:
        for unit in units:
            if deadline is not None and time.monotonic() > deadline:
                return
            yield examine(unit, checks, profile, seed, again)
        return
    waiting = list(units)[::-1]
    job = partial(examine, checks=checks, profile=profile, seed=seed, again=again)
    while waiting:
        fallen: list[plan.Unit] = []
        yield from _pooled(job, waiting, fallen, jobs, deadline)
        for unit in fallen:
            # a process died: which of the units in flight it was shows when each runs alone
            alone: list[plan.Unit] = []
            yield from _pooled(job, [unit], alone, 1, deadline)
            if alone:
                yield refused(unit, checks, "errored", "the process died while it was examined")
        if deadline is not None and time.monotonic() > deadline:
            return


def _pooled(
    job: Callable[[plan.Unit], Examined],
    waiting: list[plan.Unit],
    fallen: list[plan.Unit],
    jobs: int,
    deadline: float | None,
) -> Iterator[Examined]:
    """What comes from a pool, taken from the end of `waiting`; `fallen` gets what died with it."""
    running: dict[Future[Examined], plan.Unit] = {}
    with ProcessPoolExecutor(
        max_workers=jobs,
        mp_context=get_context("spawn"),
        initializer=serve,
        initargs=(os.getpid(),),
    ) as pool:
        while waiting or running:
            late = deadline is not None and time.monotonic() > deadline
            while waiting and not late and len(running) < 2 * jobs:
                unit = waiting.pop()
                try:
                    with interrupts.held_back():
                        future = pool.submit(job, unit)
                    running[future] = unit
                except BrokenProcessPool:
                    fallen.extend((unit, *running.values()))
                    return
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                unit = running.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    fallen.extend((unit, *running.values()))
                    return


def refused(unit: plan.Unit, checks: Sequence[str], status: Status, reason: str) -> Examined:
    """The same status and reason for every check of a unit."""
    named = plan.names(unit, checks)
    blank = [runner.blank(unit, check, name, status, reason) for check, name in named]
    return Examined(results=blank, curves=[])
