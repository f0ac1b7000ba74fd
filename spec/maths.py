"""The functions that formulas are written with, on tracked arrays.

Each follows the rules of `spec.tracked`; reductions run over one axis, the last by default.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt

from lossproof.spec.carriers import Mask, Reals
from lossproof.spec.dual import Dual, slope_of, value_of
from lossproof.spec.tracked import (
    Condition,
    Operand,
    Tracked,
    either,
    rounded,
    summation_growth,
)


def _elementary(name: str, a: Tracked, e: Reals) -> Tracked:
    """A function of the library, accurate to the profile's units in the last place."""
    arithmetic = a.arithmetic
    roundings = 2.0 * arithmetic.profile.error_of(name)
    x = arithmetic.carrier.apply(name, a.x)
    result = rounded(arithmetic, x, e, a.undecided, roundings=roundings)
    return a.chain(result, lambda: _DERIVATIVES[name](value_of(a), result))


_DERIVATIVES: dict[str, Callable[[Tracked, Tracked], Tracked]] = {
    "exp": lambda a, r: r,
    "expm1": lambda a, r: exp(a),
    "log": lambda a, r: 1 / a,
    "log1p": lambda a, r: 1 / (1 + a),
    "sqrt": lambda a, r: 1 / (2 * r),
    "sigmoid": lambda a, r: r * sigmoid(-a),
    "softplus": lambda a, r: sigmoid(a),
}


def _size(name: str, a: Tracked) -> Reals:
    """An upper bound of the function's value, for an increasing non-negative function."""
    carrier = a.arithmetic.carrier
    return cast(Reals, np.abs(carrier.bounds(carrier.apply(name, a.x), a.undecided)[1]))


def exp(a: Tracked) -> Tracked:
    """e**a."""
    return _elementary("exp", a, _exp_error(a))


def expm1(a: Tracked) -> Tracked:
    """e**a - 1, accurate near 0."""
    return _elementary("expm1", a, _exp_error(a))


def _exp_error(a: Tracked) -> Reals:
    """exp(a + e) - exp(a), also where exp(a) underflows and expm1(e) overflows."""
    with np.errstate(all="ignore"):
        e = _size("exp", a) * np.expm1(a.e)
        return cast(Reals, np.where(np.isnan(e), np.exp(a.bounds()[1] + a.e), e))


def log(a: Tracked) -> Tracked:
    """The natural logarithm."""
    low = a.bounds()[0]
    with np.errstate(all="ignore"):
        e = np.where(a.e < low, -np.log1p(-a.e / low), np.inf)
    return _elementary("log", a, e)


def log1p(a: Tracked) -> Tracked:
    """log(1 + a), accurate near 0."""
    room = 1.0 + a.bounds()[0]
    with np.errstate(all="ignore"):
        e = np.where(a.e < room, -np.log1p(-a.e / room), np.inf)
    return _elementary("log1p", a, e)


def sqrt(a: Tracked) -> Tracked:
    """The square root."""
    low = np.maximum(a.bounds()[0], 0.0)
    with np.errstate(all="ignore"):
        e = a.e / (np.sqrt(low) + np.sqrt(np.maximum(low - a.e, 0.0)))
        # at 0 the root of a budget is all that can be promised
        e = np.where(low <= a.e, np.sqrt(low + a.e), e)
    return _elementary("sqrt", a, np.where(a.e == 0, 0.0, e))


def sigmoid(a: Tracked) -> Tracked:
    """1 / (1 + e**-a); |σ(a + d) - σ(a)| <= σ(a)·σ(-a)·expm1(|d|).

    Where e**-a overflows the quotient is 0: an error of 1 / largest at most.
    """
    lost = 0.0 if a.arithmetic.exact else 1.0 / a.arithmetic.format.largest
    with np.errstate(all="ignore"):
        e = _size("sigmoid", a) * _size("sigmoid", -a) * np.expm1(a.e)
        e = np.where(np.isnan(e), np.exp(a.bounds()[1] + a.e), e)
    return _elementary("sigmoid", a, np.fmin(e, 1.0) + lost)


def softplus(a: Tracked) -> Tracked:
    """log(1 + e**a); its slope is at most σ(a)·e**d within d of a, and never above 1."""
    with np.errstate(all="ignore"):
        e = a.e * _size("sigmoid", a) * np.exp(a.e)
        e = np.where(np.isnan(e), a.e * np.exp(a.bounds()[1] + a.e), e)
        e = np.fmin(a.e, e)
    return _elementary("softplus", a, e)


def log_sigmoid(a: Tracked) -> Tracked:
    """log(1 / (1 + e**-a)) = -softplus(-a)."""
    return -softplus(-a)


def square(a: Tracked) -> Tracked:
    """a²."""
    return a * a


def where(condition: Condition | npt.ArrayLike, a: Operand, b: Operand) -> Tracked:
    """`a` where the condition holds, else `b`; where it is undecided, the hull of both.

    A plain boolean array is always decided.
    """
    some = a if isinstance(a, Tracked) else b
    if not isinstance(some, Tracked):
        raise TypeError("where: one of the branches must be a tracked number")
    first, second = some.lift(a), some.lift(b)
    arithmetic = some.arithmetic
    if isinstance(condition, Condition):
        surely, possibly, lost = condition.surely, condition.possibly, condition.lost
    else:
        surely = possibly = np.asarray(condition, dtype=np.bool_)
        lost = np.zeros((), dtype=np.bool_)
    shape = np.broadcast_shapes(surely.shape, first.shape, second.shape)
    both = np.broadcast_to(possibly & ~surely, shape)
    x = np.where(surely, first.x, second.x)
    e = np.where(surely, first.e, second.e)
    undecided = _chosen(surely, first, second, shape)
    if both.any():
        xs, ys = np.broadcast_to(first.x, shape)[both], np.broadcast_to(second.x, shape)[both]
        x = np.array(x, copy=True)
        x[both] = arithmetic.carrier.hull(xs, ys)
        e = np.where(both, np.where(lost, np.inf, np.maximum(first.e, second.e)), e)
        undecided = both if undecided is None else (undecided | both)
    result = Tracked(arithmetic, x, np.asarray(e), undecided)
    if isinstance(first, Dual) or isinstance(second, Dual):
        slopes = slope_of(first, some), slope_of(second, some)
        return Dual(result, where(condition, *slopes))
    return result


def _chosen(surely: Mask, a: Tracked, b: Tracked, shape: tuple[int, ...]) -> Mask | None:
    if a.undecided is None and b.undecided is None:
        return None
    none = np.zeros((), dtype=np.bool_)
    first = none if a.undecided is None else a.undecided
    second = none if b.undecided is None else b.undecided
    return np.broadcast_to(np.where(surely, first, second), shape)


def maximum(a: Operand, b: Operand) -> Tracked:
    """The larger of two: continuous, so never undecided."""
    some = a if isinstance(a, Tracked) else b
    if not isinstance(some, Tracked):
        raise TypeError("maximum: one of the arguments must be a tracked number")
    first, second = some.lift(a), some.lift(b)
    condition = first >= second
    e = np.where(condition.surely, first.e, np.where(condition.possibly, 0.0, second.e))
    e = np.where(condition.possibly & ~condition.surely, np.maximum(first.e, second.e), e)
    x = some.arithmetic.carrier.maximum(first.x, second.x)
    result = Tracked(some.arithmetic, x, np.asarray(e), either(first, second))
    if isinstance(first, Dual) or isinstance(second, Dual):
        return Dual(result, where(condition, slope_of(first, some), slope_of(second, some)))
    return result


def minimum(a: Operand, b: Operand) -> Tracked:
    """The smaller of two."""
    some = a if isinstance(a, Tracked) else b
    if not isinstance(some, Tracked):
        raise TypeError("minimum: one of the arguments must be a tracked number")
    return -maximum(-some.lift(a), -some.lift(b))


def clip(a: Tracked, low: Operand, high: Operand) -> Tracked:
    """`a` held between two bounds."""
    return minimum(maximum(a, low), high)


def relu(a: Tracked) -> Tracked:
    """max(a, 0)."""
    return maximum(a, 0.0)


def sign(a: Tracked) -> Tracked:
    """-1, or +1; at 0 everything between."""
    one = a.arithmetic.constant(1.0)
    return where(a >= 0.0, one, -one)


def step(a: Tracked) -> Tracked:
    """0 below 0, 1 above; at 0 everything between: the slope of `relu`."""
    one = a.arithmetic.constant(1.0)
    return where(a >= 0.0, one, 0.0)


def total(a: Tracked, axis: int | None = -1) -> Tracked:
    """The sum over an axis, or over all entries (axis None)."""
    if isinstance(a, Dual):
        return Dual(total(value_of(a), axis), total(a.slope, axis))
    n = a.size if axis is None else a.shape[axis]
    arithmetic = a.arithmetic
    x = arithmetic.carrier.sum(a.x, axis)
    undecided = None if a.undecided is None else np.asarray(a.undecided.any(axis=axis))
    with np.errstate(all="ignore"):
        size = np.asarray(a.magnitudes()[1].sum(axis=axis))
        e = np.asarray(a.e.sum(axis=axis)) + arithmetic.u * size * summation_growth(n)
        # a partial sum may overflow where the whole does not
        e = np.where(size > arithmetic.limit, np.inf, e)
    if n == 1:
        return Tracked(arithmetic, x, np.asarray(a.e.sum(axis=axis)), undecided)
    return rounded(arithmetic, x, e, undecided, roundings=0.0)


def mean(a: Tracked, axis: int | None = -1) -> Tracked:
    """The sum over an axis divided by the number of terms."""
    n = a.size if axis is None else a.shape[axis]
    return total(a, axis) / float(n)


def largest(a: Tracked, axis: int = -1) -> Tracked:
    """The maximum over an axis."""
    if isinstance(a, Dual):
        value = largest(value_of(a), axis)
        # at a tie any of the largest will do where the maximum is only a shift
        first = np.expand_dims(a.arithmetic.carrier.middle(a.x).argmax(axis=axis), axis)
        chosen = a.slope.map(lambda array: np.take_along_axis(array, first, axis).squeeze(axis))
        return Dual(value, chosen)
    if 0 in np.delete(a.shape, axis):
        return total(a, axis)  # there are no rows
    arithmetic = a.arithmetic
    x = arithmetic.carrier.max(a.x, axis)
    low, high = a.bounds()
    with np.errstate(all="ignore"):
        floor = np.max(low - a.e, axis=axis, keepdims=True)
        e = np.max(np.where(high + a.e >= floor, a.e, 0.0), axis=axis)
    undecided = None if a.undecided is None else np.asarray(a.undecided.any(axis=axis))
    return Tracked(arithmetic, x, np.asarray(e), undecided)


def logsumexp(a: Tracked, axis: int = -1) -> Tracked:
    """log Σ e**a over an axis, shifted by the largest entry.

    It moves by no more than the entry that moves most.
    """
    shift = largest(a, axis)
    spread = a - expand(shift, axis)
    found = shift + log(total(exp(spread), axis))
    return _at_most(found, _carried(a, axis) + _logarithm_error(a, axis))


def log_softmax(a: Tracked, axis: int = -1) -> Tracked:
    """a - log Σ e**a over an axis, both shifted by the largest entry."""
    spread = a - expand(largest(a, axis), axis)
    found = spread - expand(log(total(exp(spread), axis)), axis)
    carried = a.e + np.expand_dims(_carried(a, axis) + _logarithm_error(a, axis), axis)
    return _at_most(found, carried, roundings=2.0)


def softmax(a: Tracked, axis: int = -1) -> Tracked:
    """e**a / Σ e**a over an axis, shifted by the largest entry."""
    weights = exp(a - expand(largest(a, axis), axis))
    return _share(weights / expand(total(weights, axis), axis), a, axis)


def exp_log_softmax(a: Tracked, axis: int = -1) -> Tracked:
    """The softmax as e**log_softmax."""
    return _share(exp(log_softmax(a, axis)), a, axis)


def _share(found: Tracked, a: Tracked, axis: int) -> Tracked:
    """`found`, a softmax of `a`, which stays between 0 and 1 however far `a` moves.

    Entries of `a` that move by d move no share by more than σ(d) - σ(-d) = tanh(d / 2), nor by
    more than expm1(2 d) of itself.
    """
    d = np.expand_dims(_carried(a, axis), axis)
    with np.errstate(all="ignore"):
        moved = np.fmin(np.tanh(d / 2), _magnitude(found) * np.expm1(2 * d))
        rounding = 2 * np.expm1(np.expand_dims(_logarithm_error(a, axis), axis))
    return _at_most(found, np.where(np.isfinite(d), moved + rounding, np.inf))


def _carried(a: Tracked, axis: int) -> Reals:
    """The largest budget along an axis."""
    return np.asarray(a.e.max(axis=axis, initial=0.0))


def _logarithm_error(a: Tracked, axis: int) -> float:
    """What log Σ e**(a - max a) of n entries is wrong by at most, with `a` as given.

    The sum is at least 1. The rounding of a difference d is worth u·|d|·e**-|d|, and with the
    shares e**-|d| / Σ as weights |d| averages to less than log n.
    """
    arithmetic, n = a.arithmetic, max(a.shape[axis], 1)
    u, eta, most = arithmetic.u, arithmetic.eta, math.log(n)
    exp_ulps, log_ulps = (max(1.0, arithmetic.profile.error_of(f)) for f in ("exp", "log"))
    terms = u * (1 + most + 2 * exp_ulps + summation_growth(n)) + (n + 1) * exp_ulps * eta
    if terms >= 1:
        return math.inf
    return -math.log1p(-terms) + log_ulps * (2 * u * most + eta)


def _at_most(found: Tracked, e: Reals, roundings: float = 1.0) -> Tracked:
    """`found` with no larger budget than `e` and its own roundings; nothing beyond the limit."""
    if isinstance(found, Dual):
        return Dual(_at_most(value_of(found), e, roundings), found.slope)
    arithmetic, size = found.arithmetic, _magnitude(found)
    with np.errstate(all="ignore"):
        capped = np.fmin(found.e, e + roundings * (arithmetic.u * size + arithmetic.eta))
    budget = np.where(size > arithmetic.limit, found.e, capped)
    return Tracked(arithmetic, found.x, np.asarray(budget), found.undecided)


def _magnitude(a: Tracked) -> Reals:
    return a.magnitudes()[1]


def xlogy(a: Tracked, logarithm: Tracked) -> Tracked:
    """a · logarithm, where an `a` of exactly 0 gives 0 also if the logarithm is infinite."""
    low, high = a.bounds()
    infinite = ~(np.isfinite(logarithm.bounds()[0]) & np.isfinite(logarithm.e))
    nothing = (low == 0.0) & (high == 0.0) & (a.e == 0.0) & infinite
    return where(nothing, a.arithmetic.constant(0.0), a * logarithm)


def expand(a: Tracked, axis: int) -> Tracked:
    """A new axis of size 1."""
    return a.map(lambda array: np.expand_dims(array, axis))


def pick(a: Tracked, labels: npt.NDArray[np.integer]) -> Tracked:
    """a[n, labels[n]] for a of shape (N, C) and labels of shape (N,)."""
    return a[np.arange(a.shape[0]), labels]


def one_hot(labels: npt.NDArray[np.integer], classes: int) -> Reals:
    """Rows of zeros with a one at each label, as plain floats of shape (N, C)."""
    hot: Reals = (np.arange(classes) == np.asarray(labels)[..., None]).astype(np.float64)
    return hot


def stack(parts: list[Tracked], axis: int = 0) -> Tracked:
    """Tracked arrays of one shape joined along a new axis."""
    first = parts[0]
    if any(isinstance(p, Dual) for p in parts):
        slopes = [slope_of(p, first) for p in parts]
        return Dual(stack([value_of(p) for p in parts], axis), stack(slopes, axis))
    undecided = None
    if any(p.undecided is not None for p in parts):
        none = np.zeros(first.shape, dtype=np.bool_)
        undecided = np.stack([none if p.undecided is None else p.undecided for p in parts], axis)
    return Tracked(
        first.arithmetic,
        np.stack([p.x for p in parts], axis),
        np.stack([p.e for p in parts], axis),
        undecided,
    )
