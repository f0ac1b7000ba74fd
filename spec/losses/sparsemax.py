"""Sparsemax: the Euclidean projection of every row on the probability simplex.

For x of shape (N, C),

    s_c = max(0, x_c - τ),        τ = max over k of (x_(1) + ... + x_(k) - 1) / k,

where x_(1) >= x_(2) >= ...: of all thresholds with which some k entries sum to 1 the largest is
that of the support S = {c : x_c > τ}. With cotangent u,

    ∂x = 1_S · (u - Σ_S u / |S|).

Where an entry equals τ the support is not determined: it may belong to S, or not, or in part.
"""

import numpy as np

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Gradients, Loss, register
from lossproof.spec.maths import expand, largest, relu, stack, step, total
from lossproof.spec.tracked import Tracked


@register
class Sparsemax(Loss):
    family = "function"
    tex = (
        r"x = \text{x},\qquad \tau = \max_k \frac{1}{k} \left(\sum_{j \le k} x_{(j)} - 1\right)",
        r"f_c = \max(0, x_c - \tau),\qquad s_c = \mathbf{1}[x_c > \tau]",
        r"\bar{x}_c = s_c \left(u_c - \frac{\sum_k s_k u_k}{\sum_k s_k}\right)",
    )
    samples = "N"
    output = "N C"
    reductions = ("none",)
    x = Argument(REAL, "N C")

    def value(self, x: Tracked) -> Tracked:
        shifted = x - expand(largest(x), -1)
        return relu(shifted - self._threshold(shifted))

    def value_by_plain_sums(self, x: Tracked) -> Tracked:
        return relu(x - self._threshold(x))

    def vjp(self, cotangent: Tracked, x: Tracked) -> Gradients:
        return self._project(cotangent, x - expand(largest(x), -1))

    def vjp_by_plain_sums(self, cotangent: Tracked, x: Tracked) -> Gradients:
        return self._project(cotangent, x)

    def _project(self, cotangent: Tracked, x: Tracked) -> Gradients:
        member = step(x - self._threshold(x))
        mean = total(member * cotangent) / total(member)
        return {"x": member * (cotangent - expand(mean, -1))}

    def _threshold(self, x: Tracked) -> Tracked:
        order = np.argsort(-x.bounds()[0], axis=-1, kind="stable")
        falling = x.map(lambda array: np.take_along_axis(array, order, axis=-1))
        sizes = range(1, x.shape[-1] + 1)
        return expand(largest(stack([(total(falling[:, :k]) - 1) / k for k in sizes], axis=-1)), -1)

    laws = (
        law.bounded(0.0, 1.0), law.sums_to(1.0), law.shift_invariant("x"),
        law.gradient_sums_to_zero("x"), law.permutation_equivariant("x"),
    )  # fmt: skip
    kinks = {"an entry at the edge of the support": "between the projections of both supports"}
    references = (
        "Martins, Astudillo 2016, arXiv:1602.02068",
        "Held, Wolfe, Crowder 1974, doi:10.1007/BF01580223",
    )
    dialects = {
        "optax": "optax.projections.projection_simplex, one vector at a time",
    }
