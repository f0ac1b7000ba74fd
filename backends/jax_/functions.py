"""Functions that losses are made of."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from lossproof.backends.jax_.rules import requires, shaped
from lossproof.backends.registry import implementations_of

implements = implementations_of("jax")


@implements("sigmoid")
def sigmoid(x: Array) -> Array:
    """`jax.nn.sigmoid`."""
    return jax.nn.sigmoid(x)


@implements("log_sigmoid")
def log_sigmoid(x: Array) -> Array:
    """`jax.nn.log_sigmoid`."""
    return jax.nn.log_sigmoid(x)


@implements("softplus")
def softplus(x: Array) -> Array:
    """`jax.nn.softplus`."""
    return jax.nn.softplus(x)


@implements("softmax")
def softmax(x: Array) -> Array:
    """`jax.nn.softmax`."""
    return jax.nn.softmax(x, axis=-1)


@implements("log_softmax")
def log_softmax(x: Array) -> Array:
    """`jax.nn.log_softmax`."""
    return jax.nn.log_softmax(x, axis=-1)


@implements("logsumexp")
def logsumexp(x: Array) -> Array:
    """`jax.nn.logsumexp`."""
    return jax.nn.logsumexp(x, axis=-1)


@implements("sparsemax")
@requires(shaped("x", "(N, C)"))
def sparsemax(x: Array) -> Array:
    """(x - τ)₊ with τ from the sorted row (Martins and Astudillo 2016, algorithm 1).

    The support is told by comparing entries of x, not differences: XLA may hold a difference of
    16-bit floats in float32 here and rounded there, where equal ones then differ.
    """
    fixed = jax.lax.stop_gradient(x)
    falling = -jnp.sort(-fixed, axis=-1)
    top = falling[..., :1]
    shifted, ordered = x - top, falling - top
    rank = jnp.arange(1, x.shape[-1] + 1)
    within = 1 + rank * ordered > jnp.cumsum(ordered, axis=-1)
    size = jnp.maximum(within.sum(axis=-1, keepdims=True), 1)
    outside = fixed < jnp.take_along_axis(falling, size - 1, axis=-1)
    inside = jnp.where(outside, 0, shifted)
    count = (~outside).sum(axis=-1, keepdims=True).astype(x.dtype)
    threshold = (inside.sum(axis=-1, keepdims=True) - 1) / count
    return jnp.where(outside, 0, shifted - threshold)
