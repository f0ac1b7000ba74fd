"""Limits of a loss as one of its arguments goes to infinity, taken from its own formula.

Balls have exponents without bound, so the limit is read off at finite points far beyond every
format: if the formula keeps growing there it is infinite, if it has settled it is that number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb, ctx

from lossproof.spec import evaluate
from lossproof.spec.carriers import BALLS, Mask, Reals, entry
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic, Tracked

_NEARER, _NEAR, _FAR = (arb(2) ** power for power in (750, 1500, 3000))
_BEYOND = arb(2) ** 1100
_BITS = 8000


def of(question: Question, quantity: str, argument: str, special: float) -> Reals:
    """The limit of a quantity, entry by entry; nan where there is none or it is not known.

    The first entry of `argument` is the one that goes to plus or minus infinity.
    """
    sign = 1 if special > 0 else -1
    near, far = (_at(question, quantity, argument, x * sign) for x in (_NEAR, _FAR))
    result = np.full(near.shape, np.nan)
    nearer: Tracked | None = None
    for i in np.ndindex(near.shape):
        x: arb = entry(near.x, i)
        y: arb = entry(far.x, i)
        result[i] = _limit(x, y)
        if np.isnan(result[i]) and x.is_finite() and y.is_finite():
            if nearer is None:
                nearer = _at(question, quantity, argument, _NEARER * sign)
            result[i] = _slow_limit(entry(nearer.x, i), x, y)
    return result


def undefined(question: Question, quantity: str, argument: str, special: float) -> Mask:
    """The entries where the formula itself, at plus or minus infinity, is not a number."""
    found = _at(question, quantity, argument, arb(special))
    result = np.zeros(found.shape, dtype=np.bool_)
    for i in np.ndindex(found.shape):
        x: arb = entry(found.x, i)
        result[i] = x.is_nan()
    return result


def moves(question: Question, quantity: str, argument: str) -> Mask:
    """The entries of a quantity that change when the first entry of `argument` is moved far off."""
    here, there, back = (_at(question, quantity, argument, x) for x in (arb(1), _NEAR, -_NEAR))
    result = np.zeros(here.shape, dtype=np.bool_)
    for i in np.ndindex(here.shape):
        x: arb = entry(here.x, i)
        for moved in (there, back):
            y: arb = entry(moved.x, i)
            result[i] |= not (x.is_finite() and y.is_finite() and x.overlaps(y))
    return result


def moved(
    question: Question, quantity: str, argument: str, number: arb, arithmetic: Arithmetic
) -> Tracked:
    """The quantity where the first entry of `argument` is `number`, or anywhere in that ball."""
    kind, _, name = quantity.partition(".")
    key = ("moved", kind, argument, str(number), arithmetic, ctx.prec)
    if key not in question.memo:
        changed = _changed(question, argument, number, arithmetic)
        if kind == "value":
            question.memo[key] = {"": evaluate.value(changed, arithmetic)}
        else:
            method = question.loss.algorithms("gradient")["stated"]
            question.memo[key] = evaluate.gradients(changed, arithmetic, method)
    found: Tracked = question.memo[key][name]
    return found


def _changed(question: Question, argument: str, number: arb, arithmetic: Arithmetic) -> Question:
    array = np.array(question.arguments[argument], copy=True)
    array.reshape(-1)[0] = 1  # what stands there may be no number
    finite = {**question.arguments, argument: array}
    arguments: dict[str, Any] = evaluate.lifted(question.loss, finite, arithmetic)
    x, e = (np.array(part, copy=True) for part in (arguments[argument].x, arguments[argument].e))
    x.reshape(-1)[0] = number
    if not arithmetic.exact:
        e.reshape(-1)[0] = float(arithmetic.input(float(number)).e)
    undecided = np.zeros(x.shape, dtype=np.bool_)
    undecided.reshape(-1)[0] = not number.is_exact()
    arguments[argument] = Tracked(arithmetic, x, e, undecided if undecided.any() else None)
    return question.with_arguments(**arguments)


def _at(question: Question, quantity: str, argument: str, number: arb) -> Tracked:
    with ctx.workprec(_BITS):
        return moved(question, quantity, argument, number, Arithmetic(carrier=BALLS, exact=True))


def _limit(near: arb, far: arb) -> float:
    if not near.is_finite() or not far.is_finite():
        return float("nan")
    if abs(far) > _BEYOND and abs(near) > _BEYOND:
        return float("inf") if far > 0 else float("-inf")
    if near.overlaps(far) or abs(near - far) < arb(2) ** -500:
        return float(far)
    return float("nan")


def _slow_limit(nearer: arb, near: arb, far: arb) -> float:
    """Infinite where each squaring of the argument adds as much as the last: a logarithm."""
    first, second = near - nearer, far - near
    if not first.is_finite() or not second.is_finite():
        return float("nan")
    if second >= first and first > 1:
        return float("inf")
    return float("-inf") if second <= first and first < -1 else float("nan")
