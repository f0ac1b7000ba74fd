"""Soft Dice loss over the whole tensor.

For predictions p and targets t in [0, 1], and smoothing s >= 0,

    A = 2 · Σ p · t + s,    B = Σ p + Σ t + s,    L = 1 - A / B,
    ∂L/∂p = (A / B - 2t) / B,        ∂L/∂t = (A / B - 2p) / B.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lossproof.spec import law
from lossproof.spec.domain import NONNEGATIVE, UNIT
from lossproof.spec.loss import Argument, Gradients, Loss, Parameter, register
from lossproof.spec.maths import total
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _hard(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    hard = np.round(question.arguments["target"])
    equal = question.with_arguments(prediction=hard, target=hard)
    yield law.Claim(evaluator.value(equal), "==", evaluator.arithmetic.constant(0.0))


@register
class Dice(Loss):
    family = "segmentation"
    tex = (
        r"p = \text{prediction},\qquad t = \text{target},\qquad s = \text{smooth}",
        r"A = 2 \sum_i p_i t_i + s,\qquad B = \sum_i p_i + \sum_i t_i + s,\qquad "
        r"L = 1 - \frac{A}{B}",
        r"\frac{\partial L}{\partial p_i} = \frac{1}{B} \left(\frac{A}{B} - 2 t_i\right),\qquad "
        r"\frac{\partial L}{\partial t_i} = \frac{1}{B} \left(\frac{A}{B} - 2 p_i\right)",
    )
    prediction = Argument(UNIT, "N D")
    target = Argument(UNIT, "N D")
    smooth = Parameter(NONNEGATIVE, default=1.0, landmarks=(0.0, 1e-5))
    reductions = ("none",)
    output = ""

    def value(self, prediction: Tracked, target: Tracked) -> Tracked:
        ratio, _ = self._overlap(prediction, target)
        return 1 - ratio

    def value_by_difference(self, prediction: Tracked, target: Tracked) -> Tracked:
        apart = total(prediction * (1 - target) + target * (1 - prediction), axis=None)
        return apart / self._overlap(prediction, target)[1]

    def vjp(self, cotangent: Tracked, prediction: Tracked, target: Tracked) -> Gradients:
        ratio, whole = self._overlap(prediction, target)
        scale = cotangent / whole
        return {
            "prediction": scale * (ratio - 2 * target),
            "target": scale * (ratio - 2 * prediction),
        }

    def _overlap(self, prediction: Tracked, target: Tracked) -> tuple[Tracked, Tracked]:
        """A / B and B."""
        overlap = 2 * total(prediction * target, axis=None) + self.smooth
        whole = total(prediction, axis=None) + total(target, axis=None) + self.smooth
        return overlap / whole, whole

    laws = (
        law.bounded(0.0, 1.0), law.symmetric(),
        law.identity("hard", "it is 0 where both are the same zeros and ones", _hard),
        replace(
            law.permutation_equivariant("prediction", "target"),
            sentence="the order of the entries does not matter",
        ),
    )  # fmt: skip
    references = ("doi:10.2307/1932409", "doi:10.1109/3DV.2016.79")  # Dice 1945, Milletari 2016
    dialects = {
        "keras": "keras.losses.Dice(y_true, y_pred) adds 1e-7 to B only",
        "monai": "monai.losses.DiceLoss(smooth_nr=1e-5, smooth_dr=1e-5), of each sample and class",
        "optax": "optax.losses.dice_loss(smooth=1) adds s to half of A and B: s here is twice "
        "that; of each sample",
        "smp": "segmentation_models_pytorch.losses.DiceLoss: overlap Σ min(p, t); B at least 1e-7",
    }
