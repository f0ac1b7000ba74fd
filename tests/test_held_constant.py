"""A target may be held constant; any other gradient that is missing is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lossproof.backends import loading
from lossproof.conformance.registry import backend
from lossproof.conformance.settle import Settled, settle
from lossproof.spec.loss import get

CONSTANT = "target is held constant: it has no gradient, and none is asked"


def settled(function: Any, loss: str, backward: Any = None, name: str = "numpy") -> Settled:
    claim = loading.claim(function, get(loss), name, backward=backward)
    return settle(claim, get(loss), backend(name))


def squares(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    losses = (prediction - target) ** 2
    return losses if reduction == "none" else getattr(np, reduction)(losses)


def _slope(cotangent: Any, prediction: Any, target: Any, reduction: str) -> Any:
    size = prediction.size if reduction == "mean" else 1
    return 2 * (prediction - target) * cotangent / size


def without(cotangent: Any, prediction: Any, target: Any, reduction: str = "mean") -> Any:
    return {"prediction": _slope(cotangent, prediction, target, reduction)}


def zeros(cotangent: Any, prediction: Any, target: Any, reduction: str = "mean") -> Any:
    slope = _slope(cotangent, prediction, target, reduction)
    return {"prediction": slope, "target": np.zeros_like(target)}


def zeros_of_sums(cotangent: Any, prediction: Any, target: Any, reduction: str = "mean") -> Any:
    slope = _slope(cotangent, prediction, target, reduction)
    return {"prediction": slope, "target": -slope if reduction == "mean" else 0 * slope}


def zeros_in_float32(cotangent: Any, prediction: Any, target: Any, reduction: str = "mean") -> Any:
    slope = _slope(cotangent, prediction, target, reduction)
    return {"prediction": slope, "target": 0 * slope if slope.dtype == np.float32 else -slope}


@pytest.mark.parametrize("backward", [without, zeros])
def test_a_target_without_a_gradient_is_held_constant(backward: Any) -> None:
    found = settled(squares, "mse", backward)
    assert found.implementation.differentiable == ("prediction",)
    assert CONSTANT in found.notes


@pytest.mark.parametrize("backward", [zeros_of_sums, zeros_in_float32])
def test_a_gradient_that_is_zero_at_some_questions_is_judged(backward: Any) -> None:
    found = settled(squares, "mse", backward)
    assert found.implementation.differentiable is None
    assert CONSTANT not in found.notes


def gaussian(prediction: Any, target: Any, var: Any) -> Any:
    return 0.5 * (np.log(var) + (prediction - target) ** 2 / var)


def without_variance(cotangent: Any, prediction: Any, target: Any, var: Any) -> Any:
    return {"prediction": cotangent * (prediction - target) / var}


def zero_variance(cotangent: Any, prediction: Any, target: Any, var: Any) -> Any:
    slope = cotangent * (prediction - target) / var
    return {"prediction": slope, "target": -slope, "var": 0 * slope}


@pytest.mark.parametrize(
    ("backward", "kept"), [(without_variance, ("prediction", "var")), (zero_variance, None)]
)
def test_a_variance_is_never_held_constant(backward: Any, kept: Any) -> None:
    assert settled(gaussian, "gaussian_nll", backward).implementation.differentiable == kept


def test_what_jax_stops_the_gradient_of_is_held_constant_if_it_is_the_target() -> None:
    jax = pytest.importorskip("jax")

    def stopped(prediction: Any, target: Any) -> Any:
        return (prediction - jax.lax.stop_gradient(target)) ** 2

    def of_variance(prediction: Any, target: Any, var: Any) -> Any:
        held = jax.lax.stop_gradient(var)
        return 0.5 * (jax.numpy.log(held) + (prediction - target) ** 2 / held)

    assert settled(stopped, "mse", name="jax").implementation.differentiable == ("prediction",)
    assert settled(of_variance, "gaussian_nll", name="jax").implementation.differentiable is None
