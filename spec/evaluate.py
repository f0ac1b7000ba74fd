"""Evaluate a loss: value and vector-Jacobian product in tracked arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lossproof.spec.carriers import Reals
from lossproof.spec.dual import Dual, slope_of
from lossproof.spec.law import Relation
from lossproof.spec.loss import Gradients, Loss, get, pull_back
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic, Tracked


def lifted(
    loss: type[Loss], arguments: Mapping[str, Any], arithmetic: Arithmetic
) -> dict[str, Any]:
    """The arguments as tracked inputs; labels and lengths as plain integers."""
    result: dict[str, Any] = {}
    for key, argument in loss.arguments.items():
        array = arguments.get(key)
        if array is None or isinstance(array, Tracked) or argument.domain.integer:
            result[key] = array
        elif argument.domain.kind == "values":
            result[key] = arithmetic.constant(np.asarray(array, dtype=np.float64))
        else:
            result[key] = arithmetic.input(np.asarray(array, dtype=np.float64))
    return result


def value(question: Question, arithmetic: Arithmetic, method: str = "value") -> Tracked:
    """The value, reduced, by one of the declared algorithms."""
    bound = question.loss(arithmetic, question.options)
    arguments = lifted(question.loss, question.arguments, arithmetic)
    with np.errstate(all="ignore"):
        losses: Tracked = getattr(bound, method)(**arguments)
        return bound.reduce(losses, question.reduction, **arguments)


def gradients(question: Question, arithmetic: Arithmetic, method: str) -> Gradients:
    """The cotangent pulled back to every differentiable argument, by a declared algorithm."""
    bound = question.loss(arithmetic, question.options)
    arguments = lifted(question.loss, question.arguments, arithmetic)
    cotangent = question.cotangent
    if not isinstance(cotangent, Tracked):
        cotangent = arithmetic.input(np.asarray(cotangent, dtype=np.float64))
    with np.errstate(all="ignore"):
        spread = bound.spread(cotangent, question.reduction, **arguments)
        pulled = pull_back(bound, method, spread, arguments)
        if question.reduction in ("none", "sum"):
            return pulled
        return {key: _in_any_order(gradient, cotangent) for key, gradient in pulled.items()}


def _in_any_order(gradient: Tracked, cotangent: Tracked) -> Tracked:
    """The gradient of a mean, whose division may come first: what underflows in it is multiplied
    by the cotangent afterwards."""
    arithmetic = gradient.arithmetic
    if arithmetic.exact:
        return gradient
    underflow = cotangent.magnitudes()[1] * arithmetic.eta
    return Tracked(arithmetic, gradient.x, gradient.e + underflow, gradient.undecided)


def hessian_product(question: Question, arithmetic: Arithmetic, method: str) -> Gradients:
    """The derivative of every pulled-back gradient, all differentiable arguments moving at once.

    It is the product of the Hessian of <cotangent, result> with `direction`, as a second
    differentiation of <direction, gradients> gives it, since the Hessian is symmetric.
    """
    bound = question.loss(arithmetic, question.options)
    arguments = lifted(question.loss, question.arguments, arithmetic)
    for place, key in enumerate(question.loss.differentiable()):
        if arguments.get(key) is not None:
            step = arithmetic.constant(direction(arguments[key].shape, place))
            arguments[key] = Dual(arguments[key], step)
    cotangent = arithmetic.input(np.asarray(question.cotangent, dtype=np.float64))
    with np.errstate(all="ignore"):
        spread = bound.spread(cotangent, question.reduction, **arguments)
        gradients = pull_back(bound, method, spread, arguments)
        return {key: slope_of(g, g) for key, g in gradients.items()}


def direction(shape: tuple[int, ...], place: int) -> Reals:
    """The direction of second derivatives in the argument at a place: 1, 2, 3, 1, 2, ...

    Not a constant: many losses do not change when all arguments, or all logits, move alike.
    """
    steps: Reals = ((np.arange(int(np.prod(shape))) + place) % 3 + 1).astype(np.float64)
    return steps.reshape(shape)


def related(relation: Relation, question: Question, arithmetic: Arithmetic) -> Tracked:
    """The right-hand side of a relation: `scale` times the other loss, at mapped arguments."""
    other = get(relation.other)
    bound = question.loss(arithmetic, question.options)
    arguments = lifted(question.loss, question.arguments, arithmetic)
    mapped = relation.arguments(bound, dict(arguments))
    same = question.reduction if question.reduction in other.reductions else "none"
    asked = Question(
        loss=other,
        arguments=mapped,
        options=relation.options(question.loss.complete(question.options)),
        reduction=same if relation.reduction == "same" else relation.reduction,
    )
    scale: Tracked | float = relation.scale(bound, question.options)
    return value(asked, arithmetic) * scale
