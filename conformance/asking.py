"""The conventions of an implementation, asked one by one; nothing here is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.backends.base import Answer, NotAnArray
from lossproof.conformance.asker import Asker, Hopeless, Patience
from lossproof.conformance.candidates import Base, Candidate
from lossproof.conformance.fitted import SETTLED
from lossproof.conformance.fitting import SHAPES, judged
from lossproof.conformance.points import SIZES
from lossproof.conformance.schemes import SCHEMES
from lossproof.conformance.sources import plain
from lossproof.conformance.special import real_ones
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question

Said = tuple[str, str]
#: so many entries of a gradient are told
ENTRIES = 4


def conventions(subject: Subject) -> Iterator[Said]:
    """What it does where more than one thing may be done, in words that can be compared."""
    yield from _specials(subject)
    yield from _ties(subject)
    yield from _ignored(subject)
    yield from _nothing(subject)
    yield from _shapes(subject)
    yield from _denominators(subject)


def _base(subject: Subject, **how: Any) -> Question:
    question = plain(subject, seed=5, optional=False, cotangent="ones", **how)
    if "ignore_index" in question.options:
        labels = np.asarray(question.arguments["labels"])
        kept = np.where(labels == question.options["ignore_index"], 0, labels)
        return question.with_arguments(labels=kept)
    return question


def _specials(subject: Subject) -> Iterator[Said]:
    """Value and gradients of the sample in which one entry is nan or infinite."""
    base = _base(subject)
    for key in real_ones(subject, base):
        argument = subject.loss.arguments[key]
        for special in (np.nan, np.inf, -np.inf):
            if not np.isnan(special) and argument.domain.name.startswith("in ["):
                continue
            if special == -np.inf and argument.domain.low > -np.inf:
                continue
            array = np.array(base.arguments[key], copy=True)
            array.reshape(-1)[:1] = special
            asked = base.with_arguments(**{key: array})
            yield f"{special:g} in {key}", _answered(subject, asked, first=True)


def _ties(subject: Subject) -> Iterator[Said]:
    """Where two arguments are equal, and where all are 0."""
    base = _base(subject)
    for one, other in subject.loss.ties:
        same = np.broadcast_to(base.arguments[one], np.shape(base.arguments[other]))
        if subject.loss.arguments[other].domain.contains(same):
            asked = base.with_arguments(**{other: np.array(same)})
            yield f"{one} equal to {other}", _answered(subject, asked, first=True)
    given = real_ones(subject, base)
    zeros = {k: np.zeros_like(base.arguments[k]) for k in given}
    if all(subject.loss.arguments[k].domain.contains(0.0) for k in given):
        asked = base.with_arguments(**zeros)
        yield f"{' and '.join(given)} 0", _answered(subject, asked, first=True)


def _ignored(subject: Subject) -> Iterator[Said]:
    """A row that is ignored, whatever it holds."""
    if "ignore_index" not in subject.taken:
        return
    base = _base(subject)
    first = next(iter(subject.loss.arguments))
    labels = np.array(base.arguments["labels"], copy=True)
    labels[0] = base.options["ignore_index"]
    for special in (0.0, np.nan, np.inf):
        array = np.array(base.arguments[first], copy=True)
        array[0] = special
        asked = base.with_arguments(labels=labels, **{first: array})
        yield f"an ignored row of {special:g}", _answered(subject, asked, first=True)


def _nothing(subject: Subject) -> Iterator[Said]:
    """Batches that hold nothing, and batches of which nothing counts."""
    for reduction in subject.reductions:
        if len(subject.loss.reductions) > 1 and reduction == "none":
            continue
        name = reduction if len(subject.loss.reductions) > 1 else "value"
        asked = _base(subject, sizes={**SIZES[0], "*": 0, "N": 0}, reduction=reduction)
        yield f"empty batch, {name}", _answered(subject, asked)
        if "ignore_index" in subject.taken:
            asked = _base(subject, reduction=reduction)
            none = np.full_like(asked.arguments["labels"], asked.options["ignore_index"])
            asked = asked.with_arguments(labels=none)
            yield f"all rows ignored, {name}", _answered(subject, asked)


def _shapes(subject: Subject) -> Iterator[Said]:
    """A second argument with an axis more, or of one entry."""
    required = [k for k, a in subject.loss.arguments.items() if not a.optional]
    if len(required) < 2:
        return
    second = required[1]
    base = _base(subject, reduction=subject.reductions[-1])
    array = np.asarray(base.arguments[second])
    n = ", ".join("nc"[: array.ndim])
    if array.ndim:
        yield f"{second} ({n}, 1), not ({n})", _refused(subject, base, second, array[..., None])
        if array.shape[0] > 1:
            yield f"{second} of one sample", _refused(subject, base, second, array[:1])


def _refused(subject: Subject, base: Question, key: str, array: Any) -> str:
    """What becomes of `array` in the place of `key`: an error, or which arrays it is taken for."""
    wrong = replace(base, arguments={**base.arguments, key: array}, cotangent=None)
    try:
        answer = subject.call(wrong)
    except Exception as error:
        return _error(error)
    if _answers(subject, replace(base, cotangent=None), answer.value):
        return f"taken as ({', '.join('nc'[: np.ndim(base.arguments[key])])})"
    spread = _spread(wrong, key, np.shape(base.arguments[key]))
    if spread is None or not _answers(subject, spread, answer.value):
        return "accepted, with another value"
    return "warns, and broadcasts" if answer.warnings else "broadcasts silently"


def _spread(question: Question, key: str, stated: tuple[int, ...]) -> Question | None:
    """The question with its arrays broadcast to one shape; None where they have axes of names."""
    given = {k: np.asarray(v) for k, v in question.arguments.items() if v is not None}
    if given[key].ndim == len(stated):
        return question.with_arguments(**{key: np.array(np.broadcast_to(given[key], stated))})
    if any(question.loss.arguments[k].shape != "*" for k in given):
        return None
    alike = np.broadcast_arrays(*given.values())
    return question.with_arguments(**dict(zip(given, map(np.array, alike), strict=True)))


def _answers(subject: Subject, question: Question, value: Any) -> bool:
    """Whether the answer to a question is this value, in its shape and to three digits."""
    try:
        found = subject.call(question).value
    except Exception:
        return False
    return np.shape(found) == np.shape(value) and _numbers(found) == _numbers(value)


def _error(error: BaseException) -> str:
    """That it raises; the name of the exception, which differs between frameworks, in brackets."""
    return f"error ({getattr(error, 'kind', None) or type(error).__name__})"


def _answered(subject: Subject, question: Question, *, first: bool = False) -> str:
    """The value, and the gradient in each argument; of the first sample only, if it is apart."""
    if not subject.differentiable:
        question = replace(question, cotangent=None)
    try:
        answer = subject.call(question)
    except NotAnArray as error:
        return _misshapen(subject, question) or _error(error)
    except Exception as error:
        return _error(error)
    if np.shape(answer.value) != question.output_shape:
        return _array(np.shape(answer.value))
    parts = [_numbers(_part(question, answer.value, first))]
    for key, gradient in _given(subject, question, answer).items():
        told = "none" if gradient is None else _numbers(_part(question, gradient, first))
        parts.append(f"d {key} {told}")
    return "; ".join(parts)


def _misshapen(subject: Subject, question: Question) -> str | None:
    """The array of another shape than the stated one, to which no gradient is asked for."""
    try:
        shape = np.shape(subject.call(replace(question, cotangent=None)).value)
    except Exception:
        return None
    return None if shape == question.output_shape else _array(shape)


def _array(shape: tuple[int, ...]) -> str:
    return f"an array of shape {shape}" if np.prod(shape) else "an empty array"


def _given(subject: Subject, question: Question, answer: Answer) -> Mapping[str, Any]:
    if question.cotangent is None:
        return {}
    return {k: answer.gradients.get(k) for k in subject.differentiable}


def _part(question: Question, array: Any, first: bool) -> Any:
    values = np.asarray(array).astype(np.float64)
    return question.take_from(values, [0]) if first and question.separable else values


def _numbers(values: Any) -> str:
    """Numbers to three digits, one for all that are alike."""
    flat = [f"{v:.3g}" if v else "0" for v in np.asarray(values).reshape(-1)]
    if len(set(flat)) <= 1:
        return flat[0] if flat else "nothing"
    return "[" + ", ".join(flat[:ENTRIES]) + (", ..." if len(flat) > ENTRIES else "") + "]"


def _denominators(subject: Subject) -> Iterator[Said]:
    """What sums are divided by, with weights and ignored rows where they are offered."""
    optional = [k for k, a in subject.loss.arguments.items() if a.optional]
    claimed = subject.implementation.optional
    held = subject.implementation.held
    withheld = [k for k in optional if claimed is not None and k not in (*claimed, *held)]
    for reduction in subject.reductions:
        if reduction == "none" or len(subject.loss.reductions) == 1:
            continue
        yield f"{reduction} is", _scheme(subject, reduction, False)
        if optional:
            said = f"{' and '.join(withheld)} not offered"
            whole = said if withheld else _scheme(subject, reduction, True)
            yield f"{reduction}, with weights", whole


def _scheme(subject: Subject, reduction: str, whole: bool) -> str:
    asker = Asker(subject=subject, patience=Patience(), reduction=reduction)
    options = {**subject.loss.complete({}), **subject.implementation.dialect}
    for scheme in sorted(SCHEMES, key=lambda s: (s.name != reduction, s.cost)):
        candidate = Candidate(base=Base(loss=subject.loss), options=options, scheme=scheme)
        try:
            fit = judged(
                candidate, asker, subject.format, subject.profile, shapes=SHAPES[:4], whole=whole
            )
        except Hopeless:
            return "error"
        if fit.share >= SETTLED:
            return "as stated" if scheme.name == reduction else scheme.words
    return "something else" if asker.patience.answered else "error"
