"""The Hessian products of dual numbers are the derivatives of the stated gradients, by jets."""

import numpy as np
import pytest
from flint import ctx

from lossproof.conformance.points import SIZES, Maker
from lossproof.spec import evaluate
from lossproof.spec.carriers import BALLS, JETS
from lossproof.spec.formats import FLOAT32
from lossproof.spec.loss import catalogue, get, pull_back
from lossproof.spec.tracked import Arithmetic, Tracked

#: gradients that sum errors by a rule of their own, or have no second derivative to speak of
WITHOUT = ("ctc",)


def by_jets(question, method):
    """Coefficient [1] of the gradient formula, every differentiable argument moving by t."""
    arithmetic = Arithmetic(carrier=JETS, exact=True)
    bound = question.loss(arithmetic, question.options)
    arguments = evaluate.lifted(question.loss, question.arguments, arithmetic)
    for place, key in enumerate(question.loss.differentiable()):
        values = np.asarray(question.arguments[key], dtype=np.float64)
        x = JETS.seed(values, evaluate.direction(values.shape, place))
        arguments[key] = Tracked(arithmetic, x, np.zeros(x.shape))
    cotangent = arithmetic.input(np.asarray(question.cotangent, dtype=np.float64))
    spread = bound.spread(cotangent, question.reduction, **arguments)
    return pull_back(bound, method, spread, arguments)


@pytest.mark.parametrize("loss", [name for name in catalogue() if name not in WITHOUT])
def test_dual_numbers_differentiate_the_stated_gradient(loss):
    cls = get(loss)
    compared = 0
    for seed, reduction in enumerate(cls.reductions):
        question = Maker(loss=cls, format=FLOAT32).question(
            seed, "moderate", SIZES[0], reduction=reduction
        )
        for method in cls.algorithms("gradient").values():
            ctx.cap = 2
            with ctx.workprec(600), np.errstate(all="ignore"):
                jets = by_jets(question, method)
                exact = Arithmetic(carrier=BALLS, exact=True)
                duals = evaluate.hessian_product(question, exact, method)
            for key, dual in duals.items():
                for i in np.ndindex(dual.shape):
                    jet, ball = jets[key].x[i], dual.x[i]
                    if not ball.is_finite() or not jet[1].is_finite():
                        continue
                    assert jet[1].overlaps(ball), (method, key, i, jet[1], ball)
                    compared += 1
    assert compared >= 4
