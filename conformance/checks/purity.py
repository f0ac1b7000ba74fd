"""A loss changes nothing but its result, and gives the same bits for the same question."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from lossproof.backends import state
from lossproof.backends.base import Answer
from lossproof.conformance import describe, oracle, overwritten
from lossproof.conformance.check import MUST, Observation, check
from lossproof.conformance.sources import REDUCTIONS, plain
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question


@check(
    "purity",
    level=MUST,
    sentence="inputs and global state are unchanged, and a question asked again gets the same bits",
    source=REDUCTIONS,
)
def purity(subject: Subject, question: Question) -> Iterator[Observation]:
    """Two calls with another question between them, which is not to get the same answer."""
    before = state.snapshot()
    first = subject.ask_again(question)
    # a worker has looked for itself; in this process it is done here
    changed = tuple(dict.fromkeys((*first.changed, *state.changed(before))))
    yield Observation(
        question=question,
        fault=f"global state is changed: {', '.join(changed)}" if changed else None,
        ratio=float("inf") if changed else 0.0,
        facts={"truth": "global state unchanged", "got": "it is changed"} if changed else {},
    )
    yield Observation(
        question=question,
        fault=f"{', '.join(first.mutated)} was written into" if first.mutated else None,
        ratio=float("inf") if first.mutated else 0.0,
        facts=overwritten.facts(question, first) if first.mutated else {},
        cause=partial(overwritten.account, subject, question, first) if first.mutated else None,
    )
    between = plain(subject, seed=99, reduction=question.reduction, optional=False)
    other = subject.ask_again(between)
    yield _stale(subject, question, between, first, other)
    second = subject.ask_again(question)
    same = _bits(first) == _bits(second)
    yield Observation(
        question=question,
        fault=None if same else "the same question is answered differently the second time",
        ratio=0.0 if same else float("inf"),
        facts={} if same else _difference(subject, first, second),
    )


def _difference(subject: Subject, first: Answer, second: Answer) -> dict[str, str]:
    """The first number that is another the second time."""
    for name, before in {"value": first.value, **first.gradients}.items():
        after = second.value if name == "value" else second.gradients.get(name)
        quantity = name if name == "value" else f"gradient.{name}"
        if before is None or after is None or np.shape(before) != np.shape(after):
            continue
        old, new = (np.asarray(x).astype(np.float64) for x in (before, after))
        changed = np.argwhere(~((old == new) | (np.isnan(old) & np.isnan(new))))
        if len(changed):
            where = tuple(changed[0])
            place = f" at [{', '.join(str(int(i)) for i in where)}]" if where else ""
            told = [describe.show(float(x[where]), subject.format) for x in (old, new)]
            return {
                "quantity": quantity,
                "truth": f"{told[0]}{place}, as the first time",
                "got": told[1],
            }
    return {"truth": "the same bits", "got": "other bits of the same numbers, or other shapes"}


def _stale(
    subject: Subject, question: Question, between: Question, first: Answer, other: Answer
) -> Observation:
    """A second question that gets the value of the first, where that is wrong for it."""
    quantity, found = "value", None
    if _bits(first)[:1] == _bits(other)[:1]:
        judgement = oracle.judge(between, quantity, other.value, subject.format, subject.profile)
        if judgement.violations.any() and judgement.problem is None:
            told = describe.describe(between, judgement, subject.format, subject.profile)
            found = {"quantity": quantity, **told, "question": "the second of the same shapes"}
    return Observation(
        question=between if found else question,
        fault="another question gets the answer of the one before" if found else None,
        ratio=float("inf") if found else 0.0,
        facts=found or {},
    )


def _bits(answer: Answer) -> tuple[bytes, ...]:
    arrays = [answer.value, *answer.gradients.values()]
    return tuple(b"" if a is None else np.ascontiguousarray(a).tobytes() for a in arrays)
