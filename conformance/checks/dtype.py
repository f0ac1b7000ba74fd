"""The dtype of the result, and of every gradient, is that of the input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lossproof.backends.base import Answer
from lossproof.conformance import describe, digits, oracle
from lossproof.conformance.check import MUST, Observation, check
from lossproof.conformance.sources import REDUCTIONS, plain
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.domain import Domain
from lossproof.spec.loss import SpecError
from lossproof.spec.question import Question

#: dtypes in which users hand over targets that are whole numbers; int32 promotes like int64, but
#: in JAX, where the float64 that int64 asks for is the user's own choice
WHOLE = ("int32", "bool")
#: where float64 and float32 are kept, and 16 bits give float32
KEPT = "float64 keeps its dtype"
#: how far two answers computed in float32 are apart at most, of themselves: 64 roundings
FINE = 2.0**-18


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
        cause = partial(_cause, subject, question, name) if wrong and not how else None
        yield Observation(
            question=question,
            fault=f"the {said} has another dtype than the input{given}" if wrong else None,
            ratio=float("inf") if wrong else 0.0,
            facts={"truth": subject.dtype, "got": str(got)} if wrong else {},
            how=how if wrong else {},
            cause=cause,
        )


def _cause(subject: Subject, question: Question, name: str) -> str | None:
    """Why a dtype is another, read off what comes back in each of the dtypes that are offered."""
    came = {}
    for dtype in subject.implementation.dtypes or subject.backend.dtypes:
        one = replace(subject, dtype=dtype)
        if (got := _came(one, _rounded(question, one), name)) is not None:
            came[dtype] = got
    said = _pattern(came)
    if said == KEPT:
        said = f"{KEPT}: {_promotion(subject, question)}"
    only = _only(subject, question, name)
    return "; ".join(part for part in (said, only) if part) or None


def _pattern(came: Mapping[str, str]) -> str | None:
    """The cause that dtypes by the dtype of the input tell."""
    given = set(came)
    if len(given) < 2 or "float32" not in given:
        return None
    if set(came.values()) == {"float32"} and "float64" in given:
        return "float32 whatever it is given: its input, or its answer, is cast to float32"
    if set(came.values()) == {"float64"}:
        return (
            "float64 whatever it is given: a float64 array or scalar is mixed in, or its "
            "input is widened and not cast back"
        )
    kept = {"float64": "float64", "float32": "float32"}
    rest = {came[d] for d in given - set(kept)}
    if kept.items() <= came.items() and rest == {"float32"}:
        return KEPT
    return None


def _promotion(subject: Subject, question: Question) -> str:
    """What promotes 16 bits to float32: digits of an argument that are lost in float64 tell, and
    whether the answer to 16 bits is that to the same numbers in float32."""
    wide = replace(subject, dtype="float64")
    cast = digits.rounded(wide, _rounded(question, wide), "value", "float32")
    if cast is not None:
        return f"{cast} cast to float32, which promotes"
    labels = any(a.domain.integer for a in subject.loss.arguments.values())
    such = ", such as one_hot" if labels else ""
    single = replace(subject, dtype="float32")
    came = subject.ask(question).value, single.ask(_rounded(question, single)).value
    narrow, full = (np.asarray(value, dtype=np.float64) for value in came)
    with np.errstate(all="ignore"):
        fine = bool(np.all(np.abs(narrow - full) <= FINE * np.abs(full)))
    if fine:
        return f"16 bits are widened, by a cast or an array of float32{such}, and not cast back"
    return f"what is computed in 16 bits meets an array of float32{such}, which promotes"


def _only(subject: Subject, question: Question, name: str) -> str | None:
    """The optional arguments that must be there, or must not, for the dtype to be another."""
    optional = subject.implementation.optional
    taken = [
        k
        for k, a in subject.loss.arguments.items()
        if a.optional and (optional is None or k in optional)
    ]
    given = [k for k in taken if question.arguments.get(k) is not None]
    if not taken or 0 < len(given) < len(taken):
        return None
    if given:
        other = question.with_arguments(**dict.fromkeys(given))
    else:
        full = plain(subject, seed=7, reduction=question.reduction, optional=True).arguments
        if any(full.get(k) is None for k in taken):
            return None
        other = question.with_arguments(**{k: full[k] for k in taken})
    if _came(subject, other, name) != subject.dtype:
        return None
    names = " and ".join(taken)
    return f"only where {names} {'is' if len(taken) == 1 else 'are'} {'' if given else 'not '}given"


def _came(subject: Subject, question: Question, name: str) -> str | None:
    """The dtype of the value or of a gradient, None where there is none."""
    try:
        answer = subject.ask(question)
    except (TargetError, Incomparable, SpecError):
        return None
    array = answer.value if name == "value" else answer.gradients.get(name)
    return None if array is None else str(np.asarray(array).dtype)


def _rounded(question: Question, subject: Subject) -> Question:
    """The question in the dtype of a subject."""
    arguments = {
        k: v if v is None or np.asarray(v).dtype.kind in "iub" else subject.format.round(v)
        for k, v in question.arguments.items()
    }
    return question.with_arguments(**arguments)


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
