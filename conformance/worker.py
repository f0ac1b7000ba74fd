"""A worker: examines units one after another, in this process or in one of a pool."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from functools import cache
from multiprocessing import get_context

from lossproof.backends.base import Backend
from lossproof.conformance import plan, runner
from lossproof.reports.model import Result, cell_id


def single_threaded() -> None:
    """One thread for each framework: the pool is what uses the cores."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


@cache
def _backend(name: str) -> Backend:
    return plan.backend(name)


def examine(
    unit: plan.Unit, checks: Sequence[str], profile: str, seed: int, again: str
) -> list[Result]:
    """The results of one unit; all skipped, with the reason, where it cannot be examined."""
    found = _backend(unit.backend)
    named = plan.names(unit, checks)
    reason = plan.missing(unit, found)
    if reason is not None:
        return [
            Result(
                id=cell_id(unit.loss, name, unit.backend, unit.dtype, unit.device),
                loss=unit.loss,
                check=name,
                backend=unit.backend,
                dtype=unit.dtype,
                device=unit.device,
                level=runner.level(check),
                status="skipped",
                sentence=check.sentence,
                reason=reason,
            )
            for check, name in named
        ]
    subject = plan.subject(unit, found, profile)
    return list(runner.examine(subject, named, seed=seed, again=again))


def run(
    units: Sequence[plan.Unit],
    checks: Sequence[str],
    profile: str,
    *,
    seed: int,
    again: str,
    jobs: int,
    deadline: float | None = None,
) -> Iterator[list[Result]]:
    """The results of each unit as it ends. Past the deadline no further unit is begun."""
    if jobs <= 1:
        for unit in units:
            if deadline is not None and time.monotonic() > deadline:
                return
            yield examine(unit, checks, profile, seed, again)
        return
    single_threaded()
    with ProcessPoolExecutor(
        max_workers=jobs, mp_context=get_context("spawn"), initializer=single_threaded
    ) as pool:
        waiting = list(units)[::-1]
        running = set()
        while waiting or running:
            late = deadline is not None and time.monotonic() > deadline
            while waiting and not late and len(running) < 2 * jobs:
                unit = waiting.pop()
                running.add(pool.submit(examine, unit, checks, profile, seed, again))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
