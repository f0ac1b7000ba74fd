"""What a function takes by `**keywords`: only what it does not refuse, and what makes a difference.

A parameter that stands in the signature is offered. To raise at it, or to ignore it, is a fault;
`**keywords` may be there for others, and are often handed on or swallowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.backends.registry import Implementation
from lossproof.conformance.agreement import trial
from lossproof.conformance.held import settings
from lossproof.conformance.refusal import in_words, misfits
from lossproof.conformance.shaping import Step
from lossproof.conformance.subject import Subject

Call = dict[str, Any]


def keywords(subject: Subject) -> Step:
    """Without the names at which it raises, and those that change nothing.

    It is asked with none of them, and with all where it does not answer so.
    """
    claimed = subject.implementation
    if not claimed.open:
        return {}, []
    none = claimed
    for name, place, _ in _names(subject, claimed):
        none = _without(none, name, place)
    for kept in (none, claimed):
        usual = _answer(subject, kept)
        if not isinstance(usual, Exception):
            break
    else:
        return {}, []
    said = []
    for name, place, calls in _names(subject, claimed):
        one = _with(kept, name, place)
        answers = [_answer(subject, one, **call) for call in calls]
        errors = [a for a in answers if isinstance(a, Exception)]
        if not all(isinstance(a, Exception) or _same(a, usual) for a in answers):
            kept = one
        elif errors and not misfits(errors[0]):
            kept = one  # for the checks to report
        else:
            kept = _without(kept, name, place)
            why = "take it, and it changes nothing"
            if errors:
                why = f"refuse it: {in_words(errors[0])}"
            said.append(f"{name}: its **keywords {why}")
    if not said:
        return {}, []
    return {k: getattr(kept, k) for k in ("options", "optional", "reducible")}, said


def _with(claimed: Implementation, name: str, place: str) -> Implementation:
    changed: dict[str, Any] = {"reducible": True}
    if place != "reducible":
        others = (k for k in getattr(claimed, place) if k != name)
        changed = {place: (*others, name)}
    return replace(claimed, **changed)


def _without(claimed: Implementation, name: str, place: str) -> Implementation:
    changed: dict[str, Any] = {"reducible": False}
    if place != "reducible":
        changed = {place: tuple(k for k in getattr(claimed, place) if k != name)}
    return replace(claimed, **changed)


def _names(subject: Subject, claimed: Implementation) -> Iterator[tuple[str, str, list[Call]]]:
    """Each name that may go by keyword, the field that has it, and calls that would show it."""
    loss = subject.loss
    if "reduction" in claimed.open and claimed.reducible and len(loss.reductions) > 1:
        yield "reduction", "reducible", [{"reduction": r} for r in loss.reductions]
    for key in (k for k in claimed.options or () if k in claimed.open):
        stated = loss.options[key]
        others = [value[key] for value, _ in settings(loss, (key,), 1)]
        values = dict.fromkeys((stated.default, *stated.landmarks, *others, 1))
        calls = [{"options": {key: v}} for v in values if stated.accepts(v)]
        yield key, "options", calls
    for key in (k for k in claimed.optional or () if k in claimed.open):
        yield key, "optional", [{"optional": True}]


def _answer(subject: Subject, claimed: Implementation, **call: Any) -> Any:
    """The answer to a plain question, or what was raised instead."""
    one = replace(subject, implementation=claimed)
    try:
        return np.asarray(one.call(replace(trial(one, **call), cotangent=None)).value)
    except Exception as error:
        return error


def _same(a: Any, b: Any) -> bool:
    one, other = (np.asarray(x).astype(np.float64) for x in (a, b))
    return one.shape == other.shape and bool(np.array_equal(one, other, equal_nan=True))
