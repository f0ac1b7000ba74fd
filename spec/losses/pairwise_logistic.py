"""Pairwise logistic loss: RankNet with certain preferences.

With d = positive - negative,

    ℓ(d) = log(1 + e**-d),        ℓ'(d) = -σ(-d).
"""

from collections.abc import Iterator
from dataclasses import replace

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.evaluate import lifted
from lossproof.spec.loss import Argument, Elementwise, Gradients, register
from lossproof.spec.maths import sigmoid, softplus
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _exchanged(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    a = lifted(question.loss, question.arguments, evaluator.arithmetic)
    single = replace(question, reduction="none")
    positive, negative = question.arguments["positive"], question.arguments["negative"]
    exchanged = single.with_arguments(positive=negative, negative=positive)
    right = evaluator.value(exchanged) + (a["negative"] - a["positive"])
    yield law.Claim(evaluator.value(single), "==", right)


@register
class PairwiseLogistic(Elementwise):
    family = "ranking"
    tex = (
        r"p = \text{positive},\qquad n = \text{negative},\qquad d = p - n",
        r"\sigma(x) = \frac{1}{1 + e^{-x}},\qquad \ell = \log(1 + e^{-d})",
        r"\frac{\partial \ell}{\partial p} = -\frac{\partial \ell}{\partial n} = -\sigma(-d)",
    )
    positive = Argument(REAL)
    negative = Argument(REAL)
    ties = (("positive", "negative"),)

    def value(self, positive: Tracked, negative: Tracked) -> Tracked:
        return softplus(-(positive - negative))

    def gradient(self, positive: Tracked, negative: Tracked) -> Gradients:
        slope = sigmoid(-(positive - negative))
        return {"positive": -slope, "negative": slope}

    laws = (
        law.nonnegative, law.convex("positive"), law.convex("negative"),
        law.lipschitz("positive"), law.lipschitz("negative"),
        law.monotone("positive", -1), law.monotone("negative", +1),
        law.shift_invariant("positive", "negative"),
        law.identity("exchanged", "exchanging the scores adds their difference", _exchanged),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="binary_cross_entropy_with_logits",
            sentence="binary cross entropy of the logits positive - negative with every target 1",
            arguments=lambda loss, a: {
                "logits": a["positive"] - a["negative"],
                "target": a["positive"].lift(1.0).broadcast_to(a["positive"].shape),
            },
        ),
    )
    references = ("doi:10.1145/1102351.1102363",)  # Burges and others 2005
    dialects = {
        "torch": "torch.nn.functional.softplus(negative - positive); identity beyond 20",
        "rax": "rax.pairwise_logistic_loss over the pairs of a list",
    }
