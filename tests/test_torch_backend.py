"""The torch backend: arrays there and back, gradients, layouts, transformations, dialects."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

pytest.importorskip("torch")

from lossproof.backends.base import BackendError
from lossproof.backends.registry import Implementation
from lossproof.backends.torch_.backend import TorchBackend

BACKEND = TorchBackend()
LOSSES = BACKEND.implementations()
DTYPES = {
    "float64": np.float64,
    "float32": np.float32,
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
}


def huber(dtype=np.float64, **keywords):
    arguments = {
        "prediction": np.array([[3.0, 0.5], [-2.0, 0.0]], dtype),
        "target": np.zeros((2, 2), dtype),
    }
    return BACKEND.call(
        LOSSES.get("huber"),
        arguments,
        {"delta": 1.0, "reduction": "none"},
        cotangent=np.full((2, 2), 2, dtype),
        differentiate=("prediction", "target"),
        **keywords,
    )


def assert_huber(answer):
    assert answer.value.tolist() == [[2.5, 0.125], [1.5, 0.0]]
    assert answer.gradients["prediction"].tolist() == [[2.0, 1.0], [-2.0, 0.0]]
    assert answer.gradients["target"].tolist() == [[-2.0, -1.0], [2.0, 0.0]]
    assert answer.mutated == ()


@pytest.mark.parametrize("dtype", DTYPES)
def test_value_and_gradients_keep_the_dtype(dtype):
    answer = huber(DTYPES[dtype])
    assert_huber(answer)
    assert answer.value.dtype == answer.gradients["target"].dtype == DTYPES[dtype]


@pytest.mark.parametrize("layout", BACKEND.layouts)
def test_layouts_agree(layout):
    assert_huber(huber(layout=layout))


@pytest.mark.parametrize("transformation", BACKEND.transformations)
def test_transformations_agree(transformation):
    assert_huber(huber(transformation=transformation))


def test_what_writes_into_an_argument_is_named():
    implementation = Implementation(loss="mse", backend="torch", forward=lambda x: x.mul_(2))
    answer = BACKEND.call(implementation, {"x": np.ones(2)}, {})
    assert answer.mutated == ("x",)
    assert {k: v.tolist() for k, v in answer.after.items()} == {"x": [2.0, 2.0]}


def test_a_value_without_graph_has_no_gradient():
    implementation = Implementation(loss="mse", backend="torch", forward=lambda x: x.detach())
    answer = BACKEND.call(
        implementation, {"x": np.ones(2)}, {}, cotangent=np.ones(2), differentiate=("x",)
    )
    assert answer.gradients == {"x": None}


def test_warnings_are_captured():
    arguments = {"prediction": np.zeros(3), "target": np.zeros((3, 1))}
    answer = BACKEND.call(LOSSES.get("mse"), arguments, {"reduction": "mean"})
    assert any("UserWarning" in warning for warning in answer.warnings)


def test_a_dialect_cannot_be_overridden():
    arguments = {"prediction": np.array([0.0]), "target": np.array([1.0])}
    loss = LOSSES.get("binary_cross_entropy")
    options = {"eps": 0.0, "log_floor": -100.0, "reduction": "sum"}
    assert BACKEND.call(loss, arguments, options).value == 100
    with pytest.raises(BackendError, match="fixes eps at 0.0, asked for 0.1"):
        BACKEND.call(loss, arguments, {**options, "eps": 0.1})


def test_compositions_do_not_broadcast():
    arguments = {"positive": np.zeros(3), "negative": np.zeros((3, 1))}
    with pytest.raises(ValueError, match="bpr: positive and negative must have the same shape"):
        BACKEND.call(LOSSES.get("bpr"), arguments, {"reduction": "mean"})
