"""Losses whose probability has a guard below its logarithm, and smoothing by another rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lossproof.conformance.candidates import Base
from lossproof.conformance.variants import stated
from lossproof.spec.loss import Loss
from lossproof.spec.maths import log, log_softmax, pick, sigmoid, softmax, total, where
from lossproof.spec.tracked import Tracked

#: what is added to a probability or a denominator, the usual first
GUARDS = (1e-12, 1e-10, 1e-8, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
#: smoothing that released losses hold
SMOOTHING = (0.1, 0.05, 0.2)

Value = Callable[..., Tracked]


def guarded(base: Any) -> Iterator[Base]:
    """The loss with each guard added to the probability below the logarithm."""
    made = _VALUES.get(base.name)
    for guard in GUARDS if made is not None else ():
        said = f"{guard:g} is added to the probability below the logarithm"
        yield Base(loss=stated(base, made(guard)), but=said, cost=0.5)  # type: ignore[misc]
    for guard in GUARDS if base.name == "cross_entropy" else ():
        said = f"softmax runs over the batch, and {guard:g} is added below the logarithm"
        yield Base(loss=stated(base, _one(guard, axis=0), samples=""), but=said, cost=1.5)


def _one(guard: float, axis: int = -1) -> Value:
    def value(bound: Any, logits: Tracked, labels: Any, weight: Any = None) -> Tracked:
        logs = log(softmax(logits, axis) + guard)
        found: Tracked = bound._from_log_softmax(logs, labels, weight)
        return found

    return value


def _soft(guard: float) -> Value:
    def value(bound: Any, logits: Tracked, target: Tracked, weight: Any = None) -> Tracked:
        return -total(bound._mass(target, weight) * log(softmax(logits) + guard))

    return value


def _lists(guard: float) -> Value:
    def value(bound: Any, prediction: Tracked, target: Tracked) -> Tracked:
        return -total(softmax(target) * log(softmax(prediction) + guard))

    return value


def _binary(guard: float) -> Value:
    def value(
        bound: Any, logits: Tracked, target: Tracked, weight: Any = None, pos_weight: Any = None
    ) -> Tracked:
        positive, negative = log(sigmoid(logits) + guard), log(sigmoid(-logits) + guard)
        by_class = target if pos_weight is None else pos_weight * target
        losses = -(by_class * positive + (1 - target) * negative)
        return losses if weight is None else weight * losses

    return value


def _pairs(guard: float) -> Value:
    def value(bound: Any, positive: Tracked, negative: Tracked) -> Tracked:
        return -log(sigmoid(positive - negative) + guard)

    return value


def _single(guard: float) -> Value:
    return lambda bound, x: log(sigmoid(x) + guard)


_VALUES: dict[str, Callable[[float], Value]] = {
    "cross_entropy": _one,
    "cross_entropy_soft_targets": _soft,
    "listnet": _lists,
    "binary_cross_entropy_with_logits": _binary,
    "bpr": _pairs,
    "pairwise_logistic": _pairs,
    "log_sigmoid": _single,
}


def smoothed(base: type[Loss]) -> Iterator[Base]:
    """Cross entropy with the smoothing shared by the other classes, not by all of them."""
    for part in SMOOTHING:
        others = stated(base, _others(part, entropy=False))
        said = f"label smoothing {part:g} is shared by the C - 1 other classes, not by all C"
        yield Base(loss=others, but=said, cost=0.5)
        divergence = stated(base, _others(part, entropy=True))
        said += ", and the entropy of the target is subtracted: a divergence"
        yield Base(loss=divergence, but=said, cost=0.7)
        said = f"label smoothing {part:g} is divided by the number of rows, not of classes"
        yield Base(loss=stated(base, _by_rows(part), samples=""), but=said, cost=0.7)


def _by_rows(part: float) -> Value:
    def value(bound: Any, logits: Tracked, labels: Any, weight: Any = None) -> Tracked:
        logs = log_softmax(logits)
        kept = labels != bound.ignore_index
        own = pick(logs, np.where(kept, labels, 0))
        found = -((1 - part) * own + (part / logs.shape[0]) * total(logs))
        return where(kept, found, 0.0)

    return value


def _others(part: float, *, entropy: bool) -> Value:
    def value(bound: Any, logits: Tracked, labels: Any, weight: Any = None) -> Tracked:
        logs, count = log_softmax(logits), logits.shape[-1]
        kept = labels != bound.ignore_index
        own = pick(logs, np.where(kept, labels, 0))
        share = part / (count - 1)
        found = -((1 - part) * own + share * (total(logs) - own))
        if entropy:
            one = log(found.lift(1 - part)) * (1 - part)
            found = found + one + log(found.lift(share)) * part
        return where(kept, found, 0.0)

    return value
