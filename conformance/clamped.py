"""Whether an argument is clamped: its loss is one number beyond a place, and is stated to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.conformance import oracle
from lossproof.conformance.digits import TELLING
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import BALLS
from lossproof.spec.question import Question

#: how much farther off the answer is still the same
FARTHER = (1.25, 2.0, 4.0)
#: how near the answer is to the exact one where the clamp begins, of that
NEAR = 2.0**-6
#: the share of the place that is before it
BEFORE = 0.9
#: how near a change of the answer is to that of the exact one, of that
CHANGE = 2.0**-3
#: halvings that find the place, to four digits
HALVINGS = 24


def clamped(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """The argument of one sample that is clamped, and where, or None.

    A gradient tells of it where it is 0.
    """
    quantity, got = judgement.quantity, judgement.got
    if subject.format.precision < TELLING or got is None or np.size(got) != 1:
        return None
    if quantity != "value" and np.any(got):
        return None
    for key, argument in question.loss.arguments.items():
        array, domain = question.arguments.get(key), argument.domain
        free = domain.kind == "real" and not np.isfinite([domain.low, domain.high]).all()
        if array is None or argument.optional or not free or np.size(array) != 1:
            continue
        if quantity not in ("value", f"gradient.{key}"):
            continue
        at = float(np.asarray(array, dtype=np.float64).reshape(()))
        place = _place(subject, question, key, at) if at and domain.contains(4 * at) else None
        if place is not None:
            side = "above" if at > 0 else "below"
            return (
                f"the value is the same for all {key} {side} {place:.4g}: clamped there, or made "
                "into what is clamped"
            )
    return None


def _place(subject: Subject, question: Question, key: str, at: float) -> float | None:
    """Where the answers begin to be the same, between 0 and a number beyond that; None where they
    are not, where the exact ones are too, or where that is not the exact one there: what is rounded
    away, stops at another number, or gets there by and by, is not clamped."""
    fmt = subject.format

    def asked(x: float) -> Question:
        array = fmt.round(np.full(np.shape(question.arguments[key]), x))
        return replace(question.with_arguments(**{key: array}), cotangent=None)

    def answer(x: float) -> Any:
        return np.asarray(subject.ask(asked(x)).value, dtype=np.float64).reshape(-1)

    def same(x: float) -> bool:
        return bool(np.array_equal(answer(x), here))

    farthest = FARTHER[-1] * at
    if abs(farthest) > fmt.largest:
        return None
    here = answer(at)
    if not np.isfinite(here).all() or same(0.0) or not all(same(c * at) for c in FARTHER):
        return None
    place = _halved(same, at)
    ends = [
        oracle.truth(asked(x), "value", fmt, subject.profile)
        for x in (BEFORE * place, place, at, FARTHER[0] * at)
    ]
    before, there, near, far = (BALLS.middle(end.exact).reshape(-1) for end in ends)
    room = sum(np.broadcast_to(end.budget, end.exact.shape).reshape(-1) for end in ends[2:])
    with np.errstate(all="ignore"):
        goes_on = np.any(np.abs(far - near) > 2 * room)
        right = np.all(np.abs(here - there) <= NEAR * np.abs(there))
        # the number of another argument may hide how far off it is: not how much it changes
        change, off = before - there, answer(BEFORE * place) - here
        right &= np.all(np.abs(off - change) <= CHANGE * np.abs(change))
    return place if goes_on and right else None


def _halved(same: Callable[[float], bool], at: float) -> float:
    inside, outside = 0.0, at
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if same(middle) else (middle, outside)
    return outside
