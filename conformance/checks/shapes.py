"""Every stated shape is accepted; shapes that do not fit are never silently broadcast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from lossproof.backends.base import Answer
from lossproof.conformance import describe, oracle
from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.points import SIZES
from lossproof.conformance.sources import PLAIN, plain
from lossproof.conformance.subject import GONE, Subject, TargetError
from lossproof.spec.question import Question

#: beyond the blocks that kernels work in, and a multiple of none of them
LONG = {"*": 4229, "N": 4229, "C": 3, "D": 2, "T": 5, "S": 2}
#: no more samples than any block holds
FEW = 100


@check(
    "shapes",
    level=MUST,
    sentence="scalars, sizes 0 and 1 and high rank work; (n,) against (n, 1) is not broadcast",
    source=PLAIN,
    every_dtype=False,
)
def shapes(subject: Subject, question: Question) -> Iterator[Observation]:
    """Other shapes of the same question, then one pair of shapes that do not fit."""
    for other in _variants(subject):
        for quantity in subject.quantities:
            if quantity == "value" and other.reduction != "none" and _empty(other):
                continue  # what is made of no losses is the business of `reductions`
            try:
                judgement = subject.judge(other, quantity)
            except TargetError as error:
                if not _degenerate(other):
                    raise
                # to refuse what is degenerate is a convention
                yield Observation(question=other, conventions={_words(other): error.refusal()})
                break
            if judgement.got is None and _empty(other):
                continue  # of nothing, no gradient and one without entries are the same
            name = quantity.replace(".", " in ")
            yield compared(
                other,
                judgement,
                what=f"the {name} is wrong for {_words(other)}",
                plainly=partial(_plainly, subject, other, judgement),
            )
    yield from _long(subject)
    yield from _mismatch(subject, question)


def _plainly(subject: Subject, question: Question, judgement: Judgement) -> Iterator[Question]:
    """The usual shape with the sample that is wrong, over and over, or with other numbers."""
    usual = plain(subject, seed=1, reduction=question.reduction, optional=False)
    if question.separable and question.samples:
        shape = judgement.ratios.shape
        sample = describe.narrowed(question, judgement.worst, shape, subject.columns)
        count = max(usual.samples // subject.columns, 1)
        yield sample.take(np.tile(np.arange(sample.samples), count))
    yield usual


def _long(subject: Subject) -> Iterator[Observation]:
    """More samples than a block holds; what is wrong with a few of them is no matter of shape."""
    if not subject.loss.samples or "none" not in subject.reductions:
        return
    question = plain(subject, seed=10, sizes=LONG, reduction="none", optional=False)
    for quantity in subject.quantities:
        judgement = subject.judge(question, quantity)
        if judgement.problem is None:
            judgement = _needing_the_rest(subject, question, judgement)
        name = quantity.replace(".", " in ")
        yield compared(question, judgement, what=f"the {name} is wrong for {_words(question)}")


def _needing_the_rest(subject: Subject, question: Question, judgement: Judgement) -> Judgement:
    """The judgement without samples that are as wrong when a few of them are asked alone."""
    samples = len(judgement.ratios)
    by_sample = np.asarray(judgement.violations.reshape(samples, -1).any(axis=1))
    wrong = np.flatnonzero(by_sample)
    wrong = np.unique([*wrong[: FEW // 2], *wrong[-FEW // 2 :]]).astype(np.intp)
    if not wrong.size:
        return judgement
    asked = subject.whole(wrong)
    few = subject.judge(question.take(asked), judgement.quantity)
    alone = few.violations.reshape(len(asked), -1).any(axis=1)
    kept = np.zeros(samples, dtype=np.bool_)
    kept[np.setdiff1d(wrong, asked[alone])] = True
    mask = kept.reshape((-1,) + (1,) * (judgement.ratios.ndim - 1))
    return replace(judgement, ratios=np.where(mask, judgement.ratios, 0.0))


def _variants(subject: Subject) -> Iterator[Question]:
    """Every shape unreduced, then by the last reduction, where gradients have shapes to lose."""
    for reduction in dict.fromkeys((subject.reductions[0], subject.reductions[-1])):
        yield from _sized(subject, reduction)


def _sized(subject: Subject, reduction: str) -> Iterator[Question]:
    loss = subject.loss
    for size in (1, 2):
        yield plain(subject, seed=size, sizes=SIZES[size], reduction=reduction, optional=False)
    if all(a.shape == "*" for a in loss.arguments.values()):
        if subject.columns > 1:
            yield from _of_labels(subject, reduction)
            return
        eight = plain(subject, seed=7, reduction=reduction, optional=False)
        for shape in ((2, 2, 1, 2), (1, 2, 1, 2, 1, 2), (0,), (2, 0)):
            yield _reshaped(eight, shape)
        one = {**SIZES[0], "*": 1}
        single = plain(subject, seed=8, sizes=one, reduction=reduction, optional=False)
        yield _reshaped(single, ())
    elif loss.samples == "N":
        none = {**SIZES[0], "N": 0}
        yield plain(subject, seed=9, sizes=none, reduction=reduction, optional=False)


def _of_labels(subject: Subject, reduction: str) -> Iterator[Question]:
    """Shapes whose last axis has the labels that the function carries numbers for."""
    labels = subject.columns
    sizes = {**SIZES[0], "*": 4 * labels}
    four = plain(subject, seed=7, sizes=sizes, reduction=reduction, optional=False)
    for shape in ((2, 2, labels), (1, 2, 1, 2, labels), (0, labels)):
        yield _reshaped(four, shape)


def _empty(question: Question) -> bool:
    return any(v is not None and np.size(v) == 0 for v in question.arguments.values())


def _degenerate(question: Question) -> bool:
    """Whether there is nothing, one class only, or no axis at all."""
    scalars = all(np.ndim(v) == 0 for v in question.arguments.values() if v is not None)
    return scalars or _empty(question) or _single(question)


def _single(question: Question) -> bool:
    """Whether there is but one class."""
    axes = {k: a.axes for k, a in question.loss.arguments.items() if "C" in a.axes}
    return any(np.shape(question.arguments[k])[axes[k].index("C")] == 1 for k in axes
               if question.arguments.get(k) is not None)  # fmt: skip


def _words(question: Question) -> str:
    """The shapes that are asked about, in words."""
    shapes = {k: np.shape(v) for k, v in question.arguments.items() if v is not None}
    if len(set(shapes.values())) == 1:
        shape = next(iter(shapes.values()))
        return f"arrays of shape {shape}" if shape else "scalars"
    return "arrays of shapes " + ", ".join(f"{v} ({k})" for k, v in shapes.items())


def _reshaped(question: Question, shape: tuple[int, ...]) -> Question:
    size = int(np.prod(shape))
    arguments = {
        k: None if v is None else np.asarray(v).reshape(-1)[:size].reshape(shape)
        for k, v in question.arguments.items()
    }
    cotangent = np.asarray(question.cotangent)
    if cotangent.ndim:
        cotangent = cotangent.reshape(-1)[:size].reshape(shape)
    return replace(question, arguments=arguments, cotangent=cotangent)


def _fitted(subject: Subject, base: Question, reduction: str, answer: Answer) -> str:
    """What became of shapes that do not fit."""
    if answer.warnings:
        return "broadcasts, and warns"
    got = np.asarray(answer.value)
    aligned = replace(base, reduction=reduction, cotangent=None)
    if got.size == int(np.prod(aligned.output_shape)):
        found = oracle.judge(
            aligned, "value", got.reshape(aligned.output_shape), subject.format, subject.profile
        )
        plainly = subject.judge(aligned, "value")
        if not found.violations.any() or np.array_equal(found.ratios, plainly.ratios):
            return "aligns them"
    # what is not one number is there for everyone to see
    seen = reduction == "none" or got.ndim > 0
    return f"broadcasts to {got.shape}" if seen else "broadcasts silently"


def _mismatch(subject: Subject, question: Question) -> Iterator[Observation]:
    """Arguments of shapes (n,) and (n, 1): refused, warned of or aligned, never summed as (n, n).

    An unreduced (n, n) is there for everyone to see, and is recorded as a convention.
    """
    same = [k for k, a in subject.loss.arguments.items() if a.shape == "*" and not a.optional]
    if len(same) < 2 or subject.columns > 1:
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
    except GONE as error:
        raise TargetError(wrong, error, subject.implementation.name) from error
    except Exception as error:
        convention = f"raises {type(error).__name__}"
    else:
        convention = _fitted(subject, base, wrong.reduction, answer)
    silent = convention == "broadcasts silently"
    yield Observation(
        question=wrong,
        fault="shapes that do not fit are broadcast silently" if silent else None,
        ratio=float("inf") if silent else 0.0,
        facts={
            "truth": "an error (compare the shapes, and raise), a warning, or entries side by side",
            "got": f"one number, made of all pairs of entries (3, 3): {shapes_given}",
        }
        if silent
        else {},
        conventions={"(n,) against (n, 1)": convention},
    )
