"""Negative log-likelihoods and divergences of distributions."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array

from lossproof.backends.jax_.arithmetic import reduced, wide, xlogy
from lossproof.backends.jax_.rules import (
    REDUCTION,
    non_negative_entries,
    one_of,
    positive,
    requires,
    same_shape,
    shaped,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("jax")


@implements("gaussian_nll")
@requires(
    same_shape("prediction", "target", "var"),
    non_negative_entries("var"),
    positive("eps"),
    REDUCTION,
)
def gaussian_nll(
    prediction: Array, target: Array, var: Array, *, eps: float, full: bool, reduction: str
) -> Array:
    """(log v + r² / v) / 2 with v = max(var, ε), a clamp that derivatives pass straight through."""
    mean, truth, v = wide(prediction), wide(target), wide(var)
    v = jnp.where(v < eps, eps + (v - jax.lax.stop_gradient(v)), v)
    losses = 0.5 * (jnp.log(v) + jnp.square((mean - truth) / jnp.sqrt(v)))
    if full:
        losses += 0.5 * math.log(2 * math.pi)
    return reduced(losses, reduction).astype(prediction.dtype)


@implements("kl_div")
@requires(
    shaped("prediction", "(N, C)"),
    same_shape("prediction", "target"),
    one_of("reduction", "none", "sum", "mean", "batchmean"),
)
def kl_div(prediction: Array, target: Array, *, log_target: bool, reduction: str) -> Array:
    """t log t - t · prediction with 0 log 0 = 0, or exp(t)(t - prediction) if log_target."""
    if log_target:
        nothing = jnp.isneginf(target)
        t = jnp.where(nothing, 0, target)
        losses = jnp.where(nothing, 0, jnp.exp(t) * (t - prediction))
    else:
        silent = (target == 0) & jnp.isneginf(prediction)
        losses = xlogy(target, target) - target * jnp.where(silent, 0, prediction)
    if reduction == "batchmean":
        return jnp.sum(losses) / losses.shape[0]
    return reduced(losses, reduction)


@implements("poisson_nll")
@requires(same_shape("prediction", "target"), positive("eps"), REDUCTION)
def poisson_nll(
    prediction: Array, target: Array, *, log_input: bool, full: bool, eps: float, reduction: str
) -> Array:
    """exp z - y z, or λ - y log(λ + ε); if full, + y log y - y + log(2π y) / 2 where y > 1."""
    x, y = wide(prediction), wide(target)
    losses = jnp.exp(x) - y * x if log_input else x - xlogy(y, x + eps)
    if full:
        large = y > 1
        count = jnp.where(large, y, 1)
        stirling = count * jnp.log(count) - count + 0.5 * jnp.log(2 * math.pi * count)
        losses += jnp.where(large, stirling, 0)
    return reduced(losses, reduction).astype(prediction.dtype)
