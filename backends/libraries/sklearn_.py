"""scikit-learn: metrics, which average, and the losses of its models (`sklearn._loss`).

The latter are private: `HistGradientBoosting`, `LogisticRegression` and their like minimise them.
They take arrays of one axis in float64 and float32, and have a gradient in the raw prediction only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import _loss, metrics
from sklearn.utils import extmath

from lossproof.backends.base import Array
from lossproof.backends.registry import Forward, implementations_of

implements = implementations_of("sklearn")
WIDE = ("float64", "float32")
#: facts of metrics: they know no bfloat16
METRIC: dict[str, Any] = {"differentiable": (), "dtypes": (*WIDE, "float16")}
MEAN: dict[str, Any] = {**METRIC, "reducible": False, "reductions": ("mean",)}


@implements("mse", **MEAN)
def mse(prediction: Array, target: Array) -> Any:
    """`sklearn.metrics.mean_squared_error`."""
    return metrics.mean_squared_error(*_flat(target, prediction))


@implements("rmse", dialect={"eps": 0.0}, **METRIC)
def rmse(prediction: Array, target: Array) -> Any:
    """`sklearn.metrics.root_mean_squared_error`."""
    return metrics.root_mean_squared_error(*_flat(target, prediction))


@implements("softmax", **METRIC)
def softmax(x: Array) -> Any:
    """`sklearn.utils.extmath.softmax`."""
    return extmath.softmax(x)


def _pointwise(loss: str, argument: str, **facts: Any) -> Callable[[Forward], Forward]:
    """Register a loss of entries, made by `function(options)`, with its gradient in `argument`."""

    def register(make: Forward) -> Forward:
        def forward(prediction: Array, target: Array, **options: Any) -> Any:
            found = make(**options).loss(*_flat(target, prediction))
            return found.reshape(prediction.shape)

        def backward(u: Array, prediction: Array, target: Array, **options: Any) -> dict[str, Any]:
            slope = make(**options).gradient(*_flat(target, prediction))
            return {argument: u * slope.reshape(prediction.shape)}

        forward.__doc__ = make.__doc__
        plain = {"reducible": False, "reductions": ("none",), "dtypes": WIDE, "optional": ()}
        registered = implements(loss, differentiable=(argument,), **{**plain, **facts})(forward)
        registered.backward(backward)
        return make

    return register


def _flat(target: Array, prediction: Array) -> tuple[Array, Array]:
    """Both with one axis; as they are where their shapes differ, for the library to say so."""
    if target.shape != prediction.shape:
        return target, prediction
    return np.ascontiguousarray(target).reshape(-1), np.ascontiguousarray(prediction).reshape(-1)


@_pointwise("mae", "prediction")
def absolute() -> Any:
    """`sklearn._loss.AbsoluteError`."""
    return _loss.AbsoluteError()


@_pointwise("huber", "prediction")
def huber(*, delta: float) -> Any:
    """`sklearn._loss.HuberLoss`."""
    return _loss.HuberLoss(delta=delta)


@_pointwise("poisson_nll", "prediction", dialect={"log_input": True, "full": False, "eps": 1e-8})
def poisson() -> Any:
    """`sklearn._loss.HalfPoissonLoss`; there is no eps where the input is a logarithm."""
    return _loss.HalfPoissonLoss()


@_pointwise("binary_cross_entropy_with_logits", "logits")
def binomial() -> Any:
    """`sklearn._loss.HalfBinomialLoss`."""
    return _loss.HalfBinomialLoss()


@implements(
    "cross_entropy",
    reducible=False, reductions=("none",), dtypes=WIDE, optional=(),
    dialect={"label_smoothing": 0.0},
)  # fmt: skip
def cross_entropy(logits: Array, labels: Array, *, ignore_index: int) -> Any:
    """`sklearn._loss.HalfMultinomialLoss`, of the rows that are not ignored."""
    kept = labels != ignore_index
    found = np.zeros(len(labels), logits.dtype)
    found[kept] = _multinomial(logits).loss(labels[kept].astype(logits.dtype), logits[kept])
    return found


@cross_entropy.backward
def cross_entropy_backward(u: Array, logits: Array, labels: Array, *, ignore_index: int) -> Any:
    """Its gradient."""
    kept = labels != ignore_index
    slope = np.zeros_like(logits)
    slope[kept] = _multinomial(logits).gradient(labels[kept].astype(logits.dtype), logits[kept])
    return {"logits": u[:, None] * slope}


def _multinomial(logits: Array) -> Any:
    return _loss.HalfMultinomialLoss(n_classes=logits.shape[1])
