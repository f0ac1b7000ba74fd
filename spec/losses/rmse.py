"""Root mean squared error over the whole tensor.

With residuals r = prediction - target, M of them, and ε >= 0 inside the root,

    L = √(Σ r² / M + ε),        ∂L/∂r = r / (M · L).

At r = 0 with ε = 0 the subdifferential is the ball of radius 1/√M: every entry lies in
[-1/√M, 1/√M].
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lossproof.spec import law
from lossproof.spec.carriers import Mask
from lossproof.spec.domain import NONNEGATIVE, REAL
from lossproof.spec.evaluate import lifted
from lossproof.spec.loss import Argument, Gradients, Loss, Parameter, register
from lossproof.spec.maths import mean, sqrt, square, where
from lossproof.spec.question import Question
from lossproof.spec.tracked import Condition, Tracked


def _mean_square(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    arithmetic = evaluator.arithmetic
    loss = question.loss(arithmetic, question.options)
    a = lifted(question.loss, question.arguments, arithmetic)
    if a["prediction"].size:
        expected = mean(square(a["prediction"] - a["target"]), axis=None) + loss.bound("eps")
        yield law.Claim(square(evaluator.value(question)), "==", expected)


def _above_mae(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    a = lifted(question.loss, question.arguments, evaluator.arithmetic)
    if a["prediction"].size:
        mae = mean(abs(a["prediction"] - a["target"]), axis=None)
        yield law.Claim(mae, "<=", evaluator.value(question))


_doubling = law.homogeneous(1, "prediction", "target")


def _homogeneous(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    if question.loss.complete(question.options)["eps"] == 0:
        yield from _doubling.claims(evaluator, question)


@register
class Rmse(Loss):
    family = "regression"
    tex = (
        r"p = \text{prediction},\qquad t = \text{target},\qquad \varepsilon = \text{eps},\qquad "
        r"r_i = p_i - t_i",
        r"L = \sqrt{\frac{1}{M} \sum_i r_i^2 + \varepsilon}",
        r"\frac{\partial L}{\partial p_i} = -\frac{\partial L}{\partial t_i} = \frac{r_i}{M L}",
    )
    prediction = Argument(REAL)
    target = Argument(REAL)
    eps = Parameter(NONNEGATIVE, default=0.0, landmarks=(1e-8, 1e-3, 1.0))
    reductions = ("none",)
    output = ""
    ties = (("prediction", "target"),)

    def value(self, prediction: Tracked, target: Tracked) -> Tracked:
        return sqrt(mean(square(prediction - target), axis=None) + self.eps)

    def vjp(self, cotangent: Tracked, prediction: Tracked, target: Tracked) -> Gradients:
        r = prediction - target
        slope = (r / self.value(prediction, target)) * (cotangent / float(r.size))
        return self._with_ball(cotangent, r, slope)

    def vjp_by_chain(self, cotangent: Tracked, prediction: Tracked, target: Tracked) -> Gradients:
        r = prediction - target
        root = self.value(prediction, target)
        slope = (cotangent / (2 * root)) / float(r.size) * (2 * r)
        return self._with_ball(cotangent, r, slope)

    def _with_ball(self, cotangent: Tracked, r: Tracked, slope: Tracked) -> Gradients:
        radius = 1 / sqrt(self.arithmetic.constant(float(r.size)))
        ball = cotangent * where(_EITHER, radius, -radius)
        slope = where(self._all_zero(r), ball, slope)
        return {"prediction": slope, "target": -slope}

    def _all_zero(self, r: Tracked) -> Mask:
        """Whether every residual is exactly 0, and nothing is added to the mean square."""
        low, high = r.bounds()
        exactly = bool(np.all((low == 0) & (high == 0)))
        return np.asarray(exactly and not self.options_given("eps"))

    laws = (
        law.nonnegative, law.symmetric(), law.convex("prediction"), law.lipschitz("prediction"),
        law.shift_invariant("prediction", "target"), law.mirrored("prediction", "target"),
        replace(_doubling, claims=_homogeneous, sentence=f"{_doubling.sentence} if eps is 0"),
        law.identity("mean_square", "its square is the mean squared error plus eps", _mean_square),
        law.identity("above_mae", "it is at least the mean absolute error", _above_mae),
    )  # fmt: skip
    kinks = {"r = 0 with ε = 0": "the ball of radius 1/√M"}
    references = ("doi:10.1016/j.ijforecast.2006.03.001",)  # Hyndman and Koehler 2006
    dialects = {
        "torch": "torch.sqrt(mse_loss(prediction, target) + eps); gradient nan at r = 0, eps = 0",
        "sklearn": "sklearn.metrics.root_mean_squared_error(y_true, y_pred); of several outputs "
        "it averages the roots",
        "torchmetrics": "torchmetrics.functional.mean_squared_error(squared=False)",
    }


#: a comparison that both branches may win: `where` then gives their hull
_EITHER = Condition(
    np.zeros((), dtype=np.bool_), np.ones((), dtype=np.bool_), np.zeros((), dtype=np.bool_)
)
