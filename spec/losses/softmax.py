"""Softmax over the last axis.

For x of shape (N, C), shifted by the largest entry of each row,

    π_c = e**x_c / Σ_k e**x_k,        pulling u back to x gives π · (u - Σ_k u_k · π_k).
"""

from collections.abc import Iterator

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Gradients, Rowwise, register
from lossproof.spec.maths import exp, expand, log_softmax, softmax, total
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _exp_of_log(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    x = evaluator.arithmetic.input(question.arguments["x"])
    yield law.Claim(evaluator.value(question), "==", exp(log_softmax(x)))


@register
class Softmax(Rowwise):
    family = "function"
    tex = (
        r"x = \text{x},\qquad f_c = \frac{e^{x_c}}{\sum_k e^{x_k}}",
        r"\bar{x}_c = f_c \left(u_c - \sum_k u_k f_k\right)",
    )
    x = Argument(REAL, "N C")
    reductions = ("none",)
    output = "N C"

    def value(self, x: Tracked) -> Tracked:
        return softmax(x)

    def vjp(self, cotangent: Tracked, x: Tracked) -> Gradients:
        p = softmax(x)
        return {"x": p * (cotangent - expand(total(p * cotangent), -1))}

    def vjp_by_products(self, cotangent: Tracked, x: Tracked) -> Gradients:
        p = softmax(x)
        weighted = p * cotangent
        return {"x": weighted - p * expand(total(weighted), -1)}

    laws = (
        law.bounded(0.0, 1.0), law.sums_to(1.0), law.shift_invariant("x"),
        law.permutation_equivariant("x"), law.gradient_sums_to_zero("x"),
        law.identity("exp_of_log", "it is e to the power of the log softmax", _exp_of_log),
    )  # fmt: skip
    references = (
        "Bridle 1990, doi:10.1007/978-3-642-76153-9_28",
        "doi:10.1093/imanum/draa038",  # Blanchard, Higham, Higham 2021
    )
    dialects = {
        "torch": "torch.softmax(x, dim=-1)",
        "jax": "jax.nn.softmax(x, axis=-1)",
        "keras": "keras.ops.softmax(x, axis=-1)",
        "scipy": "scipy.special.softmax(x, axis=-1)",
    }
