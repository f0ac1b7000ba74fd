"""Questions that make no sense are refused with an error."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lossproof.conformance.check import SHOULD, Observation, check
from lossproof.conformance.sources import PLAIN
from lossproof.conformance.subject import GONE, Subject, TargetError
from lossproof.conformance.written import number, text
from lossproof.spec.loss import Parameter
from lossproof.spec.question import Question


@check(
    "bad_input",
    level=SHOULD,
    sentence="wrong shapes, labels, reductions and options are refused with an error",
    source=PLAIN,
    every_dtype=False,
)
def bad_input(subject: Subject, question: Question) -> Iterator[Observation]:
    """Each wrong question in turn; any exception will do."""
    for name, wrong in _wrong(subject, replace(question, cotangent=None)):
        try:
            answer = subject.call(wrong)
        except GONE as error:
            raise TargetError(wrong, error, subject.implementation.name) from error
        except Exception:
            yield Observation(question=wrong)
            continue
        got = np.asarray(answer.value).reshape(-1)[:1]
        undefined = got.size == 1 and bool(np.isnan(got.astype(np.float64)[0]))
        warned, label = bool(answer.warnings), name.startswith("a label")
        told = warned or (label and undefined)  # what is compiled cannot raise
        yield Observation(
            question=wrong,
            fault=None if told else f"{name} is accepted",
            ratio=0.0 if told else float("inf"),
            facts={
                "truth": "an error, or nan" if label else "an error",
                "got": "nan" if undefined else text(answer.value, number),
            },
            cause=partial(_nothing, subject, wrong) if label and not told else None,
            conventions={name: "warns" if warned else "gives nan" if told else "accepted"},
        )


def _nothing(subject: Subject, wrong: Question) -> str | None:
    """Whether a label that is no class costs nothing, where each sample has a loss of its own."""
    if wrong.reduction != "none":
        return None
    value = np.asarray(subject.call(wrong).value, dtype=np.float64)
    nothing = value.ndim == 1 and value[0] == 0 and np.all(value[1:] != 0)
    said = (
        "that sample costs 0: as by a mask, or one_hot, whose row is all zeros for what is no class"
    )
    return said if nothing else None


def _wrong(subject: Subject, question: Question) -> Iterator[tuple[str, Question]]:
    loss = subject.loss
    if len(loss.reductions) > 1 and subject.implementation.reducible:
        yield "an unknown reduction", replace(question, reduction="average")
    for key, option in loss.options.items():
        if key in subject.taken and isinstance(option, Parameter) and option.domain is not None:
            value = _outside(option)
            if value is not None:
                options = {**question.options, key: value}
                yield f"{key} = {value:g}", replace(question, options=options)
    for key, argument in loss.arguments.items():
        array = question.arguments.get(key)
        if array is None:
            continue
        if argument.domain.kind == "label":
            classes = np.shape(question.arguments[_classes(subject)])[-1]
            for words, label in (("beyond the last class", classes), ("of -1", -1)):
                bad = np.array(array, copy=True)
                bad[:1] = label
                yield f"a label {words} in {key}", question.with_arguments(**{key: bad})
        if argument.axes[:1] == ("N",) and _shares_batch(subject, key):
            yield (
                f"a batch of another size in {key}",
                question.with_arguments(**{key: np.concatenate([array, array], axis=0)}),
            )


def _classes(subject: Subject) -> str:
    return next(k for k, a in subject.loss.arguments.items() if "C" in a.axes)


def _shares_batch(subject: Subject, key: str) -> bool:
    return any("N" in a.axes and k != key for k, a in subject.loss.arguments.items())


def _outside(option: Parameter) -> float | None:
    domain: Any = option.domain
    if math.isfinite(domain.low):
        return float(domain.low) if domain.low_open else float(domain.low) - 1.0
    if math.isfinite(domain.high):
        return float(domain.high) if domain.high_open else float(domain.high) + 1.0
    return None
