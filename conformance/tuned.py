"""A number that a function holds where the loss has an option, found from its answers.

The values that releases hold are tried before (`fitted`); what is none of them is sought here as a
root is: on a grid, then between neighbours, then rounded to the fewest digits that fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from lossproof.conformance.agreement import trial
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import FLOATS, Reals
from lossproof.spec.evaluate import value
from lossproof.spec.loss import Parameter
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

GRID = tuple(float(x) for x in np.logspace(-3, 3, 91))
#: of the grid, every so many points are looked at: neighbours are at most twice each other
COARSER = 4
#: golden sections of the distance between two neighbours of the grid: 3e-13 of it are left
STEPS = 60
#: as much of an answer may be off in the mean after so many of them, for a number to be there
FIRST, NEARER = 20, 0.05
#: significant digits beyond which a constant is none that anybody wrote
DIGITS = 8
GOLDEN = (5**0.5 - 1) / 2


def wide(subject: Subject, setting: Mapping[str, Any], reduction: str) -> Question:
    """A question whose numbers are far apart, where a threshold shows that no small one reaches."""
    question = trial(subject, options=setting, reduction=reduction)
    spread = {
        key: np.asarray(array * 64).astype(array.dtype)
        for key, array in question.arguments.items()
        if array is not None
        and np.asarray(array).dtype.kind not in "iu"
        and subject.loss.arguments[key].domain.name == "real"
    }
    return replace(question.with_arguments(**spread), cotangent=None)


def tuned(
    subject: Subject, asked: Sequence[Question], setting: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The setting with one number in it changed to what the answers speak for, rounded ones first.

    `asked` are the questions whose answers are looked at.
    """
    answers = [_answer(subject, question) for question in asked]
    if any(answer is None for answer in answers):
        return
    for key in setting:
        option = subject.loss.options[key]
        if not isinstance(option, Parameter) or option.choices or option.domain is None:
            continue

        def off(number: float, key: str = key) -> float:
            options = {**setting, key: number}
            return _distance(subject, asked, answers, options)

        found = nearest(off, grid(option))
        if found is None:
            continue
        for digits in range(1, DIGITS + 1):
            rounded = float(f"{found:.{digits}g}")
            if option.accepts(rounded):
                yield {**setting, key: rounded}


def grid(option: Parameter) -> list[float]:
    """The points among which a number is sought: every few of the grid that the option may be, the
    first and the last of them, 0 and the ends of its domain."""
    accepted = [v for v in (*(-x for x in GRID[::-1]), 0.0, *GRID) if option.accepts(v)]
    ends = () if option.domain is None else (option.domain.low, option.domain.high)
    kept = {*accepted[::COARSER], *accepted[:1], *accepted[-1:]}
    return sorted(kept | {v for v in (0.0, *ends) if np.isfinite(v) and option.accepts(v)})


def _answer(subject: Subject, question: Question) -> Reals | None:
    try:
        got = np.asarray(subject.ask(question).value, dtype=np.float64)
    except Exception:
        return None
    return got if got.shape == question.output_shape else None


def _distance(
    subject: Subject,
    asked: Sequence[Question],
    answers: Sequence[Any],
    options: Mapping[str, Any],
) -> float:
    """How far the loss under these options is from the answers in the mean, each at most by 1."""
    arithmetic = Arithmetic(format=subject.format, profile=subject.profile, carrier=FLOATS)
    whole, entries = 0.0, 0
    for question, got in zip(asked, answers, strict=True):
        held = replace(question, options={**question.options, **options})
        exact = FLOATS.middle(value(held, arithmetic).x)
        with np.errstate(all="ignore"):
            off = np.abs(got - exact) / np.maximum(np.abs(got), np.finfo(np.float64).tiny)
        whole += float(np.where(np.isfinite(off), np.minimum(off, 1.0), 1.0).sum())
        entries += off.size
    return whole / max(entries, 1)


def nearest(off: Callable[[float], float], grid: Sequence[float]) -> float | None:
    """Where a function of a number is least, None where it is nowhere near 0."""
    known = cache(off)
    if known(least(known, grid, FIRST)) > NEARER:
        return None
    return least(known, grid)


def least(off: Callable[[float], float], grid: Sequence[float], steps: int = STEPS) -> float:
    """Where a function is least about the best point of the grid, by golden-section search.

    Source: Kiefer 1953, Sequential minimax search for a maximum, doi:10.2307/2032161. SciPy has it
    too, and would be a dependency for these lines alone.
    """
    best = min(range(len(grid)), key=lambda i: off(grid[i]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = off(left), off(right)
    for _ in range(steps):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = off(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = off(right)
    return min((left, right, grid[best]), key=off)
