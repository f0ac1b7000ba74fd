"""Conformance vectors: questions, and what the specification promises of their answers."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from flint import arb, ctx

from lossproof import __version__
from lossproof.backends.process.protocol import hexadecimal, pack
from lossproof.conformance import oracle
from lossproof.conformance.nearest import nearest, number_at, place_of
from lossproof.conformance.oracle import CONDITIONING_ROUNDINGS, Truth, truth
from lossproof.conformance.points import SIZES, Maker
from lossproof.reports.vectors import Expected, Numbers, Vector, Vectors
from lossproof.spec.carriers import BALLS, entry
from lossproof.spec.formats import FORMATS, Format
from lossproof.spec.loss import Loss, get
from lossproof.spec.profile import IEEE
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

#: what the random part is drawn from, in turn
REGIMES = (
    "coarse", "moderate", "near_tie", "wide", "confident", "small", "equal", "offset", "huge",
)  # fmt: skip
#: of the exact value, enough for the numbers of float64 from the least to the largest
BITS = 2400
DIGITS = 40


def export(loss: str, dtype: str, options: Mapping[str, Any], *, points: int, seed: int) -> Vectors:
    """Vectors for at least `points` samples, half of them landmarks, then for every reduction.

    Raises SpecError for a loss or an option that there is not.
    """
    stated, fmt = get(loss), FORMATS[dtype]
    settings = stated.complete(options)
    return Vectors(
        generator=f"lossproof {__version__}",
        loss=loss,
        formula=stated.formula(),
        dtype=dtype,
        options=settings,
        seed=seed,
        ulps={"default": IEEE.default_ulps, **IEEE.ulps},
        source=IEEE.source,
        vectors=tuple(
            vector(name, question, fmt)
            for name, question in questions(stated, fmt, settings, points, seed)
        ),
    )


def questions(
    loss: type[Loss], fmt: Format, options: Mapping[str, Any], points: int, seed: int
) -> Iterator[tuple[str, Question]]:
    """Questions by name: landmarks, the same for every seed, random ones, and reductions."""
    maker = Maker(loss=loss, format=fmt)
    made = 0
    for number in itertools.count():
        if 2 * made >= points:
            break
        question = maker.question(number, "landmarks", SIZES[0], options=options)
        made += question.samples
        yield f"landmarks-{number}", question
    draw = np.random.default_rng(seed)
    for number, regime in enumerate(itertools.cycle(REGIMES)):
        if made >= points:
            break
        question = maker.question(
            int(draw.integers(2**32)), regime, SIZES[0], options=options, optional=number % 2 == 1
        )
        made += question.samples
        yield f"{regime}-{number}", question
    for reduction in loss.reductions[1:]:
        for regime, cotangent in (("coarse", "negative"), ("moderate", "random")):
            yield (
                f"{reduction}-{regime}",
                maker.question(
                    int(draw.integers(2**32)),
                    regime,
                    SIZES[0],
                    options=options,
                    reduction=reduction,
                    cotangent=cotangent,
                ),
            )


def vector(name: str, question: Question, fmt: Format) -> Vector:
    """One question with what is promised of its value and of every gradient."""
    given = {k: v for k, v in question.arguments.items() if v is not None}
    return Vector(
        id=name,
        reduction=question.reduction,
        arguments={k: _numbers(given[k]) if k in given else None for k in question.arguments},
        cotangent=_numbers(np.asarray(question.cotangent)),
        value=promised(question, "value", fmt),
        gradients={
            k: promised(question, f"gradient.{k}", fmt)
            for k in question.loss.differentiable()
            if k in given
        },
    )


def _numbers(array: Any) -> Numbers:
    return msgspec.convert(pack(np.asarray(array), "hex"), Numbers)


def promised(question: Question, quantity: str, fmt: Format) -> tuple[Expected, ...]:
    """What is promised of a quantity, entry by entry in row-major order."""
    plain = truth(question, quantity, fmt, IEEE)
    loose = truth(question, quantity, fmt, IEEE, input_roundings=CONDITIONING_ROUNDINGS)
    exact = _exact(question, quantity)
    open_ = _open(question, quantity, plain.exact.shape, fmt)
    places = np.ndindex(plain.exact.shape)
    return tuple(_expected(exact[i], plain, loose, i, bool(open_[i]), fmt) for i in places)


def _exact(question: Question, quantity: str) -> dict[tuple[int, ...], arb | None]:
    """The exact values, from inputs and options as they are; None at a kink and beyond numbers."""
    methods = question.loss.algorithms("value" if quantity == "value" else "gradient")
    with ctx.workprec(BITS):
        arithmetic = Arithmetic(carrier=BALLS, exact=True)
        found = oracle.evaluated(question, quantity, arithmetic, methods["stated"])
    many = np.broadcast_to(False if found.undecided is None else found.undecided, found.shape)
    result: dict[tuple[int, ...], arb | None] = {}
    for i in np.ndindex(found.shape):
        x: arb = entry(found.x, i)
        known = x.is_finite() and not (many[i] and bool(x.rad() > 0))
        result[i] = x if known else None
    return result


def _open(
    question: Question, quantity: str, shape: tuple[int, ...], fmt: Format
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The entries where not even an infinity would be held against an answer."""
    found = np.zeros(shape, dtype=np.bool_)
    for infinity in (np.inf, -np.inf):
        answer = np.full(shape, infinity).astype(fmt.dtype)
        found |= oracle.judge(question, quantity, answer, fmt, IEEE).excused
    return found


def _expected(
    exact: arb | None, plain: Truth, loose: Truth, i: tuple[int, ...], open_: bool, fmt: Format
) -> Expected:
    value = None if exact is None else _decimal(exact)
    closest = None if exact is None else nearest(exact, fmt)
    written = None if closest is None else hexadecimal(closest)
    x: arb = entry(plain.exact, i)
    budget = float(plain.budget[i])
    if open_ or not math.isfinite(budget):
        return Expected(exact=value, nearest=written, budget=None, accept=None)
    allowances = [(x, budget)]
    # as the oracle has it: a branch that is decided stays decided
    if plain.wide[i] or not loose.wide[i]:
        allowances.append((entry(loose.exact, i), float(loose.budget[i])))
    low, high = (_end(allowances, fmt, outward) for outward in (-1, 1))
    kink = bool(plain.wide[i]) and float(x.rad()) > budget
    return Expected(
        exact=value,
        nearest=written,
        budget=hexadecimal(budget),
        accept=(hexadecimal(low), hexadecimal(high)),
        kink=(_short(x.lower()), _short(x.upper())) if kink else None,
    )


def _end(allowances: list[tuple[arb, float]], fmt: Format, outward: int) -> float:
    """The last number of the format, going up (1) or down (-1), that some allowance admits."""

    def admitted(place: int) -> bool:
        y = arb(number_at(place, fmt))
        return any(float((y - x).abs_lower()) <= e for x, e in allowances)

    middle = float(np.clip(float(allowances[0][0]), -fmt.largest, fmt.largest))
    inside, outside = place_of(middle, fmt), place_of(outward * fmt.largest, fmt)
    assert admitted(inside)  # every budget is more than one rounding
    if admitted(outside):
        return outward * fmt.largest
    while abs(outside - inside) > 1:
        between = (inside + outside) // 2
        inside, outside = (between, outside) if admitted(between) else (inside, between)
    return number_at(inside, fmt)


def _decimal(x: arb) -> tuple[str, str]:
    """Middle and radius of an interval that holds the ball, the middle to 40 digits."""
    found = re.fullmatch(r"\[?([-0-9.e+]*?)(?: ?\+/- ([0-9.e+-]+)\])?", x.str(DIGITS))
    assert found is not None, x
    return found[1] or "0", found[2] or "0"


def _short(x: arb) -> str:
    return str(x.str(9, radius=False))
