"""Functions from which sound losses are made.

None of these overflows, underflows or cancels where its answer does not: exponentials are taken of
numbers <= 0, logarithms near 1 go through log1p, squares are taken of numbers near 1, and what is
"1 minus nearly 1" is added up from its small parts.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from lossproof.backends.numpy_.support import Array


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^-z). Its complement is sigmoid(-z), which has digits where this rounds to 1."""
    e = np.exp(-np.abs(z))
    return np.asarray(np.where(z < 0, e, 1) / (1 + e))


def softplus(z: Array) -> Array:
    """log(1 + e^z) = max(z, 0) + log1p(e^-|z|); -log sigmoid(z) is softplus(-z)."""
    return np.asarray(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))))


def absorb(weight: Array, values: Array) -> Array:
    """weight · values, where a weight of zero silences an infinite value: 0 log 0 = 0."""
    return np.where((weight == 0) & np.isinf(values), 0, weight * values)


def log_plus(p: Array, eps: float) -> Array:
    """log(p + eps). Near p = 1, where p - 1 is exact, log1p keeps what p + eps would round off."""
    near_one = (p >= 0.5) & (p <= 2)
    return np.where(near_one, np.log1p((p - 1) + eps), np.log(p + eps))


def times(*factors: Any, over: tuple[Any, ...] = ()) -> Array:
    """The product of `factors` divided by each of `over`, with exponents added up on the side.

    So the order does not matter: a product overflows or underflows only if the whole of it does.
    """
    mantissa: Any = 1.0
    exponent: Any = 0
    for factor in factors:
        m, e = _split(factor)
        mantissa, exponent = mantissa * m, exponent + e
    for divisor in over:
        m, e = _split(divisor)
        mantissa, exponent = mantissa / m, exponent - e
    return np.asarray(np.ldexp(mantissa, exponent))


def _split(number: Any) -> tuple[Any, Any]:
    # A Python number stays one, lest it turn float32 into float64.
    return math.frexp(number) if isinstance(number, int | float) else np.frexp(number)


def difference(a: Array, b: Array) -> tuple[Array, Array]:
    """d and s with a - b = s d: s is 4 where a - b itself would overflow, elsewhere 1."""
    d = a - b
    shift = np.where(np.isinf(d) & np.isfinite(a) & np.isfinite(b), 2, 0)
    return np.ldexp(a, -shift) - np.ldexp(b, -shift), np.ldexp(np.ones_like(d), shift)


def exponent(values: Array, axis: int | None = None) -> Array:
    """The e with 2^e <= max|values| < 2^(e+1) along `axis`, which is kept if it is given.

    `ldexp(values, -e)` is exact and at most 2 in magnitude: its squares neither overflow nor, where
    it matters, underflow.
    """
    largest = np.max(np.abs(values), axis=axis, keepdims=axis is not None, initial=0)
    return np.asarray(np.frexp(largest)[1] - 1)


def others(values: Array) -> Array:
    """Σ_(k≠j) values_k for each j of the last axis, for values >= 0, to full relative accuracy.

    The total less the value does for all but the largest, whose others are added up without it.
    """
    return sum_without(values, _is_largest(values))


def sum_without(values: Array, chosen: Array) -> Array:
    """Σ_(k≠j) values_k for each j of the last axis, added up afresh for the chosen j of a row."""
    rest = np.where(chosen, 0, values).sum(axis=-1, keepdims=True)
    total: Array = values.sum(axis=-1, keepdims=True)
    return np.where(chosen, rest, total - values)


def _is_largest(values: Array) -> Array:
    """True at the first largest entry of the last axis."""
    if values.size == 0:
        return np.zeros(values.shape, bool)
    largest: Array = np.argmax(values, axis=-1)[..., None]
    return np.equal(np.arange(values.shape[-1]), largest)


class Softmax(NamedTuple):
    """The softmax p over the last axis, its logarithm, 1 - p, and where the largest entry is.

    With m = max x and R = Σ e^(x_k - m) over all entries but one that is largest,

        log p_j = (x_j - m) - log1p(R),  p_j = e^(x_j - m) / (1 + R),  1 - p_top = R / (1 + R):

    a sum of terms of one sign, so a confident prediction keeps all digits of its small loss and of
    its small gradient. One infinite logit gives the limit, more give nan.
    """

    log_p: Array
    p: Array
    complement: Array
    top: Array
    log_total: Array


def softmax_of(x: Array) -> Softmax:
    """The softmax of x over its last axis."""
    m = np.max(x, axis=-1, keepdims=True, initial=-np.inf)
    top = _is_largest(x)
    d = np.where(top & ~np.isnan(m), 0, x - m)
    e = np.exp(d)
    rest = np.where(top, 0, e).sum(axis=-1, keepdims=True)
    rest = np.where(np.isnan(m), m, rest)
    log_rest = np.log1p(rest)
    total = 1 + rest
    return Softmax(
        log_p=d - log_rest,
        p=e / total,
        complement=np.where(top, rest, total - e) / total,
        top=top,
        log_total=np.where(np.isfinite(m), m + log_rest, m)[..., 0],
    )


def softmax_pull(p: Array, cotangent: Array) -> Array:
    """The vector-Jacobian product of softmax, p ⊙ (u - ⟨u, p⟩), over the last axis.

    It is unchanged when u is shifted; with u = 0 at the largest p, the difference there, which is
    small when p is nearly 1, comes without cancellation.
    """
    if p.size == 0:
        return np.zeros_like(p)
    # an eighth of u, where u is near the largest number, keeps the differences finite
    large = np.max(np.abs(cotangent), axis=-1, keepdims=True) > np.finfo(p.dtype).max / 8
    shift = np.where(large, 3, 0)
    u = np.ldexp(cotangent, -shift)
    v = u - np.take_along_axis(u, np.argmax(p, axis=-1)[..., None], axis=-1)
    mean = absorb(p, v).sum(axis=-1, keepdims=True)
    return np.ldexp(absorb(p, v - mean), shift)


def soft_cross_entropy(softmax: Softmax, q: Array) -> Array:
    """-Σ_c q_c log p_c over the last axis, for weights q >= 0; q = 0 silences a p of 0."""
    return np.asarray(absorb(q, -softmax.log_p).sum(axis=-1))


def soft_cross_entropy_slope(softmax: Softmax, q: Array) -> Array:
    """The gradient of `soft_cross_entropy` in the logits, p_j Σq - q_j, for each j.

    Written p_j Σ_(k≠j) q_k - q_j (1 - p_j): at a confident and right p_j the first term vanishes
    and the second keeps its digits, where p_j - q_j would be the difference of two ones.
    """
    return np.asarray(others(q) * softmax.p - q * softmax.complement)
