"""none, sum and mean agree with the spec, down to batches that hold nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from lossproof.backends.base import Answer
from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.echoes import multiple, near
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
        what = f"the {name} is not that of the spec"
        plainly = partial(_plainly, subject, question, quantity)
        yield compared(question, judgement, what=what, plainly=plainly)
    if question.reduction == "none":
        return
    if "ignore_index" in question.options and "ignore_index" in subject.taken:
        labels = np.array(question.arguments["labels"], copy=True)
        labels[:2] = question.options["ignore_index"]
        partly = question.with_arguments(labels=labels)
        for quantity in subject.quantities:
            judgement = subject.judge(partly, quantity)
            yield compared(
                partly,
                judgement,
                what=f"the {question.reduction} of a batch ignored in part is not that of the spec",
            )
    sizes = {**SIZES[0], "*": 0, "N": 0}
    empty = plain(subject, sizes=sizes, reduction=question.reduction, optional=False)
    yield from _of_nothing(subject, empty, "empty batch")
    if "ignore_index" in question.options and "ignore_index" in subject.taken:
        labels = question.arguments["labels"]
        masked = question.with_arguments(
            labels=np.full_like(labels, question.options["ignore_index"])
        )
        yield from _of_nothing(subject, masked, "everything ignored")


def _plainly(subject: Subject, question: Question, quantity: str) -> list[Question]:
    """The losses themselves, where a reduction is wrong as they are and in nothing else: of
    gradients only where the framework derives them from the value."""
    if question.reduction == "none":
        return [question]
    if "none" not in subject.reductions:
        return []
    if quantity != "value" and not subject.backend.differentiates:
        return []
    each = replace(question, reduction="none")
    ratios = [multiple(subject, replace(q, cotangent=None)) for q in (each, question)]
    return [each.with_cotangent(1.0)] if near(*ratios) else []


def _of_nothing(subject: Subject, question: Question, name: str) -> Iterator[Observation]:
    """sum of nothing is 0, mean of nothing nan, or 0 as a convention; its gradients likewise."""
    try:
        answers = list(_repeated(subject, question))
    except TargetError as error:
        conventions = {f"{name}, {question.reduction}": error.refusal()}
        yield Observation(question=question, conventions=conventions)
        return
    seen = [list(_judged(question, name, answer)) for answer in answers]
    yield from max(seen, key=lambda found: max(o.ratio for o in found))


def _repeated(subject: Subject, question: Question) -> Iterator[Answer]:
    """Some answers with others between them: memory that nobody has written may be 0 by chance."""
    between = plain(subject, seed=99, reduction=question.reduction, optional=False)
    for _ in range(_TIMES):
        subject.ask_again(between)
        yield subject.ask_again(question)


_TIMES = 4


def _judged(question: Question, name: str, answer: Answer) -> Iterator[Observation]:
    stated: tuple[float, ...] = (0.0,) if question.reduction == "sum" else (0.0, np.nan)
    value = np.asarray(answer.value, dtype=np.float64)
    given = {
        f"gradient.{k}": np.asarray(g, dtype=np.float64)
        for k, g in answer.gradients.items()
        if g is not None
    }
    for quantity, got in {"value": value, **given}.items():
        allowed = stated if quantity == "value" or question.reduction == "sum" else (0.0, np.nan)
        said = _said(got, allowed)
        wrong = said == _OTHER or (quantity == "value" and got.shape != ())
        fault = f"the {quantity.replace('.', ' in ')} of nothing ({name}) is not {_words(allowed)}"
        yield Observation(
            question=question,
            fault=fault if wrong else None,
            ratio=float("inf") if wrong else 0.0,
            facts={
                "quantity": quantity,
                "truth": f"{_words(allowed)}: {question.reduction} over no losses",
                "got": said if got.shape == () or quantity != "value" else f"shape {got.shape}",
            },
            conventions={f"{name}, {question.reduction}": said} if quantity == "value" else {},
        )


#: no digits: what is read from memory that nobody has written differs from run to run
_OTHER = "another number"


def _said(got: npt.NDArray[np.float64], allowed: tuple[float, ...]) -> str:
    """The first of the allowed numbers that every entry is one of; else that it is another."""
    found = [a for a in allowed if np.array_equal(got, np.full(got.shape, a), equal_nan=True)]
    if found:
        return f"{found[0]:g}"
    fine = np.isin(got, allowed) | (np.isnan(got) & bool(np.isnan(allowed).any()))
    return _words(allowed) if fine.all() else _OTHER


def _words(values: tuple[float, ...]) -> str:
    return " or ".join(f"{v:g}" for v in values)
