"""Multi-class margin loss of Weston and Watkins, divided by the number of classes.

For logits z of shape (N, C), labels y in [0, C), margin m, order p in {1, 2} and class weights w,
with hinges h_k = max(0, m - (z_y - z_k)) for k ≠ y and h_y = 0,

    ℓ_n = (w_y / C) · Σ_k h_k^p,
    ∂ℓ_n/∂z = d - e_y · Σ_k d_k,        d_k = (w_y / C) · p · h_k^(p-1) · [h_k > 0].

For p = 1 there is a kink at h_k = 0: any slope between 0 and w_y / C. The mean divides by N.
"""

import numpy as np
import numpy.typing as npt

from lossproof.spec import law
from lossproof.spec.domain import LABEL, NONNEGATIVE, REAL
from lossproof.spec.loss import Argument, Flag, Gradients, Parameter, Rowwise, register
from lossproof.spec.maths import expand, one_hot, pick, relu, step, total, where
from lossproof.spec.tracked import Tracked

Labels = npt.NDArray[np.int64]


@register
class MultiMargin(Rowwise):
    family = "classification"
    tex = (
        r"z = \text{logits},\qquad y = \text{labels},\qquad w = \text{weight},\qquad "
        r"m = \text{margin},\qquad p = \text{p}",
        r"h_k = \begin{cases} 0 & \text{if } k = y \\ "
        r"\max(0, m - z_y + z_k) & \text{otherwise} \end{cases}",
        r"\ell = \frac{w_y}{C} \sum_k h_k^p,\qquad "
        r"d_k = \frac{w_y}{C} p h_k^{p - 1} \mathbf{1}[h_k > 0]",
        r"\frac{\partial \ell}{\partial z_c} = d_c - \mathbf{1}[c = y] \sum_k d_k",
    )
    logits = Argument(REAL, "N C")
    labels = Argument(LABEL, "N", differentiable=False)
    weight = Argument(NONNEGATIVE, "C", differentiable=False, optional=True)
    p = Flag(default=1, choices=(1, 2), landmarks=(2,))
    margin = Parameter(REAL, default=1.0, landmarks=(0.0, 0.25, 10.0, -1.0), neutral=0.0)

    def value(self, logits: Tracked, labels: Labels, weight: Tracked | None = None) -> Tracked:
        hinge = relu(self._gaps(logits, labels))
        powers = hinge if self.p == 1 else hinge * hinge
        classes = logits.shape[-1]
        others = one_hot(labels, classes) == 0
        return self._weighted(total(where(others, powers, 0.0)), labels, weight) / classes

    def gradient(self, logits: Tracked, labels: Labels, weight: Tracked | None = None) -> Gradients:
        gaps = self._gaps(logits, labels)
        slopes = step(gaps) if self.p == 1 else 2 * relu(gaps)
        classes = logits.shape[-1]
        others = one_hot(labels, classes) == 0
        slopes = where(others, slopes, 0.0)
        slopes = where(others, slopes, expand(-total(slopes), -1))
        return {"logits": self._weighted(slopes, labels, weight) / classes}

    def _gaps(self, logits: Tracked, labels: Labels) -> Tracked:
        return self.margin - (expand(pick(logits, labels), -1) - logits)

    def _weighted(self, a: Tracked, labels: Labels, weight: Tracked | None) -> Tracked:
        if weight is not None:
            w = weight[labels]
            a = (w if a.ndim == 1 else expand(w, -1)) * a
        return a

    laws = (
        law.nonnegative, law.convex("logits"), law.shift_invariant("logits"),
        law.gradient_sums_to_zero("logits"),
        law.permutation_equivariant("logits", "weight", labels=("labels",)),
    )  # fmt: skip
    kinks = {"p = 1 and h_k = 0": "[0, w_y / C]"}
    references = ("Weston, Watkins 1999, ESANN, pp. 219-224",)
    dialects = {
        "torch": "torch.nn.functional.multi_margin_loss (class axis 1)",
    }
