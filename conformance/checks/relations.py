"""The loss equals the others that the spec relates it to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from flint import ctx

from lossproof.conformance.check import MUST, Observation, check
from lossproof.conformance.checks.properties import Witness, broken
from lossproof.conformance.sources import HOSTILE
from lossproof.conformance.subject import Subject
from lossproof.spec import evaluate
from lossproof.spec.law import Claim
from lossproof.spec.question import Question


def _related(subject: Subject) -> str | None:
    return None if subject.loss.relations else "the loss declares no relations"


@check(
    "relations",
    level=MUST,
    sentence="the loss equals the related losses, within both budgets",
    source=HOSTILE,
    needs=_related,
)
def relations(subject: Subject, question: Question) -> Iterator[Observation]:
    """Each relation that holds for the options of the question."""
    for relation in subject.loss.relations:
        fixed = {k: v for k, v in relation.at.items() if k in subject.taken}
        if any(v in subject.implementation.refused.get(k, ()) for k, v in fixed.items()):
            continue
        asked = replace(question, options={**subject.loss.complete(question.options), **fixed})
        if not relation.when(asked.options):
            continue
        with ctx.workprec(256), np.errstate(all="ignore"):
            witness = Witness(subject)
            right = evaluate.related(relation, asked, witness.arithmetic)
            claim = Claim(witness.value(asked), "==", right)
            seen = broken(claim, asked, f"broken: {relation.sentence}")
            yield replace(seen, plainly=partial(iter, witness.asked))
