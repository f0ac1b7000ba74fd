"""Microseconds per element of value and gradient, side by side in one run.

    python benchmarks/carriers.py

Each carrier of tracked arithmetic (float64; balls of python-flint), a plain mpmath evaluation at
the same precision as the balls, and `torch.autograd.gradcheck` on torch's own function. The ratio
is to the balls. Medians of rounds that interleave, so that a busy machine slows all alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import mpmath
import numpy as np
import torch
from flint import ctx
from tabulate import tabulate

from lossproof.conformance.points import SIZES, Maker
from lossproof.spec import evaluate
from lossproof.spec.carriers import BALLS, FLOATS, Carrier
from lossproof.spec.formats import FLOAT32
from lossproof.spec.loss import get
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

PRECISION = 128
ROUNDS = 7


def tracked(question: Question, carrier: Carrier) -> None:
    """Value and gradient with budgets."""
    arithmetic = Arithmetic(format=FLOAT32, carrier=carrier)
    methods = question.loss.algorithms("gradient")
    with ctx.workprec(PRECISION):
        evaluate.value(question, arithmetic)
        evaluate.gradients(question, arithmetic, next(iter(methods.values())))


def mp_huber(question: Question) -> None:
    """Value and gradient of Huber, element by element, without budgets."""
    pairs = (question.arguments[k].tolist() for k in ("prediction", "target"))
    for p, t in zip(*pairs, strict=True):
        r = mpmath.mpf(p) - mpmath.mpf(t)
        size = abs(r)
        _ = r * r / 2 if size <= 1 else size - mpmath.mpf(1) / 2
        _ = r if size <= 1 else mpmath.sign(r)


def mp_cross_entropy(question: Question) -> None:
    """Value and gradient of cross entropy, row by row, without budgets."""
    rows, labels = (question.arguments[k].tolist() for k in ("logits", "labels"))
    for row, label in zip(rows, labels, strict=True):
        z = [mpmath.mpf(v) for v in row]
        top = max(z)
        weights = [mpmath.exp(v - top) for v in z]
        whole = sum(weights)
        _ = top + mpmath.log(whole) - z[label]
        _ = [w / whole - (i == label) for i, w in enumerate(weights)]


def gradcheck_huber(question: Question) -> None:
    """torch's own check of its Huber, in float64."""
    p, t = (
        torch.tensor(question.arguments[k].astype(np.float64), requires_grad=True)
        for k in ("prediction", "target")
    )
    torch.autograd.gradcheck(
        lambda a, b: torch.nn.functional.huber_loss(a, b, reduction="none"), (p, t)
    )


def gradcheck_cross_entropy(question: Question) -> None:
    """torch's own check of its cross entropy, in float64."""
    z = torch.tensor(question.arguments["logits"].astype(np.float64), requires_grad=True)
    labels = torch.tensor(question.arguments["labels"])
    torch.autograd.gradcheck(
        lambda a: torch.nn.functional.cross_entropy(a, labels, reduction="none"), (z,)
    )


def measure(jobs: dict[str, Callable[[], None]], elements: int) -> dict[str, float]:
    """Median microseconds per element of each job, the rounds interleaved."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            times[name].append((time.perf_counter() - started) / elements * 1e6)
    return {name: statistics.median(t) for name, t in times.items()}


def main() -> None:
    torch.set_num_threads(1)
    mpmath.mp.prec = PRECISION
    rows = []
    for loss, sizes, by_mpmath, by_gradcheck in (
        ("huber", {**SIZES[0], "*": 256}, mp_huber, gradcheck_huber),
        ("huber", {**SIZES[0], "*": 8192}, mp_huber, None),
        ("cross_entropy", {**SIZES[0], "N": 8, "C": 10}, mp_cross_entropy, gradcheck_cross_entropy),
        (
            "cross_entropy",
            {**SIZES[0], "N": 32, "C": 32},
            mp_cross_entropy,
            gradcheck_cross_entropy,
        ),
    ):
        maker = Maker(loss=get(loss), format=FLOAT32)
        question = maker.question(0, sizes=sizes, options={}, optional=False)
        if "labels" in question.arguments:
            labels = np.abs(question.arguments["labels"]) % sizes["C"]
            question = question.with_arguments(labels=labels)
        first = next(iter(question.arguments.values()))
        jobs: dict[str, Callable[[], None]] = {
            "float64 carrier": partial(tracked, question, FLOATS),
            "balls (arb)": partial(tracked, question, BALLS),
            "mpmath": partial(by_mpmath, question),
        }
        if by_gradcheck is not None:  # its cost grows with the square of the size
            jobs["gradcheck"] = partial(by_gradcheck, question)
        found = measure(jobs, first.size)
        for name, each in found.items():
            rows.append((loss, first.shape, name, each, each / found["balls (arb)"]))
    headers = ("loss", "shape", "by", "µs / element", "of the balls")
    print(tabulate(rows, headers=headers, floatfmt=".3g"))


if __name__ == "__main__":
    main()
