"""Scales of plots: which numbers an axis shows, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: a curve that rises to more than this many times its usual height is cut off there
POLE = 3.0
#: what is larger is drawn as this: a difference of two such numbers is still finite
LARGEST = 1e300
#: errors below this part of the budget are drawn on the floor
FLOOR = 1e-3
#: errors far beyond this multiple of the budget are drawn at the top, as infinite ones are
CEILING = 1e9


def even(low: float, high: float, parts: int = 4) -> list[float]:
    """About `parts` round numbers between two others, in even steps."""
    rough = (high - low) / parts
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((m * power for m in (1.0, 2.0, 5.0, 10.0)), key=lambda s: abs(s - rough))
    return [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def heights(numbers: Sequence[float]) -> tuple[float, float]:
    """From where to where a curve is shown; what would flatten the rest is cut off."""
    ordered = sorted(min(max(v, -LARGEST), LARGEST) for v in numbers)
    tenth, ninth = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
    usual = max(ninth - tenth, 1e-12)
    low = max(ordered[0], tenth - POLE * usual)
    high = min(ordered[-1], ninth + POLE * usual)
    margin = 0.06 * (high - low) or max(1.0, abs(high)) / 2
    return low - margin, high + margin


def decades(worst: float) -> tuple[list[float], float]:
    """The numbers at a logarithmic axis of errors, and its top: above 1, and above the worst."""
    top = 0
    while 10.0**top < min(worst, CEILING) * 1.5:
        top += 1
    step = 1 if top <= 1 else 2 if top <= 4 else 3 if top <= 6 else 4
    above = [10.0**power for power in range(0, top + 1, step)]
    return [FLOOR, *([0.01, 0.1] if step == 1 else []), *above], 10.0 ** max(top, 0.5)


def far(x: Sequence[float]) -> list[int]:
    """The places of a sweep over all magnitudes that are written: its ends, -1, 0 and 1, or where
    it stays within bounds its quarters."""
    last = len(x) - 1
    if x[-1] - x[0] <= 2:
        return sorted({0, last // 4, last // 2, last - last // 4, last})
    near = [min(range(len(x)), key=lambda i: abs(x[i] - v)) for v in (-1.0, 0.0, 1.0)]
    return sorted({0, last, *near})


def number(value: float, digits: int = 2) -> str:
    """A number as it stands at an axis, with a true minus sign; what is left to 1 near 1."""
    if 0 < 1 - value < 0.01:
        return f"1−{number(1 - value)}"
    return _signs(f"{value + 0.0:.{digits}g}" if abs(value) < 10 else f"{value:.4g}")


def magnitude(value: float, digits: int = 1) -> str:
    """A number of any size in few letters: 0.46, 290, 8.5e5."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return _signs(f"{value + 0.0:.2g}" if abs(value) < 100 else f"{value:.0f}")
    return _signs(f"{value:.{digits}e}").replace(".0e", "e")


def place(value: float, digits: int = 1) -> str:
    """A point of a sweep over all magnitudes: 1e38, and near 1 what is left to it."""
    if 0 < 1 - value < 0.01:
        return f"1−{place(1 - value, digits)}"
    return magnitude(value, digits)


def _signs(text: str) -> str:
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}{e}{int(exponent) if e else ''}".replace("-", "−")
