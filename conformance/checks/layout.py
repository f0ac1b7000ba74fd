"""How numbers lie in memory does not change the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.sources import PLAIN
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import Argument
from lossproof.spec.question import Question


def _has_layouts(subject: Subject) -> str | None:
    if len(subject.backend.layouts) > 1:
        return None
    return f"arrays of {subject.backend.name} have no layout"


@check(
    "layout",
    level=MUST,
    sentence="strided, transposed, reversed, broadcast and read-only arrays give the same answer",
    source=PLAIN,
    needs=_has_layouts,
)
def layout(subject: Subject, question: Question) -> Iterator[Observation]:
    """The question in every layout of the backend, in forms that every layout can hold."""
    for asked in _forms(question, subject.columns):
        for name in subject.backend.layouts:
            for quantity in subject.quantities:
                judgement = subject.judge(asked, quantity, layout=name)
                yield compared(
                    asked,
                    judgement,
                    what=f"wrong for {name} arrays",
                    how={"layout": name},
                    plainly=partial(iter, (asked,)),
                )


def _forms(question: Question, columns: int) -> Iterator[Question]:
    """As it is; with two axes, for one has no transpose; one sample repeated, to be broadcast."""
    yield question
    stated = question.loss.arguments.items()
    sizes = [np.size(question.arguments[k]) for k, a in stated if a.shape == "*"]
    if sizes and sizes[0] % 2 == 0:
        yield _in_two_rows(question)
    yield question.with_arguments(
        **{
            k: _repeated(v, question.loss.arguments[k], columns)
            for k, v in question.arguments.items()
        }
    )


def _in_two_rows(question: Question) -> Question:
    arguments = {
        k: v if v is None or question.loss.arguments[k].shape != "*" else np.reshape(v, (2, -1))
        for k, v in question.arguments.items()
    }
    folded = replace(question, arguments=arguments)
    return replace(folded, cotangent=np.reshape(question.cotangent, folded.output_shape))


def _repeated(array: Any, argument: Argument, columns: int) -> Any:
    if array is None or not (argument.shape == "*" or "N" in argument.axes):
        return array
    axis = 0 if argument.shape == "*" else argument.axes.index("N")
    return np.take(array, np.arange(np.shape(array)[axis]) % columns, axis=axis)
