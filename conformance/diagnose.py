"""What a wrong number looks like: a guess at the cause, said only where the numbers bear it out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lossproof.conformance import causes, denominators, oracle, slopes
from lossproof.conformance.check import Observation
from lossproof.conformance.denominators import CLOSE, Multiple
from lossproof.conformance.describe import narrowed
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.carriers import BALLS, Reals
from lossproof.spec.formats import Format
from lossproof.spec.loss import SpecError
from lossproof.spec.question import Question

#: how far from a place another is near to it, of 1 and of its numbers
NEAR = 2.0**-5


def looks(subject: Subject, observation: Observation) -> str | None:
    """What the wrong number looks like, or None."""
    judgement, question = observation.judgement, observation.question
    if judgement is None or judgement.problem is not None or judgement.got is None:
        return None
    if judgement.worst < 0 or "transformation" in observation.how:
        return None
    where = tuple(int(i) for i in np.unravel_index(judgement.worst, judgement.ratios.shape))
    got = float(judgement.got.astype(np.float64)[where])
    try:
        if not np.isfinite(got):
            return denominators.divided(subject, question, judgement) or _not_finite(
                subject, question, judgement
            )
        if judgement.quantity != "value":
            followed = _cotangent(subject, question, judgement)
            if followed is not None:
                return followed
        return (
            denominators.divided(subject, question, judgement)
            or _factor(subject, question, judgement)
            or slopes.other(subject, question, judgement)
            or _reordered(subject, question, judgement)
            or causes.cause(subject, question, judgement)
            or _flat(subject, question, judgement)
        )
    except (TargetError, SpecError, Incomparable):
        return None


# ---- nan and infinities


def _not_finite(subject: Subject, question: Question, judgement: Judgement) -> str | None:
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
    for key, values in _reals(question):
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
    for key, values in _reals(question):
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


def _reals(question: Question) -> Iterator[tuple[str, Reals]]:
    for key, argument in question.loss.arguments.items():
        if question.arguments.get(key) is not None and argument.domain.kind == "real":
            values = np.asarray(question.arguments[key], dtype=np.float64)
            if values.size and np.isfinite(values).all():
                yield key, values


# ---- order


def _reordered(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Whether the numbers are those of the truth, each within its budget, in other places."""
    truth = oracle.truth(question, judgement.quantity, subject.format, subject.profile)
    exact = BALLS.middle(truth.exact).reshape(-1)
    got = np.asarray(judgement.got, dtype=np.float64).reshape(-1)
    if not 1 < got.size == exact.size or not np.isfinite(exact).all() or np.ptp(exact) == 0:
        return None
    order = np.argsort(exact)
    off = np.abs(np.sort(got) - exact[order])
    within = off <= CLOSE * np.broadcast_to(truth.budget, truth.exact.shape).reshape(-1)[order]
    apart = (judgement.violations & (judgement.ratios > CLOSE)).sum() > 1
    return "the numbers of the truth in another order" if apart and within.all() else None


# ---- gradients


def _cotangent(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Whether the gradient follows the cotangent at all."""
    cotangent = np.asarray(question.cotangent, dtype=np.float64)
    if not np.any(cotangent):
        return "not 0 for a cotangent of 0: the cotangent is ignored"
    name = judgement.quantity.partition(".")[2]
    if _same(subject, question, name, cotangent * 2):
        if judgement.got is None or np.any(judgement.got):
            return "the gradient does not depend on the cotangent"
        if _never(subject, question, judgement.quantity):
            return "the gradient is 0 everywhere: detached, or constant"
        return None
    rest = cotangent.copy()
    rest.reshape(-1)[1:] *= 2
    several = cotangent.size > 1 and bool(np.any(cotangent.reshape(-1)[1:]))
    if several and _same(subject, question, name, rest):
        return "the gradient depends on the first entry of the cotangent only"
    return None


def _never(subject: Subject, question: Question, quantity: str) -> bool:
    """Whether a gradient is 0 at moderate numbers too."""
    plainly = subject.maker.question(
        1, options=question.options, reduction=question.reduction, optional=False, cotangent="ones"
    )
    came = subject.ask(plainly).gradients.get(quantity.partition(".")[2])
    return came is None or not np.any(np.asarray(came, dtype=np.float64))


def _flat(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """A gradient of nothing but zeros, here and near here, for a cotangent that is not 0, where it
    is not right."""
    if judgement.quantity == "value" or judgement.got is None or np.any(judgement.got):
        return None
    if not np.any(np.asarray(question.cotangent, dtype=np.float64)):
        return None
    stated, moved = question.loss.arguments, {}
    for key, values in _reals(question):
        free = not np.isfinite(stated[key].domain.low) and not np.isfinite(stated[key].domain.high)
        if free and not stated[key].optional:
            near = values + NEAR * (1 + np.abs(values))
            moved[key] = np.asarray(subject.format.round(near))
    there = subject.judge(question.with_arguments(**moved), judgement.quantity).got
    if there is None or np.any(there):
        return None
    return "0 here, not everywhere: as beyond a clamp, or where an exponential rounds away"


def _same(subject: Subject, question: Question, name: str, cotangent: Reals) -> bool:
    asked = replace(question, cotangent=np.asarray(subject.format.round(cotangent)))
    before = subject.ask(question).gradients.get(name)
    after = subject.ask(asked).gradients.get(name)
    if before is None or after is None or np.shape(before) != np.shape(after):
        return False
    return bool(np.array_equal(np.asarray(before), np.asarray(after)))


def _factor(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Whether every entry is the same simple multiple of the truth, at plain numbers too."""
    here = _multiples(subject, question, judgement)
    for asked in denominators.plain_ones(subject, question) if here else ():
        there = _multiples(subject, asked, subject.judge(asked, judgement.quantity))
        here = {kind: words for kind, words in here.items() if kind in there}
    return next(iter(here.values()), None)


def _multiples(subject: Subject, question: Question, judgement: Judgement) -> dict[str, str]:
    """The multiples of the truth that an answer is, with the numbers in their words and without."""
    if judgement.problem is not None or judgement.got is None or not judgement.violations.any():
        return {}
    times = Multiple(subject, question, judgement)
    said = [words for words, factor in _factors(question) if times.holds(factor)]
    return {denominators.kind(words): words for words in said}


def _factors(question: Question) -> Iterator[tuple[str, float]]:
    yield "the truth with the other sign", -1.0
    yield "twice the truth", 2.0
    yield "half the truth", 0.5
    sizes: dict[str, Any] = question.loss.axes_of(question.arguments)
    counts = {("n" if a == "*" else a): int(np.prod(size)) for a, size in sizes.items()}
    for axis, count in counts.items():
        if count > 2:
            yield f"the truth times {count}, the size of {axis}", float(count)
            yield f"the truth divided by {count}, the size of {axis}", 1.0 / count


__all__ = ["looks"]
