"""Floating-point formats: the numbers that a dtype can hold, as facts."""

from __future__ import annotations

from dataclasses import dataclass

import ml_dtypes
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Format:
    """A binary format with `precision` significant bits and exponents from `emin` to `emax`.

    Normal numbers lie between 2**emin and (2 - 2**(1 - precision)) * 2**emax.
    """

    name: str
    dtype: np.dtype[np.generic]
    precision: int
    emin: int
    emax: int

    @property
    def unit_roundoff(self) -> float:
        """The largest relative error of one rounding to nearest."""
        return 2.0**-self.precision

    @property
    def smallest_normal(self) -> float:
        """The smallest positive normal number."""
        return 2.0**self.emin

    @property
    def smallest_subnormal(self) -> float:
        """The smallest positive number."""
        return float(np.ldexp(1.0, self.emin - self.precision + 1))

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return (2.0 - 2.0 ** (1 - self.precision)) * 2.0**self.emax

    def round(self, values: npt.ArrayLike) -> npt.NDArray[np.generic]:
        """The nearest numbers of this format to `values`, infinite beyond the largest."""
        with np.errstate(all="ignore"):
            return np.asarray(values, dtype=np.float64).astype(self.dtype)


FLOAT64 = Format(name="float64", dtype=np.dtype(np.float64), precision=53, emin=-1022, emax=1023)
FLOAT32 = Format(name="float32", dtype=np.dtype(np.float32), precision=24, emin=-126, emax=127)
FLOAT16 = Format(name="float16", dtype=np.dtype(np.float16), precision=11, emin=-14, emax=15)
BFLOAT16 = Format(
    name="bfloat16", dtype=np.dtype(ml_dtypes.bfloat16), precision=8, emin=-126, emax=127
)
FORMATS = {f.name: f for f in (FLOAT64, FLOAT32, FLOAT16, BFLOAT16)}
