"""The algebra that a loss declares holds for the implementation, within its budgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from flint import arb, ctx

from lossproof.conformance import oracle
from lossproof.conformance.check import MUST, Incomparable, Observation, check
from lossproof.conformance.sources import HOSTILE
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import BALLS, entry
from lossproof.spec.law import Claim
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic, Tracked


class Witness:
    """Answers of an implementation as tracked numbers: each with the budget of its point."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.asked: list[tuple[Question, str]] = []
        self.arithmetic = Arithmetic(format=subject.format, profile=subject.profile, carrier=BALLS)

    def value(self, question: Question) -> Tracked:
        """The implementation's value."""
        return self._answer(question, "value")

    def gradient(self, question: Question, argument: str) -> Tracked:
        """The implementation's gradient."""
        asked = question if question.cotangent is not None else question.with_cotangent(1.0)
        return self._answer(asked, f"gradient.{argument}")

    def _answer(self, question: Question, quantity: str) -> Tracked:
        if self._beyond(question):
            shape = oracle.truth(
                question, quantity, self.subject.format, self.subject.profile
            ).exact.shape
            nothing = np.full(shape, np.inf)
            return Tracked(self.arithmetic, BALLS.lift(np.zeros(shape)), nothing)
        answer = self.subject.ask(question)
        self.asked.append((question, quantity))
        got = answer.value if quantity == "value" else answer.gradients[quantity.partition(".")[2]]
        array = None if got is None else np.asarray(got)
        problem = oracle.shape_problem(question, quantity, array)
        if problem is not None or array is None:
            raise Incomparable(question, problem or "nothing came back", quantity)
        numbers = array.astype(np.float64)
        truth = oracle.truth(question, quantity, self.subject.format, self.subject.profile)
        budget = np.broadcast_to(truth.budget, numbers.shape)
        unbound = truth.wide | np.asarray([not x.is_finite() for x in truth.exact.flat]).reshape(
            truth.exact.shape
        )
        return Tracked(self.arithmetic, BALLS.lift(numbers), np.where(unbound, np.inf, budget))

    def _beyond(self, question: Question) -> bool:
        """Whether a law asks for an option or a reduction that the implementation does not take, or
        for other numbers than it holds."""
        if question.reduction not in self.subject.reductions:
            return True
        if self.subject.held_otherwise(question) is not None:
            return True
        plain = self.subject.option_sets[0]
        complete = self.subject.loss.complete(plain)
        return any(
            question.options.get(k, v) != v
            for k, v in complete.items()
            if k not in self.subject.taken
        )


def _declares(subject: Subject) -> str | None:
    return None if subject.loss.laws else "the loss declares no laws"


@check(
    "properties",
    level=MUST,
    sentence="the declared algebra holds: signs, symmetry, convexity, invariance, bounds",
    source=HOSTILE,
    needs=_declares,
)
def properties(subject: Subject, question: Question) -> Iterator[Observation]:
    """Every law, asked at this question; laws that need exact shifts only at coarse ones."""
    coarse = _is_coarse(question)
    for law in subject.loss.laws:
        if law.coarse and not coarse:
            continue
        if law.gradient is not None and law.gradient not in subject.differentiable:
            continue
        witness = Witness(subject)
        with ctx.workprec(256), np.errstate(all="ignore"):
            for claim in law.claims(witness, question):
                seen = broken(claim, question, f"broken: {law.sentence}")
                yield replace(seen, plainly=partial(iter, witness.asked))


def _is_coarse(question: Question) -> bool:
    arrays = [
        np.asarray(v, dtype=np.float64)
        for k, v in question.arguments.items()
        if v is not None and not question.loss.arguments[k].domain.integer
    ]
    return all(np.array_equal(a * 4, np.round(a * 4)) and np.all(abs(a) <= 8) for a in arrays)


def broken(claim: Claim, question: Question, what: str) -> Observation:
    """By how much of both budgets a claim fails."""
    left, right = claim.left, claim.left.lift(claim.right)
    shape = np.broadcast_shapes(left.shape, right.shape)
    xs, ys = np.broadcast_to(left.x, shape), np.broadcast_to(right.x, shape)
    budgets = np.broadcast_to(left.e, shape) + np.broadcast_to(right.e, shape)
    worst, facts, excused = 0.0, {}, 0
    for i in np.ndindex(shape):
        x: arb = entry(xs, i)
        y: arb = entry(ys, i)
        e = float(budgets[i])
        if not np.isfinite(e):
            excused += 1
            continue
        if not x.is_finite() or not y.is_finite():
            ratio = float("inf")
        else:
            gap = x - y
            short = gap.abs_lower() if claim.relation == "==" else _positive(gap)
            size = float(short)
            ratio = 0.0 if size == 0.0 else (size / e if e > 0 else float("inf"))
        if ratio > worst:
            worst = ratio
            facts = {"truth": f"a number {claim.relation} {_said(y)}", "got": _said(x)}
            if x.is_finite() and not y.is_finite():  # told from the side that is wrong
                turned = {"<=": ">=", "==": "=="}[claim.relation]
                facts = {"truth": f"a number {turned} {_said(x)}", "got": _said(y)}
    points = int(np.prod(shape))
    return Observation(
        question=question,
        fault=what if worst > 1.0 else None,
        ratio=worst,
        points=points,
        excused=excused,
        facts=facts if worst > 1.0 else {},
    )


def _said(number: arb) -> str:
    return f"{float(number):.9g}" if number.is_finite() else "not a finite number"


def _positive(gap: arb) -> arb:
    return gap.lower() if gap.lower() > 0 else arb(0)
