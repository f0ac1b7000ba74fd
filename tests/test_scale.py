"""How large a batch becomes whose error is to grow with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lossproof.conformance.check import checks
from lossproof.conformance.checks.scale import BASE, PAIRS
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.origin import implementation
from lossproof.conformance.registry import backend
from lossproof.conformance.sources import PLAIN
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import get


@pytest.mark.parametrize(
    ("factor", "sizes"), [(1.0, [BASE, 10_000, 1_000_000]), (1.5, [BASE, PAIRS])]
)
def test_a_batch_that_is_wrong_as_it_is_becomes_less_large(factor: float, sizes: list[int]) -> None:
    asked: list[int] = []

    def mse(prediction: Any, target: Any) -> Any:
        asked.append(prediction.size)
        return (np.float64(factor) * (prediction - target) ** 2).mean()

    claim = implementation(mse, loss="mse", backend="numpy", backward=None)
    subject = Subject(
        loss=get("mse"), implementation=replace(claim, reductions=("mean",)),
        backend=backend("numpy"), dtype="float64", device="cpu", effort=EFFORTS["thorough"],
    )  # fmt: skip
    (question,) = PLAIN.landmarks(subject)
    asked.clear()
    seen = checks()["scale"].run(subject, question, "scale")
    assert list(dict.fromkeys(asked)) == sizes
    assert len(seen) == len(sizes)
    assert any(observation.fault is not None for observation in seen) is (factor != 1.0)
