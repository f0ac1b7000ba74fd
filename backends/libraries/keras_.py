"""Keras 3, on JAX and on torch: losses as objects, and functions of `keras.ops`.

`BinaryCrossentropy` and its like average over the last axis before they reduce: arrays of any shape
get one of length 1. Computations are made in the dtype of the prediction (`dtype`), not in
`keras.config.floatx()`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import losses, ops

from lossproof.backends.registry import Forward, implementations_of

REGISTRIES = (implementations_of("keras_jax"), implementations_of("keras_torch"))
REDUCTIONS = {"none": None, "sum": "sum", "mean": "sum_over_batch_size"}
#: what keras.config.epsilon() is unless somebody sets it
EPSILON = 1e-7


def implements(loss: str, **facts: Any) -> Callable[[Forward], Forward]:
    """Register a function with both backends."""

    def register(function: Forward) -> Forward:
        for registry in REGISTRIES:
            registry(loss, **facts)(function)
        return function

    return register


def _facts(prediction: Any, reduction: str) -> dict[str, Any]:
    dtype = keras.backend.standardize_dtype(prediction.dtype)
    return {"reduction": REDUCTIONS.get(reduction, reduction), "dtype": dtype}


def _each(loss: Any, target: Any, prediction: Any) -> Any:
    """A loss of single entries, in a last axis of length 1 that it averages over."""
    return loss(ops.expand_dims(target, -1), ops.expand_dims(prediction, -1))


@implements("mse")
def mse(prediction: Any, target: Any, *, reduction: str) -> Any:
    """`keras.losses.MeanSquaredError`."""
    return _each(losses.MeanSquaredError(**_facts(prediction, reduction)), target, prediction)


@implements("mae")
def mae(prediction: Any, target: Any, *, reduction: str) -> Any:
    """`keras.losses.MeanAbsoluteError`."""
    return _each(losses.MeanAbsoluteError(**_facts(prediction, reduction)), target, prediction)


@implements("huber")
def huber(prediction: Any, target: Any, *, delta: float, reduction: str) -> Any:
    """`keras.losses.Huber`."""
    return _each(losses.Huber(delta=delta, **_facts(prediction, reduction)), target, prediction)


@implements("binary_cross_entropy", dialect={"eps": 0.0, "log_floor": None})
def binary_cross_entropy(prediction: Any, target: Any, *, reduction: str) -> Any:
    """`keras.losses.BinaryCrossentropy`."""
    return _each(losses.BinaryCrossentropy(**_facts(prediction, reduction)), target, prediction)


@implements("binary_cross_entropy_with_logits", optional=())
def binary_cross_entropy_with_logits(logits: Any, target: Any, *, reduction: str) -> Any:
    """`keras.losses.BinaryCrossentropy(from_logits=True)`."""
    loss = losses.BinaryCrossentropy(from_logits=True, **_facts(logits, reduction))
    return _each(loss, target, logits)


@implements("sigmoid_focal")
def sigmoid_focal(
    logits: Any, target: Any, *, alpha: float | None, gamma: float, reduction: str
) -> Any:
    """`keras.losses.BinaryFocalCrossentropy(from_logits=True)`."""
    balance = {} if alpha is None else {"apply_class_balancing": True, "alpha": alpha}
    loss = losses.BinaryFocalCrossentropy(
        gamma=gamma, from_logits=True, **balance, **_facts(logits, reduction)
    )
    return _each(loss, target, logits)


@implements("poisson_nll", dialect={"log_input": False, "full": False, "eps": EPSILON})
def poisson_nll(prediction: Any, target: Any, *, reduction: str) -> Any:
    """`keras.losses.Poisson`."""
    return _each(losses.Poisson(**_facts(prediction, reduction)), target, prediction)


@implements("cross_entropy", optional=(), dialect={"label_smoothing": 0.0})
def cross_entropy(logits: Any, labels: Any, *, ignore_index: int, reduction: str) -> Any:
    """`keras.losses.SparseCategoricalCrossentropy(from_logits=True)`."""
    loss = losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=ignore_index, **_facts(logits, reduction)
    )
    return loss(labels, logits)


@implements("cross_entropy_soft_targets", optional=())
def cross_entropy_soft_targets(
    logits: Any, target: Any, *, label_smoothing: float, reduction: str
) -> Any:
    """`keras.losses.CategoricalCrossentropy(from_logits=True)`."""
    loss = losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=label_smoothing, **_facts(logits, reduction)
    )
    return loss(target, logits)


@implements("dice", dialect={"smooth": 0.0})
def dice(prediction: Any, target: Any) -> Any:
    """`keras.losses.Dice` over all axes; its documented formula has no smoothing."""
    return losses.Dice(**_facts(prediction, "none"))(target, prediction)


@implements("ctc", reducible=False, reductions=("none",))
def ctc(logits: Any, targets: Any, input_lengths: Any, target_lengths: Any, *, blank: int) -> Any:
    """`keras.ops.ctc_loss`: axes (N, T, C)."""
    batch_first = ops.swapaxes(logits, 0, 1)
    return ops.ctc_loss(targets, batch_first, target_lengths, input_lengths, mask_index=blank)


@implements("sigmoid")
def sigmoid(x: Any) -> Any:
    """`keras.ops.sigmoid`."""
    return ops.sigmoid(x)


@implements("log_sigmoid")
def log_sigmoid(x: Any) -> Any:
    """`keras.ops.log_sigmoid`."""
    return ops.log_sigmoid(x)


@implements("softplus")
def softplus(x: Any) -> Any:
    """`keras.ops.softplus`."""
    return ops.softplus(x)


@implements("softmax")
def softmax(x: Any) -> Any:
    """`keras.ops.softmax`."""
    return ops.softmax(x, axis=-1)


@implements("log_softmax")
def log_softmax(x: Any) -> Any:
    """`keras.ops.log_softmax`."""
    return ops.log_softmax(x, axis=-1)


@implements("logsumexp")
def logsumexp(x: Any) -> Any:
    """`keras.ops.logsumexp`."""
    return ops.logsumexp(x, axis=-1)


@implements("sparsemax")
def sparsemax(x: Any) -> Any:
    """`keras.ops.sparsemax`."""
    return ops.sparsemax(x, axis=-1)
