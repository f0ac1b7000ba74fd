"""Digits that are lost beside 1: in which of two ways, and what keeps them.

log(1 + e) with 1 + e rounded is the logarithm of a multiple of 2u, with a unit roundoff u: above 1
that is how far numbers lie apart. Below 1 they lie u apart, so -log(p) with p rounded is that of 1
less a multiple of u. Where the digits of the answer are many more than those that are lost, one
is no multiple where the other is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from lossproof.conformance.moved import Where, answer, exact, inputs, moved
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.question import Question

#: unit roundoffs that the numbers beside 1 are, none a multiple of one
MULTIPLES = (301.37, 733.61, 1501.43)
#: how far a multiple may be from a whole one, of roundings of itself
ROUNDINGS = 8.0
#: how far beyond the question's own numbers another is sought
FARTHEST = 4.0

#: whether something holds of a question, a unit roundoff, its exact loss, a factor of that
Holds = Callable[[Question, float, float, float], bool]

SUM = "log(1 + e) loses a small e, which log1p(e) keeps"
REST = "1 - sigmoid(x) loses a small rest, which sigmoid(-x) keeps"
SLOPE = (
    "1 - sigmoid(x), as in its slope, loses a small rest, which sigmoid(-x) or logsigmoid(x) keeps"
)
SMALL = "log(1 - p) loses a small p, which log1p(-p) keeps"
SIGMOID = "-log(sigmoid(x)) with sigmoid(x) rounded beside 1: logsigmoid or softplus(-x) keeps it"
SOFTMAX = "-log(softmax(x)) with a probability rounded beside 1: log_softmax keeps it"
UNKNOWN = "small digits are lost beside it, as in 1 - p, or in log(1 + e)"


def one(subject: Subject, question: Question, quantity: str, where: Where) -> str:
    """What of 1 a number is a rounding of, as far as other questions tell."""
    if quantity != "value":
        return f"a rounding of 1: {_sloped(subject, question, quantity, where) or UNKNOWN}"
    return f"a rounding of 1: {_told(subject, question, where) or UNKNOWN}"


def rest(subject: Subject, question: Question, where: Where, factor: float) -> str:
    """What of 1 the number below a logarithm is a rounding of: 1 less a sigmoid, or not known."""
    told = _multiples(subject, question, where, (factor,), _rests, _far)
    return f"a rounding of 1: {REST if told and not _classes(question) else UNKNOWN}"


def _told(subject: Subject, question: Question, where: Where) -> str | None:
    found = [1.0]
    alpha = question.options.get("alpha")
    found += [] if alpha is None else [f for f in (float(alpha), 1 - float(alpha)) if f > 0]
    if question.options.get("gamma"):
        return REST if _powers(subject, question, where, found) else None
    if _multiples(subject, question, where, found, _sums, _near):
        return SUM
    if not _multiples(subject, question, where, found, _complements, _near):
        return None
    if _shares(question):
        small = all(np.all(v <= 0.5) for v in inputs(question).values())
        return SMALL if small else None
    return SOFTMAX if _classes(question) else SIGMOID


def _shares(question: Question) -> bool:
    """Whether an input is a probability."""
    stated = question.loss.arguments
    return any(stated[k].domain.high == 1.0 for k in inputs(question))


def _classes(question: Question) -> bool:
    """Whether a row of an input has an entry for each class."""
    return any("C" in question.loss.arguments[k].axes for k in inputs(question))


def _powers(subject: Subject, question: Question, where: Where, factors: Sequence[float]) -> bool:
    """Whether a power of 1 - p is that of a multiple, alone or with the loss that it multiplies."""
    gamma = float(question.options["gamma"])
    plain = replace(question, options={**question.options, "gamma": 0.0})

    def holds(power: float) -> Holds:
        def held(asked: Question, unit: float, loss: float, factor: float) -> bool:
            asked = replace(asked, options=question.options)
            share = answer(subject, asked, where) / exact(subject, asked, "value", where)
            below = -math.expm1(-loss / factor) / unit
            return share > 0 and _whole(below * share ** (1 / power), below, unit)

        return held

    if _shares(question) or _classes(question):
        return False
    return any(_all(subject, plain, where, factors, holds(p)) for p in (gamma, gamma + 1))


def _sloped(subject: Subject, question: Question, quantity: str, where: Where) -> str | None:
    """Whether a gradient of one loss is a multiple of a rounding, as 1 - p and p - 1 are."""
    if np.prod(question.output_shape) != 1 or _shares(question) or _classes(question):
        return None
    name = quantity.partition(".")[2]

    def holds(asked: Question, unit: float, loss: float, factor: float) -> bool:
        asked = asked.with_cotangent(1.0)
        came = subject.ask(asked).gradients.get(name)
        if came is None:
            return False
        got = float(np.asarray(came)[where])
        slope = exact(subject, asked, quantity, where)
        return _whole(abs(got) / unit, abs(slope) / unit, unit)

    first = (0,) * len(question.output_shape)
    return SLOPE if _all(subject, question, first, (1.0,), holds) else None


# ---- what is a multiple of a rounding, by the loss for one logarithm


def _sums(loss: float, unit: float, exact: float) -> bool:
    return _whole(math.expm1(loss) / (2 * unit), math.expm1(exact) / (2 * unit), unit)


def _complements(loss: float, unit: float, exact: float) -> bool:
    return _whole(-math.expm1(-loss) / unit, -math.expm1(-exact) / unit, unit)


def _rests(loss: float, unit: float, exact: float) -> bool:
    return _whole(math.exp(-loss) / unit, math.exp(-exact) / unit, 2 * exact * unit)


def _whole(number: float, exact: float, unit: float) -> bool:
    """Whether a number of units is a whole one, near to another that is not."""
    near = round(number)
    room = ROUNDINGS * unit * exact
    return abs(number - near) <= room and abs(exact - near) <= 2 and abs(exact - near) > 2 * room


def _near(multiple: float, unit: float) -> float:
    return multiple * unit


def _far(multiple: float, unit: float) -> float:
    return -math.log(multiple * unit)


def _multiples(
    subject: Subject,
    question: Question,
    where: Where,
    factors: Sequence[float],
    holds: Callable[[float, float, float], bool],
    size: Callable[[float, float], float],
) -> bool:
    """Whether something holds of the loss for each size of it, with one factor of the logarithm."""

    def held(asked: Question, unit: float, loss: float, factor: float) -> bool:
        return holds(answer(subject, asked, where) / factor, unit, loss / factor)

    return _all(subject, question, where, factors, held, size)


def _all(
    subject: Subject,
    question: Question,
    where: Where,
    factors: Sequence[float],
    holds: Holds,
    size: Callable[[float, float], float] = _near,
) -> bool:
    """Whether something holds of questions whose loss is of each size, for one of the factors."""
    unit = subject.format.unit_roundoff
    if ROUNDINGS * unit * max(MULTIPLES) > 0.25:
        return False  # of so few digits none are left to tell it by
    for factor in factors:
        for multiple in MULTIPLES:
            wanted = factor * size(multiple, unit)
            found = moved(subject, question, where, wanted, farthest=FARTHEST)
            try:
                if found is None or not holds(found[0], unit, found[1], factor):
                    break
            except (TargetError, Incomparable):
                break
        else:
            return True
    return False
