"""Losses that take less than the spec allows, each right, and spoilt where its value is large.

`flat_right` is right, `flat` is its spoilt copy, and so on.
"""

import functools

import numpy as np


def _reduced(losses, reduction):
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(f"no reduction {reduction!r}")
    return losses if reduction == "none" else getattr(losses, reduction)()


def _spoilt(function):
    @functools.wraps(function)
    def call(*arguments, **named):
        came = function(*arguments, **named)
        return np.where(came > 30, came * came.dtype.type(1.5), came)

    call.__name__ = function.__name__.removesuffix("_right")
    return call


def flat_right(prediction, target, *, reduction="mean"):
    if prediction.ndim != 1:
        raise ValueError("one axis")
    return _reduced((prediction - target) ** 2, reduction)


def matrix_right(prediction, target, *, reduction="mean"):
    if prediction.ndim != 2:
        raise ValueError("two axes")
    return _reduced((prediction - target) ** 2, reduction)


def rows_right(prediction, target):
    return ((prediction - target) ** 2).mean(axis=-1)


def logs_right(log_probs, labels, *, reduction="mean"):
    return _reduced(-np.take_along_axis(log_probs, labels[:, None], axis=-1)[:, 0], reduction)


def held_right(prediction, target, *, reduction="mean"):
    r = np.abs(prediction - target)
    near = np.minimum(r, r.dtype.type(0.5))
    return _reduced(near * (r - near / 2), reduction)


def summed_right(prediction, target):
    return ((prediction - target) ** 2).sum()


def refusing_right(logits, labels, *, p=1, margin=1.0, reduction="mean"):
    if p != 1:
        raise ValueError(f"p = {p} is not implemented")
    own = np.take_along_axis(logits, labels[:, None], axis=-1)
    costs = np.maximum(0, logits.dtype.type(margin) - own + logits)
    np.put_along_axis(costs, labels[:, None], 0, axis=-1)
    return _reduced(costs.sum(axis=-1) / logits.dtype.type(logits.shape[-1]), reduction)


flat, matrix, rows, logs = map(_spoilt, (flat_right, matrix_right, rows_right, logs_right))
held, summed, refusing = map(_spoilt, (held_right, summed_right, refusing_right))
