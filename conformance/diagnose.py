"""What a wrong number looks like: a guess at the cause, said only where the numbers bear it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.conformance import (
    agreement,
    causes,
    denominators,
    digits,
    infinite,
    oracle,
    slopes,
)
from lossproof.conformance.check import INCOMPARABLE, Observation
from lossproof.conformance.clamped import clamped
from lossproof.conformance.denominators import CLOSE, Multiple
from lossproof.conformance.finite import reals
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.partly import partly
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.carriers import BALLS, Reals
from lossproof.spec.loss import SpecError
from lossproof.spec.question import Question

#: a guess at the cause of a judgement at a question
Guess = Callable[[Subject, Question, Judgement], "str | None"]
#: targets between 0 and 1, and how many answers must be wrong there
BETWEEN, MOST = (0.25, 0.5, 0.75), 0.9
#: how far from a place another is near to it, of 1 and of its numbers
NEAR = 2.0**-5


def looks(subject: Subject, observation: Observation) -> str | None:
    """What the wrong number looks like, or None."""
    judgement, question = observation.judgement, observation.question
    if "transformation" in observation.how:
        return None
    if judgement is None or judgement.problem is not None:
        shape = (
            observation.fault == INCOMPARABLE
            if judgement is None
            else judgement.quantity == "value"
        )
        return partly(subject, question) if shape else None
    if judgement.got is None or judgement.worst < 0:
        return None
    where = tuple(int(i) for i in np.unravel_index(judgement.worst, judgement.ratios.shape))
    got = float(judgement.got.astype(np.float64)[where])
    if np.isfinite(got):
        return _first(_GUESSES, subject, question, judgement)
    other = _first((_shuffled,), subject, question, judgement)
    if other is not None:
        return other  # and it is another sample's that is not finite
    # what is so everywhere, and what makes it no number here
    said = [_first(each, subject, question, judgement) for each in (_EVERYWHERE, _HERE)]
    return "; ".join(part for part in said if part is not None) or None


def _first(
    guesses: Sequence[Guess], subject: Subject, question: Question, judgement: Judgement
) -> str | None:
    """The first of the guesses that has something to say."""
    for guess in guesses:
        try:
            said = guess(subject, question, judgement)
        except (TargetError, SpecError, Incomparable, ArithmeticError):
            continue  # one question that is refused, or has no answer, says nothing of the others
        if said is not None:
            return said
    return None


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
    room = np.broadcast_to(truth.budget, truth.exact.shape).reshape(-1)[order]
    if np.median(np.diff(exact[order])) <= 2 * np.median(room):
        return None  # any numbers would do, so near are these to each other
    within = off <= room
    apart = (judgement.violations & (judgement.ratios > CLOSE)).sum() > 1
    return "the numbers of the truth in another order" if apart and within.all() else None


def _shuffled(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Whether the losses of a plain batch come back in another order."""
    if question.reduction != "none" or not question.separable:
        return None
    asked = replace(next(denominators.plain_ones(subject, question)), cotangent=None)
    flat = asked.take(range(asked.samples)) if question.loss.samples == "*" else asked
    plain = subject.judge(flat, "value")
    if plain.problem is not None or plain.got is None or plain.worst < 0:
        return None
    if _reordered(subject, flat, plain) is None:
        return None
    return f"asked with {flat.samples} samples, their losses come back in another order"


# ---- gradients


def _cotangent(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Whether the gradient follows the cotangent at all."""
    if judgement.quantity == "value":
        return None
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


def _hard(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Whether it is right for targets of 0 and 1, and wrong for those between."""
    stated = question.loss.arguments.get("target")
    if stated is None or stated.domain.kind != "real" or stated.shape != "*":
        return None
    if (stated.domain.low, stated.domain.high) != (0.0, 1.0):
        return None
    here = np.asarray(question.arguments["target"], dtype=np.float64)
    if not np.any((here > 0) & (here < 1)):
        return None
    plain = agreement.trial(subject, options=question.options, reduction=question.reduction)

    def wrong(share: float) -> float:
        target = np.full_like(plain.arguments["target"], share)
        asked = plain.with_arguments(target=target)
        return float(np.mean(subject.judge(asked, judgement.quantity).violations))

    if min(map(wrong, BETWEEN)) < MOST or max(map(wrong, (0.0, 1.0))) > 0:
        return None
    return "right for targets of 0 and 1, and wrong for those between"


def _flat(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """A gradient of nothing but zeros where it is not right, for a cotangent that is not 0.

    It is told where the value is one number around here too, whatever the other arguments are.
    """
    quantity = judgement.quantity
    if quantity == "value" or judgement.got is None or np.any(judgement.got):
        return None
    if not np.any(np.asarray(question.cotangent, dtype=np.float64)):
        return None
    moved, name = _moved(subject, question), quantity.partition(".")[2]
    alone = question.with_arguments(**{k: v for k, v in moved.items() if k == name})
    around = [alone, question.with_arguments(**moved)]
    answers = [subject.judge(asked, quantity).got for asked in around]
    if name not in moved or any(got is None or np.any(got) for got in answers):
        return None
    here, there = (
        np.asarray(subject.ask(asked).value, dtype=np.float64) for asked in (question, alone)
    )
    room = 4 * subject.format.unit_roundoff * np.abs(here)
    if here.shape != there.shape or not np.all(np.abs(here - there) <= room):
        return None
    return (
        "0 here, not everywhere: as beyond a clamp, in another branch, by a factor of 0, where "
        "terms cancel, or as exp rounds away"
    )


def _moved(subject: Subject, question: Question) -> dict[str, Any]:
    """The real arguments, each a little way off: into its domain where that has ends."""
    stated, moved = question.loss.arguments, {}
    for key, values in reals(question):
        if stated[key].optional:
            continue
        low, high = stated[key].domain.low, stated[key].domain.high
        near = values + NEAR * (1 + np.abs(values))
        if np.isfinite(low):
            least = 4 * subject.format.smallest_normal
            near = values + np.maximum(NEAR * (values - low), least)
        if np.isfinite(high):
            least = 4 * subject.format.unit_roundoff
            far = values > (low + high) / 2 if np.isfinite(low) else np.ones_like(values, bool)
            near = np.where(far, values - np.maximum(NEAR * (high - values), least), near)
        moved[key] = np.asarray(subject.format.round(near))
    return moved


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


_GUESSES: tuple[Guess, ...] = (
    _cotangent, denominators.divided, _factor, slopes.other, _reordered, causes.cause, _hard,
    _shuffled, clamped, slopes.unlike_value, _flat, denominators.in_float64,
)  # fmt: skip
#: those of a number that is not finite
_EVERYWHERE: tuple[Guess, ...] = (denominators.divided,)
_HERE: tuple[Guess, ...] = (digits.beyond, infinite.not_finite)

__all__ = ["looks"]
