"""Numbers and arrays as messages write them: short, and exact."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from lossproof.spec.formats import FLOAT64, FORMATS

#: no more entries of an array than this are written out
ENTRIES = 8
#: from here on a decimal that is not the number itself is written with an exponent
ROUND = 1e7
#: guards that a text names
NAMED = re.compile(r"(?:-log\(|clamped at |stops at )[^ ,)]+")
#: numbers in a text
NUMBERS = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?")


def number(value: Any) -> str:
    """The shortest decimal found that rounds back to the same number in the dtype of `value`."""
    fmt = FORMATS.get(np.asarray(value).dtype.name, FLOAT64)
    held = float(value)
    if not np.isfinite(held):
        return str(held)
    near = next(d for d in map(float, _spelt(held)) if float(fmt.round(d)) == held)
    if near == held or abs(near) < ROUND:
        return repr(near)
    # the zeros before the point would pass for digits of the number
    return next(t for t in _spelt(near) if float(t) == near)


def _spelt(value: float) -> Iterator[str]:
    """Ever longer decimals near the number; the last of them is read as the number itself."""
    return (f"{value:.{places}e}" for places in range(17))


def alike(words: str) -> str:
    """What tells one cause from another: its words, and the guards that they name."""
    return " ".join((unnumbered(words), *NAMED.findall(words)))


def unnumbered(words: str) -> str:
    """The words without their numbers, which are others in other dtypes and at other places."""
    return NUMBERS.sub("#", words)


def text(array: Any, write: Callable[[Any], str] | None = None, shown: Sequence[int] = ()) -> str:
    """An array in one line, its shape too where that is not plain; numbers as `write` has them.

    Of a long one the entries at the flat indices `shown` are among those that are written.
    """
    values = np.asarray(array)
    if values.dtype.kind in "iu":
        flat = [str(v) for v in values.reshape(-1).tolist()]
    elif write is None:
        flat = [hexadecimal(v) for v in values.astype(np.float64).reshape(-1).tolist()]
    else:
        flat = [write(v) for v in values.reshape(-1)]
    shape = f" of shape {values.shape}" if values.ndim > 1 else ""
    if values.size == 1:
        return f"{flat[0]}{shape}"
    if len(flat) <= ENTRIES:
        return f"[{', '.join(flat)}]{shape}"
    return f"[{_abridged(flat, values.shape, shown)} ({values.size} in all)]{shape}"


def _abridged(flat: Sequence[str], shape: tuple[int, ...], shown: Sequence[int]) -> str:
    """The entries that stand out from one that is everywhere else; else the first of them, and
    those that are to be shown."""
    common = Counter(flat).most_common(1)[0][0]
    others = [i for i, text in enumerate(flat) if text != common]
    if len(others) <= ENTRIES:
        told = _placed(flat, shape, others)
        return f"{common} everywhere" + (f" but {', '.join(told)}" if told else "")
    later = [i for i in shown if ENTRIES <= i < len(flat)]
    told = _placed(flat, shape, later)
    return f"{', '.join(flat[:ENTRIES])} ..." + "".join(f" {t} ..." for t in told)


def _placed(flat: Sequence[str], shape: tuple[int, ...], which: Sequence[int]) -> list[str]:
    """Entries with their indices."""
    places = [", ".join(str(int(k)) for k in np.unravel_index(i, shape)) for i in which]
    return [f"{flat[i]} at [{place}]" for i, place in zip(which, places, strict=True)]


def hexadecimal(value: float) -> str:
    """Hexadecimal without the zeros that Python pads with: 0x1.8p+1."""
    if not np.isfinite(value):
        return str(value)
    mantissa, _, exponent = value.hex().partition("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}"
