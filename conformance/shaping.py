"""The shapes in which a function takes arrays, found out by asking it some."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.backends.aliases import LOG_PROBABILITIES
from lossproof.conformance import arrangement
from lossproof.conformance.agreement import trial
from lossproof.conformance.refusal import misfits
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question

Step = tuple[dict[str, Any], list[str]]


def shapes(subject: Subject) -> Step:
    """The shapes in which it takes arrays that the loss allows in all, and whether its logits are
    log-probabilities, by their name."""
    named = subject.implementation.bound.partition("logits = ")[2].partition(" (")[0]
    if named in LOG_PROBABILITIES:
        said = f"logits: {named} are log-probabilities, and are given as such"
        return {"arranged": arrangement.LOGS}, [said]
    if not arrangement.fits(subject.loss):
        return {}, []
    line = replace(trial(subject), cotangent=None)
    line_came, matrix_came = (came(subject, q) for q in (line, _in_rows(line)))
    failed = [c for c in (line_came, matrix_came) if isinstance(c, Exception)]
    if len(failed) == 2 or not all(misfits(error) for error in failed):
        return {}, []
    if isinstance(matrix_came, Exception):
        why = f"{type(matrix_came).__name__}: {matrix_came}".splitlines()[0][:160]
        kind, said = arrangement.FLAT, f"only arrays of one axis are asked of it: {why}"
    elif matrix_came == np.shape(_in_rows(line).arguments[next(iter(subject.loss.arguments))])[:1]:
        if not isinstance(line_came, Exception) and line_came != ():
            return {}, []
        kind, said = arrangement.ROWS, "reduction: it reduces the last axis and leaves the others"
    elif isinstance(line_came, Exception):
        why = f"{type(line_came).__name__}: {line_came}".splitlines()[0][:160]
        kind, said = arrangement.MATRIX, f"only arrays of two axes are asked of it: {why}"
    else:
        return {}, []
    return {"arranged": kind}, [said]


def came(subject: Subject, question: Question) -> tuple[int, ...] | Exception:
    """The shape of an answer, or what was raised instead."""
    try:
        shape: tuple[int, ...] = np.shape(subject.call(question).value)
    except Exception as error:
        return error
    return shape


def _in_rows(question: Question) -> Question:
    """The same numbers in two axes."""
    shaped = {
        k: None if v is None else np.reshape(v, (-1, arrangement.COLUMNS[0]))
        for k, v in question.arguments.items()
    }
    return replace(question, arguments=shaped)


def raised(subject: Subject, **how: Any) -> Exception | None:
    """What the function raises at a plain question, or None."""
    try:
        subject.call(trial(subject, **how))
    except Exception as error:
        return error
    return None
