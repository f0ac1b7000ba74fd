"""Landmarks: the numbers at which floating-point losses go wrong, computed from the dtype."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lossproof.spec.domain import Domain
from lossproof.spec.formats import Format

Reals = npt.NDArray[np.float64]


def thresholds(fmt: Format) -> tuple[float, ...]:
    """Where exp, log, log1p, sigmoid, squares and sums change character (all positive)."""
    u, tiny, least, most = (
        fmt.unit_roundoff, fmt.smallest_normal, fmt.smallest_subnormal, fmt.largest
    )  # fmt: skip
    return (
        math.log(most),  # exp overflows beyond
        -math.log(tiny),  # exp(-x) is subnormal beyond
        -math.log(least),  # exp(-x) is 0 beyond
        -math.log(u),  # 1 + exp(-x) rounds to 1 beyond
        -math.log(2 * u),
        -math.log(u) / 2,  # tanh rounds to 1 beyond
        math.sqrt(most),  # squares overflow beyond
        math.sqrt(tiny),  # squares are subnormal below
        math.sqrt(least),
        u,  # 1 + x rounds to 1 below
        2 * u,
        1 / u,  # x + 1 rounds to x beyond
    )


@lru_cache(maxsize=64)
def numbers(fmt: Format, domain: Domain) -> tuple[float, ...]:
    """The landmarks of a format that lie in a domain, sorted; all are numbers of the format."""
    one = [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 10.0, 20.0, 29.0, 100.0]
    edges = [fmt.smallest_subnormal, fmt.smallest_normal, fmt.largest, fmt.largest / 4]
    positive = np.asarray([*one, *edges, *thresholds(fmt)])
    rounded = fmt.round(positive)
    beside = np.concatenate(
        [rounded.astype(np.float64), _neighbours(fmt, rounded, 1), _neighbours(fmt, rounded, -1)]
    )
    below_one = 1.0 - np.asarray([1, 2, 3, 8]) * fmt.unit_roundoff
    pool = np.concatenate([[0.0], beside, -beside, below_one, [0.1, 0.9, 1e-3, 1e-7]])
    exact = np.unique(fmt.round(pool).astype(np.float64))
    return tuple(v for v in exact.tolist() if math.isfinite(v) and domain.contains(v))


def _neighbours(fmt: Format, values: npt.NDArray[np.generic], steps: int) -> Reals:
    """The numbers of the format `steps` places above positive `values`."""
    return step(fmt, values.astype(np.float64), steps)


def step(fmt: Format, values: Reals, steps: npt.ArrayLike) -> Reals:
    """Numbers of the format, each moved by some places, through zero if need be."""
    kind = np.dtype(f"i{fmt.dtype.itemsize}")
    bits = fmt.round(values).view(kind).astype(np.int64)
    lowest = -(2 ** (8 * fmt.dtype.itemsize - 1))
    ordered = np.where(bits < 0, lowest - bits, bits) + np.asarray(steps, dtype=np.int64)
    back = np.where(ordered < 0, lowest - ordered, ordered).astype(kind)
    result: Reals = back.view(fmt.dtype).astype(np.float64)
    return np.where(np.isfinite(result), result, values)
