"""The logarithm of a sum of exponentials over the last axis.

For x of shape (N, C), with m the largest entry of a row and π the softmax of x,

    lse(x) = log Σ_c e**x_c = m + log Σ_c e**(x_c - m),        ∂lse/∂x = π.
"""

from collections.abc import Iterator

import numpy as np

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Gradients, Rowwise, register
from lossproof.spec.maths import exp, expand, largest, log, logsumexp, softmax, total
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _between(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    x = evaluator.arithmetic.input(question.arguments["x"])
    value = evaluator.value(question)
    yield law.Claim(largest(x), "<=", value)
    width = log(evaluator.arithmetic.constant(float(x.shape[-1])))
    yield law.Claim(value, "<=", largest(x) + width)


def _shifts(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    x = question.arguments["x"]
    moved = question.with_arguments(x=(x + np.asarray(3.0)).astype(x.dtype))
    yield law.Claim(evaluator.value(moved), "==", evaluator.value(question) + 3.0)


def _gradient_sums(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    gradient = evaluator.gradient(question.with_cotangent(1.0), "x")
    yield law.Claim(total(gradient), "==", evaluator.arithmetic.constant(1.0))


@register
class Logsumexp(Rowwise):
    family = "function"
    tex = (
        r"x = \text{x},\qquad m = \max_c x_c",
        r"f = \log \sum_c e^{x_c} = m + \log \sum_c e^{x_c - m}",
        r"\frac{\partial f}{\partial x_c} = \frac{e^{x_c}}{\sum_k e^{x_k}}",
    )
    x = Argument(REAL, "N C")
    reductions = ("none",)

    def value(self, x: Tracked) -> Tracked:
        return logsumexp(x)

    def gradient(self, x: Tracked) -> Gradients:
        return {"x": softmax(x)}

    def gradient_by_output(self, x: Tracked) -> Gradients:
        return {"x": exp(x - expand(logsumexp(x), -1))}

    laws = (
        law.convex("x"), law.monotone("x", +1), law.lipschitz("x"),
        law.permutation_equivariant("x"),
        law.identity("between", "it lies between max(x) and max(x) + log C", _between),
        law.identity("shifts", "adding a constant to x adds it to the value", _shifts, coarse=True),
        law.Law(
            name="gradient_sums_to_one.x", sentence="the gradient in x sums to 1 over each row",
            claims=_gradient_sums, gradient="x",
        ),
    )  # fmt: skip
    references = ("doi:10.1093/imanum/draa038",)  # Blanchard, Higham, Higham 2021
    dialects = {
        "torch": "torch.logsumexp(x, dim=-1)",
        "jax": "jax.nn.logsumexp(x, axis=-1)",
        "keras": "keras.ops.logsumexp(x, axis=-1)",
        "scipy": "scipy.special.logsumexp(x, axis=-1)",
    }
