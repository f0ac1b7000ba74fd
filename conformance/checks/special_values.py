"""nan in gives nan out; infinite input gives the limit or nan, never a wrong finite number.

Nor does a label that names no class give a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.backends.base import Answer
from lossproof.conformance import describe, left_out, oracle
from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.sources import PLAIN, plain
from lossproof.conformance.special import promised, real_ones, with_special
from lossproof.conformance.subject import Subject, TargetError
from lossproof.conformance.undefined import Admissible
from lossproof.spec.carriers import Mask, Reals
from lossproof.spec.question import Question

Array = npt.NDArray[Any]


@check(
    "special_values",
    level=MUST,
    sentence="nan gives nan, infinities the limit or nan, no class no number; masks do not leak",
    source=PLAIN,
)
def special_values(subject: Subject, question: Question) -> Iterator[Observation]:
    """One special number at a time in one sample, the other samples ordinary."""
    for base in _bases(subject):
        here = base.take([0]) if base.separable else base
        for key in real_ones(subject, base):
            argument = subject.loss.arguments[key]
            yield from _special(subject, base, here, key, np.nan)
            for special in (np.inf, -np.inf):
                if argument.domain.low < special < argument.domain.high or (
                    special in (argument.domain.low, argument.domain.high)
                    and argument.domain.name not in ("in [0, 1]", "in [-1, 1]")
                ):
                    yield from _special(subject, base, here, key, special)
    yield from _zeros(subject)
    yield from _masked(subject)
    if subject.primary and not subject.backend.compiles:  # what is compiled cannot raise
        yield from _beyond(subject, replace(question, cotangent=None))
        yield from _half_ignored(subject)


def _bases(subject: Subject) -> Iterator[Question]:
    """Where a label says which entry matters, with the first entry as that one and as another."""
    base = plain(subject, seed=5, optional=False, cotangent="negative")
    labels = base.arguments.get("labels")
    if labels is None or np.size(labels) == 0:
        yield base
        return
    for label in (0, 1):
        chosen = np.array(labels, copy=True)
        chosen[0] = label
        if label != base.options.get("ignore_index"):
            yield base.with_arguments(labels=chosen)


def _special(
    subject: Subject, base: Question, here: Question, key: str, special: float
) -> Iterator[Observation]:
    """What becomes of the sample that holds the special number, and that no other notices."""
    question = with_special(base, key, special)
    said = f"{special:g} in {key}"
    try:
        answer = subject.ask(question)
    except TargetError as error:
        yield Observation(question=question, conventions={said: error.refusal()})
        return
    whole = np.zeros(())
    for quantity in subject.quantities:
        got = _of(answer, quantity)
        if oracle.shape_problem(question, quantity, got) is not None or got is None:
            continue  # the business of other checks
        own = question.take_from(got, [0]) if base.separable else got
        numbers = own.astype(np.float64)
        if quantity == "value":
            whole = numbers
        fine, truth = promised(subject, here, key, special, quantity, numbers, whole)
        first = numbers.reshape(-1)[:1]
        conventions = {said: ", ".join(f"{v:g}" for v in first)} if quantity == "value" else {}
        seen = _own(question, said, quantity, fine, truth, numbers)
        if quantity != "value" and not np.isnan(special):
            seen = replace(seen, plainly=partial(iter, [(here, quantity)]))
        if seen.fault is not None and quantity == "value" and np.isnan(special):
            seen = replace(seen, cause=partial(left_out.nan_is, subject, base, key, got))
        if quantity != "value" and np.isnan(special) and np.isnan(whole).all():
            # the value tells of the nan; what the derivative of a clamp or a mask is there does not
            conventions = {f"{said}, {quantity}": "nan" if np.isnan(first).any() else "a number"}
            seen = Observation(question=question)
        elif np.isnan(special):
            conventions = {}
        yield replace(seen, conventions=conventions)
        if base.separable and base.samples > 1:
            yield _others(subject, base, question, said, quantity, got)


def _of(answer: Answer, quantity: str) -> Array | None:
    name = quantity.partition(".")[2]
    got = answer.value if quantity == "value" else answer.gradients.get(name)
    return None if got is None else np.asarray(got)


def _own(
    question: Question, said: str, quantity: str, fine: Mask, allowed: Admissible, got: Reals
) -> Observation:
    """The sample that holds the special number."""
    if fine.all():
        return Observation(question=question)
    where = tuple(np.argwhere(~fine)[0])
    fault = f"{said} gives a wrong number"
    if np.isnan(allowed.low[where]):
        fault = f"{said} gives a number"
    fault += "" if quantity == "value" else f" for the {quantity.replace('.', ' in ')}"
    return _wrong(question, fault, quantity, allowed.words(where), got[where], where)


def _others(
    subject: Subject, base: Question, question: Question, said: str, quantity: str, got: Array
) -> Observation:
    """The other samples, which are answered as if the special number were not there."""
    rest = base.take(np.arange(1, base.samples))
    answer = question.take_from(got, np.arange(1, base.samples))
    judgement = oracle.judge(rest, quantity, answer, subject.format, subject.profile)
    reached = judgement.violations
    if reached.any():
        # what is wrong with ordinary numbers too is the business of other checks
        plainly = _of(subject.ask(base), quantity)
        if plainly is not None and np.shape(plainly) == np.shape(got):
            before = question.take_from(plainly, np.arange(1, base.samples))
            reached = reached & (answer.astype(np.float64) != before.astype(np.float64))
    if not reached.any():
        return Observation(question=question)
    worst = int(np.argmax(np.where(reached, judgement.ratios, -1.0)))
    where = tuple(int(i) for i in np.unravel_index(worst, judgement.ratios.shape))
    told = describe.describe(rest, judgement, subject.format, subject.profile, index=where)
    fault = f"{said} reaches samples that it is no part of"
    placed = (where[0] + 1, *where[1:])
    return _wrong(
        question, fault, quantity, told["truth"], answer.astype(np.float64)[where], placed
    )


def _zeros(subject: Subject) -> Iterator[Observation]:
    """Zeros in one argument, and in all: 0 log 0 is 0, and a zero row has a stated answer."""
    base = plain(subject, seed=8, optional=False)
    given = real_ones(subject, base)
    for chosen in (*((k,) for k in given), tuple(given)):
        zeros = {k: np.zeros_like(base.arguments[k]) for k in chosen}
        if not all(subject.loss.arguments[k].domain.contains(z) for k, z in zeros.items()):
            continue
        question = base.with_arguments(**zeros)
        for quantity in subject.quantities:
            judgement = subject.judge(question, quantity)
            name = " and ".join(chosen)
            what = f"wrong where {name} is 0"
            yield compared(question, judgement, what=what, plainly=partial(iter, [question]))


def _beyond(subject: Subject, question: Question) -> Iterator[Observation]:
    """A label beyond the last class: an error or nan. That Python counts -1 from the end is a
    convention of indexing, and the business of `bad_input`."""
    stated = subject.loss.arguments
    for key in (k for k, a in stated.items() if a.domain.kind == "label"):
        scores = next(k for k, a in stated.items() if "C" in a.axes)
        classes = np.shape(question.arguments[scores])[stated[scores].axes.index("C")]
        beyond = np.array(question.arguments[key], copy=True)
        beyond.reshape(-1)[:1] = classes
        wrong = question.with_arguments(**{key: beyond})
        try:
            came = subject.ask_again(wrong)
        except TargetError as error:
            if error.died:
                raise
            continue
        own = np.asarray(came.value).astype(np.float64).reshape(-1)[:1]
        if own.size and np.isfinite(own[0]):
            fault = f"a label beyond the last class in {key} is accepted"
            truth = f"an error, or nan: the classes are 0 to {classes - 1}"
            yield _wrong(wrong, fault, "value", truth, own[0], (0,) if came.value.ndim else ())


def _half_ignored(subject: Subject) -> Iterator[Observation]:
    """A label that marks what is ignored, where no parameter says so: refused, or ignored."""
    held = (*subject.taken, *subject.implementation.dialect)
    if "ignore_index" not in subject.loss.options or "ignore_index" in held:
        return
    base = plain(subject, seed=6, optional=False, cotangent="negative")
    label = base.options["ignore_index"]
    labels = np.array(base.arguments["labels"], copy=True)
    if labels.size < 2:
        return
    labels[0] = label
    question = base.with_arguments(labels=labels)
    try:
        came = subject.ask(question)
    except TargetError as error:
        if error.died:
            raise
        return
    if not np.isfinite(np.asarray(came.value, dtype=np.float64)).all():
        return
    for quantity in subject.quantities:
        where = quantity.replace(".", " in ")
        fault = f"a label of {label} is neither refused nor ignored: {where}"
        judgement = subject.judge(question, quantity)
        # the batch without that sample
        rest = partial(map, base.part, [range(1, len(labels))])
        yield compared(question, judgement, what=fault, plainly=rest)


def _masked(subject: Subject) -> Iterator[Observation]:
    """What is not finite behind a mask stays there: value 0, gradient 0, other samples as ever."""
    if "ignore_index" not in subject.loss.options or "ignore_index" not in subject.taken:
        return
    base = plain(subject, seed=6, optional=False, cotangent="negative")
    first = next(iter(subject.loss.arguments))
    labels = np.array(base.arguments["labels"], copy=True)
    labels[0] = base.options["ignore_index"]
    base = base.with_arguments(labels=labels)
    for special in (np.nan, np.inf, -np.inf):
        array = np.array(base.arguments[first], copy=True)
        array[0] = special
        question = base.with_arguments(**{first: array})
        answer = subject.ask(question)
        said = f"{special:g} of an ignored sample"
        for quantity in subject.quantities:
            got = _of(answer, quantity)
            if oracle.shape_problem(question, quantity, got) is not None or got is None:
                continue
            if not base.separable:
                judgement = oracle.judge(base, quantity, got, subject.format, subject.profile)
                if judgement.violations.any():
                    where = tuple(np.unravel_index(judgement.worst, judgement.ratios.shape))
                    number = got.astype(np.float64)[where]
                    fault = f"{said} leaks into the {quantity.replace('.', ' in ')}"
                    told = describe.describe(base, judgement, subject.format, subject.profile)
                    yield _wrong(question, fault, quantity, told["truth"], number, where)
                continue
            own = got.astype(np.float64)[:1]
            if np.any(own != 0):
                where = tuple(np.argwhere(own != 0)[0])
                fault = "an ignored sample does not give exactly 0"
                if quantity != "value":
                    fault = f"{said} leaks into its {quantity.replace('.', ' in ')}"
                yield _wrong(question, fault, quantity, "0", own[where], where)
            yield _others(subject, base, question, said, quantity, got)


def _wrong(
    question: Question, fault: str, quantity: str, truth: str, got: float, where: tuple[Any, ...]
) -> Observation:
    """A fault, and the one entry that shows it."""
    index = ", ".join(str(int(i)) for i in where)
    place = f" at [{index}]" if where else ""
    return Observation(
        question=question,
        fault=fault,
        ratio=float("inf"),
        facts={"quantity": quantity, "truth": truth, "got": f"{got:.9g}{place}"},
    )
