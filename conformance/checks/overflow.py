"""No infinity and no nan where a finite answer exists and a declared algorithm reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lossproof.conformance import oracle
from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.sources import EVERYWHERE
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question


@check(
    "overflow",
    level=MUST,
    sentence="no inf or nan where a declared algorithm reaches a finite answer",
    source=EVERYWHERE,
)
def overflow(subject: Subject, question: Question) -> Iterator[Observation]:
    """The entries that are not finite, of the value and of every gradient."""
    for quantity in subject.quantities:
        judgement = subject.judge(question, quantity)
        if judgement.got is None or judgement.problem is not None:
            continue
        finite = np.isfinite(judgement.got.astype(np.float64))
        seen = replace(judgement, ratios=np.where(finite, 0.0, judgement.ratios))
        if seen.violations.any():
            # what becomes of an answer that overflows by rights is the business of other checks
            truth = oracle.truth(question, quantity, subject.format, subject.profile)
            within = np.isfinite(truth.budget)
            seen = replace(seen, ratios=np.where(within, seen.ratios, 0.0))
        name = "value" if quantity == "value" else quantity.replace(".", " in ")
        what = f"the {name} is not finite where a finite answer exists"
        yield compared(question, seen, what=what)
