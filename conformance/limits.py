"""Limits of a loss as one of its arguments goes to infinity, taken from its own formula.

Balls have exponents without bound, so the limit is read off at two finite points far beyond every
format: if the formula keeps growing there it is infinite, if it has settled it is that number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from flint import arb, ctx

from lossproof.spec import evaluate
from lossproof.spec.carriers import BALLS, entry
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic, Tracked

_FAR = (arb(2) ** 3000, arb(2) ** 6000)
_BEYOND = arb(2) ** 1100


def value(question: Question, argument: str, special: float) -> npt.NDArray[np.float64]:
    """The limit of the value, entry by entry; nan where there is none or it is not known.

    The first entry of `argument` is the one that goes to plus or minus infinity.
    """
    near, far = (_at(question, argument, x if special > 0 else -x) for x in _FAR)
    result = np.full(near.shape, np.nan)
    for i in np.ndindex(near.shape):
        x: arb = entry(near.x, i)
        y: arb = entry(far.x, i)
        result[i] = _limit(x, y)
    return result


def moves(question: Question, argument: str) -> npt.NDArray[np.bool_]:
    """The entries of the value that change when the first entry of `argument` is moved far off."""
    here = evaluate.value(question, Arithmetic(carrier=BALLS, exact=True))
    result = np.zeros(here.shape, dtype=np.bool_)
    for number in (_FAR[0], -_FAR[0]):
        there = _at(question, argument, number)
        for i in np.ndindex(here.shape):
            x: arb = entry(here.x, i)
            y: arb = entry(there.x, i)
            result[i] |= not (x.is_finite() and y.is_finite() and x.overlaps(y))
    return result


def _at(question: Question, argument: str, number: arb) -> Tracked:
    arithmetic = Arithmetic(carrier=BALLS, exact=True)
    arguments: dict[str, Any] = evaluate.lifted(
        question.loss, _finite(question, argument), arithmetic
    )
    x = np.array(arguments[argument].x, copy=True)
    x.reshape(-1)[0] = number
    arguments[argument] = Tracked(arithmetic, x, np.zeros(x.shape))
    moved = question.with_arguments(**arguments)
    with ctx.workprec(20000):
        return evaluate.value(moved, arithmetic)


def _finite(question: Question, argument: str) -> dict[str, Any]:
    array = np.array(question.arguments[argument], copy=True)
    array.reshape(-1)[0] = 1
    return {**question.arguments, argument: array}


def _limit(near: arb, far: arb) -> float:
    if not near.is_finite() or not far.is_finite():
        return float("nan")
    if abs(far) > _BEYOND and abs(near) > _BEYOND:
        return float("inf") if far > 0 else float("-inf")
    if near.overlaps(far) or abs(near - far) < arb(2) ** -1000:
        return float(far)
    return float("nan")
