"""Margin ranking: which of two scores must be the larger, by a margin.

With d = first - second, a target y of -1 or +1, and margin m,

    ℓ(d, y) = max(0, m - y · d),        ∂ℓ/∂d = -y if y · d < m, 0 if y · d > m.

At y · d = m the subdifferential is the interval between 0 and -y.
"""

from collections.abc import Iterator

from lossproof.spec import law
from lossproof.spec.domain import REAL, SIGN
from lossproof.spec.loss import Argument, Elementwise, Gradients, Parameter, register
from lossproof.spec.maths import relu, step
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _antisymmetric(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    a = question.arguments
    other = question.with_arguments(first=a["second"], second=a["first"], target=-a["target"])
    yield law.Claim(evaluator.value(question), "==", evaluator.value(other))


@register
class MarginRanking(Elementwise):
    family = "ranking"
    tex = (
        r"a = \text{first},\qquad b = \text{second},\qquad y = \text{target},\qquad "
        r"m = \text{margin},\qquad d = a - b",
        r"\ell = \max(0, m - y d)",
        r"\frac{\partial \ell}{\partial a} = -\frac{\partial \ell}{\partial b}"
        r" = -y \mathbf{1}[y d < m]",
    )
    first = Argument(REAL)
    second = Argument(REAL)
    target = Argument(SIGN, differentiable=False)
    margin = Parameter(REAL, default=0.0, landmarks=(1.0, 0.25, -1.0))
    ties = (("first", "second"),)

    def value(self, first: Tracked, second: Tracked, target: Tracked) -> Tracked:
        return relu(self.margin - target * (first - second))

    def gradient(self, first: Tracked, second: Tracked, target: Tracked) -> Gradients:
        slope = target * step(self.margin - target * (first - second))
        return {"first": -slope, "second": slope}

    laws = (
        law.nonnegative, law.convex("first"), law.convex("second"),
        law.lipschitz("first"), law.lipschitz("second"),
        law.shift_invariant("first", "second"), law.mirrored("first", "second", "target"),
        law.identity(
            "antisymmetric", "exchanging the scores and negating the target changes nothing",
            _antisymmetric,
        ),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="pairwise_hinge",
            sentence="the pairwise hinge of both scores times the target",
            arguments=lambda loss, a: {
                "positive": a["target"] * a["first"],
                "negative": a["target"] * a["second"],
            },
            options=lambda options: {"margin": options["margin"]},
        ),
    )
    kinks = {"y · d = m": "between 0 and -y"}
    references = (
        "Herbrich, Graepel, Obermayer 2000, Large margin rank boundaries for ordinal regression",
    )
    dialects = {
        "torch": "torch.nn.functional.margin_ranking_loss(input1, input2, target, margin=0); "
        "gradient of the active side at the kink; a target of 0 gives max(0, margin)",
    }
