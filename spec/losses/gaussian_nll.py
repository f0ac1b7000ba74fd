"""Negative log-likelihood of a normal distribution with a predicted variance.

With residual r = prediction - target and v = max(var, ε),

    ℓ(r, v) = (log v + r² / v) / 2,    plus log(2π) / 2 if `full`,
    ∂ℓ/∂r = r / v,        ∂ℓ/∂var = (1 / v - r² / v²) / 2.

The clamp is straight-through: the gradient in var is taken at v and passed on, also where var < ε.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lossproof.spec import law
from lossproof.spec.domain import NONNEGATIVE, POSITIVE, REAL
from lossproof.spec.evaluate import lifted
from lossproof.spec.loss import Argument, Elementwise, Flag, Gradients, Parameter, register
from lossproof.spec.maths import log, maximum, square
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _unit_variance(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    options = question.loss.complete(question.options)
    if options["eps"] <= 1 and not options["full"]:
        a = lifted(question.loss, question.arguments, evaluator.arithmetic)
        one = np.ones_like(question.arguments["var"])
        single = replace(question, reduction="none").with_arguments(var=one)
        half = square(a["prediction"] - a["target"]) / 2
        yield law.Claim(evaluator.value(single), "==", half)


def _least_at_target(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    best = question.with_arguments(prediction=question.arguments["target"])
    yield law.Claim(evaluator.value(best), "<=", evaluator.value(question))


@register
class GaussianNll(Elementwise):
    family = "probabilistic"
    tex = (
        r"p = \text{prediction},\qquad t = \text{target},\qquad s = \text{var},\qquad "
        r"\varepsilon = \text{eps}",
        r"r = p - t,\qquad v = \max(s, \varepsilon),\qquad "
        r"\kappa = \begin{cases} \frac{1}{2} \log(2 \pi) & \text{if full} \\ "
        r"0 & \text{otherwise} \end{cases}",
        r"\ell = \frac{1}{2} \left(\log v + \frac{r^2}{v}\right) + \kappa",
        r"\frac{\partial \ell}{\partial p} = -\frac{\partial \ell}{\partial t}"
        r" = \frac{r}{v},\qquad \frac{\partial \ell}{\partial s} = \frac{1}{2} \left(\frac{1}{v}"
        r" - \frac{r^2}{v^2}\right)",
    )
    prediction = Argument(REAL)
    target = Argument(REAL)
    var = Argument(NONNEGATIVE)
    eps = Parameter(POSITIVE, default=1e-6, landmarks=(1e-3, 1.0))
    full = Flag(default=False, choices=(False, True))
    ties = (("prediction", "target"),)

    def value(self, prediction: Tracked, target: Tracked, var: Tracked) -> Tracked:
        v = maximum(var, self.eps)
        losses = (log(v) + square(prediction - target) / v) / 2
        if self.full:
            losses = losses + self.arithmetic.parameter(math.log(2 * math.pi) / 2)
        return losses

    def gradient(self, prediction: Tracked, target: Tracked, var: Tracked) -> Gradients:
        v = maximum(var, self.eps)
        r = prediction - target
        slope = r / v
        return {"prediction": slope, "target": -slope, "var": (1 / v - (r * r / v) / v) / 2}

    def vjp_by_chain(
        self, cotangent: Tracked, prediction: Tracked, target: Tracked, var: Tracked
    ) -> Gradients:
        # u / 2 first and 2 · r last, as automatic differentiation does: u / 2v may underflow
        v = maximum(var, self.eps)
        r = prediction - target
        half = cotangent / 2
        slope = half / v * (2 * r)
        by_var = half / v - half * (r * r / v) / v
        return {"prediction": slope, "target": -slope, "var": by_var}

    laws = (
        law.symmetric(), law.convex("prediction"), law.shift_invariant("prediction", "target"),
        law.mirrored("prediction", "target"),
        law.identity("least_at_target", "no prediction beats the target", _least_at_target),
        law.identity(
            "unit_variance", "with variance 1, and not full, it is half the squared error",
            _unit_variance,
        ),
    )  # fmt: skip
    references = ("doi:10.1109/ICNN.1994.374138",)  # Nix and Weigend 1994
    dialects = {
        "torch": "torch.nn.functional.gaussian_nll_loss(input, target, var, full=False, eps=1e-6)",
        "user code": "(s + r²·e**-s) / 2 in the log-variance s",
    }
