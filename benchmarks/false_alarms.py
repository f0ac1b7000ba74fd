"""Violations of the NumPy backend over many points of every loss and dtype: there should be none.

python benchmarks/false_alarms.py [--points 100000] [--backend numpy] [--jobs 2]
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tabulate import tabulate

from lossproof.backends.base import DTYPES
from lossproof.conformance.alarms import Alarms, worst_of
from lossproof.conformance.worker import single_threaded
from lossproof.spec.loss import catalogue

Task = tuple[str, str, str, int]


def one(task: Task) -> tuple[Task, Alarms]:
    """Judge one loss in one dtype."""
    loss, backend, dtype, points = task
    return task, worst_of(loss, backend, dtype, points=points, seed=20, packed=4096)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--loss", default=",".join(catalogue()))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    single_threaded()
    losses = options.loss.split(",")
    tasks = [(x, options.backend, d, options.points) for x in losses for d in DTYPES]
    rows, messages = [], []
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        for (loss, _, dtype, _), found in pool.map(one, tasks):
            share = 100 * found.excused / (found.points + found.excused)
            rows.append((loss, dtype, found.points, found.violations, found.ratio, share))
            if found.message:
                messages.append(found.message)
            print(f"{loss} {dtype}: {found.violations}", file=sys.stderr)
    headers = ("loss", "dtype", "points", "violations", "worst error / budget", "excused %")
    print(tabulate(rows, headers=headers, floatfmt=".3g"))
    judged, wrong = sum(r[2] for r in rows), sum(r[3] for r in rows)
    print(f"\n{judged} points judged, {wrong} violations")
    print("\n\n".join(messages))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
