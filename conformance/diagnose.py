"""What a wrong number looks like: a guess at the cause, said only where the numbers bear it out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.conformance import causes, oracle
from lossproof.conformance.agreement import trial
from lossproof.conformance.check import Observation
from lossproof.conformance.describe import narrowed
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.carriers import BALLS, Reals
from lossproof.spec.formats import Format
from lossproof.spec.loss import SpecError
from lossproof.spec.question import Question

#: rows of a plain question whose arguments may have any shape
ROWS = 4
#: how many roundings a factor or a denominator may be off and still be called by its name
_CLOSE = 64.0


def looks(subject: Subject, observation: Observation) -> str | None:
    """What the wrong number looks like, or None."""
    judgement, question = observation.judgement, observation.question
    if judgement is None or judgement.problem is not None or judgement.got is None:
        return None
    if judgement.worst < 0 or "transformation" in observation.how:
        return None
    where = tuple(int(i) for i in np.unravel_index(judgement.worst, judgement.ratios.shape))
    got = float(judgement.got.astype(np.float64)[where])
    if not np.isfinite(got):
        return _not_finite(subject, question, judgement)
    try:
        if judgement.quantity != "value":
            followed = _cotangent(subject, question, judgement)
            if followed is not None:
                return followed
        return (
            _denominator(subject, question, judgement)
            or _plain_denominator(subject, question, judgement.quantity)
            or _factor(subject, question, judgement)
            or causes.cause(subject, question, judgement)
            or _flat(question, judgement)
        )
    except (TargetError, SpecError, Incomparable):
        return None


# ---- nan and infinities


def _not_finite(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """At which kink, tie, end or limit a number is not finite."""
    if question.separable and question.samples > 1:
        question = narrowed(question, judgement.worst, judgement.ratios.shape)
    found = list(_beyond(question, subject.format))
    if not found:
        found = [*_ties(question), *_ends(question)]
    if not found:
        return None
    kink = " and a kink of the loss" if judgement.wide.flat[judgement.worst] else ""
    return f"not finite where {' and '.join(found[:3])}{kink}{_of_zeros(question, found)}"


def _of_zeros(question: Question, found: Sequence[str]) -> str:
    """What makes nan of zeros: a product with a logarithm, a quotient, the slope of a root."""
    ends = [words.partition(" is ")[0] for words in found if words.endswith((" is 0", " is 1"))]
    bounded = [k for k in ends if np.isfinite(question.loss.arguments[k].domain.low)]
    if bounded:
        return ": 0 · log 0, 0 / 0, or 0 · inf in a gradient"
    if any(" = " in words for words in found):
        return ": 0 / 0, or the slope of a root at 0"
    return ": 0 / 0, or 0 · inf in a gradient" if ends else ""


def _ties(question: Question) -> Iterator[str]:
    for first, second in question.loss.ties:
        a, b = (np.asarray(question.arguments[k], dtype=np.float64) for k in (first, second))
        if a.size and a.shape == b.shape and np.array_equal(a, b):
            yield f"{first} = {second}"


def _ends(question: Question) -> Iterator[str]:
    """The arguments that reach an end of their domain, or are 0."""
    for key, values in _reals(question):
        domain = question.loss.arguments[key].domain
        ends = [e for e in (domain.low, domain.high) if np.isfinite(e) and np.any(values == e)]
        if ends:
            yield f"{key} is {ends[0]:g}"
        elif not np.any(values):
            yield f"{key} is 0"


def _beyond(question: Question, fmt: Format) -> Iterator[str]:
    """The arguments beyond what squares, exponentials and sigmoids can take."""
    for key, values in _reals(question):
        domain, size = question.loss.arguments[key].domain, float(np.abs(values).max())
        if size > math.sqrt(fmt.largest):
            yield f"{key} is beyond {math.sqrt(fmt.largest):.2g}, whose square overflows"
        elif np.isfinite(domain.low) or np.isfinite(domain.high):
            continue
        elif size > math.log(fmt.largest):
            yield f"{key} is beyond {math.log(fmt.largest):.3g}, where exp overflows or vanishes"
        elif size > -math.log(fmt.unit_roundoff):
            edge = -math.log(fmt.unit_roundoff)
            yield f"{key} is beyond {edge:.3g}, where a sigmoid rounds to 0 or 1"


def _reals(question: Question) -> Iterator[tuple[str, Reals]]:
    for key, argument in question.loss.arguments.items():
        if question.arguments.get(key) is not None and argument.domain.kind == "real":
            values = np.asarray(question.arguments[key], dtype=np.float64)
            if values.size and np.isfinite(values).all():
                yield key, values


# ---- gradients


def _cotangent(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Whether the gradient follows the cotangent at all."""
    cotangent = np.asarray(question.cotangent, dtype=np.float64)
    if not np.any(cotangent):
        return "not 0 for a cotangent of 0: the cotangent is ignored"
    name = judgement.quantity.partition(".")[2]
    if _same(subject, question, name, cotangent * 2):
        if judgement.got is None or np.any(judgement.got):
            return "the gradient does not depend on the cotangent"
        if _never(subject, question, judgement.quantity):
            return "the gradient is 0 everywhere: detached, or constant"
        return None
    rest = cotangent.copy()
    rest.reshape(-1)[1:] *= 2
    several = cotangent.size > 1 and bool(np.any(cotangent.reshape(-1)[1:]))
    if several and _same(subject, question, name, rest):
        return "the gradient depends on the first entry of the cotangent only"
    return None


def _never(subject: Subject, question: Question, quantity: str) -> bool:
    """Whether a gradient is 0 at moderate numbers too."""
    plainly = subject.maker.question(
        1, options=question.options, reduction=question.reduction, optional=False, cotangent="ones"
    )
    came = subject.ask(plainly).gradients.get(quantity.partition(".")[2])
    return came is None or not np.any(np.asarray(came, dtype=np.float64))


def _flat(question: Question, judgement: Judgement) -> str | None:
    """A gradient of nothing but zeros, for a cotangent that is not 0, where it is not right."""
    if judgement.quantity == "value" or judgement.got is None or np.any(judgement.got):
        return None
    if not np.any(np.asarray(question.cotangent, dtype=np.float64)):
        return None
    return "0 here, not everywhere: as beyond a clamp, or where an exponential rounds away"


def _same(subject: Subject, question: Question, name: str, cotangent: Reals) -> bool:
    asked = replace(question, cotangent=np.asarray(subject.format.round(cotangent)))
    before = subject.ask(question).gradients.get(name)
    after = subject.ask(asked).gradients.get(name)
    if before is None or after is None or np.shape(before) != np.shape(after):
        return False
    return bool(np.array_equal(np.asarray(before), np.asarray(after)))


def _factor(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Whether every entry is the same simple multiple of the truth."""
    times = _Multiple(subject, question, judgement)
    return next((words for words, factor in _factors(question) if times.holds(factor)), None)


class _Multiple:
    """Whether an answer is a multiple of the truth, in all entries that can tell."""

    def __init__(self, subject: Subject, question: Question, judgement: Judgement) -> None:
        truth = oracle.truth(question, judgement.quantity, subject.format, subject.profile)
        exact, got = BALLS.middle(truth.exact), np.asarray(judgement.got, dtype=np.float64)
        with np.errstate(all="ignore"):
            known = np.abs(exact) > _CLOSE * truth.budget
        known &= np.isfinite(exact) & np.isfinite(got) & ~truth.wide & np.isfinite(truth.budget)
        self.exact, self.got, self.budget = exact[known], got[known], truth.budget[known]

    def holds(self, factor: float) -> bool:
        slack = _CLOSE * abs(factor) * self.budget
        return bool(self.got.size and np.all(np.abs(self.got - factor * self.exact) <= slack))


def _factors(question: Question) -> Iterator[tuple[str, float]]:
    yield "the truth with the other sign", -1.0
    yield "twice the truth", 2.0
    yield "half the truth", 0.5
    sizes: dict[str, Any] = question.loss.axes_of(question.arguments)
    counts = {("n" if a == "*" else a): int(np.prod(size)) for a, size in sizes.items()}
    for axis, count in counts.items():
        if count > 2:
            yield f"the truth times {count}, the size of {axis}", float(count)
            yield f"the truth divided by {count}, the size of {axis}", 1.0 / count


# ---- means


def _plain_denominator(subject: Subject, question: Question, quantity: str) -> str | None:
    """Which denominator shows at plain numbers in two axes, where one count is not another."""
    if question.reduction in ("none", "sum"):
        return None
    stated = question.loss.arguments
    asked = trial(
        subject,
        options=question.options,
        reduction=question.reduction,
        optional=any(stated[k].optional and v is not None for k, v in question.arguments.items()),
    )
    rows = {
        key: array.reshape(ROWS, -1)
        for key, array in asked.arguments.items()
        if array is not None and stated[key].shape == "*"
    }
    asked = asked.with_arguments(**rows)
    judgement = subject.judge(asked, quantity)
    if judgement.problem is not None or judgement.got is None or not judgement.violations.any():
        return None
    return _denominator(subject, asked, judgement)


def _denominator(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Which denominator a wrong mean, or the gradient of one, has."""
    if question.reduction in ("none", "sum") or "sum" not in question.loss.reductions:
        return None
    whole = replace(question, reduction="sum", cotangent=None)
    total = oracle.truth(whole, "value", subject.format, subject.profile)
    mean = oracle.truth(question, "value", subject.format, subject.profile)
    sums, stated = float(BALLS.middle(total.exact)), float(BALLS.middle(mean.exact))
    if not (np.isfinite(sums) and np.isfinite(stated) and sums and stated):
        return None
    right, times = sums / stated, _Multiple(subject, question, judgement)
    terms = int(np.prod(question.loss.output_shape(question.arguments, "none")))
    if terms == 1:
        return None  # every count is one
    of = "the sum" if judgement.quantity == "value" else "the gradient of the sum"
    for words, count in _counts(question, terms):
        if count > 0 and abs(count - right) > 2.0**-6 * right and times.holds(right / count):
            return f"{of} of {terms} losses divided by {words}, where {right:.6g} is stated"
    return None


def _counts(question: Question, terms: int) -> Iterator[tuple[str, float]]:
    yield "1, which is the sum itself", 1.0
    weight, labels = question.arguments.get("weight"), question.arguments.get("labels")
    if weight is not None:
        weights = np.asarray(weight, dtype=np.float64)
        yield f"{weights.sum():.6g}, the sum of the weights given", float(weights.sum())
        if labels is not None and question.options.get("ignore_index") is not None:
            some = np.asarray(labels)
            kept = some != question.options["ignore_index"]
            chosen = weights[np.where(kept, some, 0)].sum()
            yield f"{chosen:.6g}, weights of ignored samples included", float(chosen)
    for axis, size in question.loss.axes_of(question.arguments).items():
        count = int(np.prod(size))
        if axis != "*":
            yield f"{count}, the size of {axis}", float(count)
        elif len(size) > 1:
            yield f"{size[0]}, the size of the first axis", float(size[0])
            yield f"{size[-1]}, the size of the last axis", float(size[-1])
    yield f"{terms}, the number of losses", float(terms)
    if labels is not None and question.options.get("ignore_index") is not None:
        kept_count = int((np.asarray(labels) != question.options["ignore_index"]).sum())
        yield f"{kept_count}, the number of losses that are kept", float(kept_count)
    yield f"{terms} · {terms}", float(terms) ** 2
    yield f"{terms - 1}, one less than the number of losses", float(terms - 1)


__all__ = ["looks"]
