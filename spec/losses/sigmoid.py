"""Sigmoid, the logistic function.

σ(x) = 1 / (1 + e**-x) = e**x / (1 + e**x),        σ'(x) = σ(x) · σ(-x).
"""

from collections.abc import Iterator

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Elementwise, Gradients, register
from lossproof.spec.maths import sigmoid
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _complement(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    mirror = question.with_arguments(x=-question.arguments["x"])
    both = evaluator.value(question) + evaluator.value(mirror)
    yield law.Claim(both, "==", evaluator.arithmetic.constant(1.0))


@register
class Sigmoid(Elementwise):
    family = "function"
    tex = (
        r"x = \text{x},\qquad \sigma(x) = \frac{1}{1 + e^{-x}}",
        r"f = \sigma(x) = \frac{e^x}{1 + e^x}",
        r"\frac{\partial f}{\partial x} = \sigma(x) \sigma(-x) = f (1 - f)",
    )
    x = Argument(REAL)
    reductions = ("none",)

    def value(self, x: Tracked) -> Tracked:
        return sigmoid(x)

    def gradient(self, x: Tracked) -> Gradients:
        return {"x": sigmoid(x) * sigmoid(-x)}

    def gradient_by_output(self, x: Tracked) -> Gradients:
        s = sigmoid(x)
        return {"x": s * (1 - s)}

    laws = (
        law.bounded(0.0, 1.0), law.monotone("x", +1), law.lipschitz("x", 0.25),
        law.identity("complement", "σ(x) + σ(-x) = 1", _complement),
    )  # fmt: skip
    references = ("Verhulst 1845, Recherches mathématiques sur la loi d'accroissement",)
    dialects = {
        "torch": "torch.sigmoid",
        "jax": "jax.nn.sigmoid",
        "keras": "keras.ops.sigmoid",
        "scipy": "scipy.special.expit",
    }
