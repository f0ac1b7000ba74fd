"""none, sum and mean agree with the spec, down to batches that hold nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.points import SIZES
from lossproof.conformance.sources import REDUCTIONS, plain
from lossproof.conformance.subject import Subject, TargetError
from lossproof.spec.question import Question


def _reduces(subject: Subject) -> str | None:
    return None if len(subject.reductions) > 1 else "there is nothing to reduce"


@check(
    "reductions",
    level=MUST,
    sentence="none, sum and mean have the stated denominators, also for empty and masked batches",
    source=REDUCTIONS,
    needs=_reduces,
)
def reductions(subject: Subject, question: Question) -> Iterator[Observation]:
    """The value and gradients under this reduction, then of nothing at all."""
    for quantity in subject.quantities:
        judgement = subject.judge(question, quantity)
        name = "unreduced answer" if question.reduction == "none" else question.reduction
        yield compared(question, judgement, what=f"the {name} is not that of the spec")
    if question.reduction == "none":
        return
    if "ignore_index" in question.options and "ignore_index" in subject.taken:
        labels = np.array(question.arguments["labels"], copy=True)
        labels[:2] = question.options["ignore_index"]
        partly = question.with_arguments(labels=labels)
        for quantity in subject.quantities:
            judgement = subject.judge(partly, quantity)
            yield compared(partly, judgement, what="the denominator counts ignored samples")
    sizes = {**SIZES[0], "*": 0, "N": 0}
    empty = plain(subject, sizes=sizes, reduction=question.reduction, optional=False)
    yield from _of_nothing(subject, empty, "empty batch")
    if "ignore_index" in question.options and "ignore_index" in subject.taken:
        labels = question.arguments["labels"]
        masked = question.with_arguments(
            labels=np.full_like(labels, question.options["ignore_index"])
        )
        yield from _of_nothing(subject, masked, "everything ignored")


def _of_nothing(subject: Subject, question: Question, name: str) -> Iterator[Observation]:
    """sum of nothing is 0, mean of nothing nan, or 0 as a convention; its gradients likewise."""
    try:
        answer = subject.ask(question)
    except TargetError as error:
        kind = type(error.error).__name__
        conventions = {f"{name}, {question.reduction}": f"raises {kind}"}
        yield Observation(question=question, conventions=conventions)
        return
    value = np.asarray(answer.value, dtype=np.float64)
    allowed: tuple[Any, ...] = (0.0,) if question.reduction == "sum" else (0.0, np.nan)
    holds = value.shape == () and any(np.array_equal(value, a, equal_nan=True) for a in allowed)
    given = [np.asarray(g, dtype=np.float64) for g in answer.gradients.values() if g is not None]
    if question.reduction != "sum":
        given = [np.where(np.isnan(g), 0.0, g) for g in given]
    gradients_hold = not any(np.any(g != 0) for g in given)
    fault = None
    if not holds:
        fault = f"{question.reduction} of nothing ({name}) is not {_words(allowed)}"
    elif not gradients_hold:
        fault = f"the gradient of nothing ({name}) is not 0"
    yield Observation(
        question=question,
        fault=fault,
        ratio=float("inf") if fault else 0.0,
        facts={"truth": _words(allowed), "got": str(value)},
        conventions={f"{name}, {question.reduction}": str(value)},
    )


def _words(values: tuple[float, ...]) -> str:
    return " or ".join(f"{v:g}" for v in values)
