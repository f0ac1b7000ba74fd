"""Every stated shape is accepted; shapes that do not fit are never silently broadcast."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.points import SIZES
from lossproof.conformance.sources import PLAIN, plain
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question


@check(
    "shapes",
    level=MUST,
    sentence="scalars, sizes 0 and 1 and high rank work; (n,) against (n, 1) is not broadcast",
    source=PLAIN,
    every_dtype=False,
)
def shapes(subject: Subject, question: Question) -> Iterator[Observation]:
    """Other shapes of the same question, then one pair of shapes that do not fit."""
    for other in _variants(subject, question):
        for quantity in subject.quantities:
            judgement = subject.judge(other, quantity)
            yield compared(other, judgement, what="wrong for arrays of another shape")
    yield from _mismatch(subject, question)


def _variants(subject: Subject, question: Question) -> Iterator[Question]:
    loss = subject.loss
    for size in (1, 2):
        yield plain(subject, seed=size, sizes=SIZES[size], optional=False)
    if loss.output == "*" and "none" in subject.reductions:
        eight = plain(subject, seed=7, sizes={**SIZES[0], "*": 8}, optional=False)
        for shape in ((2, 2, 1, 2), (0,)):
            yield _reshaped(eight, shape)
        one = plain(subject, seed=8, sizes={**SIZES[0], "*": 1}, optional=False)
        yield _reshaped(one, ())
    elif loss.samples == "N":
        yield plain(subject, seed=9, sizes={**SIZES[0], "N": 0}, optional=False)


def _reshaped(question: Question, shape: tuple[int, ...]) -> Question:
    size = int(np.prod(shape))
    arguments = {
        k: None if v is None else np.asarray(v).reshape(-1)[:size].reshape(shape)
        for k, v in question.arguments.items()
    }
    cotangent = np.asarray(question.cotangent).reshape(-1)[:size].reshape(shape)
    return Question(
        loss=question.loss,
        arguments=arguments,
        options=question.options,
        reduction=question.reduction,
        cotangent=cotangent,
    )


def _mismatch(subject: Subject, question: Question) -> Iterator[Observation]:
    """Arguments of shapes (n,) and (n, 1): an error or a warning, never a quiet (n, n)."""
    same = [k for k, a in subject.loss.arguments.items() if a.shape == "*" and not a.optional]
    if len(same) < 2:
        return
    base = plain(subject, seed=3, sizes={**SIZES[0], "*": 3}, optional=False)
    column = np.asarray(base.arguments[same[1]]).reshape(3, 1)
    wrong = Question(
        loss=base.loss,
        arguments={**base.arguments, same[1]: column},
        options=base.options,
        reduction=subject.reductions[-1],
    )
    shapes_given = f"{same[0]} (3,), {same[1]} (3, 1)"
    try:
        answer = subject.call(wrong)
    except Exception as error:
        convention = f"raises {type(error).__name__}"
    else:
        convention = "broadcasts, and warns" if answer.warnings else "broadcasts silently"
    silent = convention == "broadcasts silently"
    yield Observation(
        question=wrong,
        fault="shapes that do not fit are broadcast silently" if silent else None,
        ratio=float("inf") if silent else 0.0,
        facts={"truth": "an error", "got": f"an answer for {shapes_given}"} if silent else {},
        conventions={"(n,) against (n, 1)": convention},
    )
