"""nan in gives nan out; infinite input gives the limit or nan, never a wrong finite number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.conformance import limits, oracle
from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.sources import PLAIN, plain
from lossproof.conformance.subject import Subject, TargetError
from lossproof.spec.carriers import BALLS
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

Array = npt.NDArray[Any]


@check(
    "special_values",
    level=MUST,
    sentence="nan gives nan, infinities give the limit or nan, masked entries never leak",
    source=PLAIN,
)
def special_values(subject: Subject, question: Question) -> Iterator[Observation]:
    """One special number at a time in one sample, the other samples ordinary."""
    base = plain(subject, seed=5, optional=False)
    for key, argument in subject.loss.arguments.items():
        if argument.domain.kind != "real" or base.arguments.get(key) is None:
            continue
        yield from _nan(subject, base, key)
        for special in (np.inf, -np.inf):
            if argument.domain.low < special < argument.domain.high or (
                special in (argument.domain.low, argument.domain.high)
                and argument.domain.name not in ("in [0, 1]", "in [-1, 1]")
            ):
                yield from _infinite(subject, base, key, special)
    yield from _zeros(subject)
    yield from _masked(subject)


def _with_special(question: Question, key: str, special: float) -> Question:
    array = np.array(question.arguments[key], copy=True)
    array.reshape(-1)[:1] = special
    return question.with_arguments(**{key: array})


def _nan(subject: Subject, base: Question, key: str) -> Iterator[Observation]:
    question = _with_special(base, key, np.nan)
    try:
        value = np.asarray(subject.ask(question).value, dtype=np.float64)
        clean = np.asarray(subject.ask(base).value, dtype=np.float64)
    except TargetError as error:
        yield Observation(question=question, conventions={f"{key} = nan": f"raises {_kind(error)}"})
        return
    touched = limits.moves(base, key)
    fault = None
    if value.shape == clean.shape == touched.shape:
        if not np.isnan(value[touched]).all():
            fault = f"nan in {key} gives a number"
        elif not np.array_equal(*_others(base, touched, value, clean), equal_nan=True):
            fault = f"nan in {key} reaches samples that it is no part of"
    yield _seen(question, fault, "nan", value)


def _others(base: Question, touched: Array, value: Array, clean: Array) -> tuple[Array, Array]:
    """The values of the samples that the first entry of an argument is no part of."""
    if base.separable:
        return value.reshape(value.shape[0], -1)[1:], clean.reshape(clean.shape[0], -1)[1:]
    return value[~touched], clean[~touched]


def _infinite(subject: Subject, base: Question, key: str, special: float) -> Iterator[Observation]:
    question = _with_special(base, key, special)
    try:
        value = np.asarray(subject.ask(question).value, dtype=np.float64)
    except TargetError as error:
        yield Observation(
            question=question, conventions={f"{key} = {special}": f"raises {_kind(error)}"}
        )
        return
    limit = limits.value(question, key, special)
    if value.shape != limit.shape:
        return
    ok = np.isnan(value) | np.isnan(limit) | (value == limit)
    finite = np.isfinite(limit) & np.isfinite(value)
    ok |= finite & (np.abs(value - limit) <= _slack(subject, base, key, special, limit))
    fault = None if ok.all() else f"{key} = {special} gives a wrong number"
    where = tuple(np.argwhere(~ok)[0]) if fault else ()
    seen = _seen(question, fault, str(limit[where]) if fault else "", value)
    first = value.reshape(-1)[:1]
    yield replace(seen, conventions={f"{key} = {special}": ", ".join(f"{v:g}" for v in first)})


def _zeros(subject: Subject) -> Iterator[Observation]:
    """Zeros in one argument, and in all: 0 log 0 is 0, and a zero row has a stated answer."""
    base = plain(subject, seed=8, optional=False)
    real = [k for k, a in subject.loss.arguments.items() if a.domain.kind == "real"]
    given = [k for k in real if base.arguments.get(k) is not None]
    for chosen in (*((k,) for k in given), tuple(given)):
        zeros = {k: np.zeros_like(base.arguments[k]) for k in chosen}
        if not all(subject.loss.arguments[k].domain.contains(z) for k, z in zeros.items()):
            continue
        question = base.with_arguments(**zeros)
        for quantity in subject.quantities:
            judgement = subject.judge(question, quantity)
            name = " and ".join(chosen)
            yield compared(question, judgement, what=f"wrong where {name} is 0")


def _slack(subject: Subject, base: Question, key: str, special: float, limit: Array) -> Array:
    """The budget far out on the way to a finite limit, and what is still missing to it there.

    Far out is where budgets are finite yet: below the ceiling, and where squares are below it.
    """
    ceiling = Arithmetic(format=subject.format, reordered=True).ceiling
    slack: Array = np.full(limit.shape, np.inf)
    for far in (ceiling / 4, np.sqrt(ceiling) / 4):
        question = _with_special(base, key, np.copysign(far, special))
        truth = oracle.truth(question, "value", subject.format, subject.profile)
        missing = np.abs(BALLS.middle(truth.exact) - limit)
        slack = np.fmin(slack, truth.budget + missing)
    return slack


def _masked(subject: Subject) -> Iterator[Observation]:
    """A nan behind a mask stays there: value 0, gradient 0."""
    if "ignore_index" not in subject.loss.options or "ignore_index" not in subject.taken:
        return
    base = plain(subject, seed=6, optional=False)
    first = next(iter(subject.loss.arguments))
    labels = np.array(base.arguments["labels"], copy=True)
    labels[0] = base.options["ignore_index"]
    array = np.array(base.arguments[first], copy=True)
    array[0] = np.nan
    question = base.with_arguments(labels=labels, **{first: array})
    answer = subject.ask(question)
    value = np.asarray(answer.value, dtype=np.float64)
    gradient = answer.gradients.get(first)
    fault = None
    if not value.shape or value[0] != 0:
        fault = "an ignored sample does not give exactly 0"
    elif gradient is not None and np.any(np.asarray(gradient, dtype=np.float64)[0] != 0):
        fault = "nan of an ignored sample leaks into its gradient"
    elif np.isnan(value[1:]).any():
        fault = "nan of an ignored sample leaks into other samples"
    yield _seen(question, fault, "0 for the ignored sample", value)


def _seen(question: Question, fault: str | None, truth: str, got: Array) -> Observation:
    return Observation(
        question=question,
        fault=fault,
        ratio=float("inf") if fault else 0.0,
        facts={"truth": truth, "got": np.array2string(got, max_line_width=200)[:120]}
        if fault
        else {},
    )


def _kind(error: TargetError) -> str:
    return type(error.error).__name__
