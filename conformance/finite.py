"""What is asked of a question whose answer is not finite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import Reals
from lossproof.spec.question import Question


def all_finite(subject: Subject, question: Question, quantity: str) -> bool:
    """Whether every number of the answer is finite."""
    got = subject.judge(question, quantity).got
    return got is not None and bool(np.isfinite(np.asarray(got).astype(np.float64)).all())


def does(question: Question, *signs: str) -> bool:
    """Whether one of the signs of an operation stands in the formulas of the loss."""
    return any(sign in line for line in question.loss.tex for sign in signs)


def reals(question: Question) -> Iterator[tuple[str, Reals]]:
    """The real arguments that are given and finite, as float64."""
    for key, argument in question.loss.arguments.items():
        if question.arguments.get(key) is not None and argument.domain.kind == "real":
            values = np.asarray(question.arguments[key], dtype=np.float64)
            if values.size and np.isfinite(values).all():
                yield key, values
