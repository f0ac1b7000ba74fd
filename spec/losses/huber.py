"""Huber loss: quadratic near zero, linear in the tails.

With residual r = prediction - target and threshold δ > 0,

    ℓ(r) = r² / 2             if |r| <= δ,
           δ · (|r| - δ / 2)  otherwise,        ℓ'(r) = clip(r, -δ, δ).

Both branches give ℓ = δ²/2 and ℓ' = ±δ at |r| = δ: the loss is C¹, not C².
"""

from collections.abc import Iterator
from dataclasses import replace

from lossproof.spec import law
from lossproof.spec.domain import POSITIVE, REAL
from lossproof.spec.loss import Argument, Elementwise, Gradients, Parameter, register
from lossproof.spec.maths import clip, square, where
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _quadratic(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    asked = replace(question, reduction="none", options={**question.options, "delta": 1024.0})
    lift = evaluator.arithmetic.input
    r = lift(asked.arguments["prediction"]) - lift(asked.arguments["target"])
    yield law.Claim(evaluator.value(asked), "==", square(r) / 2)


@register
class Huber(Elementwise):
    family = "regression"
    tex = (
        r"p = \text{prediction},\qquad t = \text{target},\qquad \delta = \text{delta},\qquad "
        r"r = p - t",
        r"\ell = \begin{cases} \frac{r^2}{2} & \text{if } |r| \le \delta \\ "
        r"\delta \left(|r| - \frac{\delta}{2}\right) & \text{otherwise} \end{cases}",
        r"\frac{\partial \ell}{\partial p} = -\frac{\partial \ell}{\partial t}"
        r" = \min(\max(r, -\delta), \delta)",
    )
    prediction = Argument(REAL)
    target = Argument(REAL)
    delta = Parameter(POSITIVE, default=1.0, landmarks=(0.25, 1e-3, 1.35, 300.0))
    ties = (("prediction", "target"),)

    def value(self, prediction: Tracked, target: Tracked) -> Tracked:
        r = abs(prediction - target)
        return where(r <= self.delta, r * r / 2, self.delta * (r - self.delta / 2))

    def gradient(self, prediction: Tracked, target: Tracked) -> Gradients:
        slope = clip(prediction - target, -self.delta, self.delta)
        return {"prediction": slope, "target": -slope}

    laws = (
        law.nonnegative, law.zero_if_equal(), law.symmetric(), law.convex("prediction"),
        law.lipschitz("prediction", "delta"), law.shift_invariant("prediction", "target"),
        law.mirrored("prediction", "target"),
        law.identity(
            "quadratic", "half the squared error if δ exceeds every |r|", _quadratic, coarse=True
        ),
    )  # fmt: skip
    references = ("doi:10.1214/aoms/1177703732",)  # Huber 1964
    dialects = {
        "torch": "torch.nn.functional.huber_loss(delta=1)",
        "optax": "optax.huber_loss(delta=1), not reduced",
        "keras": "keras.losses.Huber(delta=1)(y_true, y_pred)",
    }
