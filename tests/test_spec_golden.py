"""Worked examples printed elsewhere are reproduced to every digit that is mathematics.

`tests/data/golden.json` holds 35 of them, from five public notebooks. Numbers count with all the
digits printed, or with `digits` of them where the rest is the source's own error: rounding in its
arithmetic, inputs printed short, 1e-12 added to a probability.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb

from lossproof.spec import evaluate
from lossproof.spec.loss import get
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

Fact = dict[str, Any]
FACTS: list[Fact] = json.loads((Path(__file__).parent / "data" / "golden.json").read_text())
EXACT = Arithmetic(exact=True)


@pytest.fixture(autouse=True)
def _precision() -> Iterator[None]:
    with flint.ctx.workprec(200):
        yield


def question_of(fact: Fact) -> Question:
    loss = get(fact["loss"])
    arguments: dict[str, Any] = dict.fromkeys(loss.arguments)
    for key, values in fact["arguments"].items():
        kind = np.int64 if loss.arguments[key].domain.integer else np.float64
        arguments[key] = np.asarray(values, dtype=kind)
    question = Question(
        loss=loss, arguments=arguments, options=fact["options"], reduction=fact["reduction"]
    )
    return question.with_cotangent(1.0)


def agrees(ball: arb, printed: float, digits: int | None) -> bool:
    """Whether all of the ball lies within half a unit of the last digit that counts."""
    number = Decimal(repr(printed)).normalize()
    count = len(number.as_tuple().digits)
    place = number.adjusted() - min(digits or count, count) + 1
    return bool(abs(ball - arb(str(number))) <= arb(5) * arb(10) ** (place - 1))


def agree(balls: Any, printed: Any, digits: int | None) -> bool:
    numbers = np.asarray(printed, dtype=np.float64)
    assert balls.shape == numbers.shape
    return all(
        agrees(ball, float(number), digits)
        for ball, number in zip(balls.ravel(), numbers.ravel(), strict=True)
    )


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["id"])
def test_value_is_the_printed_one(fact: Fact) -> None:
    value = evaluate.value(question_of(fact), EXACT)
    assert agree(value.x, fact["value"], fact.get("digits")), (value.x, fact["value"])


@pytest.mark.parametrize("fact", [f for f in FACTS if "gradient" in f], ids=lambda fact: fact["id"])
def test_gradient_is_the_printed_one(fact: Fact) -> None:
    question = question_of(fact)
    for method in question.loss.algorithms("gradient").values():
        gradients = evaluate.gradients(question, EXACT, method)
        for key, printed in fact["gradient"].items():
            assert agree(gradients[key].x, printed, fact.get("gradient_digits"))


def test_all_facts_are_there() -> None:
    assert len({fact["id"] for fact in FACTS}) == 35


def test_saturated_gradient_printed_as_zero_is_not_zero() -> None:
    (fact,) = [f for f in FACTS if "printed_gradient" in f]
    question = question_of(fact)
    method = question.loss.algorithms("gradient")["stated"]
    balls = evaluate.gradients(question, EXACT, method)["logits"].x
    lost = np.asarray(fact["printed_gradient"]["logits"]) == 0.0
    assert lost.sum() == 3
    assert all(ball < 0 for ball in balls[lost])


def test_swapped_binary_cross_entropy_is_infinite_without_the_floor() -> None:
    (fact,) = [f for f in FACTS if f["id"] == "s4-bce-swapped"]
    value = evaluate.value(question_of({**fact, "options": {}}), EXACT)
    assert not value.x[()].is_finite()


def test_agreement_can_fail() -> None:
    assert agrees(arb("0.164251"), 0.1643, None)
    assert not agrees(arb("0.164249"), 0.1643, None)
    assert not agrees(arb("0.1643 +/- 0.01"), 0.1643, None)
    assert agrees(arb("20.538288798"), 20.538288848477517, 8)
    assert not agrees(arb("20.538288798"), 20.538288848477517, 10)
