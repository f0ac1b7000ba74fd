"""The same question in another dtype, which tells what a narrow one hides."""

from __future__ import annotations

from dataclasses import replace

from lossproof.backends.base import DTYPES
from lossproof.conformance.subject import Subject
from lossproof.spec.formats import FORMATS
from lossproof.spec.question import Question


def elsewhere(subject: Subject, dtype: str) -> Subject | None:
    """The subject in another dtype, None where the implementation or the backend has it not."""
    offered = subject.implementation.dtypes or DTYPES
    if dtype == subject.dtype or dtype not in offered or dtype not in subject.backend.dtypes:
        return None
    return replace(subject, dtype=dtype)


def translated(question: Question, dtype: str) -> Question:
    """The question with the same numbers in another dtype."""
    stated, fmt = question.loss.arguments, FORMATS[dtype]
    arguments = {
        key: array if array is None or stated[key].domain.integer else fmt.round(array)
        for key, array in question.arguments.items()
    }
    return question.with_arguments(**arguments)
