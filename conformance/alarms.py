"""Violations of one implementation over a given number of points, for counting false alarms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import numpy as np

from lossproof.conformance import message
from lossproof.conformance.check import compared
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.points import SIZES
from lossproof.conformance.registry import backend
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import get
from lossproof.spec.question import Question

REGIMES = (
    "moderate", "landmarks", "coarse", "wide", "near_tie", "equal", "offset", "confident", "small",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """Points judged and excused, the worst error / budget, violations and the first message."""

    points: int
    excused: int
    ratio: float
    violations: int
    conditioned: bool
    message: str


def worst_of(
    loss: str, backend_name: str, dtype: str, *, points: int, seed: int, packed: int = 512
) -> Alarms:
    """Judge value and gradients of a backend's implementation until `points` were judged.

    Questions go through every regime, every setting of the options and every reduction in turn.
    """
    found = backend(backend_name)
    implementation = found.implementations().get(loss)
    if implementation is None:
        raise LookupError(f"{backend_name} has no implementation of {loss}")
    subject = Subject(
        loss=get(loss),
        implementation=implementation,
        backend=found,
        dtype=dtype,
        device="cpu",
        effort=EFFORTS["default"],
    )
    judged = excused = violations = 0
    ratio, conditioned, text = 0.0, False, ""
    with np.errstate(all="ignore"):
        for number in count():
            question = _question(subject, seed, number, packed)
            for quantity in subject.quantities:
                judgement = subject.judge(question, quantity)
                judged += int(judgement.ratios.size - judgement.excused.sum())
                excused += int(judgement.excused.sum())
                ratio = max(ratio, float(judgement.ratios.max(initial=0.0)))
                conditioned |= bool(judgement.conditioned.any())
                violations += int(judgement.violations.sum())
                if judgement.violations.any() and not text:
                    seen = compared(question, judgement, what="outside the budget")
                    text = message.render(subject, quantity, seen, "#")
            if judged >= points:
                break
    return Alarms(
        points=judged,
        excused=excused,
        ratio=ratio,
        violations=violations,
        conditioned=conditioned,
        message=text,
    )


def _question(subject: Subject, seed: int, number: int, packed: int) -> Question:
    """The next question: most of them packed where samples are separable."""
    options = subject.option_sets[number % len(subject.option_sets)]
    regime = REGIMES[number % len(REGIMES)]
    separable = bool(subject.loss.samples) and "none" in subject.reductions
    whole = not separable or number % 4 == 3
    sizes = SIZES[number % len(SIZES)] if whole else {**SIZES[0], "*": packed, "N": packed // 4}
    reduction = subject.reductions[number % len(subject.reductions)] if whole else "none"
    kinds = ("random", "ones", "negative", "huge")
    return subject.maker.question(
        seed + 7919 * number,
        regime,
        sizes,
        options=options,
        reduction=reduction,
        cotangent=kinds[number % len(kinds)],
    )
