"""The reductions of which a function's value is right, and those of which it is wrong otherwise,
where one is at fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lossproof.conformance import diagnose
from lossproof.conformance.agreement import trial
from lossproof.conformance.check import Observation, compared
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.question import Question


def right(subject: Subject, question: Question) -> list[str]:
    """The other reductions of which the value is right, of the same question and of plain ones."""
    return [repr(name) for name, seen in _others(subject, question) if seen is None]


def wrong(subject: Subject, question: Question) -> Iterator[tuple[str, str]]:
    """The other reductions of which it is wrong, and what it looks like there, if that is known."""
    for name, seen in _others(subject, question):
        like = None if seen is None else diagnose.looks(subject, seen)
        if like is not None:
            yield repr(name), like


def _others(subject: Subject, question: Question) -> Iterator[tuple[str, Observation | None]]:
    """The other reductions that are offered and answer, with an observation where one is wrong."""
    if not subject.implementation.reducible:
        return
    plain = [trial(subject, options=question.options, optional=o) for o in (False, True)]
    for reduction in subject.reductions:
        if reduction != question.reduction:
            asked = [replace(q, reduction=reduction, cotangent=None) for q in (question, *plain)]
            try:
                seen = [compared(q, subject.judge(q, "value"), what="wrong") for q in asked]
            except (TargetError, Incomparable):
                continue
            yield reduction, next((each for each in seen if each.fault is not None), None)
