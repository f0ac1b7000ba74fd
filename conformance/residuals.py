"""Losses of a residual as they are often miswritten: a part of the formula left out or added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lossproof.conformance.candidates import Base
from lossproof.conformance.variants import stated
from lossproof.spec.maths import log, maximum, square, where
from lossproof.spec.tracked import Tracked

#: the linear part of a Huber loss of a residual r, and what is said of it
LINEAR: tuple[tuple[Callable[[Tracked, float], Tracked], str], ...] = (
    (lambda r, d: r - d / 2, "its linear part lacks the factor delta: |r| - delta / 2"),
    (lambda r, d: d * (r - 0.5), "its linear part is delta * (|r| - 1/2), not (|r| - delta / 2)"),
    (lambda r, d: r - 0.5, "its linear part is |r| - 1/2 whatever delta is"),
    (lambda r, d: d * (r - d), "delta is taken from its linear part, not the half of delta"),
    (lambda r, d: d * r, "its linear part is not lowered by delta / 2: the loss jumps at delta"),
)


def linear_parts(base: Any) -> Iterator[Base]:
    """Huber losses of two parts that do not belong together."""
    for part, said in LINEAR:

        def value(bound: Any, prediction: Tracked, target: Tracked, part: Any = part) -> Tracked:
            r = abs(prediction - target)
            return where(r <= bound.delta, r * r / 2, part(r, bound.delta))

        yield Base(loss=stated(base, value), but=said, cost=1.0, parts=True)

    def whole(bound: Any, prediction: Tracked, target: Tracked) -> Tracked:
        r = abs(prediction - target)
        return where(r <= bound.delta, r * r, bound.delta * (r - bound.delta / 2))

    yield Base(loss=stated(base, whole), but="its square is not halved", cost=1.0, parts=True)
    for sign, difference in ((1, "prediction - target"), (-1, "target - prediction")):

        def signed(bound: Any, prediction: Tracked, target: Tracked, sign: int = sign) -> Tracked:
            r = sign * (prediction - target)
            far = bound.delta * (abs(r) - bound.delta / 2)
            return where(r <= bound.delta, r * r / 2, far)

        said = f"delta is compared with {difference}, not with its absolute value"
        yield Base(loss=stated(base, signed), but=said, cost=1.0, parts=True)


#: the variance and what the square is divided by, of a variance and eps, and what is said of them
VARIANCES: tuple[tuple[Callable[[Tracked, float], tuple[Tracked, Tracked]], str, float], ...] = (
    (lambda var, eps: (maximum(var, eps), 2 * maximum(var, eps)), "", 0.0),
    (
        lambda var, eps: (var + eps, 2 * (var + eps)),
        "eps is added to the variance, which is to be at least eps",
        0.5,
    ),
    (
        lambda var, eps: (var + eps, 2 * var + eps),
        "eps is added to the variance below the logarithm, and to twice the variance below the "
        "square, where the variance is to be at least eps",
        0.7,
    ),
)
#: what the logarithm and the square are multiplied by, and what is said of that
HALVES = (
    (0.5, 1.0, "", 0.0),
    (1.0, 1.0, "the logarithm is not halved", 0.5),
    (0.5, 2.0, "the square is not halved", 0.5),
)


def variances(base: Any) -> Iterator[Base]:
    """Normal likelihoods with eps elsewhere, or one half left out."""
    for made, added, odd in VARIANCES:
        for first, second, halved, far in HALVES:

            def value(
                bound: Any, prediction: Tracked, target: Tracked, var: Tracked,
                made: Any = made, first: float = first, second: float = second,
            ) -> Tracked:  # fmt: skip
                below, twice = made(var, bound.eps)
                squared = square(prediction - target) / twice
                found: Tracked = first * log(below) + second * squared
                return found

            said = "; ".join(part for part in (added, halved) if part)
            if said:
                yield Base(loss=stated(base, value), but=said, cost=odd + far, at_all="eps")
