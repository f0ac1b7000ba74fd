"""At which kink, tie, end or limit a number is not finite, and what makes it so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lossproof.conformance.describe import narrowed
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import Reals
from lossproof.spec.formats import Format
from lossproof.spec.question import Question


def not_finite(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """At which kink, tie, end or limit a number is not finite."""
    if question.separable and question.samples > subject.columns:
        shape = judgement.ratios.shape
        question = narrowed(question, judgement.worst, shape, subject.columns)
    beyond = list(_beyond(question, subject.format))
    found = [limit.words for limit in beyond]
    if beyond and _finite(subject, question, beyond, judgement.quantity):
        return None  # what overflows here overflows further out
    if not found:
        found = [*_ties(question), *_ends(subject, question, judgement.quantity)]
    if not found:
        return None
    kink = " and a kink of the loss" if judgement.wide.flat[judgement.worst] else ""
    return f"not finite where {' and '.join(found[:3])}{kink}{_of_zeros(question, found)}"


@dataclass(frozen=True, kw_only=True)
class _Limit:
    """What an argument is beyond, and how far it need be for that to show."""

    key: str
    words: str
    shown: float


def _finite(subject: Subject, question: Question, beyond: Sequence[_Limit], quantity: str) -> bool:
    """Whether all is finite where the arguments are as far beyond their limits as need be, or as
    far as they are."""
    nearer = {}
    for limit in beyond:
        values = np.asarray(question.arguments[limit.key])
        clipped = np.clip(values.astype(np.float64), -limit.shown, limit.shown)
        nearer[limit.key] = clipped.astype(values.dtype)
    # of a sample that needs its batch nothing is told
    asked = (question.with_arguments(**nearer), question)
    return any(_all_finite(subject, one, quantity) for one in asked)


def _all_finite(subject: Subject, question: Question, quantity: str) -> bool:
    got = subject.judge(question, quantity).got
    return got is not None and bool(np.isfinite(np.asarray(got).astype(np.float64)).all())


def _of_zeros(question: Question, found: Sequence[str]) -> str:
    """What makes nan of zeros: a product with a logarithm, a quotient, the slope of a root."""
    ends = [words.partition(" is ")[0] for words in found if words.endswith((" is 0", " is 1"))]
    bounded = [k for k in ends if np.isfinite(question.loss.arguments[k].domain.low)]
    if bounded:
        return ": 0 · log 0, 0 / 0, or 0 · inf in a gradient"
    if any(" = " in words for words in found):
        return ": 0 / 0, or the slope of a root at 0"
    return ": 0 / 0, or 0 · inf in a gradient" if ends else ""


def _ties(question: Question) -> Iterator[str]:
    for first, second in question.loss.ties:
        a, b = (np.asarray(question.arguments[k], dtype=np.float64) for k in (first, second))
        if a.size and a.shape == b.shape and np.array_equal(a, b):
            yield f"{first} = {second}"


def _ends(subject: Subject, question: Question, quantity: str) -> Iterator[str]:
    """The arguments that reach an end of their domain, or are 0 where it is finite at 1."""
    for key, values in reals(question):
        domain = question.loss.arguments[key].domain
        ends = [e for e in (domain.low, domain.high) if np.isfinite(e) and np.any(values == e)]
        if ends:
            yield f"{key} is {ends[0]:g}"
        elif not np.any(values):
            ones = np.ones_like(np.asarray(question.arguments[key]))
            if _all_finite(subject, question.with_arguments(**{key: ones}), quantity):
                yield f"{key} is 0"


def _beyond(question: Question, fmt: Format) -> Iterator[_Limit]:
    """The arguments beyond what squares, exponentials and sigmoids can take."""
    for key, values in reals(question):
        domain, size = question.loss.arguments[key].domain, float(np.abs(values).max())
        squared, raised = _does(question, "^2", r"\sqrt"), _does(question, "e^", r"\sigma", "exp")
        if size > math.sqrt(fmt.largest) and squared:
            edge = math.sqrt(fmt.largest)
            words = f"{key} is beyond {edge:.2g}, whose square overflows"
            yield _Limit(key=key, words=words, shown=min(8 * edge, fmt.largest))
        elif np.isfinite(domain.low) or np.isfinite(domain.high) or not raised:
            continue
        elif size > math.log(fmt.largest):
            edge = math.log(fmt.largest)
            words = f"{key} is beyond {edge:.3g}, where exp overflows or vanishes"
            yield _Limit(key=key, words=words, shown=4 * edge)
        elif size > -math.log(fmt.unit_roundoff):
            edge = -math.log(fmt.unit_roundoff)
            words = f"{key} is beyond {edge:.3g}, where a sigmoid rounds to 0 or 1"
            yield _Limit(key=key, words=words, shown=2 * edge)


def _does(question: Question, *signs: str) -> bool:
    """Whether one of the signs of an operation stands in the formulas of the loss."""
    return any(sign in line for line in question.loss.tex for sign in signs)


def reals(question: Question) -> Iterator[tuple[str, Reals]]:
    """The real arguments that are given and finite, as float64."""
    for key, argument in question.loss.arguments.items():
        if question.arguments.get(key) is not None and argument.domain.kind == "real":
            values = np.asarray(question.arguments[key], dtype=np.float64)
            if values.size and np.isfinite(values).all():
                yield key, values
