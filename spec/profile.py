"""Profiles: how accurate a library's elementary functions and sums are, as cited data.

A profile holds the only constants of the tolerance model. A bound is never loosened elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Accuracy of one library, dtype and device.

    `ulps` bounds the error of elementary functions (`exp`, `log`, `log1p`, `expm1`, `sigmoid`,
    `softplus`, `sqrt` ...) in units in the last place; `default_ulps` serves those not named.
    `flush_to_zero` is true where subnormal inputs or results may be replaced by zero.
    `source` says who measured it, and how.
    """

    name: str
    default_ulps: float = 4.0
    ulps: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({"sqrt": 1.0}), hash=False
    )
    flush_to_zero: bool = False
    source: str = ""

    def error_of(self, function: str) -> float:
        """The bound for `function`, in units in the last place."""
        return self.ulps.get(function, self.default_ulps)


IEEE = Profile(
    name="ieee",
    source="largest error measured over NumPy 2.4, torch 2.13 and JAX 0.10 CPU, rounded up; "
    "OpenCL 3.0 section 7.4 allows as much",
)
