"""The vector-Jacobian product lies within the budget of the exact one."""

from __future__ import annotations

from collections.abc import Iterator

from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.sources import EVERYWHERE
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question


@check(
    "gradient",
    level=MUST,
    sentence="the cotangent is pulled back as the spec states, within the budget",
    source=EVERYWHERE,
    per_argument=True,
)
def gradient(subject: Subject, question: Question, argument: str) -> Iterator[Observation]:
    """One comparison for each question."""
    judgement = subject.judge(question, f"gradient.{argument}")
    yield compared(question, judgement, what="not the gradient of the spec")
