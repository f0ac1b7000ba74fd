"""Numbers and arrays as messages write them: short, and exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

#: no more entries of an array than this are written out
ENTRIES = 6
#: no longer decimal than this is written for a number; hexadecimal is
DIGITS = 7


def number(value: float) -> str:
    """Decimal where that is short and exact, else hexadecimal."""
    decimal = repr(value)
    return decimal if len(decimal) <= DIGITS else hexadecimal(value)


def text(array: Any, write: Callable[[float], str] | None = None) -> str:
    """An array in one line, its shape too where that is not plain; numbers as `write` has them."""
    values = np.asarray(array)
    if values.dtype.kind in "iu":
        flat = [str(v) for v in values.reshape(-1).tolist()]
    else:
        spelt = write or hexadecimal
        flat = [spelt(float(v)) for v in values.astype(np.float64).reshape(-1).tolist()]
    shape = f" of shape {values.shape}" if values.ndim > 1 else ""
    if values.size == 1:
        return f"{flat[0]}{shape}"
    if len(flat) <= ENTRIES:
        return f"[{', '.join(flat)}]{shape}"
    return f"[{_abridged(flat, values.shape)} ({values.size} in all)]{shape}"


def _abridged(flat: Sequence[str], shape: tuple[int, ...]) -> str:
    """The entries that stand out from one that is everywhere else; else the first of them."""
    common = Counter(flat).most_common(1)[0][0]
    others = [i for i, text in enumerate(flat) if text != common]
    if len(others) > ENTRIES:
        return f"{', '.join(flat[:ENTRIES])} ..."
    places = [", ".join(str(int(k)) for k in np.unravel_index(i, shape)) for i in others]
    told = [f"{flat[i]} at [{place}]" for i, place in zip(others, places, strict=True)]
    return f"{common} everywhere" + (f" but {', '.join(told)}" if told else "")


def hexadecimal(value: float) -> str:
    """Hexadecimal without the zeros that Python pads with: 0x1.8p+1."""
    if not np.isfinite(value):
        return str(value)
    mantissa, _, exponent = value.hex().partition("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}"
