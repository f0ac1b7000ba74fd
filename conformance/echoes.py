"""Violations that are echoes: the plain call is wrong there too, as another check says.

A function whose value is wrong everywhere is wrong in every layout, at every size and under every
transformation, which says nothing of layouts, sizes and transformations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from lossproof.conformance import oracle
from lossproof.conformance.check import Observation
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import BALLS
from lossproof.spec.question import Question

#: budgets that two answers to one question may be apart and still be the same but for roundings
ROUNDINGS = 4.0
#: how far apart answers to different questions may be, and how many need not be
NEAR, MOST = 2.0**-5, 0.8


def echo(subject: Subject, observation: Observation) -> tuple[str, ...]:
    """The checks of which a violation is an echo: `value`, or `gradient.` and an argument.

    Nothing where it is a fault of its own: no plain call that the observation names is wrong.
    """
    judgement = observation.judgement
    if judgement is not None and judgement.problem is not None:
        return ()
    try:
        return tuple(dict.fromkeys(_heard(subject, observation)))
    except Exception:
        return ()  # what cannot be told to be an echo is a fault of its own


def _heard(subject: Subject, observation: Observation) -> Iterator[str]:
    for question, quantity in observation.plainly():
        if quantity in subject.quantities:
            plain = subject.judge(question, quantity)
            wrong = plain.problem is None and bool(plain.violations.any())
            if wrong and _alike(subject, observation, question, plain):
                yield quantity


def multiple(subject: Subject, question: Question) -> float:
    """How many times the truth the value is, of all entries together; nan where that is nothing."""
    judgement = subject.judge(question, "value")
    if judgement.got is None or judgement.problem is not None:
        return math.nan
    truth = oracle.truth(question, "value", subject.format, subject.profile)
    exact = float(np.sum(BALLS.middle(truth.exact)))
    return float(np.sum(judgement.got, dtype=np.float64)) / exact if exact else math.nan


def near(one: Any, other: Any) -> bool:
    """Whether most numbers are the same but for roundings of narrow dtypes, or none alike."""
    a, b = (np.asarray(x, dtype=np.float64) for x in (one, other))
    with np.errstate(all="ignore"):
        close = np.abs(a - b) <= NEAR * np.maximum(np.abs(a), np.abs(b))
    return bool(np.mean(close | (a == b) | (np.isnan(a) & np.isnan(b))) >= MOST)


def _alike(
    subject: Subject, observation: Observation, question: Question, plain: Judgement
) -> bool:
    """Whether an answer to the same question in some other way is that of the plain call."""
    seen = observation.judgement
    if question is not observation.question or seen is None or seen.quantity != plain.quantity:
        return True
    if seen.got is None or plain.got is None or np.shape(seen.got) != np.shape(plain.got):
        return False
    truth = oracle.truth(question, plain.quantity, subject.format, subject.profile)
    with np.errstate(all="ignore"):
        ours, theirs = (np.asarray(j.got, dtype=np.float64) for j in (seen, plain))
        larger = np.maximum(np.abs(theirs / BALLS.middle(truth.exact)), 1.0)
        room = ROUNDINGS * np.where(np.isfinite(larger), larger, 1.0) * truth.budget
        near = (np.abs(ours - theirs) <= room) | (ours == theirs)
    return bool((near | (np.isnan(ours) & np.isnan(theirs))).all())
