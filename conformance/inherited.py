"""Deviations that a function has from its framework: they are the framework's to mend.

A function that calls `torch.nn.functional` answers as that does, bit for bit, its known faults
included. Where such a fault is listed for the framework itself, it is not charged to the caller.
Each violation is looked at by itself: what the framework does not do alike is the function's own.
So it is with a loss that is composed of the framework's softplus, of which faults are listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from lossproof.backends.composed import COMPOSED
from lossproof.conformance import deviations, oracle, owned, plan
from lossproof.conformance.check import Check, Observation
from lossproof.conformance.points import SIZES
from lossproof.conformance.registry import backend
from lossproof.conformance.sources import plain
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.conformance.summed import Summed
from lossproof.spec.carriers import Mask
from lossproof.spec.loss import SpecError
from lossproof.spec.question import Question

#: what whoever reads the reason need not ask
NO_FAULT = "no fault of this function"
#: options that frameworks hold at constants of their own
_HIDDEN = ("eps", "log_floor")
#: checks that compare the value and gradients, asked in other ways
_OF_NUMBERS = ("layout", "shapes", "special_values", "transformations")
#: answers among which memory that nobody has written has held more than one number
_TIMES = 64


def excuse(subject: Subject, check: Check, name: str) -> Alike | Summed | None:
    """What may take violations of a cell off the subject, None where nothing does."""
    if (subject.backend.name, subject.dtype, check.name) == ("numpy", "bfloat16", "scale"):
        return Summed(subject=subject)
    if subject.backend.name not in ("torch", "jax"):
        return None
    identifier = plan.Unit.of(subject).id(name)
    entry = _entry(identifier)
    if entry is None and check.name in _OF_NUMBERS:
        # what is listed of its value is so however it is asked
        entry = _entry(plan.Unit.of(subject).id("value"))
        entry = None if entry is not None and entry.fault is not None else entry
    framework, link = subject.backend.name, None
    constants: dict[str, Any] = {}
    if entry is not None:
        reason, link = f"inherited from {framework}: {entry.reason}", entry.link
    elif constants := _constants(subject):
        said = ", ".join(f"{k} = {v!r}" for k, v in constants.items())
        reason = f"as {framework}'s own {subject.loss.name}, judged under {said}"
    elif subject.loss.name in COMPOSED and (listed_of := _of_softplus(subject)):
        reason = f"inherited from {framework}: as composed of its own softplus; {listed_of}"
    else:
        return None
    listed = entry is not None or bool(constants)
    fault = None if entry is None else entry.fault
    return Alike(
        subject=subject,
        check=check,
        name=name,
        reason=f"{reason}; {NO_FAULT}",
        link=link,
        listed=listed,
        fault=fault,
    )


def _entry(identifier: str) -> deviations.Deviation | None:
    return next((d for d in _known() if d.matches(identifier) and d.in_force()), None)


def _of_softplus(subject: Subject) -> str:
    """What is listed of the framework's softplus in the dtype, if anything is."""
    cell = f"[{subject.backend.name},{subject.dtype},{subject.device}]"
    reasons = dict.fromkeys(
        d.reason
        for d in _known()
        for name in ("value", "gradient.x")
        if d.matches(f"softplus/{name}{cell}") and d.in_force()
    )
    return "; ".join(reasons)


def _constants(subject: Subject) -> dict[str, Any]:
    """The constants of the framework's own function that the target is not judged under."""
    held = {k: v for k, v in subject.implementation.dialect.items() if k in _HIDDEN}
    stated = backend(subject.backend.name).constants.get(subject.loss.name, {})
    return {k: v for k, v in stated.items() if k in held and held[k] != v}


@cache
def _known() -> tuple[deviations.Deviation, ...]:
    return tuple(d for path in deviations.OWN for d in deviations.read(path))


@dataclass(frozen=True, kw_only=True, eq=False)
class Alike:
    """Takes off what the framework's own function answers alike, asked the same in its place."""

    subject: Subject
    check: Check
    name: str
    reason: str
    link: str | None = None
    #: whether the framework's own function is known to have faults in this cell
    listed: bool = True
    #: the one fault that is known of it, in words as in a file of expected deviations
    fault: str | None = None

    def rest(self, question: Question, observations: list[Observation]) -> list[Observation]:
        """The observations without the faults that the framework commits alike."""
        return [self._left(question, o) if self._known(o) else o for o in observations]

    def _known(self, seen: Observation) -> bool:
        """Whether there is a fault, and one that may be the framework's."""
        known = self.fault is None or deviations.like(str(seen.fault), self.fault)
        return seen.fault is not None and known

    @cached_property
    def owns(self) -> tuple[owned.Own, ...]:
        """The framework's function, and what is composed of its parts, judged as the subject is."""
        # what is listed of a second derivative is listed of the loss, and is that of its parts
        parts = _of_softplus(self.subject) or self.check.name == "transformations"
        return owned.owned(self.subject, function=self.listed, compositions=bool(parts))

    def _left(self, question: Question, seen: Observation) -> Observation:
        """One observation, its fault gone where all of it is the framework's."""
        for own in self.owns:
            if seen.fault is not None:
                seen = self._less(own, question, seen)
        return seen

    def _less(self, own: owned.Own, question: Question, seen: Observation) -> Observation:
        """One observation without what one function of the framework answers alike."""
        judgement = seen.judgement
        if judgement is None or judgement.problem is not None or "repeated" in seen.how:
            told = self._may_tell(own, seen) and self._told(own, question, seen)
            return without(seen) if told else seen
        ratios = np.where(self._where(own, seen, judgement), 0.0, judgement.ratios)
        left = replace(judgement, ratios=ratios)
        if not left.violations.any():
            return without(seen)
        return replace(seen, judgement=left, ratio=float(ratios.flat[left.worst]))

    def _where(self, own: owned.Own, seen: Observation, judgement: oracle.Judgement) -> Mask:
        """The violations that are the framework's: the same bits, or no further from its answer
        than the spec allows from the truth, as where a mean is taken by other means."""
        nowhere = np.zeros(judgement.ratios.shape, dtype=np.bool_)
        try:
            answer = own.subject.ask(seen.question, **_asked(seen))
        except (TargetError, Incomparable):
            return nowhere
        quantity, ours = judgement.quantity, judgement.got
        name = quantity.removeprefix("gradient.")
        theirs = answer.value if quantity == "value" else answer.gradients.get(name)
        if ours is None or theirs is None or _form(ours) != _form(theirs):
            return nowhere
        alike = judgement.violations & (_bits(ours) == _bits(theirs))
        if (judgement.violations & ~alike).any():
            truth = oracle.truth(seen.question, quantity, own.subject.format, own.subject.profile)
            apart = np.abs(ours.astype(np.float64) - np.asarray(theirs).astype(np.float64))
            alike |= judgement.violations & (apart <= truth.budget) & np.isfinite(truth.budget)
        if own.composed:
            alike &= np.isfinite(np.asarray(theirs, dtype=np.float64))
        return np.asarray(alike)

    def _may_tell(self, own: owned.Own, seen: Observation) -> bool:
        """Whether what a check tells in words of one of the framework's functions may be the cause
        of what it tells of the subject."""
        if own.composed:
            # it broadcasts, and does with what is not finite, as whoever wrote it let it
            return self.check.name in ("properties", "relations")
        # to have the framework's formula is not to call it, where shapes do not fit
        return self.check.name != "shapes" or self.subject.calls_own(seen.question)

    def _told(self, own: owned.Own, question: Question, seen: Observation) -> bool:
        """Whether the check tells the same of the framework's function, which answers the same."""
        if any(v is not None and np.size(v) == 0 for v in seen.question.arguments.values()):
            return all(_unwritten(who, seen.question) for who in (own.subject, self.subject))
        key = ("told", own.subject, self.name)
        if key not in question.memo:
            try:
                question.memo[key] = self.check.run(own.subject, question, self.name)
            except (TargetError, SpecError):
                question.memo[key] = []
        if not any(_alike(seen, other) for other in question.memo[key]):
            return False
        # the question that is shown of a large batch is not the one that was asked
        return "repeated" in seen.how or _answer(own.subject, seen) == _answer(self.subject, seen)


def without(seen: Observation) -> Observation:
    """What was seen, without its fault and the numbers that show it."""
    return replace(seen, fault=None, ratio=0.0, judgement=None, facts={})


def _asked(seen: Observation) -> dict[str, Any]:
    """How a call was made, of what is said of how a question was put."""
    return {k: v for k, v in seen.how.items() if k in ("layout", "transformation")}


def _alike(one: Observation, other: Observation) -> bool:
    """Whether two observations tell of the same fault in the same numbers."""
    if (one.fault, one.ratio, dict(one.how)) != (other.fault, other.ratio, dict(other.how)):
        return False
    ours, theirs = one.judgement, other.judgement
    if ours is None or theirs is None:
        return ours is theirs and dict(one.facts) == dict(other.facts)
    if ours.got is None or theirs.got is None:
        return ours.got is theirs.got
    same = _form(ours.got) == _form(theirs.got)
    return same and bool((_bits(ours.got) == _bits(theirs.got)).all())


def _answer(subject: Subject, seen: Observation) -> Mapping[str, Any] | str:
    """The bits of an answer by what they are of, or what was raised."""
    try:
        answer = subject.ask(seen.question, **_asked(seen))
    except (TargetError, Incomparable) as error:
        return str(error)
    given = {"value": answer.value, **answer.gradients}
    return {k: (*_form(v), _bits(v).tolist()) for k, v in given.items() if v is not None}


def _unwritten(subject: Subject, question: Question) -> bool:
    """Whether of nothing it answers now this, now that: memory that nobody has written."""
    first = None
    try:
        for seed in range(_TIMES):
            sizes = {**SIZES[0], "*": 1 + seed, "N": 1 + seed}
            between = plain(
                subject, seed=seed, sizes=sizes, reduction=question.reduction, optional=False
            )
            subject.ask_again(between)
            found = _bits(subject.ask_again(question).value).tobytes()
            first = found if first is None else first
            if found != first:
                return True
    except (TargetError, Incomparable):
        return False
    return False


def _form(array: Any) -> tuple[Any, ...]:
    return np.shape(array), np.asarray(array).dtype.name


def _bits(array: Any) -> Any:
    """Floats as integers, entry by entry; every nan as the same one."""
    values = np.array(array, copy=True, ndmin=1, order="C")
    values[np.isnan(values)] = np.nan
    return values.view(f"u{values.dtype.itemsize}").reshape(np.shape(array))
