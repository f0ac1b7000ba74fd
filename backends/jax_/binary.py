"""Losses of binary classification."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from lossproof.backends.jax_.arithmetic import reduced, softplus, wide, xlogy
from lossproof.backends.jax_.rules import (
    REDUCTION,
    between,
    negative_or_none,
    non_negative,
    requires,
    same_shape,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("jax")


@implements("binary_cross_entropy")
@requires(
    same_shape("prediction", "target"),
    non_negative("eps"),
    negative_or_none("log_floor"),
    REDUCTION,
)
def binary_cross_entropy(
    prediction: Array, target: Array, *, eps: float, log_floor: float | None, reduction: str
) -> Array:
    """-t log(p + ε) - (1 - t) log(1 - p + ε), log1p where p < 1/2, 0 log 0 = 0."""
    p, t = wide(prediction), wide(target)
    if log_floor is None:
        small = p < 0.5
        near_one = xlogy(1 - t, 1 - jnp.where(small, 0.5, p) + eps)
        near_zero = (1 - t) * jnp.log1p(eps - jnp.where(small, p, 0))
        losses = -xlogy(t, p + eps) - jnp.where(small, near_zero, near_one)
    else:
        losses = -t * _floored_log(p + eps, p - 1 + eps, log_floor)
        losses -= (1 - t) * _floored_log(1 - p + eps, eps - p, log_floor)
    return reduced(losses, reduction).astype(prediction.dtype)


def _floored_log(x: Array, x_less_one: Array, floor: float) -> Array:
    """max(log x, floor), with derivative 0 below the floor."""
    near_one = x > 0.5
    log1p = jnp.log1p(jnp.where(near_one, x_less_one, 0))
    zero = x == 0
    log = jnp.where(zero, floor, jnp.log(jnp.where(near_one | zero, 1, x)))
    return jnp.maximum(jnp.where(near_one, log1p, log), floor)


@implements("binary_cross_entropy_with_logits")
@requires(same_shape("logits", "target", "weight", "pos_weight"), REDUCTION)
def binary_cross_entropy_with_logits(
    logits: Array,
    target: Array,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    *,
    reduction: str,
) -> Array:
    """w [z⁺ (1 - t) + z⁻ p t + (1 - t + p t) log1p(exp(-|z|))]: no two terms cancel."""
    above = logits > 0
    size = jnp.where(above, logits, -logits)
    positive = target if pos_weight is None else pos_weight * target
    tail = jnp.log1p(jnp.exp(-size))
    if pos_weight is not None:
        tail = (1 - target + positive) * tail
    losses = jnp.where(above, size, 0) * (1 - target) + jnp.where(above, 0, size) * positive + tail
    if weight is not None:
        losses = weight * losses
    return reduced(losses, reduction)


@implements("sigmoid_focal")
@requires(
    same_shape("logits", "target"),
    between("alpha", 0, 1, or_none=True),
    non_negative("gamma"),
    REDUCTION,
)
def sigmoid_focal(
    logits: Array, target: Array, *, alpha: float | None, gamma: float, reduction: str
) -> Array:
    """-α_t (1 - p_t)^γ log p_t, the power as exp(γ log(1 - p_t))."""
    signed = (2 * target - 1) * logits
    losses = jnp.exp(-gamma * softplus(signed)) * softplus(-signed)
    if alpha is not None:
        losses = (alpha * target + (1 - alpha) * (1 - target)) * losses
    return reduced(losses, reduction)
