"""Softmax cross entropy with a distribution as target.

For logits z and targets t >= 0 of shape (N, C), class weights w and label smoothing α, with
log π = z - log Σ exp z,

    ℓ_n = -Σ_c m_c · log π_c,        m = w · ((1 - α) · t + α / C),
    ∂ℓ_n/∂z = π · Σ_c m_c - m,        ∂ℓ_n/∂t = -(1 - α) · w · log π.

The rows of t need not sum to 1. The mean divides by N, whatever the weights.
"""

from collections.abc import Iterator
from dataclasses import replace

from lossproof.spec import law
from lossproof.spec.domain import NONNEGATIVE, REAL, UNIT
from lossproof.spec.loss import Argument, Gradients, Parameter, Rowwise, register
from lossproof.spec.maths import (
    exp,
    exp_log_softmax,
    expand,
    log,
    log_softmax,
    logsumexp,
    softmax,
    total,
    xlogy,
)
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _kl_plus_entropy(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    plain = replace(question, options={}, reduction="none").with_arguments(weight=None)
    target = evaluator.arithmetic.input(plain.arguments["target"])
    logp = log_softmax(evaluator.arithmetic.input(plain.arguments["logits"]))
    divergence = total(xlogy(target, log(target) - logp))
    entropy = -total(xlogy(target, log(target)))
    yield law.Claim(evaluator.value(plain), "==", divergence + entropy)


@register
class CrossEntropySoftTargets(Rowwise):
    family = "classification"
    tex = (
        r"z = \text{logits},\qquad t = \text{target},\qquad w = \text{weight},\qquad "
        r"\alpha = \text{label_smoothing}",
        r"\pi_c = \frac{e^{z_c}}{\sum_k e^{z_k}},\qquad "
        r"m_c = w_c \left((1 - \alpha) t_c + \frac{\alpha}{C}\right)",
        r"\ell = -\sum_c m_c \log \pi_c",
        r"\frac{\partial \ell}{\partial z_c} = \pi_c \sum_k m_k - m_c,\qquad "
        r"\frac{\partial \ell}{\partial t_c} = -(1 - \alpha) w_c \log \pi_c",
    )
    logits = Argument(REAL, "N C")
    target = Argument(UNIT, "N C")
    weight = Argument(NONNEGATIVE, "C", differentiable=False, optional=True)
    label_smoothing = Parameter(UNIT, default=0.0, landmarks=(0.1, 1.0))

    def value(self, logits: Tracked, target: Tracked, weight: Tracked | None = None) -> Tracked:
        return -total(self._mass(target, weight) * log_softmax(logits))

    def value_by_logsumexp(
        self, logits: Tracked, target: Tracked, weight: Tracked | None = None
    ) -> Tracked:
        return -total(self._mass(target, weight) * (logits - expand(logsumexp(logits), -1)))

    def gradient(
        self, logits: Tracked, target: Tracked, weight: Tracked | None = None
    ) -> Gradients:
        return self._gradient(softmax(logits), log_softmax(logits), target, weight)

    def gradient_by_log_softmax(
        self, logits: Tracked, target: Tracked, weight: Tracked | None = None
    ) -> Gradients:
        return self._gradient(exp_log_softmax(logits), log_softmax(logits), target, weight)

    def gradient_by_logsumexp(
        self, logits: Tracked, target: Tracked, weight: Tracked | None = None
    ) -> Gradients:
        logp = logits - expand(logsumexp(logits), -1)
        return self._gradient(exp(logp), logp, target, weight)

    def _gradient(
        self, p: Tracked, logp: Tracked, target: Tracked, weight: Tracked | None
    ) -> Gradients:
        mass = self._mass(target, weight)
        slope = -logp if weight is None else -(weight * logp)
        if self.options_given("label_smoothing"):
            slope = (1 - self.label_smoothing) * slope
        return {"logits": p * expand(total(mass), -1) - mass, "target": slope}

    def _mass(self, target: Tracked, weight: Tracked | None) -> Tracked:
        mass = target
        if self.options_given("label_smoothing"):
            alpha = self.label_smoothing
            mass = (1 - alpha) * target + alpha / target.shape[-1]
        return mass if weight is None else weight * mass

    laws = (
        law.nonnegative, law.shift_invariant("logits"), law.gradient_sums_to_zero("logits"),
        law.convex("logits"), law.permutation_equivariant("logits", "target", "weight"),
        law.identity(
            "kl_plus_entropy", "the divergence from the target plus its entropy", _kl_plus_entropy
        ),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="cross_entropy_soft_targets",
            sentence="label smoothing mixes the target with the uniform distribution",
            arguments=lambda loss, a: {
                **a,
                "target": (1 - loss.label_smoothing) * a["target"]
                + loss.label_smoothing / a["target"].shape[-1],
            },
            when=lambda options: options["label_smoothing"] > 0,
        ),
    )
    references = ("Bridle 1990, doi:10.1007/978-3-642-76153-9_28", "doi:10.1109/CVPR.2016.308")
    dialects = {
        "torch": "torch.nn.functional.cross_entropy with a floating target of the logits' shape "
        "(class axis 1)",
        "optax": "optax.softmax_cross_entropy, not reduced; smoothing by optax.smooth_labels",
        "keras": "keras.losses.CategoricalCrossentropy(from_logits=True)(y_true, y_pred)",
        "rax": "rax.softmax_loss(label_fn=identity)",
    }
