"""The shapes in which a function takes arrays, found out by asking it some."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.backends.aliases import LOG_PROBABILITIES
from lossproof.conformance import arrangement
from lossproof.conformance.agreement import answered, trial
from lossproof.conformance.refusal import in_words, misfits
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
    if subject.columns > 1:
        return _channels(subject, line)
    matrix, column = (_in_rows(line, count) for count in (arrangement.COLUMNS[0], 1))
    line_came, matrix_came = _came_with_gradient(subject, line), came(subject, matrix)
    failed = [c for c in (line_came, matrix_came) if isinstance(c, Exception)]
    if not all(misfits(error) for error in failed):
        return {}, []
    if len(failed) == 2:
        if came(subject, column) not in ((), _shape(column)):
            return {}, []
        return _told(
            arrangement.COLUMN, "two axes, of which the last has one entry,", line, failed[0]
        )
    if isinstance(matrix_came, Exception):
        return _told(arrangement.FLAT, "one axis", matrix, matrix_came)
    if matrix_came == _shape(matrix)[:1]:
        if not isinstance(line_came, Exception) and line_came != ():
            return {}, []
        said = "reduction: it reduces the last axis and leaves the others"
        return {"arranged": arrangement.ROWS}, [said]
    if isinstance(line_came, Exception):
        return _told(arrangement.MATRIX, "two axes", line, line_came)
    return {}, []


def _channels(subject: Subject, line: Question) -> Step:
    """Whether its numbers are for channels before other axes, where it answers better; where they
    are for the last axis, whether it takes more than two."""
    fitting = answered(subject)
    if fitting == 1.0:
        deep = _refolded(line, (2, -1, subject.columns))
        refused = came(subject, deep)
        if isinstance(refused, Exception) and misfits(refused):
            return _told(arrangement.LABELS, "two axes", deep, refused)
        return {}, []
    for kind in arrangement.CHANNELS:
        claimed = replace(subject.implementation, arranged=kind)
        if answered(replace(subject, implementation=claimed)) > fitting:
            said = f"only arrays of {kind}, whose channels are the second axis, are asked of it"
            return {"arranged": kind}, [said]
    return {}, []


def _told(kind: str, axes: str, tried: Question, why: Exception) -> Step:
    said = f"only arrays of {axes} are asked of it: at shape {_shape(tried)} it raises"
    return {"arranged": kind}, [f"{said}, which is noted, not failed: {in_words(why)}"]


def _shape(question: Question) -> tuple[int, ...]:
    return np.shape(next(v for v in question.arguments.values() if v is not None))


def _came_with_gradient(subject: Subject, question: Question) -> tuple[int, ...] | Exception:
    """The shape of an answer, or what was raised instead, by its gradient where not by itself."""
    shape = came(subject, question)
    if isinstance(shape, Exception) or not subject.differentiable:
        return shape
    again = came(subject, replace(question, cotangent=np.ones(shape)))
    return again if isinstance(again, Exception) else shape


def came(subject: Subject, question: Question) -> tuple[int, ...] | Exception:
    """The shape of an answer, or what was raised instead."""
    try:
        shape: tuple[int, ...] = np.shape(subject.call(question).value)
    except Exception as error:
        return error
    return shape


def _in_rows(question: Question, columns: int) -> Question:
    return _refolded(question, (-1, columns))


def _refolded(question: Question, shape: tuple[int, ...]) -> Question:
    """The same numbers in arrays of another shape."""
    shaped = {k: None if v is None else np.reshape(v, shape) for k, v in question.arguments.items()}
    return replace(question, arguments=shaped)


def raised(subject: Subject, **how: Any) -> Exception | None:
    """What the function raises at a plain question, or None."""
    try:
        subject.call(trial(subject, **how))
    except Exception as error:
        return error
    return None
