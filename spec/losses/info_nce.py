"""InfoNCE: the matching key of every query against all keys of the batch.

For queries Q and keys K of shape (N, D) and temperature τ > 0, with similarities L = Q Kᵀ / τ and
row-wise softmax π,

    ℓ_n = -log π_nn,        with G = diag(u) · (π - I) / τ:   ∂Q = G K,   ∂K = Gᵀ Q,

where u is the cotangent. Rows are not normalised. The samples are coupled: every key is a negative
of every other query.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lossproof.spec import law
from lossproof.spec.domain import POSITIVE, REAL
from lossproof.spec.loss import Argument, Gradients, Loss, Parameter, register
from lossproof.spec.maths import (
    exp_log_softmax,
    expand,
    log_softmax,
    logsumexp,
    pick,
    softmax,
    total,
)
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _batch_order(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    plain = replace(question, reduction="none")
    flipped = {k: np.ascontiguousarray(v[::-1]) for k, v in plain.arguments.items()}
    after = evaluator.value(plain.with_arguments(**flipped))
    yield law.Claim(evaluator.value(plain), "==", after[::-1])


def _exchanged_scale(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    query, key = question.arguments["query"], question.arguments["key"]
    moved = question.with_arguments(
        query=(query * 2).astype(query.dtype), key=(key / 2).astype(key.dtype)
    )
    yield law.Claim(evaluator.value(question), "==", evaluator.value(moved))


@register
class InfoNce(Loss):
    family = "contrastive"
    tex = (
        r"q = \text{query},\qquad k = \text{key},\qquad \tau = \text{temperature}",
        r"L_{nm} = \frac{1}{\tau} \sum_i q_{ni} k_{mi},\qquad "
        r"\pi_{nm} = \frac{e^{L_{nm}}}{\sum_j e^{L_{nj}}},\qquad \ell_n = -\log \pi_{nn}",
        r"G_{nm} = \frac{u_n}{\tau} \left(\pi_{nm} - \mathbf{1}[n = m]\right),\qquad "
        r"\bar{q}_{ni} = \sum_m G_{nm} k_{mi},\qquad \bar{k}_{mi} = \sum_n G_{nm} q_{ni}",
    )
    output = "N"
    query = Argument(REAL, "N D")
    key = Argument(REAL, "N D")
    temperature = Parameter(POSITIVE, default=0.07, landmarks=(1.0, 0.5, 0.01))
    ties = (("query", "key"),)

    def value(self, query: Tracked, key: Tracked) -> Tracked:
        n = np.arange(query.shape[0])
        return -pick(log_softmax(self._similarities(query, key)), n)

    def value_by_logsumexp(self, query: Tracked, key: Tracked) -> Tracked:
        logits = self._similarities(query, key)
        return logsumexp(logits) - pick(logits, np.arange(query.shape[0]))

    def vjp(self, cotangent: Tracked, query: Tracked, key: Tracked) -> Gradients:
        p = softmax(self._similarities(query, key))
        return self._pulled(cotangent, p, query, key)

    def vjp_by_log_softmax(self, cotangent: Tracked, query: Tracked, key: Tracked) -> Gradients:
        p = exp_log_softmax(self._similarities(query, key))
        return self._pulled(cotangent, p, query, key)

    def _similarities(self, query: Tracked, key: Tracked) -> Tracked:
        return total(expand(query, 1) * expand(key, 0)) / self.temperature

    def _pulled(self, cotangent: Tracked, p: Tracked, query: Tracked, key: Tracked) -> Gradients:
        g = expand(cotangent, -1) * (p - np.eye(query.shape[0])) / self.temperature
        return {
            "query": total(expand(g, -1) * expand(key, 0), axis=1),
            "key": total(expand(g, -1) * expand(query, 1), axis=0),
        }

    laws = (
        law.nonnegative, law.shift_invariant("key"),
        law.identity("batch_order", "the order of the pairs does not matter", _batch_order),
        law.identity(
            "exchanged_scale", "doubling queries and halving keys changes nothing",
            _exchanged_scale, coarse=True,
        ),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="cross_entropy",
            sentence="the cross entropy of the similarities, row n labelled n",
            arguments=lambda loss, a: {
                "logits": total(expand(a["query"], 1) * expand(a["key"], 0)) / loss.temperature,
                "labels": np.arange(a["query"].shape[0]),
            },
        ),
    )
    references = ("van den Oord, Li, Vinyals 2018, arXiv:1807.03748",)
    dialects = {
        "torch": "torch.nn.functional.cross_entropy(query @ key.T / temperature, arange(N))",
        "optax": "optax.losses.ntxent differs: cosine similarities, and labels name the positives",
    }
