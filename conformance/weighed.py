"""Losses of classes as they are often miswritten: which classes count, and which are weighted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lossproof.conformance.candidates import Base
from lossproof.conformance.variants import stated
from lossproof.spec.maths import exp, log1p, log_softmax, pick, relu, total, where
from lossproof.spec.tracked import Tracked

PADDING = 0


def padded(base: Any) -> Iterator[Base]:
    """Labels of 0 ignored, as if they were padding."""

    def value(bound: Any, *places: Any, **named: Any) -> Tracked:
        labels = named["labels"] if "labels" in named else places[1]
        return where(labels != PADDING, base.value(bound, *places, **named), 0.0)

    def denominator(bound: Any, **arguments: Any) -> Tracked:
        labels = arguments["labels"]
        dropped = np.where(labels == PADDING, bound.ignore_index, labels)
        found: Tracked = base.denominator(bound, **{**arguments, "labels": dropped})
        return found

    loss = stated(base, value, denominator=denominator)
    yield Base(loss=loss, but="labels of 0 are ignored, as if ignore_index were 0", cost=0.7)


def smoothing_weights(base: Any) -> Iterator[Base]:
    """The smoothed part without the weights of the classes, or with that of the label."""
    weights = (
        ("the smoothed part is not multiplied by the weights of the classes", False),
        ("the smoothed part is multiplied by the weight of the label, not of each class", True),
    )
    for said, alike in weights:

        def value(
            bound: Any, logits: Tracked, labels: Any, weight: Any = None, alike: bool = alike
        ) -> Tracked:
            logs, kept = log_softmax(logits), labels != bound.ignore_index
            known = np.where(kept, labels, 0)
            w = 1.0 if weight is None else weight[known]
            alpha = bound.label_smoothing
            spread = (alpha / logits.shape[-1]) * total(logs)
            found = (alpha - 1) * (w * pick(logs, known)) - (w * spread if alike else spread)
            return where(kept, found, 0.0)

        yield Base(loss=stated(base, value), but=said, cost=0.7, of="label_smoothing")


def both_classes(base: Any) -> Iterator[Base]:
    """`pos_weight` multiplied with the whole loss."""

    def value(
        bound: Any, logits: Tracked, target: Tracked, weight: Any = None, pos_weight: Any = None
    ) -> Tracked:
        found: Tracked = base.value(bound, logits, target, weight, None)
        return found if pos_weight is None else pos_weight * found

    said = "pos_weight multiplies the loss of both classes, not that of the positive one alone"
    yield Base(loss=stated(base, value), but=said, cost=0.7, of="pos_weight", parts=True)


def true_class(base: Any) -> Iterator[Base]:
    """The hinge of the true class in the sum, which is the margin whatever the logits."""

    def value(bound: Any, logits: Tracked, labels: Any, weight: Any = None) -> Tracked:
        hinge = relu(bound._gaps(logits, labels))
        powers = hinge if bound.p == 1 else hinge * hinge
        found: Tracked = bound._weighted(total(powers), labels, weight) / logits.shape[-1]
        return found

    said = "the true class is in the sum, with a hinge of max(0, margin)"
    yield Base(loss=stated(base, value), but=said, cost=0.5, at_all="p")

    def fewer(bound: Any, logits: Tracked, labels: Any, weight: Any = None) -> Tracked:
        classes = logits.shape[-1]
        found: Tracked = base.value(bound, logits, labels, weight) * (classes / (classes - 1))
        return found

    said = "divided by the C - 1 other classes, not by C"
    yield Base(loss=stated(base, fewer), but=said, cost=0.7)


def negatives_alone(base: Any) -> Iterator[Base]:
    """The matching key left out of the sum over all keys."""

    def value(bound: Any, query: Tracked, key: Tracked) -> Tracked:
        own = pick(log_softmax(bound._similarities(query, key)), np.arange(query.shape[0]))
        return log1p(-exp(own)) - own

    said = "the matching key is left out of the sum over all keys, which is to include it"
    yield Base(loss=stated(base, value), but=said, cost=0.7)
