"""Violations that are echoes: the plain call is wrong there too, as another check says.

A function whose value is wrong everywhere is wrong in every layout, at every size and under every
transformation, which says nothing of layouts, sizes and transformations.
"""

from __future__ import annotations

import numpy as np

from lossproof.conformance import oracle
from lossproof.conformance.check import Observation
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import BALLS
from lossproof.spec.question import Question

#: budgets that two answers to one question may be apart and still be the same but for roundings
ROUNDINGS = 4.0


def echo(subject: Subject, observation: Observation) -> tuple[str, ...]:
    """The checks of which a violation is an echo: `value`, or `gradient.` and an argument.

    Nothing where it is a fault of its own: no plain call that the observation names is wrong.
    """
    judgement = observation.judgement
    if judgement is not None and judgement.problem is not None:
        return ()
    found = []
    for question, quantity in observation.plainly:
        if quantity in subject.quantities and quantity not in found:
            try:
                plain = subject.judge(question, quantity)
                wrong = plain.problem is None and bool(plain.violations.any())
                if wrong and _alike(subject, observation, question, plain):
                    found.append(quantity)
            except Exception:
                continue  # what cannot be told to be an echo is a fault of its own
    return tuple(found)


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
