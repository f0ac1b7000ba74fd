"""Huber loss: quadratic near zero, linear in the tails.

With residual r = prediction - target and threshold δ > 0,

    ℓ(r) = r² / 2             if |r| <= δ,
           δ · (|r| - δ / 2)  otherwise,        ℓ'(r) = clip(r, -δ, δ).

Both branches give ℓ = δ²/2 and ℓ' = ±δ at |r| = δ: the loss is C¹, not C².
"""

from lossproof.spec import law
from lossproof.spec.domain import POSITIVE, REAL
from lossproof.spec.loss import Argument, Elementwise, Gradients, Parameter, register
from lossproof.spec.maths import clip, where
from lossproof.spec.tracked import Tracked


@register
class Huber(Elementwise):
    family = "regression"
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
    )  # fmt: skip
    relations = (
        law.Relation(
            other="mse",
            sentence="half the squared error when δ is larger than every residual",
            arguments=lambda loss, a: a,
            scale=lambda loss, options: 0.5,
            when=lambda options: options["delta"] >= 2.0**200,
        ),
    )
    references = ("doi:10.1214/aoms/1177703732",)  # Huber 1964
    dialects = {
        "torch": "torch.nn.functional.huber_loss(delta=1)",
        "optax": "optax.huber_loss(delta=1), not reduced",
        "keras": "keras.losses.Huber(delta=1)(y_true, y_pred)",
    }
