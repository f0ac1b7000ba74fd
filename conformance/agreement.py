"""How far a function agrees with a loss at moderate numbers: what it is, not yet how well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import FLOATS
from lossproof.spec.evaluate import value
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

#: enough for any two conventions to part, and few enough to take no time
SIZES = {"*": 24, "N": 6, "C": 4, "D": 3, "T": 5, "S": 2}
SEEDS = (11, 12)
#: budgets that an entry may be off in plain floats and still be worth a judgement
WORTH = 16.0


def trial(
    subject: Subject,
    *,
    options: Mapping[str, Any] | None = None,
    reduction: str | None = None,
    optional: bool = False,
    seed: int = SEEDS[0],
) -> Question:
    """A question of moderate numbers, which every implementation should be able to answer."""
    return subject.maker.question(
        seed,
        "moderate",
        SIZES,
        options={**subject.implementation.dialect, **(options or {})},
        reduction=reduction or subject.loss.reductions[0],
        optional=optional,
        cotangent="random",
    )


def questions(
    subject: Subject, *, options: Mapping[str, Any] | None = None, reduction: str | None = None
) -> tuple[Question, ...]:
    """Trial questions, without cotangents: values tell what a function is."""
    return tuple(
        replace(trial(subject, options=options, reduction=reduction, seed=s), cotangent=None)
        for s in SEEDS
    )


def share(subject: Subject, asked: Iterable[Question]) -> float:
    """The share of entries within the budget, 0 for what raises or has another shape.

    It is a majority that is looked at, never a verdict: a function that is wrong at some of these
    numbers is still known by the others.
    """
    found = []
    for question in asked:
        try:
            with np.errstate(all="ignore"):
                if not _anywhere_near(subject, question):
                    found.append(0.0)
                    continue
                judgement = subject.judge(question, "value")
        except Exception:
            return 0.0
        if judgement.problem is not None or judgement.got is None:
            return 0.0
        finite = np.isfinite(np.asarray(judgement.got, dtype=np.float64))
        found.append(((judgement.ratios <= 1.0) & finite).mean() if finite.size else 1.0)
    return float(np.mean(found)) if found else 0.0


def _anywhere_near(subject: Subject, question: Question) -> bool:
    """Whether any entry is near to its loss in plain floats, which cost little."""
    got = np.asarray(subject.ask(question).value).astype(np.float64)
    if got.shape != question.output_shape:
        return True  # and the judgement says so
    arithmetic = Arithmetic(format=subject.format, profile=subject.profile, carrier=FLOATS)
    loss = value(question, arithmetic)
    room = WORTH * (loss.e + subject.format.unit_roundoff * np.abs(got))
    off = np.abs(got - FLOATS.middle(loss.x))
    return not bool(np.all(off > room))


def answered(subject: Subject) -> float:
    """The share of entries that it answers as the loss does, in the best of its reductions."""
    reductions = subject.loss.reductions
    if subject.implementation.reducible:
        reductions = subject.reductions
    return max(share(subject, questions(subject, reduction=r)) for r in reductions)
