"""What a wrong function is said to look like: named where it is that, and not where it is near."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.origin import implementation
from lossproof.conformance.registry import backend
from lossproof.conformance.resemblance import looks_like
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import get


def subject_of(function: Callable[..., Any], loss: str, backward: Any = None) -> Subject:
    claim = implementation(function, loss=loss, backend="numpy", backward=backward)
    return Subject(
        loss=get(loss), implementation=claim, backend=backend("numpy"), dtype="float64",
        device="cpu", effort=EFFORTS["default"],
    )  # fmt: skip


def _smooth(prediction: Any, target: Any) -> Any:
    r = abs(prediction - target)
    return np.where(r <= 0.2, r * r / 0.4, r - 0.1).mean()


def _smooth_of_no_number(prediction: Any, target: Any) -> Any:
    r = abs(prediction - target)
    return np.where(r <= 0.2, r * r / 0.4, r - 0.11).mean()


def _threshold(prediction: Any, target: Any, *, delta: float) -> Any:
    r = abs(prediction - target)
    return np.where(r <= 1.7, r * r / 2, 1.7 * (r - 0.85)).mean()


def _tanh(prediction: Any, target: Any) -> Any:
    return np.tanh(abs(prediction - target)).mean()


LOOKS: tuple[tuple[Callable[..., Any], str, str | None], ...] = (
    (_smooth, "huber", "huber divided by delta (smooth L1), delta = 0.2"),
    (_smooth_of_no_number, "huber", None),
    (_threshold, "huber", "huber, delta = 1.7"),
    (_tanh, "huber", None),
)


@pytest.mark.parametrize(
    ("function", "loss", "said"), LOOKS, ids=lambda v: getattr(v, "__name__", str(v))
)
def test_a_wrong_function_looks_like(
    function: Callable[..., Any], loss: str, said: str | None
) -> None:
    assert looks_like(subject_of(function, loss)) == said
