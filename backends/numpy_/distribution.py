"""Negative log-likelihoods of a Gaussian and of a Poisson variable, and the KL divergence."""

from __future__ import annotations

import math

import numpy as np

from lossproof.backends.numpy_.maths import absorb, difference, log_plus, times
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


@implements("gaussian_nll")
@in_working_precision()
def gaussian_nll(
    prediction: Array,
    target: Array,
    var: Array,
    *,
    eps: float = 1e-6,
    full: bool = False,
    reduction: str = "mean",
) -> Array:
    """(log v + r²/v) / 2 with v = max(var, ε), r = prediction - target, of any one shape.

    `full` adds log(2π)/2. (Nix, Weigend 1994.) r²/v is formed with its exponents apart, as r² may
    overflow or underflow where the quotient does not. var must not be negative.
    """
    one_of(REDUCTIONS, reduction=reduction)
    r, v = _residual_and_variance(prediction, target, var, eps)
    loss = 0.5 * np.log(v) + times(0.5, *r, *r, over=(v,))
    return reduce(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@gaussian_nll.backward
@in_working_precision()
def gaussian_nll_backward(
    cotangent: Array,
    prediction: Array,
    target: Array,
    var: Array,
    *,
    eps: float = 1e-6,
    full: bool = False,
    reduction: str = "mean",
) -> dict[str, Array]:
    """±u r/v for prediction and target, u (1 - r²/v) / (2v) for var.

    The clamp is straight-through: var gets its gradient at v also where var < ε.
    """
    one_of(REDUCTIONS, reduction=reduction)
    r, v = _residual_and_variance(prediction, target, var, eps)
    u, n = spread(cotangent, v.shape, reduction)
    pulled = times(u, *r, over=(v, n))
    misfit = times(*r, *r, over=(v,))
    # r²/v beyond the largest number outweighs the 1, and r²/v² may yet be representable
    spread_slope = np.where(
        np.isinf(misfit),
        times(u, -0.5, *r, *r, over=(v, v, n)),
        times(u, 0.5, 1 - misfit, over=(v, n)),
    )
    return {"prediction": pulled, "target": -pulled, "var": spread_slope}


def _residual_and_variance(
    prediction: Array, target: Array, var: Array, eps: float
) -> tuple[tuple[Array, Array], Array]:
    """The residual as two factors, and the variance, clamped."""
    same_shape(prediction=prediction, target=target, var=var)
    if (var < 0).any():
        raise ValueError(f"var must not be negative, got {var[var < 0][0]}")
    return difference(prediction, target), np.maximum(var, real(above=0, eps=eps))


@implements("poisson_nll")
@in_working_precision()
def poisson_nll(
    prediction: Array,
    target: Array,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Array:
    """e^z - t z for a log-rate z, or λ - t log(λ + ε) for a rate λ; t = target, of any one shape.

    `full` adds Stirling's t log t - t + log(2πt)/2, in place of log t!, where t > 1. (As torch.)
    """
    same_shape(prediction=prediction, target=target)
    one_of(REDUCTIONS, reduction=reduction)
    z, t, eps = prediction, target, real(above=0, eps=eps)
    rate, log_rate = (np.exp(z), z) if log_input else (z, log_plus(z, eps))
    # the exponential outgrows the line, also where both have overflowed
    loss = np.where(np.isposinf(rate) & np.isfinite(t), rate, rate - absorb(t, log_rate))
    if full:
        stirling = t * (np.log(t) - 1) + 0.5 * (np.log(t) + math.log(2 * math.pi))
        loss = loss + np.where(t > 1, stirling, 0)
    return reduce(loss, reduction)


@poisson_nll.backward
@in_working_precision()
def poisson_nll_backward(
    cotangent: Array,
    prediction: Array,
    target: Array,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> dict[str, Array]:
    """For the log-rate u (e^z - t); for the rate u (λ - t + ε) / (λ + ε), in one fraction.

    Where e^z and t are both near 1, the former is (e^z - 1) - (t - 1), by expm1.

    For the target -u z or -u log(λ + ε); `full` adds u (log t + 1/(2t)) where t > 1.
    """
    same_shape(prediction=prediction, target=target)
    one_of(REDUCTIONS, reduction=reduction)
    z, t, eps = prediction, target, real(above=0, eps=eps)
    u, n = spread(cotangent, z.shape, reduction)
    if log_input:
        near_one = (np.abs(z) < 0.5) & (t >= 0.5) & (t <= 2)
        slope = np.where(near_one, np.expm1(z) - (t - 1), np.exp(z) - t)
        pulled, cost = times(u, slope, over=(n,)), -z
    else:
        pulled, cost = times(u, (z - t) + eps, over=(z + eps, n)), -log_plus(z, eps)
    if full:
        cost = cost + np.where(t > 1, np.log(t) + 0.5 / t, 0)
    return {"prediction": pulled, "target": times(u, cost, over=(n,))}


KL_REDUCTIONS = (*REDUCTIONS, "batchmean")


@implements("kl_div")
@in_working_precision()
def kl_div(
    prediction: Array, target: Array, *, log_target: bool = False, reduction: str = "mean"
) -> Array:
    """t (log t - x) for log-probabilities x and targets t, both (N, C), element by element.

    With `log_target`, e^t (t - x). (Kullback, Leibler 1951.) A target of 0, or of -∞ as a
    logarithm, gives 0 whatever x is. "mean" is over N C, "batchmean" over N.
    """
    _same_distributions(prediction, target)
    one_of(KL_REDUCTIONS, reduction=reduction)
    t, gap = _log_ratio(prediction, target, log_target)
    loss = np.where((t == 0) & ~np.isnan(prediction), 0, t * gap)
    if reduction == "batchmean":
        return mean(loss, loss.shape[0])
    return reduce(loss, reduction)


@kl_div.backward
@in_working_precision()
def kl_div_backward(
    cotangent: Array,
    prediction: Array,
    target: Array,
    *,
    log_target: bool = False,
    reduction: str = "mean",
) -> dict[str, Array]:
    """For x: -u t; for t: u (log t - x + 1), which is -∞ at t = 0.

    With `log_target`: -u e^t and u e^t (t - x + 1), both 0 at t = -∞.
    """
    _same_distributions(prediction, target)
    one_of(KL_REDUCTIONS, reduction=reduction)
    u, n = spread(cotangent, prediction.shape, "none" if reduction == "none" else "mean")
    n = {"sum": 1, "batchmean": prediction.shape[0]}.get(reduction, n)
    t, gap = _log_ratio(prediction, target, log_target)
    if log_target:
        silent = (t == 0) & ~np.isnan(prediction)
        pulled = np.where(silent, 0, times(u, t, gap + 1, over=(n,)))
    else:
        pulled = times(u, gap + 1, over=(n,))
    return {"prediction": times(u, -t, over=(n,)), "target": pulled}


def _log_ratio(x: Array, target: Array, log_target: bool) -> tuple[Array, Array]:
    """The target as a probability t, and log t - x."""
    if log_target:
        return np.exp(target), target - x
    return target, np.log(target) - x


def _same_distributions(prediction: Array, target: Array) -> None:
    has_axes("N, C", prediction=prediction, target=target)
    same_shape(prediction=prediction, target=target)
