"""Losses of a residual r = prediction - target: MSE, MAE, RMSE, Huber, and a line fitted by MSE.

The residual is formed first, and its square never expanded: p² - 2 p t + t² cancels.
"""

from __future__ import annotations

import math

import numpy as np

from lossproof.backends.numpy_.maths import difference, exponent, times
from lossproof.backends.numpy_.support import (
    REDUCTIONS,
    Array,
    has_axes,
    in_working_precision,
    mean,
    one_of,
    real,
    reduce,
    same_shape,
    spread,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("numpy")


def _mean_of_squares(r: Array, e: Array) -> Array:
    """mean(r²) / 4^e; with e = exponent(r) no square overflows or underflows."""
    return mean(np.square(np.ldexp(r, -e)), r.size)


@implements("mse")
@in_working_precision()
def mse(prediction: Array, target: Array, *, reduction: str = "mean") -> Array:
    """r², of any one shape. (Legendre 1805; Gauss 1809.)

    The mean is of squares scaled by a power of two, so it is finite whenever it can be.
    """
    same_shape(prediction=prediction, target=target)
    one_of(REDUCTIONS, reduction=reduction)
    r = prediction - target
    if reduction == "mean":
        e = exponent(r)
        return np.asarray(np.ldexp(_mean_of_squares(r, e), 2 * e))
    return reduce(r * r, reduction)


@mse.backward
@in_working_precision()
def mse_backward(
    cotangent: Array, prediction: Array, target: Array, *, reduction: str = "mean"
) -> dict[str, Array]:
    """±2 u r, divided by n for the mean."""
    same_shape(prediction=prediction, target=target)
    one_of(REDUCTIONS, reduction=reduction)
    u, n = spread(cotangent, prediction.shape, reduction)
    slope = times(u, 2, *difference(prediction, target), over=(n,))
    return {"prediction": slope, "target": -slope}


@implements("mae")
@in_working_precision()
def mae(prediction: Array, target: Array, *, reduction: str = "mean") -> Array:
    """|r|, of any one shape. (Boscovich 1757; Laplace.)"""
    same_shape(prediction=prediction, target=target)
    one_of(REDUCTIONS, reduction=reduction)
    return reduce(np.abs(prediction - target), reduction)


@mae.backward
@in_working_precision()
def mae_backward(
    cotangent: Array, prediction: Array, target: Array, *, reduction: str = "mean"
) -> dict[str, Array]:
    """±u sign(r). At the kink r = 0, where all of [-1, 1] is allowed, the slope is 0."""
    same_shape(prediction=prediction, target=target)
    one_of(REDUCTIONS, reduction=reduction)
    u, n = spread(cotangent, prediction.shape, reduction)
    slope = times(u, np.sign(prediction - target), over=(n,))
    return {"prediction": slope, "target": -slope}


def _rmse(prediction: Array, target: Array, eps: float) -> tuple[Array, Array, Array]:
    """Residual and root, both over 2^e, and e."""
    # Residuals of numbers near the largest may overflow: there, quarters are subtracted.
    largest = np.max(np.abs([prediction, target]), initial=0)
    quarter = 2 if largest > np.finfo(prediction.dtype).max / 4 else 0
    r = np.ldexp(prediction, -quarter) - np.ldexp(target, -quarter)
    e = np.maximum(exponent(r), math.frexp(math.sqrt(eps))[1] - 1 - quarter)
    if eps == 0:
        e = exponent(r)
    offset = prediction.dtype.type(math.ldexp(eps, -2 * (int(e) + quarter)))
    return np.ldexp(r, -e), np.sqrt(_mean_of_squares(r, e) + offset), e + quarter


@implements("rmse")
@in_working_precision()
def rmse(prediction: Array, target: Array, *, eps: float = 0.0) -> Array:
    """L = √(mean(r²) + ε), over all elements of any one shape.

    The squares are of residuals scaled to at most 2, so that neither a large nor a small residual
    is lost in squaring: L is H(1), and representable whenever the residuals are.
    """
    same_shape(prediction=prediction, target=target)
    _, root, e = _rmse(prediction, target, real(least=0, eps=eps))
    return np.asarray(np.ldexp(root, e))


@rmse.backward
@in_working_precision()
def rmse_backward(
    cotangent: Array, prediction: Array, target: Array, *, eps: float = 0.0
) -> dict[str, Array]:
    """±u r / (n L). At L = 0, a kink where the ball of radius 1/√n is allowed, 0."""
    same_shape(prediction=prediction, target=target)
    u, n = spread(cotangent, prediction.shape, "mean")
    r, root, _ = _rmse(prediction, target, real(least=0, eps=eps))
    slope = np.zeros_like(r) if root == 0 else times(u, r, over=(n, root))
    return {"prediction": slope, "target": -slope}


@implements("huber")
@in_working_precision()
def huber(
    prediction: Array, target: Array, *, delta: float = 1.0, reduction: str = "mean"
) -> Array:
    """r²/2 if |r| <= δ, else δ(|r| - δ/2), for any one shape and δ > 0. (Huber 1964.)

    A branch is selected after both are computed, so a square that overflows is never seen; the
    gradient is a clip and selects nothing.
    """
    same_shape(prediction=prediction, target=target)
    one_of(REDUCTIONS, reduction=reduction)
    delta = real(above=0, delta=delta)
    r = np.abs(prediction - target)
    return reduce(np.where(r <= delta, 0.5 * r * r, delta * (r - delta / 2)), reduction)


@huber.backward
@in_working_precision()
def huber_backward(
    cotangent: Array,
    prediction: Array,
    target: Array,
    *,
    delta: float = 1.0,
    reduction: str = "mean",
) -> dict[str, Array]:
    """±u clip(r, -δ, δ)."""
    same_shape(prediction=prediction, target=target)
    one_of(REDUCTIONS, reduction=reduction)
    delta = real(above=0, delta=delta)
    u, n = spread(cotangent, prediction.shape, reduction)
    slope = times(u, np.clip(prediction - target, -delta, delta), over=(n,))
    return {"prediction": slope, "target": -slope}


@implements("linear_regression_mse")
@in_working_precision()
def linear_regression_mse(slope: Array, intercept: Array, x: Array, target: Array) -> Array:
    """mean(e²) with e_i = target_i - slope x_i - intercept, for slope (), intercept (), x (N)."""
    e = _line_residual(slope, intercept, x, target)
    k = exponent(e)
    return np.asarray(np.ldexp(_mean_of_squares(e, k), 2 * k))


@linear_regression_mse.backward
@in_working_precision()
def linear_regression_mse_backward(
    cotangent: Array, slope: Array, intercept: Array, x: Array, target: Array
) -> dict[str, Array]:
    """-(2u/N) Σ x_i e_i for the slope, -(2u/N) Σ e_i for the intercept.

    The products x_i e_i are added with the exponent of the largest of them taken out: scaling x and
    e by their own largest would underflow where those stand in different places.
    """
    e = _line_residual(slope, intercept, x, target)
    u, n = spread(cotangent, x.shape, "mean")
    one, k = x.dtype.type(1), exponent(e)
    (mx, ex), (me, ee) = np.frexp(x), np.frexp(e)
    power = ex + ee
    top = int(np.max(power, where=mx * me != 0, initial=2 * np.finfo(x.dtype).minexp))
    products = np.ldexp(mx * me, power - top)
    units = np.ldexp(one, top // 2), np.ldexp(one, top - top // 2)
    return {
        "slope": times(u, -2, products.sum(), *units, over=(n,)),
        "intercept": times(u, -2, np.ldexp(e, -k).sum(), np.ldexp(one, k), over=(n,)),
    }


def _line_residual(slope: Array, intercept: Array, x: Array, target: Array) -> Array:
    has_axes("", slope=slope, intercept=intercept)
    has_axes("N", x=x, target=target)
    same_shape(x=x, target=target)
    return np.asarray((target - slope * x) - intercept)
