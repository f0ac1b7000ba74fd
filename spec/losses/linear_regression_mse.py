"""Mean squared error of a line, as a function of its slope and intercept.

With errors e = target - slope · x - intercept, N of them,

    L = Σ e² / N,        ∂L/∂slope = -2 · Σ x · e / N,        ∂L/∂intercept = -2 · Σ e / N.
"""

from dataclasses import replace

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Gradients, Loss, register
from lossproof.spec.maths import mean, square, total
from lossproof.spec.tracked import Tracked


@register
class LinearRegressionMse(Loss):
    family = "regression"
    tex = (
        r"a = \text{slope},\qquad b = \text{intercept},\qquad x = \text{x},\qquad "
        r"t = \text{target}",
        r"e_n = t_n - a x_n - b,\qquad L = \frac{1}{N} \sum_n e_n^2",
        r"\frac{\partial L}{\partial a} = -\frac{2}{N} \sum_n x_n e_n,\qquad "
        r"\frac{\partial L}{\partial b} = -\frac{2}{N} \sum_n e_n",
    )
    slope = Argument(REAL, "")
    intercept = Argument(REAL, "")
    x = Argument(REAL, "N", differentiable=False)
    target = Argument(REAL, "N", differentiable=False)
    reductions = ("none",)
    output = ""
    ties = (("intercept", "target"),)

    def value(self, slope: Tracked, intercept: Tracked, x: Tracked, target: Tracked) -> Tracked:
        return mean(square(_errors(slope, intercept, x, target)))

    def vjp(
        self, cotangent: Tracked, slope: Tracked, intercept: Tracked, x: Tracked, target: Tracked
    ) -> Gradients:
        e = _errors(slope, intercept, x, target)
        scale = -2 * cotangent
        return {"slope": scale * mean(x * e), "intercept": scale * mean(e)}

    def vjp_by_chain(
        self, cotangent: Tracked, slope: Tracked, intercept: Tracked, x: Tracked, target: Tracked
    ) -> Gradients:
        e = _errors(slope, intercept, x, target)
        each = (cotangent / float(e.size)) * (2 * e)
        return {"slope": -total(each * x), "intercept": -total(each)}

    laws = (
        law.nonnegative, law.convex("slope"), law.convex("intercept"),
        law.shift_invariant("intercept", "target"), law.mirrored("slope", "x"),
        law.mirrored("slope", "intercept", "target"),
        law.homogeneous(2, "slope", "intercept", "target"),
        replace(
            law.permutation_equivariant("x", "target"),
            sentence="the order of the points does not matter",
        ),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="mse",
            sentence="the mean squared error of slope · x + intercept",
            arguments=lambda loss, a: {
                "prediction": a["slope"] * a["x"] + a["intercept"],
                "target": a["target"],
            },
            reduction="mean",
        ),
    )
    references = (
        "Legendre 1805, Nouvelles méthodes pour la détermination des orbites des comètes",
    )
    dialects = {
        "torch": "torch.nn.functional.mse_loss(slope * x + intercept, target)",
        "user code": "half of it, or the sum; a gradient that lacks the factor 2, or the sign",
    }


def _errors(slope: Tracked, intercept: Tracked, x: Tracked, target: Tracked) -> Tracked:
    return target - (slope * x + intercept)
