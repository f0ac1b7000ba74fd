"""What is held while one argument of a loss is swept: a plain pattern, and how it is told.

A curve asks a backend, in shapes that its run has compiled and with symbols that its options allow;
a portrait asks the specification alone, at points inside a domain. So each has numbers of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.spec.loss import Argument

#: what rows of real numbers are held at, each argument beginning at another place
PATTERN = (0.5, -1.0, 0.25, 1.5, -0.75)


def pattern(size: int, turn: int) -> npt.NDArray[np.float64]:
    """So many numbers of the pattern, for the argument at that place of the signature."""
    return np.resize(np.roll(PATTERN, -turn), size)


def axes(argument: Argument) -> tuple[str, ...]:
    """The axes of an argument; of any shape, one."""
    return ("*",) if argument.shape == "*" else argument.axes


def told(
    arrays: Mapping[str, npt.NDArray[Any]], options: Mapping[str, Any], swept: str, entries: int
) -> str:
    """All of it in words, `prediction=x, target=(0, 1), delta=1.0`: x is what is swept.

    Of arrays with more than one entry beyond `entries`, so many are written out.
    """
    words = {name: _words(array, name == swept, entries) for name, array in arrays.items()}
    words |= {name: str(value) for name, value in options.items()}
    return ", ".join(f"{name}={text}" for name, text in words.items())


def digits(value: float, places: int) -> float:
    """A number with so many digits, enough for a plot; no zero has a sign."""
    return float(f"{value + 0.0:.{places}g}")


def _words(array: npt.NDArray[Any], swept: bool, entries: int) -> str:
    numbers = [f"{v:g}" for v in array.astype(np.float64).ravel().tolist()]
    if swept:
        numbers[0] = "x"
    if not array.ndim:
        return numbers[0]
    if len(numbers) > entries + 1:
        numbers[entries:] = [f"... {len(numbers)} in all"]
    return f"({', '.join(numbers)})"
