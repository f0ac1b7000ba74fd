"""Wrong Huber losses whose violations are the same in every run."""

import numpy as np


def _reduced(losses, reduction):
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(f"no reduction {reduction!r}")
    return {"none": lambda x: x, "sum": np.sum, "mean": np.mean}[reduction](losses)


def _residual(prediction, target, delta):
    if prediction.shape != target.shape or not delta > 0:
        raise ValueError("bad input")
    return prediction - target


def right(prediction, target, *, delta, reduction):
    """No fault at all."""
    r = abs(_residual(prediction, target, delta))
    near = np.minimum(r, r.dtype.type(delta))
    return _reduced(near * (r - near / 2), reduction)


def branchless(prediction, target, *, delta, reduction):
    """The linear branch is missing."""
    r = _residual(prediction, target, delta)
    return _reduced(r * r / 2, reduction)


def branchless_backward(cotangent, prediction, target, *, delta, reduction):
    r = prediction - target
    if reduction == "mean":
        cotangent = cotangent / r.dtype.type(r.size)
    return {"prediction": cotangent * r, "target": -cotangent * r}


def crowded(prediction, target, *, delta, reduction):
    """Right alone; in company each loss is too large by a half."""
    losses = right(prediction, target, delta=delta, reduction="none")
    return _reduced(losses * losses.dtype.type(1.5 if losses.size > 1 else 1), reduction)


def flattened(prediction, target, *, delta, reduction):
    """The losses come back flat."""
    return _reduced(right(prediction, target, delta=delta, reduction="none").ravel(), reduction)


def overflowing(prediction, target, *, delta, reduction):
    """Both branches are computed, and one of them multiplied by 0."""
    r = abs(_residual(prediction, target, delta))
    near = (r <= delta).astype(r.dtype)
    return _reduced(near * (r * r / 2) + (1 - near) * delta * (r - delta / 2), reduction)


def widened(prediction, target, *, delta, reduction):
    """The result is float64."""
    return _reduced(right(prediction, target, delta=delta, reduction="none"), reduction) * np.ones(
        ()
    )


def widened_backward(cotangent, prediction, target, *, delta, reduction):
    r = np.clip(prediction - target, -delta, delta)
    return {"prediction": cotangent * r, "target": -cotangent * r}


def raising(prediction, target, *, delta, reduction):
    """Divides by zero."""
    return prediction * (1.0 / (delta - delta))
