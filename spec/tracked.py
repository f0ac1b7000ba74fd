"""Tracked arithmetic: every number is an exact enclosure and an error budget.

A `Tracked` array holds, entry by entry,

* `x`: the exact value, in the numbers of a carrier (`spec.carriers`);
* `e`: a bound on the error of the same formula, had every operation been done in the working
  precision of the dtype under test: inputs off by one rounding, each result by one rounding more;
* `undecided`: where a branch lies inside its own budget, so that `x` encloses every branch.

Rules, with u the unit roundoff and η the spacing near zero (the smallest normal where the library
may flush subnormals); |a| is bounded above in numerators and below in denominators:

    a ± b      ea + eb
    a · b      ea·|b| + |a|·eb + ea·eb
    a / b      (ea·|b| + |a|·eb) / (|b|·(|b| - eb)), infinite when eb >= |b|
    √a         ea / (√a + √(max(a - ea, 0)))
    exp a      exp(a)·expm1(ea)
    log a      -log1p(-ea/a), infinite when ea >= a
    Σ a        Σ ea + u·Σ|a|·K(n), K(n) = min(n - 1, 8 + 2·⌈log₂ n⌉)

and every result gains u·|x| + η (2·E·u·|x| + E·η for a function accurate to E units in the last
place). Inputs are off by one rounding like any result: by u·|x| + η. A result beyond half the
largest finite number has an infinite budget: a factor 1/2 or 2 may stand first or last. In a
gradient so has a product, a quotient or an input which, times the largest cotangent and weights, is
beyond it: the chain rule may multiply by them first, and overflow on the way.

Running error analysis: Wilkinson 1963; Higham, Accuracy and Stability of Numerical Algorithms, 2nd
ed., section 3.3. The sum: Higham, section 4.2, and Blanchard, Higham, Mary,
doi:10.1137/19M1257780.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from lossproof.spec.carriers import BALLS, Array, Carrier, Mask, Reals, boxed
from lossproof.spec.formats import FLOAT64, Format
from lossproof.spec.profile import IEEE, Profile

#: the largest number over the largest result that is promised. Sound code may put a factor 1/2 last
#: or 2 first, and no more than one: r²/2, 2·u·r. With 1 the Gaussian likelihood of torch and of JAX
#: and ListNet of NumPy and of torch overflow early, with 2 nothing sound: `benchmarks/constants.py`
HEADROOM = 2.0

Operand = Union["Tracked", npt.ArrayLike]


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """The working precision, the library's accuracy, and the carrier of exact values.

    `input_roundings` says how many roundings away an input may be; `exact` turns budgets off.
    """

    format: Format = FLOAT64
    profile: Profile = IEEE
    carrier: Carrier = BALLS
    input_roundings: float = 1.0
    exact: bool = False
    #: in a gradient what a product may be larger by if its factors come in another order
    reordered: float = 1.0

    @property
    def u(self) -> float:
        """The unit roundoff; 0 in exact arithmetic."""
        return 0.0 if self.exact else self.format.unit_roundoff

    @property
    def limit(self) -> float:
        """The largest result up to which budgets are finite."""
        return self.format.largest / HEADROOM

    @property
    def ceiling(self) -> float:
        """The largest product, and in a gradient the largest input, that budgets are given for."""
        return self.limit / max(1.0, self.reordered)

    @property
    def eta(self) -> float:
        """The largest absolute error of a result that underflows; 0 in exact arithmetic."""
        if self.exact:
            return 0.0
        if self.profile.flush_to_zero:
            return self.format.smallest_normal
        return self.format.smallest_subnormal

    def constant(self, value: npt.ArrayLike) -> Tracked:
        """Numbers without error."""
        x = self.carrier.lift(value)
        return Tracked(self, x, np.zeros(x.shape))

    def input(self, value: npt.ArrayLike) -> Tracked:
        """Numbers that a conforming implementation may take one rounding away."""
        numbers = np.asarray(value, dtype=np.float64)
        e = self.input_roundings * (self.u * np.abs(numbers) + self.eta)
        e = np.where(numbers == 0, 0.0, e)
        if self.reordered > 1.0:
            e = np.where(np.abs(numbers) > self.ceiling, np.inf, e)
        return Tracked(self, self.carrier.lift(numbers), np.asarray(e))

    def parameter(self, value: float) -> Tracked:
        """An option, held by a conforming implementation in the dtype under test."""
        e = self.u * abs(value) + (self.eta if value else 0.0)
        return Tracked(self, self.carrier.lift(value), np.asarray(e, dtype=np.float64))


class Operations:
    """How many array operations have been rounded so far, for words about budgets."""

    count: int = 0


@dataclass(frozen=True)
class Condition:
    """An array of comparisons: `surely` true, `possibly` true.

    `lost` where an infinite budget leaves it undecided: then no branch can be promised.
    """

    surely: Mask
    possibly: Mask
    lost: Mask

    def __and__(self, other: Condition | Mask) -> Condition:
        other = _condition(other)
        return Condition(
            self.surely & other.surely, self.possibly & other.possibly, self.lost | other.lost
        )

    def __or__(self, other: Condition | Mask) -> Condition:
        other = _condition(other)
        return Condition(
            self.surely | other.surely, self.possibly | other.possibly, self.lost | other.lost
        )

    def __invert__(self) -> Condition:
        return Condition(~self.possibly, ~self.surely, self.lost)

    __rand__ = __and__
    __ror__ = __or__


def _condition(value: Condition | npt.ArrayLike) -> Condition:
    if isinstance(value, Condition):
        return value
    mask = np.asarray(value, dtype=np.bool_)
    return Condition(mask, mask, np.zeros(mask.shape, dtype=np.bool_))


class Tracked:
    """An array of exact values with error budgets; operators follow NumPy's broadcasting."""

    __slots__ = ("arithmetic", "e", "undecided", "x")
    __array_ufunc__ = None  # NumPy arrays on the left defer to the reflected operators

    def __init__(
        self, arithmetic: Arithmetic, x: Array, e: Reals, undecided: Mask | None = None
    ) -> None:
        self.arithmetic = arithmetic
        self.x = boxed(x)
        self.e = np.asarray(e, dtype=np.float64)
        self.undecided = undecided

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.x.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.x.ndim

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.x.size

    def bounds(self) -> tuple[Reals, Reals]:
        """Lower and upper bounds of the exact values, as float64."""
        return self.arithmetic.carrier.bounds(self.x, self.undecided)

    def magnitudes(self) -> tuple[Reals, Reals]:
        """Lower and upper bounds of the absolute exact values."""
        low, high = self.bounds()
        if low is high:
            size = np.abs(low)
            return size, size
        upper = np.maximum(np.abs(low), np.abs(high))
        straddles = (low <= 0) & (high >= 0)
        return np.where(straddles, 0.0, np.minimum(np.abs(low), np.abs(high))), upper

    def chain(self, result: Tracked, slope: Callable[[], Tracked]) -> Tracked:
        """`result`, a function of this number whose derivative is `slope`; see `spec.dual`."""
        return result

    def lift(self, other: Operand) -> Tracked:
        """`other` in this arithmetic; plain numbers are exact."""
        return other if isinstance(other, Tracked) else self.arithmetic.constant(other)

    def map(self, function: Callable[[Array], Array]) -> Tracked:
        """Apply a rearrangement of entries (reshape, transpose, take) to values and budgets."""
        undecided = None if self.undecided is None else function(self.undecided)
        return Tracked(self.arithmetic, function(self.x), function(self.e), undecided)

    def __getitem__(self, index: Any) -> Tracked:
        return self.map(lambda array: array[index])

    def reshape(self, *shape: int) -> Tracked:
        """The same entries in another shape."""
        return self.map(lambda array: array.reshape(*shape))

    def swapaxes(self, first: int, second: int) -> Tracked:
        """The same entries with two axes exchanged."""
        return self.map(lambda array: array.swapaxes(first, second))

    def broadcast_to(self, shape: tuple[int, ...]) -> Tracked:
        """The same entries, repeated to `shape`."""
        return self.map(lambda array: np.broadcast_to(array, shape))

    def __neg__(self) -> Tracked:
        return Tracked(self.arithmetic, 0 - self.x, self.e, self.undecided)

    def __abs__(self) -> Tracked:
        return Tracked(
            self.arithmetic, self.arithmetic.carrier.apply("abs", self.x), self.e, self.undecided
        )

    def __add__(self, other: Operand) -> Tracked:
        b = self.lift(other)
        return rounded(self.arithmetic, self.x + b.x, self.e + b.e, either(self, b))

    def __sub__(self, other: Operand) -> Tracked:
        b = self.lift(other)
        return rounded(self.arithmetic, self.x - b.x, self.e + b.e, either(self, b))

    def __mul__(self, other: Operand) -> Tracked:
        b = self.lift(other)
        size_a, size_b = self.magnitudes()[1], b.magnitudes()[1]
        e = self.e * size_b + size_a * b.e + self.e * b.e
        ceiling = self.arithmetic.ceiling
        return rounded(self.arithmetic, self.x * b.x, e, either(self, b), ceiling=ceiling)

    def __truediv__(self, other: Operand) -> Tracked:
        b = self.lift(other)
        size_a, low_b = self.magnitudes()[1], b.magnitudes()[0]
        room = low_b - b.e
        e = np.where(
            room > 0, (self.e / low_b + (size_a / low_b) * (b.e / low_b)) * (low_b / room), np.inf
        )
        ceiling = self.arithmetic.ceiling
        return rounded(self.arithmetic, self.x / b.x, e, either(self, b), ceiling=ceiling)

    def __radd__(self, other: Operand) -> Tracked:
        return self.lift(other) + self

    def __rsub__(self, other: Operand) -> Tracked:
        return self.lift(other) - self

    def __rmul__(self, other: Operand) -> Tracked:
        return self.lift(other) * self

    def __rtruediv__(self, other: Operand) -> Tracked:
        return self.lift(other) / self

    def __le__(self, other: Operand) -> Condition:
        return _not_above(self, self.lift(other))

    def __ge__(self, other: Operand) -> Condition:
        return _not_above(self.lift(other), self)

    def __lt__(self, other: Operand) -> Condition:
        return ~(self >= other)

    def __gt__(self, other: Operand) -> Condition:
        return ~(self <= other)


def either(*operands: Tracked) -> Mask | None:
    """Where any of the operands is undecided, broadcast; None where none is anywhere."""
    masks = [o.undecided for o in operands if o.undecided is not None]
    if not masks:
        return None
    shape = np.broadcast_shapes(*(o.shape for o in operands))
    result = np.zeros(shape, dtype=np.bool_)
    for mask in masks:
        result |= mask
    return result


def rounded(
    arithmetic: Arithmetic,
    x: Array,
    e: Reals,
    undecided: Mask | None,
    *,
    roundings: float = 1.0,
    ceiling: float | None = None,
) -> Tracked:
    """A result with `roundings` units of roundoff, and an underflow, added to its budget.

    Beyond `ceiling`, by default the largest finite number, the budget is infinite.
    """
    Operations.count += 1
    x = boxed(x)
    if arithmetic.exact:
        return Tracked(arithmetic, x, np.zeros(x.shape), undecided)
    low, high = arithmetic.carrier.bounds(x, undecided)
    size = np.abs(high) if low is high else np.maximum(np.abs(low), np.abs(high))
    with np.errstate(all="ignore"):
        total = e + roundings * arithmetic.u * size + max(1.0, roundings / 2) * arithmetic.eta
        limit = arithmetic.limit if ceiling is None else ceiling
        beyond = (size > limit) | np.isnan(total) | np.isnan(size)
    return Tracked(arithmetic, x, np.where(beyond, np.inf, total), undecided)


def summation_growth(n: int) -> float:
    """K(n): the error of a blocked sum of n terms in units of u·Σ|x|."""
    if n < 2:
        return 0.0
    return float(min(n - 1, 8 + 2 * math.ceil(math.log2(n))))


def _not_above(a: Tracked, b: Tracked) -> Condition:
    """The comparison a <= b, undecided where the difference lies within the budgets."""
    carrier = a.arithmetic.carrier
    difference = boxed(b.x - a.x)
    # without budgets, the radius of a ball is all that can leave a comparison undecided
    wide = np.ones(difference.shape, np.bool_) if a.arithmetic.exact else either(a, b)
    low, high = carrier.bounds(difference, wide)
    e = a.e + b.e
    with np.errstate(all="ignore"):
        surely = low > e
        possibly = ~(high < -e)
    return Condition(np.asarray(surely), np.asarray(possibly), np.asarray(np.isinf(e)))


__all__ = [
    "Arithmetic",
    "Condition",
    "Operand",
    "Operations",
    "Tracked",
    "either",
    "rounded",
    "summation_growth",
]
