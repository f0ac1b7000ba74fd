"""Checks: what is required of an implementation, and what was observed.

A check is one plain function in one file of `conformance/checks/`. It is handed a subject and a
question, and returns observations; `runner.judge` alone turns them into a verdict. Where its
questions come from is data: a source (`conformance.sources`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lossproof.conformance import describe
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.sources import Source
from lossproof.conformance.subject import Incomparable as Incomparable
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import Loss
from lossproof.spec.question import Question

MUST, SHOULD, NOTE = "MUST", "SHOULD", "NOTE"
INCOMPARABLE = "the answer cannot be compared"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one question showed.

    `ratio` is error / budget, infinite where there is no number to compare; `fault` says in words
    what is not true, and is None if the requirement holds. `judgement` is the comparison it rests
    on, if numbers were compared; `facts` are further lines for the message (truth, got, off).
    `plainly` gives plain calls, each a question and the quantity that is read: where one is wrong,
    so must this be, and the violation is an echo of that (`conformance.echoes`). `cause` guesses at
    one, for the message alone.
    """

    question: Question
    fault: str | None = None
    ratio: float = 0.0
    points: int = 1
    excused: int = 0
    grade: str | None = None
    judgement: Judgement | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    conventions: Mapping[str, str] = field(default_factory=dict)
    how: Mapping[str, Any] = field(default_factory=dict)
    plainly: Callable[[], Iterable[tuple[Question, str]]] = tuple
    cause: Callable[[], str | None] | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """A requirement: its name, its level, its sentence, and the function that observes it.

    `needs` returns why the check does not apply to a subject, or None. `per_argument` checks are
    repeated for every differentiable argument, named `check.argument`. Checks of behaviour that has
    nothing to do with the dtype are made in one dtype only, unless the profile says otherwise.
    """

    name: str
    level: str
    sentence: str
    source: Source
    observe: Callable[..., Iterable[Observation]]
    needs: Callable[[Subject], str | None]
    per_argument: bool = False
    every_dtype: bool = True

    def names(self, loss: type[Loss]) -> tuple[str, ...]:
        """The ids of this check for a loss: one, or one for each differentiable argument."""
        if not self.per_argument:
            return (self.name,)
        return tuple(f"{self.name}.{argument}" for argument in loss.differentiable())

    def reason_to_skip(self, subject: Subject, name: str) -> str | None:
        """Why the check does not apply, or None."""
        argument = name.partition(".")[2]
        if self.per_argument and argument not in subject.differentiable:
            return f"the implementation has no gradient for {argument}"
        if self.name in subject.effort.without:
            return f"not part of the {subject.effort.name} profile"
        if subject.effort.thin and not subject.primary and self.source.name != "everywhere":
            return f"examined in one dtype only by the {subject.effort.name} profile"
        if not (self.every_dtype or subject.primary or subject.effort.every_dtype):
            return f"examined in one dtype only by the {subject.effort.name} profile"
        return self.needs(subject)

    def run(self, subject: Subject, question: Question, name: str) -> list[Observation]:
        """What the question shows of the check called `name`."""
        seen: list[Observation] = []
        arguments = (name.partition(".")[2],) if self.per_argument else ()
        try:
            for observation in self.observe(subject, question, *arguments):
                seen.append(observation)
        except Incomparable as error:
            seen.append(
                Observation(
                    question=error.question,
                    fault=INCOMPARABLE,
                    ratio=float("inf"),
                    facts={
                        "truth": describe.stated(error.question, error.quantity),
                        "got": str(error),
                    },
                )
            )
        return seen


def _nothing(subject: Subject) -> str | None:
    return None


_CHECKS: dict[str, Check] = {}


def check(
    name: str,
    *,
    level: str,
    sentence: str,
    source: Source,
    needs: Callable[[Subject], str | None] = _nothing,
    per_argument: bool = False,
    every_dtype: bool = True,
) -> Callable[[Callable[..., Iterable[Observation]]], Callable[..., Iterable[Observation]]]:
    """Register a function as a check."""

    def register(
        observe: Callable[..., Iterable[Observation]],
    ) -> Callable[..., Iterable[Observation]]:
        if name in _CHECKS:
            raise ValueError(f"two checks are named {name}")
        _CHECKS[name] = Check(
            name=name,
            level=level,
            sentence=sentence,
            source=source,
            observe=observe,
            needs=needs,
            per_argument=per_argument,
            every_dtype=every_dtype,
        )
        return observe

    return register


def checks() -> dict[str, Check]:
    """Every check by name, in the order of the design: numbers first, then conventions."""
    package = importlib.import_module("lossproof.conformance.checks")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(_CHECKS.items()))


def compared(
    question: Question,
    judgement: Judgement,
    *,
    what: str,
    how: Mapping[str, Any] | None = None,
    plainly: Callable[[], Iterable[Question]] = tuple,
) -> Observation:
    """An observation of numbers compared with the specification, an echo of what plain calls at
    the questions of `plainly` are wrong in the same quantity."""
    violated = judgement.problem is not None or bool(judgement.violations.any())
    worst = judgement.worst
    return Observation(
        question=question,
        fault=what if violated else None,
        ratio=float(judgement.ratios.flat[worst]) if worst >= 0 else 0.0,
        points=int(judgement.ratios.size),
        excused=int(judgement.excused.sum()),
        grade=judgement.grade,
        judgement=judgement,
        how=how or {},
        plainly=lambda: [(q, judgement.quantity.replace("second", "gradient")) for q in plainly()],
    )
