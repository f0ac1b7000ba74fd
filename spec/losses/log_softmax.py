"""Log softmax over the last axis.

For x of shape (N, C), shifted by the largest entry of each row, with π the softmax of x,

    log π_c = x_c - log Σ_k e**x_k,        pulling u back to x gives u - π · Σ_k u_k.
"""

from collections.abc import Iterator

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Gradients, Rowwise, register
from lossproof.spec.maths import (
    exp,
    exp_log_softmax,
    expand,
    log_softmax,
    logsumexp,
    softmax,
    total,
)
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _normalised(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    weights = exp(evaluator.value(question))
    yield law.Claim(total(weights), "==", evaluator.arithmetic.constant(1.0))


@register
class LogSoftmax(Rowwise):
    family = "function"
    tex = (
        r"x = \text{x},\qquad f_c = x_c - \log \sum_k e^{x_k}",
        r"\bar{x}_c = u_c - e^{f_c} \sum_k u_k",
    )
    x = Argument(REAL, "N C")
    reductions = ("none",)
    output = "N C"

    def value(self, x: Tracked) -> Tracked:
        return log_softmax(x)

    def value_by_logsumexp(self, x: Tracked) -> Tracked:
        return x - expand(logsumexp(x), -1)

    def vjp(self, cotangent: Tracked, x: Tracked) -> Gradients:
        return {"x": cotangent - softmax(x) * expand(total(cotangent), -1)}

    def vjp_by_output(self, cotangent: Tracked, x: Tracked) -> Gradients:
        return {"x": cotangent - exp_log_softmax(x) * expand(total(cotangent), -1)}

    laws = (
        law.bounded(high=0.0), law.shift_invariant("x"), law.permutation_equivariant("x"),
        law.gradient_sums_to_zero("x"),
        law.identity("normalised", "e to its power sums to 1 over each row", _normalised),
    )  # fmt: skip
    references = ("doi:10.1093/imanum/draa038",)  # Blanchard, Higham, Higham 2021
    dialects = {
        "torch": "torch.log_softmax(x, dim=-1)",
        "jax": "jax.nn.log_softmax(x, axis=-1)",
        "keras": "keras.ops.log_softmax(x, axis=-1)",
        "scipy": "scipy.special.log_softmax(x, axis=-1)",
    }
