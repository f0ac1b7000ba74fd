"""Squared error.

With residual r = prediction - target,

    ℓ(r) = r²,        ℓ'(r) = 2r.
"""

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Elementwise, Gradients, register
from lossproof.spec.tracked import Tracked


@register
class Mse(Elementwise):
    family = "regression"
    tex = (
        r"p = \text{prediction},\qquad t = \text{target},\qquad r = p - t",
        r"\ell = r^2",
        r"\frac{\partial \ell}{\partial p} = -\frac{\partial \ell}{\partial t} = 2 r",
    )
    prediction = Argument(REAL)
    target = Argument(REAL)
    ties = (("prediction", "target"),)

    def value(self, prediction: Tracked, target: Tracked) -> Tracked:
        r = prediction - target
        return r * r

    def gradient(self, prediction: Tracked, target: Tracked) -> Gradients:
        slope = 2 * (prediction - target)
        return {"prediction": slope, "target": -slope}

    laws = (
        law.nonnegative, law.zero_if_equal(), law.symmetric(), law.convex("prediction"),
        law.shift_invariant("prediction", "target"), law.homogeneous(2, "prediction", "target"),
        law.mirrored("prediction", "target"),
    )  # fmt: skip
    references = ("Gauss 1809, Theoria motus corporum coelestium",)
    dialects = {
        "torch": "torch.nn.functional.mse_loss",
        "optax": "optax.squared_error; optax.l2_loss is half of it",
        "keras": "keras.losses.MeanSquaredError(y_true, y_pred)",
        "sklearn": "sklearn.metrics.mean_squared_error",
    }
