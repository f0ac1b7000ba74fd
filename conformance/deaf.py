"""Arguments whose finer digits a function does not hear, as it rounds them to a narrower dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lossproof.spec.formats import FORMATS
from lossproof.spec.question import Question


def deaf(ask: Callable[[Question], Any], question: Question, dtype: str) -> set[str] | None:
    """The arguments that may be rounded to the dtype with no bit of the answer changed; None
    without an answer. `ask` gives an array, or None."""
    answer = ask(question)
    if answer is None:
        return None
    found = set()
    for key, array in question.arguments.items():
        if array is None or np.asarray(array).dtype.kind != "f":
            continue
        rounded = np.asarray(FORMATS[dtype].round(array)).astype(array.dtype)
        if np.array_equal(rounded, array):
            continue  # as labels of 0 and 1 are
        again = ask(question.with_arguments(**{key: rounded}))
        if again is not None and np.array_equal(again, answer):
            found.add(key)
    return found
