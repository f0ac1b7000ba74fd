"""No false alarm: the NumPy backend is within budget at every one of many points.

`LOSSPROOF_POINTS` sets how many points each loss and dtype is judged at: 2,000 here, 100,000 in
`benchmarks/false_alarms.py`, whose table stands in the README.
"""

import os

import pytest

from lossproof.backends.base import DTYPES
from lossproof.conformance.alarms import worst_of
from lossproof.spec.loss import catalogue

POINTS = int(os.environ.get("LOSSPROOF_POINTS", "2000"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", tuple(catalogue()))
def test_numpy_is_within_budget_everywhere(loss, dtype):
    found = worst_of(loss, "numpy", dtype, points=POINTS, seed=7)
    assert found.points >= POINTS
    assert not found.violations, found.message
    assert found.ratio <= 1.0 or found.conditioned
