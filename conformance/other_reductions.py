"""The reductions that a function makes rightly, where it makes another wrongly."""

from __future__ import annotations

from dataclasses import replace

from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.question import Question


def right(subject: Subject, question: Question) -> list[str]:
    """The other reductions of which the value of the same question is right."""
    names = []
    for reduction in subject.reductions:
        if reduction != question.reduction:
            asked = replace(question, reduction=reduction, cotangent=None)
            try:
                judgement = subject.judge(asked, "value")
            except (TargetError, Incomparable):
                continue
            if judgement.problem is None and not judgement.violations.any():
                names.append(repr(reduction))
    return names
