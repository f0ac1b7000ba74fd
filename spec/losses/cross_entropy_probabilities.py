"""Cross entropy of probabilities, not of logits.

For predictions p and targets t in [0, 1] of shape (N, C), and ε >= 0 added inside the logarithm,

    ℓ_n = -Σ_c t_c · log(p_c + ε),        ∂ℓ_n/∂p = -t / (p + ε),        ∂ℓ_n/∂t = -log(p + ε),

with 0 · log 0 = 0: a class whose target is 0 adds nothing to the value, nor to the gradient in p,
whatever its prediction. Neither p nor t need sum to 1. Where p + ε = 0 the slope in t is infinite,
and so are the value and the slope in p if t > 0: nothing is promised of them.
"""

import numpy as np

from lossproof.spec import law
from lossproof.spec.carriers import Mask
from lossproof.spec.domain import NONNEGATIVE, UNIT
from lossproof.spec.loss import Argument, Gradients, Parameter, Rowwise, register
from lossproof.spec.maths import expand, log, total, where, xlogy
from lossproof.spec.tracked import Tracked


def _absent(target: Tracked) -> Mask:
    """Where the target is exactly 0."""
    return np.asarray((target.magnitudes()[1] == 0.0) & (target.e == 0.0))


@register
class CrossEntropyProbabilities(Rowwise):
    family = "classification"
    tex = (
        r"p = \text{prediction},\qquad t = \text{target},\qquad \varepsilon = \text{eps}",
        r"\ell = -\sum_c t_c \log(p_c + \varepsilon)",
        r"\frac{\partial \ell}{\partial p_c} = -\frac{t_c}{p_c + \varepsilon},\qquad "
        r"\frac{\partial \ell}{\partial t_c} = -\log(p_c + \varepsilon)",
    )
    prediction = Argument(UNIT, "N C")
    target = Argument(UNIT, "N C")
    eps = Parameter(NONNEGATIVE, default=0.0, landmarks=(1e-12, 1e-7, 1e-3))
    ties = (("prediction", "target"),)

    def value(self, prediction: Tracked, target: Tracked) -> Tracked:
        return -total(xlogy(target, log(self._raised(prediction))))

    def gradient(self, prediction: Tracked, target: Tracked) -> Gradients:
        p = self._raised(prediction)
        return {"prediction": where(_absent(target), 0.0, -(target / p)), "target": -log(p)}

    def vjp_by_chain(self, cotangent: Tracked, prediction: Tracked, target: Tracked) -> Gradients:
        # u · t first, as automatic differentiation does: it may underflow
        u, p = expand(cotangent, -1), self._raised(prediction)
        slope = where(_absent(target), 0.0, -((u * target) / p))
        return {"prediction": slope, "target": u * -log(p)}

    def _raised(self, prediction: Tracked) -> Tracked:
        return prediction + self.eps if self.options_given("eps") else prediction

    laws = (
        law.convex("prediction"), law.monotone("prediction", -1),
        law.permutation_equivariant("prediction", "target"),
    )  # fmt: skip
    references = ("Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x",)
    dialects = {
        "keras": "keras.losses.CategoricalCrossentropy(y_true, y_pred): divides p by its row sum, "
        "then clips it to [1e-7, 1 - 1e-7]",
        "sklearn": "sklearn.metrics.log_loss(y_true, y_pred): clips p by the eps of its dtype",
    }
