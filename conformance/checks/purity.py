"""A loss does not write into its inputs, and gives the same bits for the same question."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lossproof.backends.base import Answer
from lossproof.conformance.check import MUST, Observation, check
from lossproof.conformance.sources import REDUCTIONS, plain
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question


@check(
    "purity",
    level=MUST,
    sentence="inputs are unchanged, and the same question gets the same answer, bit for bit",
    source=REDUCTIONS,
)
def purity(subject: Subject, question: Question) -> Iterator[Observation]:
    """Two calls with another question between them."""
    first = subject.ask_again(question)
    yield Observation(
        question=question,
        fault=f"{', '.join(first.mutated)} was written into" if first.mutated else None,
        ratio=float("inf") if first.mutated else 0.0,
        facts={"truth": "inputs unchanged", "got": "inputs changed"} if first.mutated else {},
    )
    between = plain(subject, seed=99, reduction=question.reduction, optional=False)
    subject.ask_again(between)
    second = subject.ask_again(question)
    same = _bits(first) == _bits(second)
    yield Observation(
        question=question,
        fault=None if same else "the same question is answered differently the second time",
        ratio=0.0 if same else float("inf"),
        facts={} if same else {"truth": str(first.value), "got": str(second.value)},
    )


def _bits(answer: Answer) -> tuple[bytes, ...]:
    arrays = [answer.value, *answer.gradients.values()]
    return tuple(b"" if a is None else np.ascontiguousarray(a).tobytes() for a in arrays)
