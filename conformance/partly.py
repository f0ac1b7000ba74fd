"""A mean or a sum that is taken over some axes and leaves the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lossproof.conformance import oracle
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.carriers import BALLS
from lossproof.spec.loss import SpecError
from lossproof.spec.question import Question

#: roundings of its terms that a mean may be off, and as much at the most, of their mean
ROUNDINGS, MOST = 64.0, 2.0**-6


def partly(subject: Subject, question: Question) -> str | None:
    """Over which single axis an answer of another shape is reduced, and how, in words."""
    if question.reduction == "none":
        return None
    plain = replace(question, cotangent=None)
    try:
        got = np.asarray(subject.ask(plain).value, dtype=np.float64)
        each = replace(plain, reduction="none")
        losses = BALLS.middle(oracle.truth(each, "value", subject.format, subject.profile).exact)
    except (TargetError, Incomparable, SpecError, ArithmeticError):
        return None
    found: list[str] = []
    if not losses.size:
        return None
    for axis in range(losses.ndim):
        for name, reduce in (("mean", np.mean), ("sum", np.sum)):
            reduced, size = reduce(losses, axis=axis), reduce(np.abs(losses), axis=axis)
            if reduced.shape == got.shape and got.ndim:
                room = min(ROUNDINGS * subject.format.unit_roundoff, MOST) * size
                if np.all(np.abs(got - reduced) <= room):
                    found.append(f"the {name} over {_axis(axis, losses.ndim)} alone")
    return found[0] if len(found) == 1 else None


def _axis(axis: int, count: int) -> str:
    return (
        "the first axis" if axis == 0 else "the last axis" if axis == count - 1 else f"axis {axis}"
    )
