"""Absolute error.

With residual r = prediction - target,

    ℓ(r) = |r|,        ℓ'(r) = sign(r).

At r = 0 the subdifferential is [-1, 1].
"""

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Elementwise, Gradients, register
from lossproof.spec.maths import sign
from lossproof.spec.tracked import Tracked


@register
class Mae(Elementwise):
    family = "regression"
    tex = (
        r"p = \text{prediction},\qquad t = \text{target},\qquad r = p - t",
        r"\ell = |r|",
        r"\frac{\partial \ell}{\partial p} = -\frac{\partial \ell}{\partial t}"
        r" = \operatorname{sign}(r)",
    )
    prediction = Argument(REAL)
    target = Argument(REAL)
    ties = (("prediction", "target"),)

    def value(self, prediction: Tracked, target: Tracked) -> Tracked:
        return abs(prediction - target)

    def gradient(self, prediction: Tracked, target: Tracked) -> Gradients:
        slope = sign(prediction - target)
        return {"prediction": slope, "target": -slope}

    laws = (
        law.nonnegative, law.zero_if_equal(), law.symmetric(), law.convex("prediction"),
        law.lipschitz("prediction"), law.shift_invariant("prediction", "target"),
        law.homogeneous(1, "prediction", "target"), law.mirrored("prediction", "target"),
    )  # fmt: skip
    kinks = {"r = 0": "[-1, 1]"}
    references = (
        "Boscovich 1757, De litteraria expeditione per pontificiam ditionem",
        "doi:10.1214/aos/1176344136",  # Bassett and Koenker 1978
    )
    dialects = {
        "torch": "torch.nn.functional.l1_loss; gradient 0 at r = 0",
        "jax": "jnp.abs(prediction - target); gradient +1 at r = 0, whatever its sign",
        "keras": "keras.losses.MeanAbsoluteError(y_true, y_pred); the mean of the last axis first",
        "sklearn": "sklearn.metrics.mean_absolute_error(y_true, y_pred)",
    }
