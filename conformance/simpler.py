"""Simpler questions: shorter axes, rounder numbers, options at their defaults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lossproof.spec.question import Question

Move = Callable[[Question], Iterator[Question]]


def moves(question: Question, taken: Sequence[str], held: Collection[str] = ()) -> Iterator[Move]:
    """Ways to make a question simpler, the boldest first; each is tried on what the last left.

    A number that stands in several places is changed in all of them before it is in each: vectors
    that are equal stay so. `held` are axes and arguments that are left as they are.
    """
    for axis in question.loss.axes_of(question.arguments):
        if axis not in ("*", "N", *held):
            yield partial(_shorter, axis)
    floats = [key for key in _floats(question) if key not in held]
    for key in floats:
        yield partial(_filled, key)
    numbers = [np.asarray(question.arguments[key], np.float64) for key in floats]
    for old in np.unique(np.concatenate([n.reshape(-1) for n in numbers] or [np.zeros(0)])):
        yield partial(_everywhere, floats, float(old))
    for key in floats:
        for i in range(np.size(question.arguments[key])):
            yield partial(_one, key, i)
    if question.cotangent is not None:
        for i in range(np.size(question.cotangent)):
            yield partial(_cotangent, i)
    yield partial(_defaults, taken)


def _floats(question: Question) -> list[str]:
    return [
        key
        for key, array in question.arguments.items()
        if array is not None and np.asarray(array).dtype.kind not in "iu"
    ]


def _shorter(axis: str, question: Question) -> Iterator[Question]:
    """The question with the first entry of an axis only, or the first two."""
    stated, sizes = question.loss.arguments, question.loss.axes_of(question.arguments)
    output = question.loss.output.split() if question.reduction == "none" else []
    for size in (1, 2):
        if size >= sizes[axis] or not _fit(axis, size, sizes, question):
            continue
        arguments = {
            key: array if array is None else _first(array, stated[key].axes, axis, size)
            for key, array in question.arguments.items()
        }
        cotangent = question.cotangent
        if cotangent is not None:
            cotangent = _first(cotangent, output, axis, size)
        yield replace(question, arguments=arguments, cotangent=cotangent)


def _fit(axis: str, size: int, sizes: Mapping[str, Any], question: Question) -> bool:
    """Whether options and what indexes an axis allow that it is as short as this."""
    wanted = {**{k: v for k, v in sizes.items() if k != "*"}, axis: size}
    if dict(question.loss.fitting_sizes(wanted, question.options)) != wanted:
        return False
    return all(
        np.max(question.arguments[key], initial=0) < size + (argument.domain.kind == "length")
        for key, argument in question.loss.arguments.items()
        if argument.domain.axis == axis and question.arguments.get(key) is not None
    )


def _first(array: Any, axes: Sequence[str], axis: str, size: int) -> Any:
    if axis not in axes:
        return array
    return np.take(array, range(size), axis=list(axes).index(axis))


def _filled(key: str, question: Question) -> Iterator[Question]:
    """The question with one argument filled with one number."""
    for number in (0.0, 1.0):
        yield from _changed(question, partial(np.full_like, fill_value=number), [key])


def _everywhere(floats: Sequence[str], old: float, question: Question) -> Iterator[Question]:
    """The question with a number made simpler wherever it stands.

    One that several arguments share is not made 0, where more comes together than that they tie.
    """
    shared = sum(bool(np.any(question.arguments[key] == old)) for key in floats) > 1
    for new in _simpler_numbers(old, zero=not shared):
        yield from _changed(question, partial(_swapped, old, new), floats)


def _one(key: str, i: int, question: Question) -> Iterator[Question]:
    """The question with one number made simpler, unless a move before has cut it off."""
    if i >= np.size(question.arguments[key]):
        return
    for new in _simpler_numbers(float(np.asarray(question.arguments[key]).flat[i]), zero=True):
        yield from _changed(question, partial(_put, i, new), [key])


def _cotangent(i: int, question: Question) -> Iterator[Question]:
    """The question with one number of the cotangent made simpler."""
    values = np.asarray(question.cotangent)
    for new in _simpler_numbers(float(values.flat[i]), zero=False) if i < values.size else ():
        changed = _put(i, new, values).astype(values.dtype)
        if np.isfinite(changed.flat[i]) and changed.flat[i] != values.flat[i]:
            yield replace(question, cotangent=changed)


def _defaults(taken: Sequence[str], question: Question) -> Iterator[Question]:
    """The question with one option, or all, at their defaults."""
    stated = {key: question.loss.options[key].default for key in taken}
    for some in ({**stated}, *({key: value} for key, value in stated.items())):
        options = {**question.options, **some}
        if options != question.options:
            yield replace(question, options=options)


def _swapped(old: float, new: float, array: Any) -> Any:
    return np.where(array == old, new, array)


def _put(i: int, number: float, array: Any) -> Any:
    changed = np.array(array, dtype=np.float64)
    changed.flat[i] = number
    return changed


def _changed(
    question: Question, change: Callable[[Any], Any], keys: Sequence[str]
) -> Iterator[Question]:
    """The question with its arguments changed, if any is and if they stay in their domains."""
    arguments = {}
    for key in keys:
        array = np.asarray(question.arguments[key])
        new = change(array.astype(np.float64)).astype(array.dtype)
        domain = question.loss.arguments[key].domain
        if not np.isfinite(new[new != array]).all() or not domain.contains(new.astype(np.float64)):
            return
        if (new != array).any():
            arguments[key] = new
    before = {key: question.arguments[key] for key in arguments}
    if sum(map(_writing, arguments.values())) < sum(map(_writing, before.values())):
        yield question.with_arguments(**arguments)


def _writing(array: Any) -> float:
    """The complexity of all numbers of an array: each change lowers it, so none alternate."""
    return sum(map(_complexity, np.asarray(array, dtype=np.float64).reshape(-1).tolist()))


def _simpler_numbers(value: float, *, zero: bool) -> Iterator[float]:
    """Simpler numbers than `value`, by their size in writing."""
    if not np.isfinite(value) or _complexity(value) == 0:
        return
    candidates = [0.0] if zero else []
    candidates += [1.0, float(np.sign(value)), float(np.round(value))]
    mantissa, exponent = np.frexp(value)
    candidates.append(float(np.copysign(np.ldexp(1.0, int(exponent) // 2), value)))
    candidates += [float(np.ldexp(np.round(mantissa * 2**b) / 2**b, exponent)) for b in (1, 3, 6)]
    for candidate in candidates:
        if np.isfinite(candidate) and _complexity(candidate) < _complexity(value):
            yield candidate


def _complexity(value: float) -> float:
    if value == 0.0:
        return 0.0
    if value == 1.0:
        return 1.0
    mantissa = float(abs(value)).hex().split("p")[0].rstrip("0").rstrip(".")
    whole = 0.0 if value == round(value) and abs(value) < 1e4 else 3.0
    size = float(abs(np.log10(abs(value)))) / 100
    return len(mantissa) + whole + (0.5 if value < 0 else 0.0) + size
