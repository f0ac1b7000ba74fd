"""Softplus, a smooth max(x, 0).

ζ(x) = log(1 + e**x) = max(x, 0) + log(1 + e**-|x|),        ζ'(x) = σ(x).
"""

from collections.abc import Iterator

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Elementwise, Gradients, register
from lossproof.spec.maths import relu, sigmoid, softplus
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _difference(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    x = evaluator.arithmetic.input(question.arguments["x"])
    mirror = question.with_arguments(x=-question.arguments["x"])
    yield law.Claim(evaluator.value(question), "==", evaluator.value(mirror) + x)


def _above_relu(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    x = evaluator.arithmetic.input(question.arguments["x"])
    yield law.Claim(relu(x), "<=", evaluator.value(question))


@register
class Softplus(Elementwise):
    family = "function"
    tex = (
        r"x = \text{x},\qquad \sigma(x) = \frac{1}{1 + e^{-x}}",
        r"f = \log(1 + e^x) = \max(x, 0) + \log(1 + e^{-|x|})",
        r"\frac{\partial f}{\partial x} = \sigma(x)",
    )
    x = Argument(REAL)
    reductions = ("none",)

    def value(self, x: Tracked) -> Tracked:
        return softplus(x)

    def gradient(self, x: Tracked) -> Gradients:
        return {"x": sigmoid(x)}

    laws = (
        law.nonnegative, law.convex("x"), law.monotone("x", +1), law.lipschitz("x"),
        law.identity("difference", "ζ(x) - ζ(-x) = x", _difference),
        law.identity("above_relu", "ζ(x) >= max(x, 0)", _above_relu),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="binary_cross_entropy_with_logits",
            sentence="binary cross entropy with logits, every target 0",
            arguments=lambda loss, a: {
                "logits": a["x"],
                "target": a["x"].lift(0.0).broadcast_to(a["x"].shape),
            },
        ),
    )
    references = (
        "Dugas and others 2000, Incorporating second-order functional knowledge, NIPS 13",
    )
    dialects = {
        "torch": "torch.nn.functional.softplus(beta=1); the identity beyond threshold=20",
        "jax": "jax.nn.softplus",
        "keras": "keras.ops.softplus",
        "numpy": "numpy.logaddexp(x, 0)",
    }
