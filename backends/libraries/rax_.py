"""rax: losses of lists of scores; a pair is a list of two whose first item is relevant."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import rax
from jax import Array

from lossproof.backends.registry import implementations_of

implements = implementations_of("rax")
REDUCE: dict[str, Any] = {"none": None, "sum": jnp.sum, "mean": jnp.mean}


@implements("mse")
def mse(prediction: Array, target: Array, *, reduction: str) -> Any:
    """`rax.pointwise_mse_loss`."""
    return rax.pointwise_mse_loss(prediction, target, reduce_fn=REDUCE[reduction])


@implements("binary_cross_entropy_with_logits", optional=())
def binary_cross_entropy_with_logits(logits: Array, target: Array, *, reduction: str) -> Any:
    """`rax.pointwise_sigmoid_loss`."""
    return rax.pointwise_sigmoid_loss(logits, target, reduce_fn=REDUCE[reduction])


@implements("cross_entropy_soft_targets", optional=(), dialect={"label_smoothing": 0.0})
def cross_entropy_soft_targets(logits: Array, target: Array, *, reduction: str) -> Any:
    """`rax.softmax_loss`, which keeps the labels as they are."""
    return rax.softmax_loss(logits, target, reduce_fn=REDUCE[reduction])


@implements("listnet")
def listnet(prediction: Array, target: Array, *, reduction: str) -> Any:
    """`rax.softmax_loss` with the softmax of the labels."""
    return rax.softmax_loss(prediction, target, label_fn=_softmax, reduce_fn=REDUCE[reduction])


def _softmax(labels: Array, where: Any) -> Any:
    return jax.nn.softmax(labels, where=where)


@implements("pairwise_hinge", dialect={"margin": 1.0})
def pairwise_hinge(positive: Array, negative: Array, *, reduction: str) -> Any:
    """`rax.pairwise_hinge_loss`, whose margin is 1."""
    return _of_pairs(rax.pairwise_hinge_loss, positive, negative, reduction)


@implements("pairwise_logistic")
def pairwise_logistic(positive: Array, negative: Array, *, reduction: str) -> Any:
    """`rax.pairwise_logistic_loss`."""
    return _of_pairs(rax.pairwise_logistic_loss, positive, negative, reduction)


def _of_pairs(loss: Any, positive: Array, negative: Array, reduction: str) -> Any:
    """The loss of lists of two; not reduced, that of item 0 against item 1 of all four pairs."""
    scores = jnp.stack([positive, negative], axis=-1)
    labels = jnp.broadcast_to(jnp.array([1, 0], scores.dtype), scores.shape)
    found = loss(scores, labels, reduce_fn=REDUCE[reduction])
    return found[..., 1] if reduction == "none" else found
