"""Constants and weights that a function holds, and that a dtype cannot."""

from __future__ import annotations

import numpy as np

from lossproof.backends.registry import Implementation
from lossproof.spec.formats import FORMATS
from lossproof.spec.loss import Loss, Parameter


def lost(loss: type[Loss], held: Implementation, dtype: str) -> str | None:
    """A constant that it holds which is 0 in the dtype, or a weight which is infinite, if any."""
    fmt = FORMATS[dtype]
    for key, weights in held.held.items():
        if np.any(np.isinf(fmt.round(np.asarray(weights)).astype(np.float64))):
            return f"{key} = {max(weights)!r} is infinite in it"
    for key, value in held.dialect.items():
        number = isinstance(value, float) and isinstance(loss.options[key], Parameter)
        if number and value and float(fmt.round(np.float64(value))) == 0.0:
            return f"{key} = {value!r} is 0 in it"
    return None
