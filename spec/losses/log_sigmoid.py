"""The logarithm of the sigmoid.

log σ(x) = -log(1 + e**-x) = min(x, 0) - log(1 + e**-|x|),        slope σ(-x).
"""

from collections.abc import Iterator

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Elementwise, Gradients, register
from lossproof.spec.maths import log_sigmoid, sigmoid
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _difference(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    x = evaluator.arithmetic.input(question.arguments["x"])
    mirror = question.with_arguments(x=-question.arguments["x"])
    yield law.Claim(evaluator.value(question), "==", evaluator.value(mirror) + x)


def _below_identity(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    x = evaluator.arithmetic.input(question.arguments["x"])
    yield law.Claim(evaluator.value(question), "<=", x)


@register
class LogSigmoid(Elementwise):
    family = "function"
    tex = (
        r"x = \text{x},\qquad \sigma(x) = \frac{1}{1 + e^{-x}}",
        r"f = \log \sigma(x) = \min(x, 0) - \log(1 + e^{-|x|})",
        r"\frac{\partial f}{\partial x} = \sigma(-x)",
    )
    x = Argument(REAL)
    reductions = ("none",)

    def value(self, x: Tracked) -> Tracked:
        return log_sigmoid(x)

    def gradient(self, x: Tracked) -> Gradients:
        return {"x": sigmoid(-x)}

    laws = (
        law.bounded(high=0.0), law.monotone("x", +1), law.lipschitz("x"),
        law.identity("difference", "log σ(x) - log σ(-x) = x", _difference),
        law.identity("below_identity", "log σ(x) <= x", _below_identity),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="softplus",
            sentence="minus the softplus of -x",
            arguments=lambda loss, a: {"x": -a["x"]},
            scale=lambda loss, options: -1.0,
        ),
    )
    references = ("Mächler 2012, Accurately computing log(1 - exp(-|a|)), R package Rmpfr",)
    dialects = {
        "torch": "torch.nn.functional.logsigmoid",
        "jax": "jax.nn.log_sigmoid",
        "keras": "keras.ops.log_sigmoid",
        "scipy": "scipy.special.log_expit",
    }
