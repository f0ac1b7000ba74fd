"""Carriers: the number systems in which a formula is evaluated.

Tracked arithmetic needs few things of a carrier: array operations, and magnitudes as float64.

* `Balls`: object arrays of `arb`, rigorous enclosures at the working precision. The authority.
* `Floats`: float64 arrays. Its own rounding is 2**-29 of a float32 budget, or less, because every
  rule of tracked arithmetic grows at least in proportion to the unit roundoff.
* `Narrow`: arrays of the dtype under test, which overflow where that does.
* `Jets`: object arrays of `arb_series` of two terms: a value and its derivative in one direction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from flint import arb, arb_series

Array = npt.NDArray[Any]
Reals = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def boxed(value: Any) -> Array:
    """`value` as an array: NumPy returns bare scalars from arrays of no axes."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, (float, np.generic)):
        return np.asarray(value)
    box = np.empty((), dtype=object)
    box[()] = value
    return box


def entry(array: Array, index: tuple[int, ...]) -> Any:
    """One number of an array of carrier numbers."""
    return array[index]


def _ufunc(function: Callable[..., Any], inputs: int = 1) -> Callable[..., Array]:
    each = np.frompyfunc(function, inputs, 1)
    return lambda *arrays: boxed(each(*arrays))


def _sigmoid(x: arb) -> arb:
    if x.mid() < 0:
        t = x.exp()
        return t / (1 + t)
    return 1 / (1 + (-x).exp())


def _softplus(x: arb) -> arb:
    if x.mid() > 0:
        return x + (-x).exp().log1p()
    return x.exp().log1p()


def _log(x: arb) -> arb:
    return x.log()


class Carrier(ABC):
    """The operations that every carrier offers, on arrays of its numbers."""

    name: ClassVar[str]
    #: whether `hull` encloses both of its arguments
    encloses: ClassVar[bool] = False
    functions: ClassVar[dict[str, Callable[..., Array]]]

    @abstractmethod
    def lift(self, values: npt.ArrayLike) -> Array:
        """Numbers of this carrier equal to the given floats."""

    def apply(self, function: str, x: Array) -> Array:
        """An elementary function by its name."""
        return self.functions[function](x)

    @abstractmethod
    def middle(self, x: Array) -> Reals:
        """The nearest float64s, infinite where beyond its range."""

    def bounds(self, x: Array, wide: Mask | None) -> tuple[Reals, Reals]:
        """Lower and upper bounds of x; only where `wide` is its radius worth a look."""
        middle = self.middle(x)
        return middle, middle

    def hull(self, a: Array, b: Array) -> Array:
        """A number that encloses both."""
        return a

    @abstractmethod
    def maximum(self, a: Array, b: Array) -> Array:
        """The larger of two."""

    @abstractmethod
    def sum(self, x: Array, axis: int | None) -> Array:
        """The sum over one axis, or over all; 0 for none."""

    def max(self, x: Array, axis: int) -> Array:
        """The largest over one axis."""
        moved = np.moveaxis(x, axis, 0)
        best = moved[0]
        for row in moved[1:]:
            best = self.maximum(best, row)
        return boxed(best)


class Balls(Carrier):
    """Object arrays of `arb`."""

    name = "arb"
    encloses = True
    functions: ClassVar[dict[str, Callable[..., Array]]] = {
        "exp": _ufunc(lambda x: x.exp()),
        "expm1": _ufunc(lambda x: x.expm1()),
        "log": _ufunc(_log),
        "log1p": _ufunc(lambda x: x.log1p()),
        "sqrt": _ufunc(lambda x: x.sqrt()),
        "sigmoid": _ufunc(_sigmoid),
        "softplus": _ufunc(_softplus),
        "abs": _ufunc(abs),
    }
    _lift = staticmethod(_ufunc(arb))
    _high = staticmethod(_ufunc(lambda x: float(x.upper())))
    _low = staticmethod(_ufunc(lambda x: float(x.lower())))
    _union = staticmethod(_ufunc(lambda a, b: a.union(b), 2))
    _maximum = staticmethod(_ufunc(lambda a, b: a.max(b), 2))

    def lift(self, values: npt.ArrayLike) -> Array:
        return self._lift(np.asarray(values, dtype=np.float64).astype(object))

    def middle(self, x: Array) -> Reals:
        return x.astype(np.float64)

    def bounds(self, x: Array, wide: Mask | None) -> tuple[Reals, Reals]:
        middle = self.middle(x)
        if wide is None or not wide.any():
            return middle, middle
        low, high = middle.copy(), middle.copy()
        low[wide] = self._low(x[wide]).astype(np.float64)
        high[wide] = self._high(x[wide]).astype(np.float64)
        return low, high

    def hull(self, a: Array, b: Array) -> Array:
        return self._union(a, b)

    def maximum(self, a: Array, b: Array) -> Array:
        return self._maximum(a, b)

    def sum(self, x: Array, axis: int | None) -> Array:
        total = np.add.reduce(x, axis=axis)
        return boxed(total) if x.size else self.lift(np.zeros(np.shape(total)))


class Floats(Carrier):
    """Float64 arrays."""

    name = "float64"
    functions: ClassVar[dict[str, Callable[..., Array]]] = {
        "exp": np.exp,
        "expm1": np.expm1,
        "log": np.log,
        "log1p": np.log1p,
        "sqrt": np.sqrt,
        "abs": np.abs,
        "sigmoid": lambda x: (
            np.where(x < 0, np.exp(np.minimum(x, 0)), 1.0) / (1.0 + np.exp(-np.abs(x)))
        ),
        "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    }

    def lift(self, values: npt.ArrayLike) -> Array:
        return np.asarray(values, dtype=np.float64)

    def middle(self, x: Array) -> Reals:
        return np.asarray(x, dtype=np.float64)

    def maximum(self, a: Array, b: Array) -> Array:
        return np.maximum(a, b)

    def max(self, x: Array, axis: int) -> Array:
        return np.asarray(x.max(axis=axis))

    def sum(self, x: Array, axis: int | None) -> Array:
        return np.asarray(x.sum(axis=axis))


class Narrow(Floats):
    """Arrays of one dtype: what a formula gives when it is written down in that and run."""

    def __init__(self, dtype: np.dtype[np.generic]) -> None:
        self.name = dtype.name  # type: ignore[misc]
        self.dtype = dtype

    def lift(self, values: npt.ArrayLike) -> Array:
        return np.asarray(values, dtype=np.float64).astype(self.dtype)


def _expm1_series(s: Any) -> Any:
    return _with_constant(s.exp(), s[0].expm1())


def _log1p_series(s: Any) -> Any:
    return _with_constant((1 + s).log(), s[0].log1p())


def _sigmoid_series(s: Any) -> Any:
    if s[0].mid() < 0:
        t = s.exp()
        return t / (1 + t)
    return 1 / (1 + (-s).exp())


def _softplus_series(s: Any) -> Any:
    if s[0].mid() > 0:
        return s + _log1p_series((-s).exp())
    return _log1p_series(s.exp())


def _with_constant(s: Any, constant: arb) -> Any:
    """`s` with its constant term replaced by a sharper enclosure of the same number."""
    return arb_series([constant, s[1]])


class Jets(Carrier):
    """Object arrays of `arb_series`; set `flint.ctx.cap = 2` while they live."""

    name = "jet"
    functions: ClassVar[dict[str, Callable[..., Array]]] = {
        "exp": _ufunc(lambda s: s.exp()),
        "expm1": _ufunc(_expm1_series),
        "log": _ufunc(_log),
        "log1p": _ufunc(_log1p_series),
        "sqrt": _ufunc(lambda s: s.sqrt()),
        "sigmoid": _ufunc(_sigmoid_series),
        "softplus": _ufunc(_softplus_series),
        "abs": _ufunc(lambda s: s if s[0] > 0 else -s),
    }
    _lift = staticmethod(_ufunc(lambda v: arb_series([arb(v)])))
    _middle = staticmethod(_ufunc(lambda s: float(s[0])))
    _maximum = staticmethod(_ufunc(lambda a, b: a if a[0] > b[0] else b, 2))

    def lift(self, values: npt.ArrayLike) -> Array:
        return self._lift(np.asarray(values, dtype=np.float64).astype(object))

    def seed(self, values: Array, direction: Array) -> Array:
        """Series `values + direction * t`."""
        pair = _ufunc(lambda v, d: arb_series([arb(v), arb(d)]), 2)
        return pair(
            np.asarray(values, dtype=np.float64).astype(object),
            np.asarray(direction, dtype=np.float64).astype(object),
        )

    def middle(self, x: Array) -> Reals:
        return self._middle(x).astype(np.float64)

    def maximum(self, a: Array, b: Array) -> Array:
        return self._maximum(a, b)

    def sum(self, x: Array, axis: int | None) -> Array:
        total = np.add.reduce(x, axis=axis)
        return boxed(total) if x.size else self.lift(np.zeros(np.shape(total)))


BALLS = Balls()
FLOATS = Floats()
JETS = Jets()
__all__ = [
    "BALLS",
    "FLOATS",
    "JETS",
    "Array",
    "Balls",
    "Carrier",
    "Floats",
    "Jets",
    "Mask",
    "Narrow",
    "Reals",
    "boxed",
    "entry",
]
