"""Whether a function computes in float32, whatever it is given."""

from __future__ import annotations

from typing import Any

from lossproof.conformance.agreement import SEEDS
from lossproof.conformance.asker import Asker
from lossproof.conformance.deaf import deaf
from lossproof.conformance.fitting import made


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
        found = [deaf(asker, question, "float32") for question in asked]
        if None not in found:
            return asker.patience.narrow("float64") == "float32" or bool(
                set.intersection(*(f for f in found if f is not None))
            )
    return False
