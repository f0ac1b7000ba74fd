"""Where the time of a run goes: oracle, implementation, and the search with everything else.

python benchmarks/shares.py [--loss huber,cross_entropy,softmax] [--profile default]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from tabulate import tabulate

from lossproof.backends.base import DTYPES
from lossproof.conformance import oracle, plan, runner
from lossproof.conformance.worker import single_threaded


class Clock:
    """Wraps a function and adds up the time spent in it, nested calls counted once."""

    def __init__(self, function: Any) -> None:
        self.function, self.seconds, self.depth = function, 0.0, 0

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        started, self.depth = time.perf_counter(), self.depth + 1
        try:
            return self.function(*arguments, **keywords)
        finally:
            self.depth -= 1
            if self.depth == 0:
                self.seconds += time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loss", default="huber,cross_entropy,softmax,triplet_margin")
    parser.add_argument("--profile", default="default")
    options = parser.parse_args()
    single_threaded()
    chosen = plan.Selection(
        losses=tuple(options.loss.split(",")), profile=options.profile
    ).resolved()
    rows = []
    for name in chosen.backends:
        found = plan.backend(name)
        if found.missing() is not None:
            rows.append((name, None, None, None, None))
            continue
        found.implementations()
        judge, truth, call = oracle.judge, oracle.truth, found.call
        clocks = {"judge": Clock(judge), "truth": Clock(truth), "call": Clock(call)}
        oracle.judge, oracle.truth = clocks["judge"], clocks["truth"]
        object.__setattr__(found, "call", clocks["call"])
        started = time.perf_counter()
        for unit in plan.units(chosen):
            if unit.backend == name and unit.dtype in DTYPES and not plan.missing(unit, found):
                subject = plan.subject(unit, found, chosen.profile)
                list(runner.examine(subject, plan.names(unit, chosen.checks), seed=0))
        whole = time.perf_counter() - started
        oracle.judge, oracle.truth = judge, truth
        nested = clocks["judge"].seconds
        implementation = clocks["call"].seconds
        rest = whole - nested - implementation
        rows.append(
            (name, whole, nested / whole * 100, implementation / whole * 100, rest / whole * 100)
        )
    headers = ("backend", "seconds", "oracle %", "implementation %", "search and the rest %")
    print(tabulate(rows, headers=headers, floatfmt=".3g", missingval="not installed"))


if __name__ == "__main__":
    main()
