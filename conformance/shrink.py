"""Shrinking: the smallest question that still shows the violation.

Hypothesis shrinks what it drew: a seed, a regime, a size. The arrays that NumPy made of it are cut
to one sample here, and their numbers made simple one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import numpy as np

from lossproof.conformance.check import Check, Observation
from lossproof.conformance.describe import narrowed
from lossproof.conformance.simpler import moves
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.loss import Argument, SpecError
from lossproof.spec.question import Question


class _Asked(Protocol):
    @property
    def question(self) -> Question:
        """What it came of."""


Seen = TypeVar("Seen", bound=_Asked)
Rest = Callable[[Question, list[Observation]], list[Observation]]
#: questions asked of one violation: a number, not a time, or one seed would end in many places;
#: so many samples count as one more
PATIENCE = 250
SAMPLES = 16
#: no more samples than these are tried one by one
ALONE = 40


def shrink(
    subject: Subject,
    check: Check,
    name: str,
    violation: Observation,
    rest: Rest = lambda question, observations: observations,
    *,
    small: Iterable[Question] = (),
) -> Observation:
    """The same violation at a simpler question; the given one if none is found.

    `rest` leaves of observations what is charged to the subject. `small` are questions that are
    simple already, of which the first that shows the violation is taken.
    """
    if violation.judgement is None or not check.source.regimes:
        return violation
    # simpler, but still striking: not the faintest violation that is left
    floor = min(violation.ratio / 16, 1000.0)

    def as_bad(question: Question) -> Observation | None:
        again = still(subject, check, name, question, rest)
        if again is None or _shaped(again) != _shaped(violation) or again.ratio < floor:
            return None
        return again

    known = next(filter(None, map(as_bad, small)), None)
    if known is not None:
        return known
    columns = subject.columns
    alone = next(filter(None, map(as_bad, _cuts(violation, columns))), None)
    best = _fewest(violation, as_bad, columns) if alone is None else alone
    return _simplest(best, subject, as_bad)


def shrink_error(subject: Subject, error: TargetError) -> TargetError:
    """The same kind of error at a simpler question; the given one if none is found.

    What ended the process of the target is not sought again.
    """
    if error.died:
        return error

    def same(question: Question) -> TargetError | None:
        try:
            subject.ask(question)
        except TargetError as again:
            alike = type(again.error).__name__ == type(error.error).__name__
            return again if alike else None
        except (Incomparable, SpecError):
            return None
        return None

    return _simplest(_fewest(error, same, subject.columns), subject, same)


def _fewest(seen: Seen, same: Callable[[Question], Seen | None], columns: int) -> Seen:
    """The same with half of the samples, and half of those; of coupled ones with one. Rows of so
    many columns stay whole."""
    question = seen.question
    count = question.samples
    if question.separable and count > columns:
        half = max(count // 2 // columns, 1) * columns
        halves = (range(half), range(half, count))
        cuts: Iterable[Question] = (question.take(list(half)) for half in halves)
    else:
        cuts = each_alone(question, columns)
    again = next(filter(None, map(same, cuts)), None)
    return seen if again is None else _fewest(again, same, columns)


def _simplest(best: Seen, subject: Subject, ask: Callable[[Question], Seen | None]) -> Seen:
    """What is seen still where no move makes the question simpler, or after much patience."""
    asked = 0
    improved = True
    held = (*subject.sizes, *subject.implementation.held)
    while improved and asked < PATIENCE:
        improved = False
        for move in moves(best.question, subject.taken, held):
            for candidate in move(best.question):
                if asked >= PATIENCE:
                    return best
                asked += 1 + candidate.samples // SAMPLES
                again = ask(candidate)
                if again is not None:
                    best, improved = again, True
                    break
    return best


def _cuts(observation: Observation, columns: int) -> Iterator[Question]:
    """The question cut to the sample that is wrong; of a sum, a mean or coupled samples, to each
    sample alone."""
    judgement = observation.judgement
    if judgement is None or judgement.problem is not None or judgement.worst < 0:
        return
    question = observation.question
    if not question.separable:
        yield from each_alone(question, columns)
    elif question.samples > columns:
        yield narrowed(question, judgement.worst, judgement.ratios.shape, columns)


def each_alone(question: Question, columns: int) -> Iterator[Question]:
    """The samples of a batch one by one, or rows of so many columns, asked with its reduction; none
    of a batch that is too large for that."""
    stated = question.loss.arguments
    first = next(k for k in stated if question.arguments.get(k) is not None)
    axis = "*" if stated[first].shape == "*" else "N"
    size = question.loss.axes_of(question.arguments).get(axis, 1)
    count = int(np.prod(size)) // columns
    if not 1 < count <= ALONE:
        return
    for i in range(count):
        arguments = {
            k: _sample(v, stated[k], axis, i, columns) if v is not None else None
            for k, v in question.arguments.items()
        }
        cotangent = question.cotangent
        if question.reduction == "none" and np.ndim(cotangent):
            cotangent = np.asarray(cotangent)[i * columns : (i + 1) * columns]
        yield replace(question, arguments=arguments, cotangent=cotangent)


def _sample(array: Any, argument: Argument, axis: str, i: int, columns: int) -> Any:
    """One row of so many entries of an array of any shape, or one row of one with the axis."""
    if argument.shape == "*":
        return np.asarray(array).reshape(-1)[i * columns : (i + 1) * columns]
    if axis not in argument.axes:
        return array
    return np.take(array, [i], axis=argument.axes.index(axis))


def _shaped(observation: Observation) -> bool:
    """Whether numbers were compared: an answer of another shape is another fault."""
    return observation.judgement is not None and observation.judgement.problem is None


def still(
    subject: Subject,
    check: Check,
    name: str,
    question: Question,
    rest: Rest = lambda question, observations: observations,
) -> Observation | None:
    """The worst violation at a question, None if there is none or it cannot be asked."""
    try:
        seen = rest(question, check.run(subject, question, name))
        found = [o for o in seen if o.fault is not None]
    except (TargetError, SpecError):
        return None
    return max(found, key=lambda o: o.ratio) if found else None
