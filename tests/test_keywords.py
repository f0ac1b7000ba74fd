"""What goes by `**keywords` is offered only if it is not refused, and makes a difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lossproof.backends import loading
from lossproof.conformance.registry import backend
from lossproof.conformance.settle import Settled, settle
from lossproof.spec.loss import get


def settled(function: Any, loss: str = "huber") -> Settled:
    claim = loading.claim(function, get(loss), "numpy")
    return settle(claim, get(loss), backend("numpy"))


def _huber(prediction: Any, target: Any, delta: float = 1.0, reduction: str = "mean") -> Any:
    r = np.abs(prediction - target)
    delta = r.dtype.type(delta)
    losses = np.where(r <= delta, r * r / 2, delta * (r - delta / 2))
    return losses if reduction == "none" else getattr(np, reduction)(losses)


def handed_on(prediction: Any, target: Any, **named: Any) -> Any:
    return _huber(prediction, target, **named)


def swallowed(prediction: Any, target: Any, **_: Any) -> Any:
    return _huber(prediction, target, 2.0)


def refused(prediction: Any, target: Any, **named: Any) -> Any:
    assert not named, f"no more, got {named}"
    return _huber(prediction, target)


def partly_refused(prediction: Any, target: Any, **named: Any) -> Any:
    if "reduction" in named:
        raise TypeError("unexpected keyword argument 'reduction'")
    return _huber(prediction, target, **named)


def needed(prediction: Any, target: Any, **named: Any) -> Any:
    return _huber(prediction, target, named["delta"])


def named_and_refused(prediction: Any, target: Any, delta: float = 1.0, **_: Any) -> Any:
    raise ValueError(f"no delta, got {delta}")


def named_and_ignored(
    prediction: Any, target: Any, delta: float = 1.0, reduction: str = "mean", **_: Any
) -> Any:
    return _huber(prediction, target)


def test_what_is_handed_on_is_offered() -> None:
    found = settled(handed_on).implementation
    assert found.options == ("delta",)
    assert found.reducible


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (swallowed, "its **keywords take it, and it changes nothing"),
        (
            refused,
            "its **keywords refuse it: AssertionError: no more, got {'delta': 1.0}",
        ),
    ],
)
def test_what_is_swallowed_or_refused_is_not_offered(function: Any, why: str) -> None:
    found = settled(function)
    assert f"delta: {why}" in found.notes
    assert found.implementation.options == ()
    assert not found.implementation.reducible
    assert found.implementation.reductions == ("mean",)
    assert found.implementation.dialect == {"delta": 2.0 if function is swallowed else 1.0}


def test_each_name_is_asked_for_itself() -> None:
    found = settled(partly_refused).implementation
    assert found.options == ("delta",)
    assert not found.reducible


def test_what_cannot_be_left_out_is_given() -> None:
    found = settled(needed).implementation
    assert found.options == ("delta",)
    assert not found.reducible


@pytest.mark.parametrize("function", [named_and_refused, named_and_ignored])
def test_a_parameter_of_the_signature_is_offered_whatever_it_does(function: Any) -> None:
    assert settled(function).implementation.options == ("delta",)
