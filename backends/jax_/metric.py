"""Losses of distances and angles between embeddings."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from lossproof.backends.jax_.arithmetic import reduced, root, scale_of, wide
from lossproof.backends.jax_.rules import (
    REDUCTION,
    between,
    non_negative,
    one_each,
    one_of,
    requires,
    same_shape,
    shaped,
)
from lossproof.backends.jax_.rules import positive as above_zero
from lossproof.backends.registry import implementations_of

implements = implementations_of("jax")


@implements("triplet_margin")
@requires(
    shaped("anchor", "(N, D)"),
    same_shape("anchor", "positive", "negative"),
    above_zero("margin"),
    one_of("p", 1, 2),
    non_negative("eps"),
    REDUCTION,
)
def triplet_margin(
    anchor: Array,
    positive: Array,
    negative: Array,
    *,
    margin: float,
    p: int,
    eps: float,
    swap: bool,
    reduction: str,
) -> Array:
    """max(0, margin + d(a, p) - min(d(a, n), d(p, n) if swap)), d = ‖difference + ε‖_p."""
    a, b, c = wide(anchor), wide(positive), wide(negative)
    far = _distance(a - c + eps, p)
    if swap:
        far = jnp.minimum(far, _distance(b - c + eps, p))
    losses = jax.nn.relu(margin + _distance(a - b + eps, p) - far)
    return reduced(losses, reduction).astype(anchor.dtype)


def _distance(difference: Array, p: int) -> Array:
    """The p-norm of each row, with derivative 0 rather than nan at 0."""
    if p == 1:
        return jnp.abs(difference).sum(axis=-1)
    scale = scale_of(difference, axis=-1)
    return scale[:, 0] * root(jnp.square(difference / scale).sum(axis=-1))


@implements("cosine_embedding")
@requires(
    shaped("first", "(N, D)"),
    same_shape("first", "second"),
    one_each("target", "first", 0),
    between("margin", -1, 1),
    above_zero("eps"),
    REDUCTION,
)
def cosine_embedding(
    first: Array, second: Array, target: Array, *, margin: float, eps: float, reduction: str
) -> Array:
    """1 - c where target = 1, else max(0, c - margin); c = ⟨a, b⟩ / √((‖a‖² + ε)(‖b‖² + ε))."""
    a, a_norm = _scaled(wide(first), eps)
    b, b_norm = _scaled(wide(second), eps)
    cosine = (a * b).sum(axis=-1) / (a_norm * b_norm)
    losses = jnp.where(target == 1, 1 - cosine, jax.nn.relu(cosine - margin))
    return reduced(losses, reduction).astype(first.dtype)


def _scaled(x: Array, eps: float) -> tuple[Array, Array]:
    """Rows divided by a scale s that keeps squares in range, and √(‖x‖² + ε) / s."""
    least = jnp.sqrt(jnp.asarray(eps, x.dtype))
    scale = scale_of(x, axis=-1, least=least)
    y = x / scale
    return y, jnp.sqrt(jnp.square(y).sum(axis=-1) + jnp.square(least / scale[:, 0]))
