"""Every law, relation and alternative algorithm of every loss holds in balls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb
from spec_points import questions

from lossproof.spec import evaluate
from lossproof.spec.carriers import BALLS
from lossproof.spec.law import Claim, Law, Relation
from lossproof.spec.loss import Loss, catalogue
from lossproof.spec.losses.huber import Huber
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic, Tracked

PRECISION = 640


@pytest.fixture(autouse=True)
def _precision() -> Iterator[None]:
    before = flint.ctx.prec
    flint.ctx.prec = PRECISION
    yield
    flint.ctx.prec = before


class Specification:
    """The evaluator that answers by the stated formulas, exactly."""

    arithmetic = Arithmetic(carrier=BALLS, exact=True)

    def value(self, question: Question) -> Tracked:
        return evaluate.value(question, self.arithmetic)

    def gradient(self, question: Question, argument: str) -> Tracked:
        if question.cotangent is None:
            question = question.with_cotangent(1.0)
        method = question.loss.algorithms("gradient")["stated"]
        return evaluate.gradients(question, self.arithmetic, method)[argument]


def is_sharp(a: arb, b: arb) -> bool:
    """Whether both enclosures are far smaller than the larger of the numbers, or than 1."""
    scale = arb(1).max(abs(arb(a.mid()))).max(abs(arb(b.mid())))
    return bool(arb(a.rad()) + arb(b.rad()) <= scale * arb(2) ** -100)


def verify(claim: Claim) -> Counter[str]:
    """Count entries that hold sharply, or are too wide to say. Fails where one is refuted."""
    shape = np.broadcast_shapes(claim.left.shape, claim.right.shape)
    lefts, rights = np.broadcast_to(claim.left.x, shape), np.broadcast_to(claim.right.x, shape)
    seen: Counter[str] = Counter()
    for a, b in zip(lefts.ravel(), rights.ravel(), strict=True):
        if not (a.is_finite() and b.is_finite()):
            seen["infinite"] += 1
            continue
        holds = a.overlaps(b) if claim.relation == "==" else not a > b
        assert holds, f"{a} {claim.relation} {b}"
        seen["sharp" if is_sharp(a, b) else "wide"] += 1
    return seen


def verify_all(claims: Iterator[Claim]) -> Counter[str]:
    seen: Counter[str] = Counter()
    for claim in claims:
        seen += verify(claim)
    return seen


def is_telling(seen: Counter[str]) -> bool:
    """Whether few enclosures were wide (those of kinks), and most numbers finite."""
    return seen["wide"] <= 0.1 * seen.total() and seen["sharp"] >= 0.6 * seen.total() > 0


def asked(loss: type[Loss], *, coarse: bool = False) -> Iterator[Question]:
    """A thousand samples: on the grid for coarse laws, else moderate and hostile ones."""
    if coarse:
        yield from questions(loss, "coarse", samples=1000)
    else:
        yield from questions(loss, "moderate", samples=500)
        yield from questions(loss, "hostile", samples=500)


LOSSES = list(catalogue().values())
LAWS = [pytest.param(c, law, id=f"{c.name}-{law.name}") for c in LOSSES for law in c.laws]
RELATIONS = [
    pytest.param(c, relation, id=f"{c.name}-{relation.other}")
    for c in LOSSES
    for relation in c.relations
]
ALTERNATIVES = [
    pytest.param(c, method, id=f"{c.name}-{method}")
    for c in LOSSES
    for name, method in c.algorithms("value").items()
    if name != "stated"
]


@pytest.mark.parametrize(("loss", "law"), LAWS)
def test_law_holds(loss: type[Loss], law: Law) -> None:
    seen: Counter[str] = Counter()
    for question in asked(loss, coarse=law.coarse):
        seen += verify_all(law.claims(Specification(), question))
    assert is_telling(seen), seen


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_names_of_laws_differ(loss: type[Loss]) -> None:
    names = Counter(law.name for law in loss.laws)
    assert not [name for name, count in names.items() if count > 1]


@pytest.mark.parametrize(("loss", "relation"), RELATIONS)
def test_relation_holds(loss: type[Loss], relation: Relation) -> None:
    specification = Specification()
    seen: Counter[str] = Counter()
    for reduction in loss.reductions:
        for question in questions(loss, "moderate", samples=300, reduction=reduction):
            for options in (question.options, *special_options(loss, relation)):
                if relation.when(loss.complete(options)):
                    this = replace(question, options=options)
                    other = evaluate.related(relation, this, specification.arithmetic)
                    seen += verify(Claim(specification.value(this), "==", other))
    assert is_telling(seen), seen


def special_options(loss: type[Loss], relation: Relation) -> list[dict[str, Any]]:
    """Options that a relation needs and no landmark is likely to be."""
    return [{"delta": 2.0**201}] if (loss.name, relation.other) == ("huber", "mse") else []


@pytest.mark.parametrize(("loss", "method"), ALTERNATIVES)
def test_alternative_value_is_the_value(loss: type[Loss], method: str) -> None:
    specification = Specification()
    seen: Counter[str] = Counter()
    for question in asked(loss):
        other = evaluate.value(question, specification.arithmetic, method)
        seen += verify(Claim(specification.value(question), "==", other))
    assert is_telling(seen), seen


def test_a_false_law_is_noticed() -> None:
    class Lopsided(Huber):
        name = "lopsided"

        def value(self, prediction: Tracked, target: Tracked) -> Tracked:
            return super().value(prediction, target) + prediction * 2.0**-40

    laws = {law.name.split(".")[0]: law for law in Huber.laws}
    for name in ("nonnegative", "zero_if_equal", "symmetric", "shift_invariant", "mirrored"):
        (question, *_) = questions(Lopsided, "coarse", samples=100)
        with pytest.raises(AssertionError):
            verify_all(laws[name].claims(Specification(), question))
