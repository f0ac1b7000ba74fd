"""Domains: where the arguments and options of a loss live."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A set of numbers: an interval, a few values, or integers that index something.

    `kind` is "real" (an interval from `low` to `high`), "values" (one of `values`), "label" (class
    index, below the size of axis C), "symbol" (label that is not the blank), or "length" (of a
    sequence, at most the size of `axis`).
    """

    name: str
    kind: str = "real"
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    values: tuple[float, ...] = ()
    axis: str = ""

    @property
    def integer(self) -> bool:
        """Whether arrays of this domain hold integers."""
        return self.kind in ("label", "symbol", "length")

    def contains(self, value: Any) -> bool:
        """Whether every entry of `value` lies in the domain; nan never does."""
        numbers = np.asarray(value, dtype=np.float64)
        if self.kind == "values":
            return bool(np.isin(numbers, self.values).all())
        above = numbers > self.low if self.low_open else numbers >= self.low
        below = numbers < self.high if self.high_open else numbers <= self.high
        return bool((above & below).all())

    def __str__(self) -> str:
        return self.name


REAL = Domain(name="real")
NONNEGATIVE = Domain(name="non-negative", low=0.0)
POSITIVE = Domain(name="positive", low=0.0, low_open=True)
NEGATIVE = Domain(name="negative", high=0.0, high_open=True)
UNIT = Domain(name="in [0, 1]", low=0.0, high=1.0)
COSINE = Domain(name="in [-1, 1]", low=-1.0, high=1.0)
SIGN = Domain(name="-1 or +1", kind="values", values=(-1.0, 1.0))
BINARY = Domain(name="0 or 1", kind="values", values=(0.0, 1.0))
LABEL = Domain(name="class index in [0, C)", kind="label", low=0.0, axis="C")
SYMBOL = Domain(
    name="class index in [0, C) that is not the blank", kind="symbol", low=0.0, axis="C"
)


def length_of(axis: str, *, low: int = 1) -> Domain:
    """Lengths of sequences padded to the size of `axis`."""
    return Domain(name=f"length in [{low}, {axis}]", kind="length", low=float(low), axis=axis)
