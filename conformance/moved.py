"""A question moved until its exact loss is another: what stands below a logarithm is chosen so."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.conformance import oracle
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import BALLS, FLOATS, Reals
from lossproof.spec.evaluate import value
from lossproof.spec.formats import Format
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

#: halvings that find the place, and how near the exact loss need be to what is wanted
STEPS, NEAR = 60, 0.1
#: the guard that is stated, in its place: as good as none
UNGUARDED = 1e-300

Where = tuple[int, ...]


def moved(
    subject: Subject, question: Question, where: Where, wanted: float, *, farthest: float = 1.0
) -> tuple[Question, float] | None:
    """The question with its inputs nearer to 0, or farther, so that one exact loss is near to
    `wanted`; and what it is, without a guard that the loss states. None if there is no such."""
    plain = replace(question, cotangent=None)
    paths = _paths(subject.format, plain)
    if not paths:
        return None

    def at(t: float) -> Question:
        rounded = {k: np.asarray(subject.format.round(path(t))) for k, path in paths.items()}
        return plain.with_arguments(**rounded)

    near, far = 0.0, farthest
    with np.errstate(all="ignore"):
        first, last = (_estimate(subject, at(t), where) for t in (near, far))
        if not min(first, last) <= wanted <= max(first, last):
            return None
        for _ in range(STEPS):
            middle = (near + far) / 2
            below = (_estimate(subject, at(middle), where) < wanted) == (first < last)
            near, far = (middle, far) if below else (near, middle)
    found = at(far)
    loss = exact(subject, _unguarded(found), "value", where)
    return (found, loss) if abs(loss - wanted) <= NEAR * wanted else None


def exact(subject: Subject, question: Question, quantity: str, where: Where) -> float:
    """The truth of one entry, as a float64."""
    truth = oracle.truth(question, quantity, subject.format, subject.profile)
    return float(BALLS.middle(truth.exact)[where])


def answer(subject: Subject, question: Question, where: Where) -> float:
    """The loss that is answered there."""
    return float(np.asarray(subject.ask(question).value, dtype=np.float64)[where])


def inputs(question: Question) -> dict[str, Reals]:
    """The real arguments that a gradient is taken in and that are no target, as float64."""
    return {
        key: np.asarray(question.arguments[key], dtype=np.float64)
        for key, argument in question.loss.arguments.items()
        if key != "target" and argument.domain.kind == "real" and argument.differentiable
        if question.arguments.get(key) is not None and np.size(question.arguments[key])
    }


def _unguarded(question: Question) -> Question:
    if not question.options.get("eps"):
        return question
    return replace(question, options={**question.options, "eps": UNGUARDED})


def _estimate(subject: Subject, question: Question, where: Where) -> float:
    arithmetic = Arithmetic(format=subject.format, profile=subject.profile, carrier=FLOATS)
    return float(FLOATS.middle(value(_unguarded(question), arithmetic).x)[where])


def _paths(fmt: Format, question: Question) -> Mapping[str, Callable[[float], Reals]]:
    """How each input goes from a moderate number, at 0, to where it is, at 1.

    Logits are scaled, and so are those of probabilities; rates go by factors. A number without
    ends that is 0 goes by factors too, if nothing else moves.
    """
    found: dict[str, Callable[[float], Reals]] = {}
    zeros: dict[str, Callable[[float], Reals]] = {}
    for key, values in inputs(question).items():
        domain = question.loss.arguments[key].domain
        if np.isfinite(domain.high) and domain.low != 0.0:
            continue
        if domain.low == 0.0 and domain.high == 1.0:
            found[key] = _scaled_odds(np.clip(values, fmt.smallest_normal, 1 - fmt.unit_roundoff))
        elif domain.low == 0.0:
            found[key] = _by_factors(np.maximum(values, fmt.smallest_normal))
        elif np.any(values):
            found[key] = _scaled(values)
        else:
            zeros[key] = _by_factors(np.full(values.shape, fmt.smallest_normal))
    return found or zeros


def _scaled(values: Reals) -> Callable[[float], Reals]:
    return lambda t: t * values


def _by_factors(values: Reals) -> Callable[[float], Reals]:
    return lambda t: np.exp(t * np.log(values))


def _scaled_odds(values: Reals) -> Callable[[float], Reals]:
    odds: Any = np.log(values) - np.log1p(-values)
    return lambda t: np.asarray(1 / (1 + np.exp(-t * odds)), dtype=np.float64)


def logarithm(loss: float, factor: float) -> float:
    """What stands below the one logarithm of a loss, if nothing is added there."""
    return math.exp(-loss / factor)
