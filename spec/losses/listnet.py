"""ListNet: cross entropy between two rankings' top-one distributions.

For scores s (`prediction`) and relevances t (`target`) of shape (N, C), with q = softmax(t) and
log π = s - log Σ exp s,

    ℓ_n = -Σ_c q_c · log π_c,        ∂ℓ_n/∂s = π - q,        ∂ℓ_n/∂t = -q · (log π + ℓ_n).

The least value over s is the entropy of q, at s = t + constant.
"""

from collections.abc import Iterator

from lossproof.spec import law
from lossproof.spec.domain import REAL
from lossproof.spec.loss import Argument, Gradients, Rowwise, register
from lossproof.spec.maths import exp_log_softmax, expand, log_softmax, logsumexp, softmax, total
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _least(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    best = question.with_arguments(prediction=question.arguments["target"])
    yield law.Claim(evaluator.value(best), "<=", evaluator.value(question))


@register
class Listnet(Rowwise):
    family = "ranking"
    tex = (
        r"s = \text{prediction},\qquad t = \text{target}",
        r"\pi_c = \frac{e^{s_c}}{\sum_k e^{s_k}},\qquad q_c = \frac{e^{t_c}}{\sum_k e^{t_k}}",
        r"\ell = -\sum_c q_c \log \pi_c",
        r"\frac{\partial \ell}{\partial s_c} = \pi_c - q_c,\qquad "
        r"\frac{\partial \ell}{\partial t_c} = -q_c (\log \pi_c + \ell)",
    )
    prediction = Argument(REAL, "N C")
    target = Argument(REAL, "N C")
    ties = (("prediction", "target"),)

    def value(self, prediction: Tracked, target: Tracked) -> Tracked:
        return -total(softmax(target) * log_softmax(prediction))

    def value_by_logsumexp(self, prediction: Tracked, target: Tracked) -> Tracked:
        return -total(softmax(target) * (prediction - expand(logsumexp(prediction), -1)))

    def gradient(self, prediction: Tracked, target: Tracked) -> Gradients:
        q, logp = softmax(target), log_softmax(prediction)
        loss = -total(q * logp)
        return {
            "prediction": softmax(prediction) - q,
            "target": -q * (logp + expand(loss, -1)),
        }

    def gradient_by_chain_rule(self, prediction: Tracked, target: Tracked) -> Gradients:
        # the products of softmax and log-softmax with a cotangent, as automatic differentiation
        # forms them: Σ q is not taken to be 1, and q is distributed over the difference
        q, logp = softmax(target), log_softmax(prediction)
        pulled = q * -logp
        return {
            "prediction": exp_log_softmax(prediction) * expand(total(q), -1) - q,
            "target": pulled - q * expand(total(pulled), -1),
        }

    laws = (
        law.nonnegative, law.shift_invariant("prediction"), law.shift_invariant("target"),
        law.gradient_sums_to_zero("prediction"), law.gradient_sums_to_zero("target"),
        law.convex("prediction"), law.lipschitz("prediction", 1.0),
        law.permutation_equivariant("prediction", "target"),
        law.identity("least_at_target", "no scores do better than the target itself", _least),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="cross_entropy_soft_targets",
            sentence="the cross entropy with targets softmax(target)",
            arguments=lambda loss, a: {
                "logits": a["prediction"],
                "target": softmax(a["target"]),
            },
        ),
    )
    references = ("Cao, Qin, Liu, Tsai, Li 2007, doi:10.1145/1273496.1273513",)
    dialects = {
        "rax": "rax.softmax_loss(label_fn=jax.nn.softmax), averaged over the lists",
        "optax": "optax.losses.ranking_softmax_loss on softmax(labels)",
    }
