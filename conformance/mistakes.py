"""Slips and conventions that are often met, loss by loss, each stated as a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lossproof.conformance.candidates import Base
from lossproof.conformance.guarded import smoothed
from lossproof.conformance.overlaps import overlaps
from lossproof.conformance.residuals import linear_parts, variances
from lossproof.conformance.variants import remapped, stated
from lossproof.conformance.weighed import (
    both_classes,
    negatives_alone,
    padded,
    smoothing_weights,
    true_class,
)
from lossproof.spec.domain import NONNEGATIVE, REAL, SIGN, UNIT
from lossproof.spec.loss import Loss
from lossproof.spec.maths import (
    exp,
    expand,
    log,
    log1p,
    log_softmax,
    pick,
    sigmoid,
    softmax,
    softplus,
    sqrt,
    square,
    total,
    where,
)
from lossproof.spec.tracked import Tracked

Arguments = dict[str, Any]


def variants(base: type[Loss]) -> Iterator[Base]:
    """The known variants of a loss."""
    if base.name in _VARIANTS:
        yield from _VARIANTS[base.name](base)


def _of(name: str) -> Callable[[Callable[[Any], Iterator[Base]]], Any]:
    def enter(function: Callable[[Any], Iterator[Base]]) -> Any:
        for each in name.split():
            _VARIANTS[each] = function
        return function

    return enter


_VARIANTS: dict[str, Callable[[Any], Iterator[Base]]] = {}


def _changed(key: str, function: Callable[[Tracked], Tracked]) -> Callable[[Any, Arguments], Any]:
    return lambda _, a: {**a, key: function(a[key])}


@_of("sigmoid_focal")
def _focal(base: Any) -> Iterator[Base]:
    def balanced(one: Callable[[Any], Any], zero: Callable[[Any], Any]) -> type[Loss]:
        def weighted(bound: Any, positive: Any, losses: Tracked) -> Tracked:
            a = bound.alpha
            return losses if a is None else where(positive, one(a), zero(a)) * losses

        return type(base.__name__, (base,), {"name": base.name, "_balanced": weighted})

    wrong = balanced(lambda a: 1 - a, lambda a: a)
    yield Base(loss=wrong, but="alpha applied to the wrong class", cost=0.5)
    ones = balanced(lambda a: a, lambda a: a.lift(1.0))
    yield Base(loss=ones, but="alpha applied to the positive class only", cost=0.5)
    alike = balanced(lambda a: a, lambda a: a)
    yield Base(loss=alike, but="alpha applied to both classes alike", cost=0.5)
    other = {"_modulation": lambda b, s: exp(-(b.gamma * softplus(-s)))}
    easy = type(base.__name__, (base,), {"name": base.name, **other})
    yield Base(loss=easy, but="modulated by the probability of the right class", cost=1.5)


@_of("cross_entropy cross_entropy_soft_targets")
def _softmax(base: Any) -> Iterator[Base]:
    twice = remapped(base, _changed("logits", softmax))
    yield Base(loss=twice, but="softmax is applied twice", cost=1.0)
    if base.name == "cross_entropy":

        def across(bound: Any, logits: Tracked, labels: Any, weight: Any = None) -> Tracked:
            found: Tracked = bound._from_log_softmax(log_softmax(logits, 0), labels, weight)
            return found

        wrong = stated(base, across, samples="")
        yield Base(loss=wrong, but="softmax runs over the batch", cost=1.0)

        def blended(bound: Any, logits: Tracked, labels: Any, weight: Any = None) -> Tracked:
            logs, kept = log_softmax(logits), labels != bound.ignore_index
            own = pick(logs, np.where(kept, labels, 0))
            mean = total(logs, axis=None) / float(np.prod(logits.shape))
            alpha = bound.label_smoothing
            return where(kept, (alpha - 1) * own - alpha * mean, 0.0)

        wrong = stated(base, blended, samples="")
        said = "label smoothing averages over the batch too"
        yield Base(loss=wrong, but=said, cost=1.0, of="label_smoothing")
        yield from smoothed(base)
        yield from smoothing_weights(base)
        yield from padded(base)


@_of("softmax log_softmax")
def _axis(base: Any) -> Iterator[Base]:
    over = softmax if base.name == "softmax" else log_softmax
    across = stated(base, lambda _, x: over(x, 0), samples="")
    yield Base(loss=across, but="it runs over the batch, not over the last axis", cost=0.5)


@_of("nll")
def _likelihood(base: Any) -> Iterator[Base]:
    taken = remapped(base, _changed("log_probabilities", log), {"log_probabilities": UNIT})
    yield Base(loss=taken, after=" of probabilities, their logarithm taken", cost=0.5)
    yield from padded(base)


@_of("binary_cross_entropy_with_logits")
def _binary(base: Any) -> Iterator[Base]:
    twice = remapped(base, _changed("logits", sigmoid))
    yield Base(loss=twice, but="sigmoid is applied twice", cost=1.0)
    signs = remapped(base, _changed("target", lambda t: (t + 1) / 2), {"target": SIGN})
    yield Base(loss=signs, after=" of targets -1 and +1", cost=0.5)
    yield from _complemented(base)
    yield from both_classes(base)


@_of("binary_cross_entropy")
def _complemented(base: Any) -> Iterator[Base]:
    other = remapped(base, _changed("target", lambda t: 1 - t))
    yield Base(loss=other, but="the classes are exchanged", cost=1.0)
    if base.name == "binary_cross_entropy":

        def mixture(bound: Any, prediction: Tracked, target: Tracked) -> Tracked:
            return -log(prediction * target + (1 - prediction) * (1 - target))

        said = "it is the logarithm of the mixture p·t + (1 - p)·(1 - t), not that of logarithms"
        yield Base(loss=stated(base, mixture), but=said, cost=1.0)


@_of("kl_div")
def _divergence(base: Any) -> Iterator[Base]:
    plain = remapped(base, _changed("prediction", log), {"prediction": UNIT})
    yield Base(loss=plain, after=" of probabilities, not of their logarithms", cost=0.5)


@_of("gaussian_nll")
def _gaussian(base: Any) -> Iterator[Base]:
    logarithm = remapped(base, _changed("var", exp), {"var": REAL})
    yield Base(loss=logarithm, after=" of the logarithm of the variance", cost=0.5)
    deviation = remapped(base, _changed("var", square))
    yield Base(loss=deviation, after=" of the standard deviation, not the variance", cost=0.5)
    yield from variances(base)


@_of("huber")
def _smooth(base: Any) -> Iterator[Base]:
    def smooth(bound: Any, prediction: Tracked, target: Tracked) -> Tracked:
        found: Tracked = base.value(bound, prediction, target) / bound.delta
        return found

    yield Base(
        loss=stated(base, smooth), after=" divided by delta (smooth L1)", cost=0.5, parts=True
    )
    yield from linear_parts(base)


@_of("mse rmse")
def _logarithmic(base: Any) -> Iterator[Base]:
    def both(_: Any, a: Arguments) -> Arguments:
        return {k: log1p(v) for k, v in a.items()}

    domains = dict.fromkeys(base.arguments, NONNEGATIVE)
    yield Base(loss=remapped(base, both, domains), after=" of log(1 + x)", cost=0.5)


@_of("mae")
def _relative(base: Any) -> Iterator[Base]:
    def relative(bound: Any, prediction: Tracked, target: Tracked) -> Tracked:
        return abs(prediction - target) / abs(target)

    yield Base(loss=stated(base, relative), after=" relative to the target", cost=0.5)


@_of("multi_margin")
def _undivided(base: Any) -> Iterator[Base]:
    def value(bound: Any, logits: Tracked, labels: Any, weight: Any = None) -> Tracked:
        found: Tracked = base.value(bound, logits, labels, weight) * float(logits.shape[-1])
        return found

    whole = stated(base, value)
    yield Base(loss=whole, but="not divided by the number of classes", cost=0.5)
    yield from true_class(base)


@_of("dice")
def _dice(base: Any) -> Iterator[Base]:
    yield from overlaps(base)


@_of("info_nce")
def _contrastive(base: Any) -> Iterator[Base]:
    def unit(a: Tracked) -> Tracked:
        return a / expand(sqrt(total(square(a))), -1)

    def normalised(_: Any, a: Arguments) -> Arguments:
        return {k: unit(v) for k, v in a.items()}

    def both(bound: Any, query: Tracked, key: Tracked) -> Tracked:
        one, other = base.value(bound, query, key), base.value(bound, key, query)
        found: Tracked = (one + other) / 2
        return found

    def units(bound: Any, query: Tracked, key: Tracked) -> Tracked:
        return both(bound, unit(query), unit(key))

    rows = " of normalised rows"
    yield Base(loss=remapped(base, normalised), after=rows, cost=0.5)
    yield Base(loss=stated(base, both), after=" in both directions", cost=0.5)
    yield Base(loss=stated(base, units), after=f"{rows} in both directions", cost=0.7)
    inverse = {"_similarities": lambda b, q, k: _products(q, k) * b.temperature}
    times = type(base.__name__, (base,), {"name": base.name, **inverse})
    yield Base(loss=times, but="multiplied by the temperature, not divided", cost=1.0)
    yield from negatives_alone(base)


def _products(query: Tracked, key: Tracked) -> Tracked:
    return total(expand(query, 1) * expand(key, 0))


@_of("triplet_margin")
def _triplet(base: Any) -> Iterator[Base]:
    plain = base._distance
    squared = {"_distance": lambda b, x, y: square(plain(b, x, y))}
    loss = type(base.__name__, (base,), {"name": base.name, **squared})
    yield Base(loss=loss, after=" of squared distances", cost=0.5)
