"""The dtype of the result, and of every gradient, is that of the input."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lossproof.conformance.check import MUST, Observation, check
from lossproof.conformance.sources import REDUCTIONS
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question


@check(
    "dtype",
    level=MUST,
    sentence="the result and the gradients have the dtype of the input",
    source=REDUCTIONS,
)
def dtype(subject: Subject, question: Question) -> Iterator[Observation]:
    """The dtypes of the value and of every gradient."""
    answer = subject.ask(question)
    wanted = subject.format.dtype
    for name, array in {"value": answer.value, **answer.gradients}.items():
        if array is None:
            continue
        got = np.asarray(array).dtype
        wrong = got != wanted
        yield Observation(
            question=question,
            fault=f"the {name} has another dtype than the input" if wrong else None,
            ratio=float("inf") if wrong else 0.0,
            facts={"truth": subject.dtype, "got": str(got)} if wrong else {},
        )
