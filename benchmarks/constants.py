"""Violations as the constants of the oracle shrink: how small each may be before sound code fails.

python benchmarks/constants.py [--points 20000] [--backend numpy,torch] [--dtype float32,float16]

`lossproof.spec.tracked.HEADROOM` and `lossproof.conformance.oracle.CONDITIONING_ROUNDINGS` take
smaller and larger values in turn. Implementations with a known deviation in values or gradients are
left out: they are not sound.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from types import ModuleType

from tabulate import tabulate

from lossproof.backends.base import DTYPES
from lossproof.conformance import deviations, oracle
from lossproof.conformance.alarms import worst_of
from lossproof.conformance.registry import backend
from lossproof.conformance.worker import single_threaded
from lossproof.spec import tracked
from lossproof.spec.loss import catalogue

CONSTANTS: dict[str, tuple[ModuleType, tuple[float, ...]]] = {
    "HEADROOM": (tracked, (1.0, 2.0, 4.0)),
    "CONDITIONING_ROUNDINGS": (oracle, (1.0, 2.0, 4.0)),
}
Task = tuple[str, str, str]
Counts = dict[tuple[str, float], int]


def counted(task: Task, points: int) -> tuple[Task, Counts]:
    """Violations of one implementation in one dtype, for every value of every constant."""
    loss, name, dtype = task
    counts = {}
    for constant, (module, values) in CONSTANTS.items():
        usual = getattr(module, constant)
        for value in values:
            setattr(module, constant, value)
            found = worst_of(loss, name, dtype, points=points, seed=40)
            counts[constant, value] = found.violations
        setattr(module, constant, usual)
    return task, counts


def sound(task: Task) -> bool:
    """Whether the implementation exists, and no deviation of its values or gradients is known."""
    loss, name, dtype = task
    found = backend(name).implementations().get(loss)
    if found is None or (found.dtypes is not None and dtype not in found.dtypes):
        return False
    checks = ("value", "overflow", *(f"gradient.{a}" for a in catalogue()[loss].differentiable()))
    known = [d for path in deviations.OWN for d in deviations.read(path)]
    cells = [f"{loss}/{check}[{name},{dtype},cpu]" for check in checks]
    return not any(d.matches(cell) for d in known for cell in cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--backend", default="numpy,torch,jax")
    parser.add_argument("--dtype", default=",".join(DTYPES))
    parser.add_argument("--loss", default=",".join(catalogue()))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    single_threaded()
    tasks = [
        (loss, name, dtype)
        for loss in options.loss.split(",")
        for name in options.backend.split(",")
        for dtype in options.dtype.split(",")
    ]
    tasks = [task for task in tasks if sound(task)]
    total: Counts = {(c, v): 0 for c, (_, values) in CONSTANTS.items() for v in values}
    where: dict[tuple[str, float], list[str]] = {key: [] for key in total}
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        for task, counts in pool.map(partial(counted, points=options.points), tasks):
            for key, violations in counts.items():
                total[key] += violations
                if violations:
                    where[key].append(" ".join(task))
    rows = [(c, v, n, ", ".join(where[c, v])) for (c, v), n in total.items()]
    print(tabulate(rows, headers=("constant", "value", "violations", "of")))
    print(f"\n{len(tasks)} implementations in one dtype each, {options.points} points or more each")


if __name__ == "__main__":
    main()
