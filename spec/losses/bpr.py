"""Bayesian personalised ranking.

With d = positive - negative and σ the sigmoid,

    ℓ(d) = -log σ(d),        ℓ'(d) = -σ(-d).

The regularisation of the original paper is not part of the loss.
"""

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Elementwise, Gradients, register
from lossproof.spec.maths import log_sigmoid, sigmoid
from lossproof.spec.tracked import Tracked


@register
class Bpr(Elementwise):
    family = "ranking"
    tex = (
        r"p = \text{positive},\qquad n = \text{negative},\qquad d = p - n",
        r"\sigma(x) = \frac{1}{1 + e^{-x}},\qquad \ell = -\log \sigma(d)",
        r"\frac{\partial \ell}{\partial p} = -\frac{\partial \ell}{\partial n} = -\sigma(-d)",
    )
    positive = Argument(REAL)
    negative = Argument(REAL)
    ties = (("positive", "negative"),)

    def value(self, positive: Tracked, negative: Tracked) -> Tracked:
        return -log_sigmoid(positive - negative)

    def gradient(self, positive: Tracked, negative: Tracked) -> Gradients:
        slope = sigmoid(negative - positive)
        return {"positive": -slope, "negative": slope}

    laws = (
        law.nonnegative, law.convex("positive"), law.convex("negative"),
        law.lipschitz("positive"), law.lipschitz("negative"),
        law.monotone("positive", -1), law.monotone("negative", +1),
        law.shift_invariant("positive", "negative"),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="pairwise_logistic",
            sentence="the pairwise logistic loss",
            arguments=lambda loss, a: a,
        ),
    )
    references = ("Rendle and others 2009, arXiv:1205.2618",)
    dialects = {
        "torch": "-torch.nn.functional.logsigmoid(positive - negative)",
        "jax": "-jax.nn.log_sigmoid(positive - negative)",
        "user code": "-log(σ(d) + 1e-10) is bounded by 23.03, and its gradient vanishes",
    }
