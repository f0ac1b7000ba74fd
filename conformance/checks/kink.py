"""At a kink the gradient is an element of the subdifferential; which one is a convention."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.sources import KINKS
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question


def _has_kinks(subject: Subject) -> str | None:
    if not subject.loss.kinks:
        return "the loss has no kinks"
    return None if subject.differentiable else "the implementation has no gradient"


@check(
    "kink",
    level=MUST,
    sentence="at ties and next to them the gradient lies in the subdifferential",
    source=KINKS,
    needs=_has_kinks,
)
def kink(subject: Subject, question: Question) -> Iterator[Observation]:
    """The entries where more than one value is admissible, for every differentiable argument."""
    for argument in subject.differentiable:
        judgement = subject.judge(question, f"gradient.{argument}")
        if judgement.problem is not None or judgement.got is None:
            yield compared(question, judgement, what="there is no gradient at a kink")
            continue
        at_kink = judgement.wide
        chosen = np.where(at_kink, judgement.ratios, 0.0)
        seen = replace(judgement, ratios=chosen)
        what = "not in the subdifferential at a kink"
        observation = compared(question, seen, what=what, plainly=partial(_plainly, question, seen))
        yield replace(
            observation,
            points=int(at_kink.sum()),
            excused=0,
            conventions=_convention(question, judgement, argument),
        )


def _plainly(question: Question, seen: Judgement) -> list[Question]:
    """The question, where the worst is not a number at all: that is no choice of a slope."""
    worst = None if seen.got is None or seen.worst < 0 else seen.got.flat[seen.worst]
    return [] if worst is None or np.isfinite(float(worst)) else [question]


def _convention(question: Question, judgement: Judgement, argument: str) -> dict[str, str]:
    """The slopes chosen at exact kinks, for elementwise losses with a cotangent other than 0."""
    if question.loss.samples != "*" or judgement.got is None or not judgement.wide.any():
        return {}
    cotangent = np.asarray(question.cotangent, dtype=np.float64)
    with np.errstate(all="ignore"):
        slopes = judgement.got.astype(np.float64) / cotangent
    slopes = slopes[judgement.wide & (cotangent != 0) & np.isfinite(slopes)]
    found = sorted({round(float(s), 3) + 0.0 for s in slopes})
    if not found:
        return {}
    text = ", ".join(f"{s:g}" for s in found[:4]) + (" ..." if len(found) > 4 else "")
    return {f"slope in {argument} at a kink": text}
