"""Losses of pairs and lists of scores."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from lossproof.backends.jax_.arithmetic import reduced, softplus
from lossproof.backends.jax_.rules import REDUCTION, requires, same_shape, shaped
from lossproof.backends.jax_.rules import positive as above_zero
from lossproof.backends.registry import implementations_of

implements = implementations_of("jax")


@implements("pairwise_hinge")
@requires(same_shape("positive", "negative"), REDUCTION)
def pairwise_hinge(positive: Array, negative: Array, *, margin: float, reduction: str) -> Array:
    """max(0, margin - (positive - negative)), by `jax.nn.relu`."""
    return reduced(jax.nn.relu(margin - (positive - negative)), reduction)


@implements("pairwise_logistic")
@requires(same_shape("positive", "negative"), REDUCTION)
def pairwise_logistic(positive: Array, negative: Array, *, reduction: str) -> Array:
    """log(1 + exp(-(positive - negative))) as max + log1p(exp(-|·|))."""
    return reduced(softplus(negative - positive), reduction)


@implements("bpr")
@requires(same_shape("positive", "negative"), REDUCTION)
def bpr(positive: Array, negative: Array, *, reduction: str) -> Array:
    """-log σ(positive - negative) as max + log1p(exp(-|·|))."""
    return reduced(softplus(-(positive - negative)), reduction)


@implements("margin_ranking")
@requires(same_shape("first", "second", "target"), REDUCTION)
def margin_ranking(
    first: Array, second: Array, target: Array, *, margin: float, reduction: str
) -> Array:
    """max(0, -target·(first - second) + margin), by `jax.nn.relu`."""
    return reduced(jax.nn.relu(margin - target * (first - second)), reduction)


@implements("listnet")
@requires(shaped("prediction", "(N, C)"), same_shape("prediction", "target"), REDUCTION)
def listnet(prediction: Array, target: Array, *, reduction: str) -> Array:
    """-Σ softmax(target) log_softmax(prediction)."""
    terms = jax.nn.softmax(target, axis=-1) * jax.nn.log_softmax(prediction, axis=-1)
    return reduced(-terms.sum(axis=-1), reduction)


@implements("info_nce")
@requires(
    shaped("query", "(N, D)"), same_shape("query", "key"), above_zero("temperature"), REDUCTION
)
def info_nce(query: Array, key: Array, *, temperature: float, reduction: str) -> Array:
    """The diagonal of -log_softmax(query·keyᵀ / temperature), products in full precision."""
    logits = jnp.matmul(query, key.T, precision=jax.lax.Precision.HIGHEST) / temperature
    return reduced(-jnp.diagonal(jax.nn.log_softmax(logits, axis=-1)), reduction)
