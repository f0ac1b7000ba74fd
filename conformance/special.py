"""What is promised of a sample in which one number is nan or infinite."""

from __future__ import annotations

import numpy as np

from lossproof.conformance import limits, oracle
from lossproof.conformance.subject import Subject
from lossproof.conformance.undefined import Admissible, admissible
from lossproof.spec.carriers import BALLS, Mask, Reals
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic


def real_ones(subject: Subject, question: Question) -> list[str]:
    """The arguments of real numbers that are given, and may be any."""
    held = subject.implementation.held
    stated = subject.loss.arguments.items()
    real = [k for k, a in stated if a.domain.kind == "real" and k not in held]
    return [k for k in real if question.arguments.get(k) is not None]


def promised(
    subject: Subject,
    here: Question,
    key: str,
    special: float,
    quantity: str,
    got: Reals,
    value: Reals,
) -> tuple[Mask, Admissible]:
    """Where an answer is right, and what is, if the first entry of `key` is special.

    `here` has an ordinary number in its place; `value` is the value that came with the answer.
    """
    if np.isnan(special):
        return _at_nan(subject, here, key, quantity, got)
    fine, truth = _at_infinity(subject, here, key, special, quantity, got)
    if quantity != "value" and not fine.all():
        fine |= _excused(subject, here, key, special, quantity, got, value)
    return fine, truth


def with_special(question: Question, key: str, special: float) -> Question:
    """The question with `special` as the first entry of an argument."""
    array = np.array(question.arguments[key], copy=True)
    array.reshape(-1)[:1] = special
    return question.with_arguments(**{key: array})


def _at_nan(
    subject: Subject, here: Question, key: str, quantity: str, got: Reals
) -> tuple[Mask, Admissible]:
    """A value that depends on the number must be nan; a gradient may be that of a branch."""
    if quantity == "value":
        touched = limits.moves(here, quantity, key)
        clean = oracle.truth(here, quantity, subject.format, subject.profile)
        still = np.where(touched, np.nan, BALLS.middle(clean.exact))
        allowed = Admissible(low=still, high=still, slack=clean.budget)
    else:
        allowed = admissible(here, quantity, key, subject.format, subject.profile)
    return allowed.admits(got), allowed


def _at_infinity(
    subject: Subject, here: Question, key: str, special: float, quantity: str, got: Reals
) -> tuple[Mask, Admissible]:
    limit = limits.of(here, quantity, key, special)
    slack = np.where(np.isfinite(limit), _slack(subject, here, key, special, quantity, limit), 0.0)
    allowed = Admissible(low=limit, high=limit, slack=slack)
    return np.asarray(np.isnan(limit) | allowed.admits(got)), allowed


def _excused(
    subject: Subject,
    here: Question,
    key: str,
    special: float,
    quantity: str,
    got: Reals,
    value: Reals,
) -> Mask:
    """Gradients of a value that is no finite number, where the formula has no answer either.

    A value of nan has compared with nan on its way; an infinite one may have gradient 0 where the
    formula at infinity is 0/0 or the like.
    """
    if np.isnan(value).any():
        return _at_nan(subject, here, key, quantity, got)[0]
    if np.isinf(value).any():
        return np.asarray((got == 0) & limits.undefined(here, quantity, key, special))
    return np.zeros(got.shape, dtype=np.bool_)


def _slack(
    subject: Subject, here: Question, key: str, special: float, quantity: str, limit: Reals
) -> Reals:
    """The budget far out on the way to a finite limit, and what is still missing to it there.

    Far out is where budgets are finite yet: below the ceiling, and where squares are below it; and
    where exponentials have vanished but budgets are small.
    """
    ceiling = Arithmetic(format=subject.format, reordered=True).ceiling
    slack: Reals = np.full(limit.shape, np.inf)
    for far in (ceiling / 4, np.sqrt(ceiling) / 4, 64.0):
        question = with_special(here, key, np.copysign(far, special))
        truth = oracle.truth(question, quantity, subject.format, subject.profile)
        missing = np.abs(BALLS.middle(truth.exact) - limit)
        slack = np.fmin(slack, truth.budget + missing)
    return slack
