"""Losses of real predictions against real targets."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from lossproof.backends.jax_.arithmetic import reduced, root, scale_of, wide
from lossproof.backends.jax_.rules import (
    REDUCTION,
    non_negative,
    positive,
    requires,
    same_shape,
    shaped,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("jax")


@implements("mse")
@requires(same_shape("prediction", "target"), REDUCTION)
def mse(prediction: Array, target: Array, *, reduction: str) -> Array:
    """(prediction - target)²."""
    return reduced(jnp.square(prediction - target), reduction)


@implements("mae")
@requires(same_shape("prediction", "target"), REDUCTION)
def mae(prediction: Array, target: Array, *, reduction: str) -> Array:
    """|prediction - target|, by `jax.numpy.abs`."""
    return reduced(jnp.abs(prediction - target), reduction)


@implements("huber")
@requires(same_shape("prediction", "target"), positive("delta"), REDUCTION)
def huber(prediction: Array, target: Array, *, delta: float, reduction: str) -> Array:
    """r²/2 where |r| ≤ δ, else δ (|r| - δ/2); the square is not taken of large residuals."""
    size = jnp.abs(prediction - target)
    small = size <= delta
    inner = jnp.where(small, size, 0)
    losses = jnp.where(small, 0.5 * inner * inner, delta * (size - 0.5 * delta))
    return reduced(losses, reduction)


@implements("rmse")
@requires(same_shape("prediction", "target"), non_negative("eps"))
def rmse(prediction: Array, target: Array, *, eps: float) -> Array:
    """√(mean(r²) + ε), scaled by the largest |r|; gradient 0 where the root is of 0."""
    residual = (wide(prediction) - wide(target)).ravel()
    least = jnp.sqrt(jnp.asarray(eps, residual.dtype))
    scale = scale_of(residual, axis=0, least=least)[0]
    scaled = jnp.mean(jnp.square(residual / scale)) + jnp.square(least / scale)
    return (scale * root(scaled)).astype(prediction.dtype)


@implements("linear_regression_mse")
@requires(
    shaped("slope", "()"), shaped("intercept", "()"), shaped("x", "(N,)"), same_shape("x", "target")
)
def linear_regression_mse(slope: Array, intercept: Array, x: Array, target: Array) -> Array:
    """mean((target - slope·x - intercept)²)."""
    return jnp.mean(jnp.square(target - slope * x - intercept))
