"""Negative log likelihood of class indices, given log-probabilities.

For log-probabilities a of shape (N, C), labels y in [0, C) and class weights w,

    ℓ_n = -w_y · a_y,        ∂ℓ_n/∂a = -w_y · e_y.

Nothing asks that the rows of exp a sum to 1. Rows whose label is `ignore_index` give exactly 0,
with gradient 0. The mean divides by Σ w_y over the rows that are kept.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.spec import law
from lossproof.spec.domain import LABEL, NONNEGATIVE, REAL
from lossproof.spec.loss import Argument, Flag, Gradients, Rowwise, register
from lossproof.spec.maths import one_hot, pick, total, where
from lossproof.spec.tracked import Tracked

Labels = npt.NDArray[np.int64]


@register
class Nll(Rowwise):
    family = "classification"
    tex = (
        r"a = \text{log_probabilities},\qquad y = \text{labels},\qquad w = \text{weight}",
        r"\ell = \begin{cases} 0 & \text{if } y = \text{ignore_index} \\ "
        r"-w_y a_y & \text{otherwise} \end{cases}",
        r"\frac{\partial \ell}{\partial a_c} = \begin{cases} "
        r"0 & \text{if } y = \text{ignore_index} \\ "
        r"-w_y \mathbf{1}[c = y] & \text{otherwise} \end{cases}",
    )
    log_probabilities = Argument(REAL, "N C")
    labels = Argument(LABEL, "N", differentiable=False)
    weight = Argument(NONNEGATIVE, "C", differentiable=False, optional=True)
    ignore_index = Flag(default=-100, landmarks=(1,))

    def value(
        self, log_probabilities: Tracked, labels: Labels, weight: Tracked | None = None
    ) -> Tracked:
        kept = labels != self.ignore_index
        known = np.where(kept, labels, 0)
        losses = -pick(log_probabilities, known)
        if weight is not None:
            losses = weight[known] * losses
        return where(kept, losses, 0.0)

    def gradient(
        self, log_probabilities: Tracked, labels: Labels, weight: Tracked | None = None
    ) -> Gradients:
        classes = log_probabilities.shape[-1]
        kept = labels != self.ignore_index
        chosen = kept[:, None] & (one_hot(labels, classes) > 0)
        w = log_probabilities.lift(np.ones(classes)) if weight is None else weight
        return {"log_probabilities": where(chosen, -w, 0.0)}

    def denominator(self, **arguments: Any) -> Tracked:
        labels, weight = arguments["labels"], arguments.get("weight")
        kept = labels != self.ignore_index
        if weight is None:
            return self.arithmetic.constant(float(kept.sum()))
        return total(weight[labels[kept]], axis=None)

    laws = (
        law.homogeneous(1, "log_probabilities"), law.convex("log_probabilities"),
        law.monotone("log_probabilities", -1),
        law.permutation_equivariant("log_probabilities", "weight", labels=("labels",)),
    )  # fmt: skip
    references = ("Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4",)
    dialects = {
        "torch": "torch.nn.functional.nll_loss (class axis 1)",
    }
