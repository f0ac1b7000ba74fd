"""Binary cross entropy of the sigmoid of logits.

For a logit z, a target t in [0, 1], and weights w and c (`weight`, `pos_weight`) of 1 if not given,
with σ the sigmoid and ζ(z) = log(1 + e**z),

    ℓ(z, t) = w · [(1 - t) · ζ(z) + c · t · ζ(-z)],
    ∂ℓ/∂z = w · [(1 - t) · σ(z) - c · t · σ(-z)],        ∂ℓ/∂t = w · [c · ζ(-z) - ζ(z)].

Without `pos_weight` that is w · [max(z, 0) - z · t + log(1 + e**-|z|)], with slopes w · (σ(z) - t)
and -w · z. The mean divides by the number of elements, whatever the weights.
"""

from collections.abc import Iterator
from dataclasses import replace

from lossproof.spec import law
from lossproof.spec.domain import NONNEGATIVE, REAL, UNIT
from lossproof.spec.evaluate import lifted
from lossproof.spec.loss import Argument, Elementwise, Gradients, register
from lossproof.spec.losses.binary_cross_entropy import BinaryCrossEntropy, complement
from lossproof.spec.maths import exp, log1p, relu, sigmoid, softplus
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _without_weights(base: law.Law, *names: str) -> law.Law:
    """The law where none of the named weights is given."""

    def claims(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
        if all(question.arguments.get(name) is None for name in names):
            yield from base.claims(evaluator, question)

    sentence = f"{base.sentence}, without {' or '.join(names)}"
    return replace(base, claims=claims, sentence=sentence)


def _after_sigmoid(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    a = lifted(question.loss, question.arguments, evaluator.arithmetic)
    losses = BinaryCrossEntropy(evaluator.arithmetic).value(sigmoid(a["logits"]), a["target"])
    yield law.Claim(evaluator.value(replace(question, reduction="none")), "==", losses)


@register
class BinaryCrossEntropyWithLogits(Elementwise):
    family = "classification"
    tex = (
        r"z = \text{logits},\qquad t = \text{target},\qquad w = \text{weight},\qquad "
        r"c = \text{pos_weight}",
        r"\sigma(x) = \frac{1}{1 + e^{-x}},\qquad \zeta(x) = \log(1 + e^x)",
        r"\ell = w \left((1 - t) \zeta(z) + c t \zeta(-z)\right)",
        r"\frac{\partial \ell}{\partial z} = w \left((1 - t) \sigma(z)"
        r" - c t \sigma(-z)\right),\qquad "
        r"\frac{\partial \ell}{\partial t} = w \left(c \zeta(-z) - \zeta(z)\right)",
    )
    logits = Argument(REAL)
    target = Argument(UNIT)
    weight = Argument(NONNEGATIVE, differentiable=False, optional=True)
    pos_weight = Argument(NONNEGATIVE, differentiable=False, optional=True)

    def value(
        self,
        logits: Tracked,
        target: Tracked,
        weight: Tracked | None = None,
        pos_weight: Tracked | None = None,
    ) -> Tracked:
        if pos_weight is not None:
            return self.value_by_terms(logits, target, weight, pos_weight)
        return _weighted(weight, relu(logits) - logits * target + log1p(exp(-abs(logits))))

    def value_by_terms(
        self,
        logits: Tracked,
        target: Tracked,
        weight: Tracked | None = None,
        pos_weight: Tracked | None = None,
    ) -> Tracked:
        positive = _weighted(pos_weight, target * softplus(-logits))
        return _weighted(weight, complement(target) * softplus(logits) + positive)

    def value_by_weighted_target(
        self,
        logits: Tracked,
        target: Tracked,
        weight: Tracked | None = None,
        pos_weight: Tracked | None = None,
    ) -> Tracked:
        # c · t first: it may underflow where c · (t · ζ(-z)) does not
        positive = _weighted(pos_weight, target) * softplus(-logits)
        return _weighted(weight, complement(target) * softplus(logits) + positive)

    def gradient(
        self,
        logits: Tracked,
        target: Tracked,
        weight: Tracked | None = None,
        pos_weight: Tracked | None = None,
    ) -> Gradients:
        slopes = _slopes(logits, target, pos_weight)
        return {key: _weighted(weight, slope) for key, slope in slopes.items()}

    def gradient_by_terms(
        self,
        logits: Tracked,
        target: Tracked,
        weight: Tracked | None = None,
        pos_weight: Tracked | None = None,
    ) -> Gradients:
        positive = _weighted(pos_weight, target * sigmoid(-logits))
        slope = complement(target) * sigmoid(logits) - positive
        by_target = _weighted(pos_weight, softplus(-logits)) - softplus(logits)
        return {"logits": _weighted(weight, slope), "target": _weighted(weight, by_target)}

    def vjp_by_chain(
        self,
        cotangent: Tracked,
        logits: Tracked,
        target: Tracked,
        weight: Tracked | None = None,
        pos_weight: Tracked | None = None,
    ) -> Gradients:
        each = _weighted(weight, cotangent)
        slopes = _slopes(logits, target, pos_weight)
        return {key: each * slope for key, slope in slopes.items()}

    laws = (
        law.nonnegative, law.convex("logits"),
        _without_weights(law.lipschitz("logits"), "weight", "pos_weight"),
        _without_weights(law.mirrored("logits", complemented=("target",)), "pos_weight"),
        _without_weights(
            law.identity("after_sigmoid", "it is the cross entropy of σ(z)", _after_sigmoid),
            "weight", "pos_weight",
        ),
    )  # fmt: skip
    references = ("doi:10.1111/j.2517-6161.1958.tb00292.x",)  # Cox 1958
    dialects = {
        "torch": "torch.nn.functional.binary_cross_entropy_with_logits; evaluates "
        "(1 - t)·z + ζ(-z), which loses small losses of negative logits",
        "optax": "optax.sigmoid_binary_cross_entropy, not reduced, no weights",
        "keras": "keras.losses.BinaryCrossentropy(from_logits=True)(y_true, y_pred)",
        "sklearn": "sklearn._loss.HalfBinomialLoss",
    }


def _weighted(weight: Tracked | None, losses: Tracked) -> Tracked:
    return losses if weight is None else weight * losses


def _slopes(logits: Tracked, target: Tracked, pos_weight: Tracked | None) -> Gradients:
    if pos_weight is None:
        return {"logits": sigmoid(logits) - target, "target": -logits}
    c = pos_weight * target
    return {
        "logits": (c + 1 - target) * sigmoid(logits) - c,
        "target": pos_weight * softplus(-logits) - softplus(logits),
    }
