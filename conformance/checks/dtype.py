"""The dtype of the result, and of every gradient, is that of the input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.backends.base import Answer
from lossproof.conformance import describe, oracle
from lossproof.conformance.check import MUST, Observation, check
from lossproof.conformance.sources import REDUCTIONS
from lossproof.conformance.subject import Subject, TargetError
from lossproof.spec.domain import Domain
from lossproof.spec.question import Question

#: dtypes in which users hand over targets that are whole numbers; int32 promotes like int64, but
#: in JAX, where the float64 that int64 asks for is the user's own choice
WHOLE = ("int32", "bool")


@check(
    "dtype",
    level=MUST,
    sentence="the result and the gradients have the dtype of the input",
    source=REDUCTIONS,
)
def dtype(subject: Subject, question: Question) -> Iterator[Observation]:
    """The dtypes of the value and of every gradient; the same with targets of integers."""
    yield from _dtypes(subject, question, subject.ask(question), {})
    if question.reduction != subject.reductions[0] or not subject.primary:
        return
    for key, argument in subject.loss.arguments.items():
        if _discrete(key, argument.domain) and question.arguments.get(key) is not None:
            for name in WHOLE:
                yield from _whole(subject, question, key, name)


def _dtypes(
    subject: Subject, question: Question, answer: Answer, how: Mapping[str, Any]
) -> Iterator[Observation]:
    wanted = {subject.format.dtype}
    if how and subject.backend.promotes:
        # the library's own rule for integers beside floats, and 1 - True is an int64 to it
        wanted |= {np.result_type(subject.format.dtype, name) for name in (*how.values(), "int64")}
    for name, array in {"value": answer.value, **answer.gradients}.items():
        if array is None:
            continue
        got = np.asarray(array).dtype
        wrong = got not in wanted
        said = name if name == "value" else f"gradient in {name}"
        given = "".join(f" with {k} of {v}" for k, v in how.items())
        yield Observation(
            question=question,
            fault=f"the {said} has another dtype than the input{given}" if wrong else None,
            ratio=float("inf") if wrong else 0.0,
            facts={"truth": subject.dtype, "got": str(got)} if wrong else {},
            how=how if wrong else {},
        )


def _discrete(key: str, domain: Domain) -> bool:
    """Targets: signs, 0 and 1, or numbers among which there are whole ones."""
    return domain.kind == "values" or (key == "target" and domain.kind == "real")


def _whole(subject: Subject, question: Question, key: str, name: str) -> Iterator[Observation]:
    """An argument of whole numbers as floats, integers or booleans: refused, or one answer."""
    domain = subject.loss.arguments[key].domain
    numbers = np.round(np.asarray(question.arguments[key], dtype=np.float64))
    if name == "bool":
        numbers = (numbers > 0).astype(np.float64)
    if not domain.contains(numbers):
        return
    asked = question.with_arguments(**{key: numbers.astype(name)})
    others = tuple(k for k in subject.differentiable if k != key)
    # nothing is differentiated in integers
    narrowed = replace(
        subject, implementation=replace(subject.implementation, differentiable=others)
    )
    said = f"{key} of {name}"
    try:
        answer = narrowed.ask(asked)
    except TargetError as error:
        yield Observation(question=asked, conventions={said: error.refusal()})
        return
    yield from _dtypes(subject, asked, answer, {key: name})
    floats = question.with_arguments(**{key: subject.format.round(numbers)})
    for quantity in narrowed.quantities:
        plainly = narrowed.judge(floats, quantity)
        argument = quantity.partition(".")[2]
        got = answer.value if quantity == "value" else answer.gradients.get(argument)
        judgement = oracle.judge(floats, quantity, got, subject.format, subject.profile)
        # what is wrong with floats too is the business of other checks
        wrong = judgement.violations.any() and not plainly.violations.any()
        told = describe.describe(floats, judgement, subject.format, subject.profile)
        yield Observation(
            question=asked,
            fault=f"the {quantity.replace('.', ' in ')} is another with {said}" if wrong else None,
            ratio=float("inf") if wrong else 0.0,
            facts={"quantity": quantity, **told} if wrong else {},
            how={key: name} if wrong else {},
            conventions={said: "accepted"} if quantity == "value" else {},
        )
