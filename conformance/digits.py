"""Whether an answer is computed in a narrower dtype than it is asked in."""

from __future__ import annotations

import numpy as np
from flint import arb

from lossproof.conformance import oracle
from lossproof.conformance.agreement import trial
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.carriers import BALLS
from lossproof.spec.formats import FORMATS
from lossproof.spec.question import Question

#: roundings of the narrower dtype that an error may be and still be put down to it
ROUNDINGS = 2.0


def narrower(
    subject: Subject, question: Question, quantity: str, exact: arb, got: float
) -> str | None:
    """Whether an answer is right to the digits of a narrower dtype, here and at plain numbers."""
    error, size = float(abs(arb(got) - exact).mid()), float(abs(exact).mid())
    for name in ("float32", "float16", "bfloat16"):
        unit = FORMATS[name].unit_roundoff
        if unit <= 16 * subject.format.unit_roundoff or name == subject.dtype:
            continue
        if unit / 64 * size <= error <= ROUNDINGS * unit * size:
            if not _everywhere(subject, question, quantity, unit):
                return None
            return (
                f"right to the digits of {name} and no further: a constant, or an array on the "
                "way, is rounded to it"
            )
    return None


def _everywhere(subject: Subject, question: Question, quantity: str, unit: float) -> bool:
    """Whether most answers to a plain question are right to this unit, and few to a finer one."""
    asked = trial(subject, options=question.options, reduction=question.reduction)
    try:
        judgement = subject.judge(asked, quantity)
    except (TargetError, Incomparable):
        return False
    if judgement.problem is not None or judgement.got is None:
        return False
    truth = oracle.truth(asked, quantity, subject.format, subject.profile)
    exact, off = BALLS.middle(truth.exact), np.asarray(judgement.got, dtype=np.float64)
    known = np.isfinite(exact) & np.isfinite(off) & (exact != 0) & ~truth.wide
    if not known.any():
        return False
    relative = np.abs(off - exact)[known] / np.abs(exact[known])
    right = np.mean(relative <= ROUNDINGS * unit)
    return bool(right >= 0.75 and np.mean(relative >= unit / 64) >= 0.5)
