"""Focal loss: binary cross entropy with logits, less weight on what is already right.

For a logit z and a target t of 0 or 1, let s = z where t = 1 and s = -z where t = 0. With σ the
sigmoid, ζ(s) = log(1 + e**s), and α_t = α where t = 1, 1 - α where t = 0 (1 if α is None),

    ℓ(z, t) = α_t · σ(-s)^γ · ζ(-s),
    ∂ℓ/∂s = -α_t · σ(-s)^γ · (γ · σ(s) · ζ(-s) + σ(-s)),

where σ(-s)^γ = exp(-γ · ζ(s)). σ(s) is the probability of the right class.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.spec import law
from lossproof.spec.carriers import Mask
from lossproof.spec.domain import BINARY, NONNEGATIVE, REAL, UNIT
from lossproof.spec.evaluate import lifted
from lossproof.spec.loss import (
    Argument,
    Arguments,
    Elementwise,
    Gradients,
    Parameter,
    register,
)
from lossproof.spec.maths import exp, sigmoid, softplus, where
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _positive(target: Tracked) -> Mask:
    return np.asarray(target.bounds()[0] == 1.0)


def _mirrored(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    logits, target = question.arguments["logits"], question.arguments["target"]
    options = question.loss.complete(question.options)
    alpha = options["alpha"]
    if alpha is not None:
        options["alpha"] = 1 - alpha
    other = replace(question, options=options)
    other = other.with_arguments(logits=-logits, target=(1 - target).astype(target.dtype))
    yield law.Claim(evaluator.value(question), "==", evaluator.value(other))


def _below_cross_entropy(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    a = lifted(question.loss, question.arguments, evaluator.arithmetic)
    s = where(_positive(a["target"]), a["logits"], -a["logits"])
    single = replace(question, reduction="none")
    yield law.Claim(evaluator.value(single), "<=", softplus(-s))


def _towards_target(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    gradient = evaluator.gradient(question.with_cotangent(1.0), "logits")
    positive = np.asarray(question.arguments["target"], dtype=np.float64) == 1.0
    yield law.Claim(where(positive, gradient, -gradient), "<=", evaluator.arithmetic.constant(0.0))


@register
class SigmoidFocal(Elementwise):
    family = "classification"
    tex = (
        r"z = \text{logits},\qquad t = \text{target},\qquad \alpha = \text{alpha},\qquad "
        r"\gamma = \text{gamma}",
        r"\sigma(x) = \frac{1}{1 + e^{-x}},\qquad \zeta(x) = \log(1 + e^x)",
        r"s = \begin{cases} z & \text{if } t = 1 \\ -z & \text{otherwise} \end{cases}",
        r"\alpha_t = \begin{cases} 1 & \text{if alpha is None} \\ \alpha & \text{if } t = 1 \\ "
        r"1 - \alpha & \text{otherwise} \end{cases}",
        r"\ell = \alpha_t \sigma(-s)^\gamma \zeta(-s)",
        r"\frac{\partial \ell}{\partial z} = (1"
        r" - 2 t) \alpha_t \sigma(-s)^\gamma \left(\gamma \sigma(s) \zeta(-s) + \sigma(-s)\right)",
    )
    logits = Argument(REAL)
    target = Argument(BINARY, differentiable=False)
    alpha = Parameter(UNIT, default=0.25, optional=True, landmarks=(None, 0.0, 1.0))
    gamma = Parameter(NONNEGATIVE, default=2.0, landmarks=(0.0, 0.5, 1.0, 5.0), neutral=0.0)

    def value(self, logits: Tracked, target: Tracked) -> Tracked:
        positive = _positive(target)
        s = where(positive, logits, -logits)
        return self._balanced(positive, self._modulation(s) * softplus(-s))

    def gradient(self, logits: Tracked, target: Tracked) -> Gradients:
        positive = _positive(target)
        s = where(positive, logits, -logits)
        rate = self._modulation(s) * (self.gamma * (sigmoid(s) * softplus(-s)) + sigmoid(-s))
        slope = self._balanced(positive, rate)
        return {"logits": where(positive, -slope, slope)}

    def vjp_by_chain(self, cotangent: Tracked, logits: Tracked, target: Tracked) -> Gradients:
        # the cotangent first, as automatic differentiation does: the products may underflow
        # where those of the partial derivative do not
        positive = _positive(target)
        s = where(positive, logits, -logits)
        u, m = self._balanced(positive, cotangent), self._modulation(s)
        slope = self.gamma * (u * softplus(-s) * m) * sigmoid(s) + u * m * sigmoid(-s)
        return {"logits": where(positive, -slope, slope)}

    @classmethod
    def gain(cls, arguments: Arguments, options: Mapping[str, Any]) -> float:
        # γ · ζ(-s) may come before a σ(s) of 0
        gamma = float(cls.complete(options)["gamma"])
        return super().gain(arguments, options) * max(1.0, gamma)

    def _modulation(self, s: Tracked) -> Tracked:
        return exp(-(self.gamma * softplus(s)))

    def _balanced(self, positive: Mask, losses: Tracked) -> Tracked:
        alpha = self.alpha
        return losses if alpha is None else where(positive, alpha, 1 - alpha) * losses

    laws = (
        law.nonnegative,
        law.identity(
            "mirrored", "negating logits with 1 - target and 1 - alpha changes nothing",
            _mirrored, coarse=True,
        ),
        law.identity(
            "below_cross_entropy", "it is at most the cross entropy", _below_cross_entropy
        ),
        law.Law(
            name="towards_target.logits", sentence="decreasing in the margin of the right class",
            claims=_towards_target, gradient="logits",
        ),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="binary_cross_entropy_with_logits",
            sentence="binary cross entropy with logits if gamma is 0 and alpha is None",
            arguments=lambda loss, a: a,
            when=lambda options: options["gamma"] == 0 and options["alpha"] is None,
            at={"gamma": 0.0, "alpha": None},
        ),
    )
    references = ("doi:10.1109/ICCV.2017.324",)  # Lin and others 2017
    dialects = {
        "torchvision": "torchvision.ops.sigmoid_focal_loss(alpha=0.25, gamma=2); alpha < 0 is None",
        "optax": "optax.sigmoid_focal_loss(alpha=None, gamma=2), not reduced",
        "keras": "keras.losses.BinaryFocalCrossentropy(apply_class_balancing=False, alpha=0.25, "
        "gamma=2, from_logits=False)(y_true, y_pred)",
        "kornia": "kornia.losses.binary_focal_loss_with_logits(alpha=0.25, gamma=2)",
    }
