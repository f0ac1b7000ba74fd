"""Dual numbers over tracked arithmetic: a number, and its derivative in one direction.

Both parts are tracked, so the derivative of a stated gradient, the product of the Hessian with a
direction, comes with an error budget of its own. Forward mode: Griewank and Walther, Evaluating
Derivatives, 2nd ed., section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lossproof.spec.carriers import Array
from lossproof.spec.tracked import Operand, Tracked


class Dual(Tracked):
    """A tracked array with the tracked derivative `slope` of every entry."""

    __slots__ = ("slope",)

    def __init__(self, value: Tracked, slope: Tracked) -> None:
        super().__init__(value.arithmetic, value.x, value.e, value.undecided)
        self.slope = slope.broadcast_to(value.shape)

    def chain(self, result: Tracked, slope: Callable[[], Tracked]) -> Tracked:
        return Dual(result, self.slope * slope())

    def map(self, function: Callable[[Array], Array]) -> Tracked:
        return Dual(super().map(function), self.slope.map(function))

    def __neg__(self) -> Tracked:
        return Dual(super().__neg__(), -self.slope)

    def __abs__(self) -> Tracked:
        from lossproof.spec.maths import sign

        return Dual(super().__abs__(), self.slope * sign(value_of(self)))

    def __add__(self, other: Operand) -> Tracked:
        return _joined(value_of(self) + value_of(other), [self, other], lambda: [1.0, 1.0])

    def __sub__(self, other: Operand) -> Tracked:
        return _joined(value_of(self) - value_of(other), [self, other], lambda: [1.0, -1.0])

    def __mul__(self, other: Operand) -> Tracked:
        a, b = value_of(self), value_of(other)
        return _joined(a * b, [self, other], lambda: [b, a])

    def __truediv__(self, other: Operand) -> Tracked:
        return quotient(self, other)

    def __radd__(self, other: Operand) -> Tracked:
        return self + other

    def __rsub__(self, other: Operand) -> Tracked:
        return _joined(value_of(other) - value_of(self), [other, self], lambda: [1.0, -1.0])

    def __rmul__(self, other: Operand) -> Tracked:
        return self * other

    def __rtruediv__(self, other: Operand) -> Tracked:
        return quotient(other, self)


def value_of(number: Operand) -> Any:
    """The number without its derivative."""
    if isinstance(number, Dual):
        return Tracked(number.arithmetic, number.x, number.e, number.undecided)
    return number


def slope_of(number: Operand, like: Tracked) -> Tracked:
    """The derivative of a number; 0 where it has none."""
    if isinstance(number, Dual):
        return number.slope
    shape = number.shape if isinstance(number, Tracked) else np.shape(number)
    return like.arithmetic.constant(np.zeros(shape))


def quotient(a: Operand, b: Operand) -> Tracked:
    """a / b."""
    top, bottom = value_of(a), value_of(b)
    value: Tracked = top / bottom
    return _joined(value, [a, b], lambda: [1.0 / value.lift(bottom), -(value / bottom)])


def _joined(value: Tracked, parts: list[Operand], partials: Callable[[], list[Any]]) -> Tracked:
    """A function of several numbers: Σ partial · slope over those that have one."""
    terms = [
        part.slope * partial
        for part, partial in zip(parts, partials(), strict=True)
        if isinstance(part, Dual)
    ]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return Dual(value, total)
