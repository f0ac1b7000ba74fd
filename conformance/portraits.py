"""Portraits: the exact value and gradient of a loss along one argument, for the pages.

Swept is the first entry of the first argument that has a gradient, over its domain or what of it
lies near 0; all else is held at plain numbers, chosen by one rule for every loss. The steps are a
power of 2, so that a kink at a round number is met exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import arb, ctx

from lossproof.conformance.sweeps import END
from lossproof.conformance.swept import axes, digits, pattern, told
from lossproof.reports.site.model import Kink, Portrait
from lossproof.spec import evaluate
from lossproof.spec.carriers import boxed
from lossproof.spec.domain import Domain
from lossproof.spec.loss import Loss
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

PRECISION = 256
STEPS = 160
#: one row, or two where rows are negatives of each other
SIZES = {"N": 1, "C": 3, "D": 2, "T": 3, "S": 1}
COUPLED = 2
DIGITS = 6
#: no more entries of what is held are written out
ENTRIES = 6
#: how near a kink its sides are looked at, and the share of all slopes that makes a jump
BESIDE, JUMP = 2.0**-30, 0.2


def portrait(loss: type[Loss]) -> Portrait:
    """The portrait of a loss, options at their defaults."""
    key = loss.differentiable()[0]
    with ctx.workprec(PRECISION), np.errstate(all="ignore"):
        points = {x: _at(loss, key, x) for x in _places(loss.arguments[key].domain)}
        kinks = [x for x, (_, slope) in points.items() if _wide(slope)]
        if loss.kinks:
            for x in _jumps(loss, key, {k: s for k, (_, s) in points.items() if k not in kinks}):
                points[x] = _at(loss, key, x)
                kinks.append(x)
        places = tuple(sorted(points))
        return Portrait(
            argument=key,
            held=_held(_question(loss, key, places[0]), key),
            x=places,
            value=tuple(_number(points[x][0]) for x in places),
            gradient=tuple(None if x in kinks else _number(points[x][1]) for x in places),
            kinks=tuple(_kink(loss, key, x) for x in sorted(kinks)),
        )


def _kink(loss: type[Loss], key: str, x: float) -> Kink:
    """The interval between the slopes on either side: along a line that is the subdifferential.

    What is enclosed at the point itself may be wider, where several branches meet.
    """
    ends = sorted(digits(float(_at(loss, key, x + side * BESIDE)[1]), DIGITS) for side in (-1, 1))
    return Kink(x=x, low=ends[0], high=ends[1])


def _jumps(loss: type[Loss], key: str, slopes: dict[float, arb]) -> Iterator[float]:
    """Where between two points the slope jumps, to within BESIDE."""
    numbers = {x: float(slope) for x, slope in slopes.items() if slope.is_finite()}
    least = JUMP * (max(numbers.values()) - min(numbers.values()))
    for (low, before), (high, after) in pairwise(numbers.items()):
        if high - low > 1.5 * (END * 2 / STEPS) or abs(after - before) <= least:
            continue  # a kink lies there already, or nothing does
        while high - low > BESIDE / 4:
            middle = (low + high) / 2
            slope = float(_at(loss, key, middle)[1])
            if abs(slope - before) > abs(slope - after):
                high, after = middle, slope
            else:
                low, before = middle, slope
        if abs(after - before) > least:
            yield middle


def _wide(slope: arb) -> bool:
    return bool(slope.is_finite() and float(slope.rad()) > 2.0**-20)


def _places(domain: Domain) -> tuple[float, ...]:
    low, high = max(domain.low, -END), min(domain.high, END)
    count = STEPS if high - low > END else STEPS // 10 * 8
    x = np.linspace(low, high, count + 1)
    return tuple(float(v) for v in x if domain.contains(v))


def _at(loss: type[Loss], key: str, x: float) -> tuple[arb, arb]:
    """The first entry of the result, and its slope in the first entry of the argument."""
    question = _question(loss, key, x)
    exact = Arithmetic(exact=True)
    values = boxed(evaluate.value(question, exact).x)
    (method, *_) = question.loss.algorithms("gradient").values()
    slopes = boxed(evaluate.gradients(question, exact, method)[key].x)
    return values[(0,) * values.ndim], slopes[(0,) * slopes.ndim]


def _question(loss: type[Loss], key: str, place: float) -> Question:
    options = loss.complete({})
    sizes = {**SIZES, "*": 1} if loss.samples else {**SIZES, "N": COUPLED, "*": COUPLED}
    arguments: dict[str, Any] = {}
    for turn, (name, argument) in enumerate(loss.arguments.items()):
        if argument.optional:
            arguments[name] = None
            continue
        shape = tuple(sizes[axis] for axis in axes(argument))
        array = _typical(argument.domain, shape, turn, sizes)
        if name == key:
            array = array.astype(np.float64)
            array[(0,) * array.ndim] = place
        arguments[name] = array
    question = Question(loss=loss, arguments=loss.repair(arguments, options), options={})
    cotangent = np.zeros(question.output_shape)
    cotangent[(0,) * cotangent.ndim] = 1.0
    return Question(loss=loss, arguments=question.arguments, options={}, cotangent=cotangent)


def _typical(
    domain: Domain, shape: tuple[int, ...], turn: int, sizes: dict[str, int]
) -> npt.NDArray[Any]:
    if domain.kind == "length":
        return np.full(shape, sizes[domain.axis], dtype=np.int64)
    if domain.integer:
        return np.full(shape, int(domain.kind == "symbol"), dtype=np.int64)
    if domain.kind == "values":
        return np.full(shape, domain.values[-1])
    size = int(np.prod(shape))
    if np.isfinite(domain.low) and np.isfinite(domain.high):
        shares = 0.5 ** np.arange(1, size + 1)  # a row of them adds up to nearly 1
        return np.asarray(domain.low + (domain.high - domain.low) * shares).reshape(shape)
    if np.isfinite(domain.low):
        return np.full(shape, domain.low + 1.0)
    if size == 1:
        return np.zeros(shape)
    return pattern(size, turn).reshape(shape)


def _held(question: Question, key: str) -> str:
    arrays = {k: np.squeeze(v) for k, v in question.arguments.items() if v is not None}
    return told(arrays, question.loss.complete({}), key, ENTRIES)


def _number(x: arb) -> float | None:
    return digits(float(x.mid()), DIGITS) if x.is_finite() else None
