"""The reductions of which a function's value is right, and those of which it is wrong otherwise,
where one is at fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lossproof.conformance import diagnose
from lossproof.conformance.check import Observation, compared
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.question import Question


def right(subject: Subject, question: Question) -> list[str]:
    """The other reductions of which the value of the same question is right."""
    return [repr(name) for name, seen in _others(subject, question) if seen.fault is None]


def wrong(subject: Subject, question: Question) -> Iterator[tuple[str, str]]:
    """The other reductions of which it is wrong, and what it looks like there, if that is known."""
    for name, seen in _others(subject, question):
        comparable = seen.judgement is not None and seen.judgement.problem is None
        like = diagnose.looks(subject, seen) if comparable and seen.fault is not None else None
        if like is not None:
            yield repr(name), like


def _others(subject: Subject, question: Question) -> Iterator[tuple[str, Observation]]:
    for reduction in subject.reductions:
        if reduction != question.reduction:
            asked = replace(question, reduction=reduction, cotangent=None)
            try:
                judgement = subject.judge(asked, "value")
            except (TargetError, Incomparable):
                continue
            yield reduction, compared(asked, judgement, what="wrong")
