"""The framework's transformations of the function give the answer of the plain call."""

from __future__ import annotations

from collections.abc import Iterator

from lossproof.backends.base import BackendError
from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.sources import PLAIN
from lossproof.conformance.subject import Subject, TargetError
from lossproof.spec.question import Question


def _has_transformations(subject: Subject) -> str | None:
    if not subject.backend.transformations:
        return f"{subject.backend.name} has no transformations"
    if not subject.differentiable:
        return "the implementation has no gradient"
    return None


@check(
    "transformations",
    level=MUST,
    sentence="vmap, jit, forward mode, double backward and compilation agree with the plain call",
    source=PLAIN,
    every_dtype=False,
    needs=_has_transformations,
)
def transformations(subject: Subject, question: Question) -> Iterator[Observation]:
    """The question through every transformation of the backend that applies to it."""
    for name in subject.backend.transformations:
        try:
            subject.ask(question, transformation=name)
        except TargetError as error:
            if isinstance(error.error, BackendError):
                why = f"does not apply: {error.error}"
                yield Observation(question=question, points=0, conventions={name: why})
                continue
            subject.ask(question)  # what a plain call raises is no matter of transformations
            yield Observation(
                question=question,
                fault=f"{name} raises",
                ratio=float("inf"),
                facts={"truth": "the answer of the plain call", "got": str(error)},
                how={"transformation": name},
            )
            continue
        seconds = [k for k in subject.ask(question, transformation=name).gradients if "." in k]
        if subject.differentiable != subject.loss.differentiable():
            seconds = []  # the spec moves every argument that it differentiates
        for quantity in (*subject.quantities, *seconds):
            judgement = subject.judge(question, quantity, transformation=name)
            yield compared(
                question,
                judgement,
                what=f"{name} gives another answer than the spec",
                how={"transformation": name},
                plainly=lambda: [question],
            )
