"""The numbers of a format: the nearest to an exact value, rounded once, and their order."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from flint import arb

from lossproof.spec.formats import Format

#: far below the last digit of every number of every format
_SPECK = arb(2) ** -5000


def nearest(x: arb, fmt: Format) -> float | None:
    """The nearest number to every point of a ball, ties to even; infinite where that overflows.

    None where the ball is too wide to tell.
    """
    if not x.is_finite():
        return None
    if bool(x.abs_upper() < arb(2) ** (fmt.emin - fmt.precision - 1)):
        return 0.0
    if bool(x.abs_lower() > arb(2) ** (fmt.emax + 2)):
        return math.inf if bool(x > 0) else -math.inf
    middle, radius = x.mid(), x.rad()
    # no exponent without bound becomes a fraction: the ball grows by a speck instead
    if bool(0 < abs(middle)) and bool(abs(middle) < _SPECK):
        middle, radius = arb(0), radius + _SPECK
    if bool(0 < radius) and bool(radius < _SPECK):
        radius = _SPECK
    centre, reach = _fraction(middle), 2 * _fraction(radius.mid())
    low, high = rounded(centre - reach, fmt), rounded(centre + reach, fmt)
    return low if low == high else None


def rounded(number: Fraction, fmt: Format) -> float:
    """A rational number rounded to the format, ties to even."""
    if number == 0:
        return 0.0
    exponent = abs(number.numerator).bit_length() - number.denominator.bit_length()
    if abs(number) < Fraction(2) ** exponent:
        exponent -= 1
    place = max(exponent, fmt.emin) - fmt.precision + 1
    whole = round(number / Fraction(2) ** place)
    if abs(whole) * Fraction(2) ** place > Fraction(fmt.largest):
        return math.copysign(math.inf, whole)
    return math.ldexp(whole, place)


def place_of(value: float, fmt: Format) -> int:
    """The place of the nearest number in the order of the format; zeros are at 0."""
    bits = int(np.asarray(fmt.round(value)).view(f"i{fmt.dtype.itemsize}"))
    return bits if bits >= 0 else _lowest(fmt) - bits


def number_at(place: int, fmt: Format) -> float:
    """The number at a place."""
    bits = place if place >= 0 else _lowest(fmt) - place
    return float(np.asarray(bits, dtype=f"i{fmt.dtype.itemsize}").view(fmt.dtype))


def _lowest(fmt: Format) -> int:
    return -(1 << (8 * fmt.dtype.itemsize - 1))


def _fraction(exact: arb) -> Fraction:
    mantissa, exponent = exact.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
