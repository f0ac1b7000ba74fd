"""At which ends and ties a number is not finite, and what makes nan of zeros there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lossproof.conformance.finite import all_finite, does, reals
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question

#: what is a little beside 0, a number of every format
BESIDE = 2.0**-20
#: how far a tie is moved, of 1 and of its numbers
SHIFT = 2.0**-5


def zeros(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """At which ends and ties it is not finite, and what makes nan of zeros there."""
    quantity = judgement.quantity
    ties = [pair for pair in _ties(question) if _tied(subject, question, pair, quantity)]
    tied = {key for pair in ties for key in pair}
    ends = {k: e for k, e in _ends(subject, question, quantity) if k not in tied}
    needed = {k: e for k, e in ends.items() if not _still(subject, question, k, judgement)}
    ends = needed or ends
    found = [f"{first} = {second}" for first, second in ties]
    for end in dict.fromkeys(ends.values()):
        keys = [k for k, e in ends.items() if e == end]
        both = f"{' and '.join(keys)} are both {end:g}" if len(keys) == 2 else ""
        found += [both] if both else [f"{k} is {end:g}" for k in keys]
    if not found:
        return None
    kink = " and a kink of the loss" if judgement.wide.flat[judgement.worst] else ""
    reason = _reason(subject, question, judgement, tied=bool(ties))
    return f"not finite where {' and '.join(found[:3])}{kink}{reason}"


def _tied(subject: Subject, question: Question, pair: tuple[str, str], quantity: str) -> bool:
    """Whether it is finite where the tie is broken, and not at another tie."""
    apart, along = {}, {}
    for key in pair:
        values = np.asarray(question.arguments[key], dtype=np.float64)
        high = question.loss.arguments[key].domain.high
        step = -SHIFT if np.any(values + SHIFT > high) else SHIFT
        along[key] = np.asarray(subject.format.round(values + step * (1 + np.abs(values))))
    apart = {pair[0]: along[pair[0]]}
    return all_finite(subject, question.with_arguments(**apart), quantity) and not all_finite(
        subject, question.with_arguments(**along), quantity
    )


def _still(subject: Subject, question: Question, key: str, judgement: Judgement) -> bool:
    """Whether it is nan as before where an argument alone leaves the end of its domain."""
    got = subject.judge(_inside(subject, question, key), judgement.quantity).got
    before = np.asarray(judgement.got, dtype=np.float64)
    nan = np.isnan(before).any() and got is not None
    return bool(nan and np.isnan(np.asarray(got, dtype=np.float64)).any())


def _reason(subject: Subject, question: Question, judgement: Judgement, *, tied: bool) -> str:
    """What makes nan of zeros, where the value or the backend leaves one thing only."""
    got = float(np.asarray(judgement.got, dtype=np.float64).flat[judgement.worst])
    if not np.isnan(got):
        return ""
    if judgement.quantity == "value":
        if tied or not does(question, r"\log") or not _of_logarithm(subject, question):
            return ""
        if question.options.get("eps"):
            return ": log 0: no eps is added to what stands below the logarithm"
        safe = "where() with a safe argument inside"
        if not subject.backend.differentiates:
            return f": 0 · log 0 is nan: xlogy, or {safe}"
        return f": 0 · log 0 is nan: {safe}, as xlogy alone leaves 0 / 0 in the gradient"
    if not subject.backend.differentiates:
        return ": 0 / 0 in the backward"
    if not all_finite(subject, question, "value"):
        return ", as the value is not"
    if tied:
        return ": the slope of a root at 0, times 0: mask its argument, or add eps below it"
    if does(question, r"\log") and not _beside(subject, question, judgement.quantity):
        return (
            ": the value is finite there, its gradient is 0 · inf: where() on the value masks no "
            "gradient, if not its argument is masked too"
        )
    return ""


def _beside(subject: Subject, question: Question, quantity: str) -> bool:
    """Whether it is not finite a little beside the zeros either, which no mask is about."""
    near = {
        key: np.asarray(subject.format.round(np.where(values == 0, BESIDE, values)))
        for key, values in reals(question)
        if question.loss.arguments[key].domain.low == 0.0 and not np.all(values)
    }
    return bool(near) and not all_finite(subject, question.with_arguments(**near), quantity)


def _of_logarithm(subject: Subject, question: Question) -> bool:
    """Whether it is infinite, and no longer nan, where the target leaves its end."""
    if "target" not in dict(reals(question)):
        return False
    got = subject.judge(_inside(subject, question, "target"), "value").got
    return got is not None and bool(np.isinf(np.asarray(got, dtype=np.float64)).any())


def _ties(question: Question) -> Iterator[tuple[str, str]]:
    for first, second in question.loss.ties:
        a, b = (np.asarray(question.arguments[k], dtype=np.float64) for k in (first, second))
        if a.size and a.shape == b.shape and np.array_equal(a, b):
            yield first, second


def _ends(subject: Subject, question: Question, quantity: str) -> Iterator[tuple[str, float]]:
    """The arguments that reach an end of their domain, or are 0 where it is finite at 1."""
    for key, values in reals(question):
        domain = question.loss.arguments[key].domain
        ends = [e for e in (domain.low, domain.high) if np.isfinite(e) and np.any(values == e)]
        if ends and (_matters(subject, question, quantity) or not np.isfinite(domain.high)):
            yield key, ends[0]
        elif not np.any(values):
            ones = np.ones_like(np.asarray(question.arguments[key]))
            if all_finite(subject, question.with_arguments(**{key: ones}), quantity):
                yield key, 0.0


def _matters(subject: Subject, question: Question, quantity: str) -> bool:
    """Whether it is finite once some argument leaves the ends of its domain."""
    for key, values in reals(question):
        domain = question.loss.arguments[key].domain
        at_end = np.any(values == domain.low) or np.any(values == domain.high)
        if at_end and all_finite(subject, _inside(subject, question, key), quantity):
            return True
    return False


def _inside(subject: Subject, question: Question, key: str) -> Question:
    """The question with the numbers of an argument that are at an end of its domain, or are 0, a
    little inside."""
    values, domain = dict(reals(question))[key], question.loss.arguments[key].domain
    step = np.where(values == domain.high, -SHIFT, SHIFT) * (1 + np.abs(values))
    at_end = (values == domain.low) | (values == domain.high) | (values == 0)
    inside = np.where(at_end, values + step, values)
    return question.with_arguments(**{key: np.asarray(subject.format.round(inside))})
