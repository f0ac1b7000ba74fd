"""At which kink, tie, end or limit a number is not finite, and what makes it so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lossproof.conformance.describe import narrowed
from lossproof.conformance.finite import all_finite, does, reals
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.remedies import OVERFLOWS, ROUNDS, TWICE, VANISHES, remedy
from lossproof.conformance.subject import Subject
from lossproof.conformance.zeros import zeros
from lossproof.spec.formats import Format
from lossproof.spec.question import Question

#: halvings that find where an exponential ends, and how near to an edge that is
STEPS, NEAR = 14, 0.65
#: numbers that may be small enough to underflow, and how near to a root of the smallest one is
SMALL, OCTAVES = 2.0**-5, 3.0


def not_finite(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """At which kink, tie, end or limit a number is not finite."""
    if question.separable and question.samples > subject.columns:
        shape = judgement.ratios.shape
        question = narrowed(question, judgement.worst, shape, subject.columns)
    power = _power(subject, question, judgement.quantity)
    if power is not None:
        return power
    beyond = list(_beyond(question, subject.format))
    if beyond and _finite(subject, question, beyond, judgement.quantity):
        return None  # what overflows here overflows further out
    if beyond:
        quantity = judgement.quantity
        found = [(limit, _which(subject, question, limit, quantity)) for limit in beyond[:3]]
        named = [
            limit.words
            if what is None
            else f"{limit.key} is beyond {what[0]:.3g}" + (what[1] and f", {what[1]}")
            for limit, what in found
        ]
        known = [remedy(question, limit.key, what[1]) for limit, what in found if what and what[1]]
        value = not all_finite(subject, question, "value")
        kept = f": {known[0]}" if value and len(set(known)) == 1 and known[0] else ""
        slope = (
            "" if value or not known else ", or one over what vanishes does; the value is finite"
        )
        return f"not finite where {' and '.join(named)}{kept}{slope}"
    return _small(subject, question, judgement.quantity) or zeros(subject, question, judgement)


def _small(subject: Subject, question: Question, quantity: str) -> str | None:
    """Whether it is finite once all numbers are larger, with the same that are 0: below which."""
    fmt, given = subject.format, dict(reals(question))
    most = max((float(np.abs(values).max()) for values in given.values()), default=0.0)
    if not 0.0 < most < SMALL:
        return None

    def finite(exponent: float) -> bool:
        scaled = {k: np.asarray(fmt.round(v * (2.0**exponent / most))) for k, v in given.items()}
        return all_finite(subject, question.with_arguments(**scaled), quantity)

    low, high = math.log2(most), -1.0
    if not finite(high) or finite(low):
        return None
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if finite(middle) else (middle, high)
    edges = [math.log2(x) / 2 for x in (fmt.smallest_normal, fmt.smallest_subnormal)]
    near = min(abs(high - edge) for edge in edges) <= OCTAVES
    what = ", whose square underflows" if near else ""
    if abs(high + math.log2(fmt.largest)) <= OCTAVES:
        what = ", whose reciprocal overflows"
    return f"not finite where all numbers are below {2.0**high:.2g}{what}, and finite above"


def _power(subject: Subject, question: Question, quantity: str) -> str | None:
    """Whether the slope of a power below 1 makes it so: then it is finite for a larger one."""
    gamma = question.options.get("gamma")
    if quantity == "value" or not isinstance(gamma, float) or not 0 < gamma < 1:
        return None
    larger = replace(question, options={**question.options, "gamma": 2.0})
    if "gamma" not in subject.taken or not all_finite(subject, larger, quantity):
        return None
    if not all_finite(subject, question, "value"):
        return None
    return (
        f"not finite for gamma = {gamma:g}, and finite for gamma = 2: the slope of a power below 1 "
        "at 0"
    )


def _which(
    subject: Subject, question: Question, limit: _Limit, quantity: str
) -> tuple[float, str] | None:
    """Beyond which number it is not finite, and what an exponential or a sigmoid does there, if
    that shows; None for what is neither.

    The number from which on the answer is not finite is sought: the edges of overflow, of what is
    subnormal and of what is flushed to 0 differ by more than 1.
    """
    if not limit.raised:
        return None
    fmt, values = subject.format, np.asarray(question.arguments[limit.key], dtype=np.float64)
    alone = _others_at_zero(question, limit.key)
    together = alone is not None and all_finite(subject, alone, quantity)
    question = question if together or alone is None else alone
    high = float(np.abs(values).max())
    low, whole = 0.0, values / high

    def finite(size: float) -> bool:
        asked = question.with_arguments(**{limit.key: np.asarray(fmt.round(whole * size))})
        return all_finite(subject, asked, quantity)

    nearer = 4 * math.log(fmt.largest)
    if nearer < high and not finite(nearer):
        high = nearer
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if finite(middle) else (low, middle)
    over, least = math.log(fmt.largest), -math.log(fmt.smallest_subnormal) + math.log(2)
    edges = {
        over: OVERFLOWS, over / 2: TWICE, least: VANISHES,
        -math.log(fmt.smallest_normal): VANISHES,
    }  # fmt: skip
    if together:
        return high, ""  # what is raised is made of several arguments
    if does(question, r"\sigma"):  # 1 + e rounds to 1, or 1 - e does
        edges |= {-math.log(fmt.unit_roundoff / k): ROUNDS for k in (1, 2)}
    room = math.log(max(values.shape[-1:], default=1)) + NEAR
    edge = min(edges, key=lambda e: abs(e - high))
    if "C" in question.loss.arguments[limit.key].axes and 0 <= least - high <= room:
        return high, edges[least]  # a share of the row vanishes before its exponential does
    if abs(edge - high) <= NEAR:
        return edge, edges[edge]
    return high, ""


def _others_at_zero(question: Question, key: str) -> Question | None:
    """The question with the other arguments that have no ends at 0, None where all are."""
    stated = question.loss.arguments
    moved = {
        k: np.zeros_like(np.asarray(question.arguments[k]))
        for k, values in reals(question)
        if k != key and np.any(values) and not np.isfinite([stated[k].domain.low]).any()
    }
    return question.with_arguments(**moved) if moved else None


@dataclass(frozen=True, kw_only=True)
class _Limit:
    """What an argument is beyond, how far it need be for that to show, and whether it is raised."""

    key: str
    words: str
    shown: float
    raised: bool = True


def _finite(subject: Subject, question: Question, beyond: Sequence[_Limit], quantity: str) -> bool:
    """Whether all is finite where the arguments are as far beyond their limits as need be, or as
    far as they are."""
    nearer = {}
    for limit in beyond:
        values = np.asarray(question.arguments[limit.key])
        clipped = np.clip(values.astype(np.float64), -limit.shown, limit.shown)
        nearer[limit.key] = clipped.astype(values.dtype)
    # of a sample that needs its batch nothing is told
    asked = (question.with_arguments(**nearer), question)
    return any(all_finite(subject, one, quantity) for one in asked)


def _beyond(question: Question, fmt: Format) -> Iterator[_Limit]:
    """The arguments beyond what squares, exponentials and sigmoids can take."""
    for key, values in reals(question):
        domain, size = question.loss.arguments[key].domain, float(np.abs(values).max())
        squared, raised = does(question, "^2", r"\sqrt"), does(question, "e^", r"\sigma", "exp")
        if size > math.sqrt(fmt.largest) and squared:
            edge = math.sqrt(fmt.largest)
            words = f"{key} is beyond {edge:.2g}, whose square overflows"
            yield _Limit(key=key, words=words, shown=min(8 * edge, fmt.largest), raised=False)
        elif np.isfinite(domain.low) or np.isfinite(domain.high) or not raised:
            continue
        elif size > math.log(fmt.largest):
            edge = math.log(fmt.largest)
            words = f"{key} is beyond {edge:.3g}, where exp overflows or vanishes"
            yield _Limit(key=key, words=words, shown=4 * edge)
        elif size > -math.log(fmt.unit_roundoff):
            edge = -math.log(fmt.unit_roundoff)
            words = f"{key} is beyond {edge:.3g}, {ROUNDS}"
            yield _Limit(key=key, words=words, shown=2 * edge)
