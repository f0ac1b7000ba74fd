"""Pairwise hinge: a score that must exceed another by a margin.

With d = positive - negative and margin m,

    ℓ(d) = max(0, m - d),        ℓ'(d) = -1 if d < m, 0 if d > m.

At d = m the subdifferential is [-1, 0].
"""

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Elementwise, Gradients, Parameter, register
from lossproof.spec.maths import relu, step
from lossproof.spec.tracked import Tracked


@register
class PairwiseHinge(Elementwise):
    family = "ranking"
    tex = (
        r"p = \text{positive},\qquad n = \text{negative},\qquad m = \text{margin},\qquad d = p - n",
        r"\ell = \max(0, m - d)",
        r"\frac{\partial \ell}{\partial p} = -\frac{\partial \ell}{\partial n}"
        r" = -\mathbf{1}[d < m]",
    )
    positive = Argument(REAL)
    negative = Argument(REAL)
    margin = Parameter(REAL, default=1.0, landmarks=(0.0, 0.25, -1.0), neutral=0.0)
    ties = (("positive", "negative"),)

    def value(self, positive: Tracked, negative: Tracked) -> Tracked:
        return relu(self.margin - (positive - negative))

    def gradient(self, positive: Tracked, negative: Tracked) -> Gradients:
        active = step(self.margin - (positive - negative))
        return {"positive": -active, "negative": active}

    laws = (
        law.nonnegative, law.convex("positive"), law.convex("negative"),
        law.lipschitz("positive"), law.lipschitz("negative"),
        law.monotone("positive", -1), law.monotone("negative", +1),
        law.shift_invariant("positive", "negative"),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="margin_ranking",
            sentence="margin ranking with every target +1",
            arguments=lambda loss, a: {
                "first": a["positive"],
                "second": a["negative"],
                "target": a["positive"].lift(1.0).broadcast_to(a["positive"].shape),
            },
            options=lambda options: {"margin": options["margin"]},
        ),
    )
    kinks = {"d = m": "[-1, 0]"}
    references = (
        "Herbrich, Graepel, Obermayer 2000, Large margin rank boundaries for ordinal regression",
        "doi:10.1145/775047.775067",  # Joachims 2002
    )
    dialects = {
        "torch": "torch.nn.functional.margin_ranking_loss(positive, negative, ones, margin=1); "
        "gradient of the active side at the margin",
        "rax": "rax.pairwise_hinge_loss over the pairs of a list; gradient 0 at the margin",
    }
