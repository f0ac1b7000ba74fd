"""Softmax cross entropy with class indices.

For logits z of shape (N, C), labels y in [0, C), class weights w and label smoothing α, with
log π = z - log Σ exp z,

    ℓ_n = -(1 - α) · w_y · log π_y - (α / C) · Σ_c w_c · log π_c,
    ∂ℓ_n/∂z = π · Σ_c q_c - q,        q = (1 - α) · w_y · e_y + (α / C) · w.

Rows whose label is `ignore_index` give exactly 0, with gradient 0. The mean divides by Σ w_y over
the rows that are kept, also when labels are smoothed.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.spec import law
from lossproof.spec.domain import LABEL, NONNEGATIVE, REAL, UNIT
from lossproof.spec.loss import Argument, Flag, Gradients, Parameter, Rowwise, register
from lossproof.spec.maths import (
    exp_log_softmax,
    expand,
    log_softmax,
    logsumexp,
    one_hot,
    pick,
    softmax,
    total,
    where,
)
from lossproof.spec.tracked import Tracked

Labels = npt.NDArray[np.int64]


@register
class CrossEntropy(Rowwise):
    family = "classification"
    tex = (
        r"z = \text{logits},\qquad y = \text{labels},\qquad w = \text{weight},\qquad "
        r"\alpha = \text{label_smoothing}",
        r"\pi_c = \frac{e^{z_c}}{\sum_k e^{z_k}},\qquad "
        r"q_c = (1 - \alpha) w_y \mathbf{1}[c = y] + \frac{\alpha}{C} w_c",
        r"\ell = \begin{cases} 0 & \text{if } y = \text{ignore_index} \\ "
        r"-(1 - \alpha) w_y \log \pi_y - \frac{\alpha}{C} \sum_c w_c \log \pi_c &"
        r" \text{otherwise} \end{cases}",
        r"\frac{\partial \ell}{\partial z_c} = \begin{cases} "
        r"0 & \text{if } y = \text{ignore_index} \\ "
        r"\pi_c \sum_k q_k - q_c & \text{otherwise} \end{cases}",
    )
    logits = Argument(REAL, "N C")
    labels = Argument(LABEL, "N", differentiable=False)
    weight = Argument(NONNEGATIVE, "C", differentiable=False, optional=True)
    ignore_index = Flag(default=-100, landmarks=(1,))
    label_smoothing = Parameter(UNIT, default=0.0, landmarks=(0.1, 1.0))

    def value(self, logits: Tracked, labels: Labels, weight: Tracked | None = None) -> Tracked:
        return self._from_log_softmax(log_softmax(logits), labels, weight)

    def value_by_logsumexp(
        self, logits: Tracked, labels: Labels, weight: Tracked | None = None
    ) -> Tracked:
        return self._from_log_softmax(logits - expand(logsumexp(logits), -1), labels, weight)

    def gradient(self, logits: Tracked, labels: Labels, weight: Tracked | None = None) -> Gradients:
        kept = expand_mask(labels != self.ignore_index)
        q = self._target(logits, np.where(labels == self.ignore_index, 0, labels), weight)
        return {"logits": where(kept, softmax(logits) * expand(total(q), -1) - q, 0.0)}

    def gradient_by_log_softmax(
        self, logits: Tracked, labels: Labels, weight: Tracked | None = None
    ) -> Gradients:
        kept = expand_mask(labels != self.ignore_index)
        q = self._target(logits, np.where(labels == self.ignore_index, 0, labels), weight)
        return {"logits": where(kept, exp_log_softmax(logits) * expand(total(q), -1) - q, 0.0)}

    def denominator(self, **arguments: Any) -> Tracked:
        labels, weight = arguments["labels"], arguments.get("weight")
        kept = labels != self.ignore_index
        if weight is None:
            return self.arithmetic.constant(float(kept.sum()))
        return total(weight[labels[kept]], axis=None)

    def _from_log_softmax(self, logp: Tracked, labels: Labels, weight: Tracked | None) -> Tracked:
        kept = labels != self.ignore_index
        known = np.where(kept, labels, 0)
        losses = -pick(logp, known)
        if weight is not None:
            losses = weight[known] * losses
        if self.options_given("label_smoothing"):
            alpha = self.label_smoothing
            spread = -total(logp if weight is None else weight * logp)
            losses = (1 - alpha) * losses + (alpha / logp.shape[-1]) * spread
        return where(kept, losses, 0.0)

    def _target(self, logits: Tracked, labels: Labels, weight: Tracked | None) -> Tracked:
        classes = logits.shape[-1]
        hard = one_hot(labels, classes)
        w = logits.lift(np.ones(classes)) if weight is None else weight
        if not self.options_given("label_smoothing"):
            return w * hard
        alpha = self.label_smoothing
        return (1 - alpha) * (w * hard) + (alpha / classes) * w

    laws = (
        law.nonnegative, law.shift_invariant("logits"), law.gradient_sums_to_zero("logits"),
        law.convex("logits"),
        law.permutation_equivariant("logits", "weight", labels=("labels",)),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="nll",
            sentence="the negative log likelihood of log_softmax(logits), if nothing is smoothed",
            arguments=lambda loss, a: {
                "log_probabilities": log_softmax(a["logits"]),
                "labels": a["labels"],
                "weight": a["weight"],
            },
            options=lambda options: {"ignore_index": options["ignore_index"]},
            when=lambda options: options["label_smoothing"] == 0,
        ),
    )
    references = ("Bridle 1990, doi:10.1007/978-3-642-76153-9_28", "doi:10.1109/CVPR.2016.308")
    dialects = {
        "torch": "torch.nn.functional.cross_entropy (class axis 1)",
        "optax": "optax.softmax_cross_entropy_with_integer_labels, not reduced",
        "keras": "keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y_true, y_pred)",
    }


def expand_mask(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """A mask of rows, made to broadcast against (N, C)."""
    return mask[:, None]
