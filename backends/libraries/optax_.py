"""optax: losses that are not reduced, and some that reduce along the axes they are told."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from optax import losses

from lossproof.backends.registry import implementations_of

implements = implementations_of("optax")
#: facts of a function that has no parameter for a reduction
PLAIN: dict[str, Any] = {"reducible": False, "reductions": ("none",)}


@implements("mse", **PLAIN)
def mse(prediction: Array, target: Array) -> Any:
    """`optax.losses.squared_error`."""
    return losses.squared_error(prediction, target)


@implements("huber", **PLAIN)
def huber(prediction: Array, target: Array, *, delta: float) -> Any:
    """`optax.losses.huber_loss`."""
    return losses.huber_loss(prediction, target, delta=delta)


@implements("binary_cross_entropy_with_logits", optional=(), **PLAIN)
def binary_cross_entropy_with_logits(logits: Array, target: Array) -> Any:
    """`optax.losses.sigmoid_binary_cross_entropy`."""
    return losses.sigmoid_binary_cross_entropy(logits, target)


@implements("sigmoid_focal", **PLAIN)
def sigmoid_focal(logits: Array, target: Array, *, alpha: float | None, gamma: float) -> Any:
    """`optax.losses.sigmoid_focal_loss`."""
    return losses.sigmoid_focal_loss(logits, target, alpha=alpha, gamma=gamma)


@implements("cross_entropy", optional=(), dialect={"label_smoothing": 0.0}, **PLAIN)
def cross_entropy(logits: Array, labels: Array, *, ignore_index: int) -> Any:
    """`optax.losses.softmax_cross_entropy_with_integer_labels`; `where` is its way to ignore."""
    kept = labels != ignore_index
    return losses.softmax_cross_entropy_with_integer_labels(
        logits, jnp.where(kept, labels, 0), where=kept
    )


@implements("cross_entropy_soft_targets", optional=(), **PLAIN)
def cross_entropy_soft_targets(logits: Array, target: Array, *, label_smoothing: float) -> Any:
    """`optax.losses.softmax_cross_entropy`, of `smooth_labels`."""
    return losses.softmax_cross_entropy(logits, losses.smooth_labels(target, label_smoothing))


@implements("listnet")
def listnet(prediction: Array, target: Array, *, reduction: str) -> Any:
    """`optax.losses.ranking_softmax_loss` with the softmax of the relevances as labels."""
    reduce = {"none": None, "sum": jnp.sum, "mean": jnp.mean}[reduction]
    return losses.ranking_softmax_loss(prediction, jax.nn.softmax(target), reduce_fn=reduce)


@implements("kl_div", reductions=("none", "sum"))
def kl_div(prediction: Array, target: Array, *, log_target: bool, reduction: str) -> Any:
    """`optax.losses.kl_divergence` and `kl_divergence_with_log_targets`: sums along `axis`."""
    axis = {"none": (), "sum": None}[reduction]
    if log_target:
        return losses.kl_divergence_with_log_targets(prediction, target, axis=axis)
    return losses.kl_divergence(prediction, target, axis=axis)


@implements("triplet_margin", dialect={"eps": 0.0, "swap": False}, **PLAIN)
def triplet_margin(
    anchor: Array, positive: Array, negative: Array, *, p: int, margin: float
) -> Any:
    """`optax.losses.triplet_margin_loss`; its eps, of another meaning, is switched off."""
    return losses.triplet_margin_loss(
        anchor, positive, negative, norm_degree=p, margin=margin, eps=0.0
    )


@implements("dice")
def dice(prediction: Array, target: Array, *, smooth: float) -> Any:
    """`optax.losses.dice_loss` of two classes, the first one's; its A and B are half of the spec's.

    One sample: the sums run over all axes but the first and the last.
    """
    both = [jnp.stack([a, 1 - a], axis=-1)[None] for a in (prediction, target)]
    found = losses.dice_loss(*both, smooth=smooth / 2, apply_softmax=False, reduction="none")
    return found[0, 0]


@implements("ctc", **PLAIN)
def ctc(
    logits: Array, targets: Array, input_lengths: Array, target_lengths: Array, *, blank: int
) -> Any:
    """`optax.losses.ctc_loss`: axes (N, T, C), and paddings for lengths."""
    steps, width = jnp.arange(logits.shape[0]), jnp.arange(targets.shape[1])
    return losses.ctc_loss(
        jnp.swapaxes(logits, 0, 1),
        (steps >= input_lengths[:, None]).astype(logits.dtype),
        targets,
        (width >= target_lengths[:, None]).astype(logits.dtype),
        blank_id=blank,
    )


@implements("sparsemax")
def sparsemax(x: Array) -> Any:
    """`optax.projections.projection_simplex` of every row."""
    return jax.vmap(optax.projections.projection_simplex)(x)
