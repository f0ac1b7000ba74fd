"""Whether a function computes in float32, whatever it is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from lossproof.conformance.agreement import SEEDS
from lossproof.conformance.asker import Asker
from lossproof.conformance.fitting import made
from lossproof.spec.question import Question


def single(asker: Asker, shapes: tuple[Any, ...]) -> bool:
    """Whether float64 comes back as float32, or digits of an argument that float32 does not carry
    change no bit of any answer, at more questions than one."""
    subject = asker.subject
    if subject.dtype != "float64":
        return False
    for shape in shapes:
        options = {**subject.implementation.dialect, **asker.options}
        asked = [
            made(subject.loss, subject.format, shape, seed, options, of=subject) for seed in SEEDS
        ]
        found = [_deaf(asker, question) for question in asked]
        if None not in found:
            return asker.patience.narrow("float64") == "float32" or bool(
                set.intersection(*(f for f in found if f is not None))
            )
    return False


def _deaf(asker: Asker, question: Question) -> set[str] | None:
    """The arguments that may be rounded to float32 with no effect; None without an answer."""
    answer = asker(question)
    if answer is None:
        return None
    found = set()
    for key, array in question.arguments.items():
        if array is None or array.dtype.kind != "f":
            continue
        rounded = array.astype(np.float32).astype(array.dtype)
        if np.array_equal(rounded, array):
            continue  # as labels of 0 and 1 are
        again = asker(question.with_arguments(**{key: rounded}))
        if again is not None and np.array_equal(again, answer):
            found.add(key)
    return found
