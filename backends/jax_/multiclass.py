"""Losses of classification among C classes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from lossproof.backends.jax_.arithmetic import reduced, wide, xlogy
from lossproof.backends.jax_.rules import (
    REDUCTION,
    between,
    labels_of,
    non_negative,
    one_each,
    one_of,
    requires,
    same_shape,
    shaped,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("jax")


@implements("cross_entropy")
@requires(
    shaped("logits", "(N, C)"),
    one_each("labels", "logits", 0),
    labels_of("labels", "logits"),
    one_each("weight", "logits", 1),
    between("label_smoothing", 0, 1),
    REDUCTION,
)
def cross_entropy(
    logits: Array,
    labels: Array,
    weight: Array | None = None,
    *,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> Array:
    """-(1 - a) w_y log π_y - (a / C) Σ w_c log π_c, by `jax.nn.log_softmax`."""
    kept = labels != ignore_index
    losses = -jax.nn.log_softmax(jnp.where(kept[:, None], logits, 0), axis=-1)
    if weight is not None:
        losses = _weighted(losses, weight)
    picked = _picked(losses, jnp.where(kept, labels, 0))
    even = jnp.where(label_smoothing == 0, 0, label_smoothing * losses.mean(axis=-1))
    smooth = (1 - label_smoothing) * picked + even
    return _over_kept(smooth, kept, labels, weight, reduction)


@implements("nll")
@requires(
    shaped("log_probabilities", "(N, C)"),
    one_each("labels", "log_probabilities", 0),
    labels_of("labels", "log_probabilities"),
    one_each("weight", "log_probabilities", 1),
    REDUCTION,
)
def nll(
    log_probabilities: Array,
    labels: Array,
    weight: Array | None = None,
    *,
    ignore_index: int,
    reduction: str,
) -> Array:
    """-w_y log π_y of log-probabilities given."""
    kept = labels != ignore_index
    losses = -jnp.where(kept[:, None], log_probabilities, 0)
    if weight is not None:
        losses = _weighted(losses, weight)
    picked = _picked(losses, jnp.where(kept, labels, 0))
    return _over_kept(picked, kept, labels, weight, reduction)


def _weighted(losses: Array, weight: Array) -> Array:
    """weight · losses, 0 where a weight of 0 meets a loss of infinity."""
    return jnp.where((weight == 0) & jnp.isinf(losses), 0, weight * losses)


def _picked(rows: Array, labels: Array) -> Array:
    return jnp.take_along_axis(rows, labels[:, None], axis=1)[:, 0]


def _over_kept(
    losses: Array, kept: Array, labels: Array, weight: Array | None, reduction: str
) -> Array:
    """`losses` with 0 in ignored rows, reduced; the mean is over the weights of kept rows.

    Over no weight at all the mean is nan, its gradient 0.
    """
    losses = jnp.where(kept, losses, 0)
    if reduction != "mean":
        return reduced(losses, reduction)
    if weight is None:
        weights = kept.astype(jnp.float32)
    else:
        weights = jnp.where(kept, weight[jnp.where(kept, labels, 0)], 0)
    total, whole = wide(losses), wide(weights)
    count = whole.sum().astype(total.dtype)
    mean = total.sum() / jnp.where(count == 0, 1, count)
    return jnp.where(count == 0, jnp.nan, mean).astype(losses.dtype)


@implements("cross_entropy_soft_targets")
@requires(
    shaped("logits", "(N, C)"),
    same_shape("logits", "target"),
    one_each("weight", "logits", 1),
    between("label_smoothing", 0, 1),
    REDUCTION,
)
def cross_entropy_soft_targets(
    logits: Array,
    target: Array,
    weight: Array | None = None,
    *,
    label_smoothing: float,
    reduction: str,
) -> Array:
    """-Σ w t' log π with t' = (1 - a) t + a / C, 0 where t' = 0, by `jax.nn.log_softmax`.

    16-bit floats are computed in float32: XLA for CPUs (jaxlib 0.10.2) dies of a segmentation fault
    while it compiles the float16 form.
    """
    z, t = wide(logits), wide(target)
    even = (1 - label_smoothing) * t + label_smoothing / logits.shape[1]
    log_softmax = jax.nn.log_softmax(z, axis=-1)
    log_softmax = jnp.where((even == 0) & jnp.isneginf(log_softmax), 0, log_softmax)
    terms = even * log_softmax
    if weight is not None:
        terms = wide(weight) * terms
    return reduced(-terms.sum(axis=-1), reduction).astype(logits.dtype)


@implements("cross_entropy_probabilities")
@requires(
    shaped("prediction", "(N, C)"),
    same_shape("prediction", "target"),
    non_negative("eps"),
    REDUCTION,
)
def cross_entropy_probabilities(
    prediction: Array, target: Array, *, eps: float, reduction: str
) -> Array:
    """-Σ t log(p + ε), 0 log 0 = 0."""
    p, t = wide(prediction), wide(target)
    losses = -xlogy(t, p + eps).sum(axis=-1)
    return reduced(losses, reduction).astype(prediction.dtype)


@implements("multi_margin")
@requires(
    shaped("logits", "(N, C)"),
    one_each("labels", "logits", 0),
    labels_of("labels", "logits"),
    one_each("weight", "logits", 1),
    one_of("p", 1, 2),
    REDUCTION,
)
def multi_margin(
    logits: Array,
    labels: Array,
    weight: Array | None = None,
    *,
    p: int,
    margin: float,
    reduction: str,
) -> Array:
    """(w_y / C) Σ over k ≠ y of max(0, margin - z_y + z_k)^p."""
    gaps = margin - (_picked(logits, labels)[:, None] - logits)
    others = jnp.arange(logits.shape[1]) != labels[:, None]
    hinges = jax.nn.relu(jnp.where(others, gaps, 0))
    losses = (hinges if p == 1 else jnp.square(hinges)).mean(axis=-1)
    if weight is not None:
        losses = weight[labels] * losses
    return reduced(losses, reduction)
