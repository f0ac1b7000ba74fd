"""The value lies within the budget of the exact value."""

from __future__ import annotations

from collections.abc import Iterator

from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.sources import EVERYWHERE
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question


@check(
    "value",
    level=MUST,
    sentence="the value is that of the spec, within the budget, on the whole domain",
    source=EVERYWHERE,
)
def value(subject: Subject, question: Question) -> Iterator[Observation]:
    """One comparison for each question."""
    judgement = subject.judge(question, "value")
    yield compared(question, judgement, what="not the value of the spec")
