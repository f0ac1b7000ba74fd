"""At which kink, tie, end or limit a number is not finite, and what makes it so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lossproof.conformance.describe import narrowed
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.remedies import OVERFLOWS, ROUNDS, TWICE, VANISHES, remedy
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import Reals
from lossproof.spec.formats import Format
from lossproof.spec.question import Question

#: halvings that find where an exponential ends, and how near to an edge that is
STEPS, NEAR = 14, 0.65
#: numbers that may be small enough to underflow, and how near to a root of the smallest one is
SMALL, OCTAVES = 2.0**-5, 3.0
#: what is a little beside 0, a number of every format
BESIDE = 2.0**-20
#: how far a tie is moved, of 1 and of its numbers
SHIFT = 2.0**-5


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
        value = not _all_finite(subject, question, "value")
        kept = f": {known[0]}" if value and len(set(known)) == 1 and known[0] else ""
        slope = (
            "" if value or not known else ", or one over what vanishes does; the value is finite"
        )
        return f"not finite where {' and '.join(named)}{kept}{slope}"
    return _small(subject, question, judgement.quantity) or _zeros(subject, question, judgement)


def _small(subject: Subject, question: Question, quantity: str) -> str | None:
    """Whether it is finite once all numbers are larger, with the same that are 0: below which."""
    fmt, given = subject.format, dict(reals(question))
    most = max((float(np.abs(values).max()) for values in given.values()), default=0.0)
    if not 0.0 < most < SMALL:
        return None

    def finite(exponent: float) -> bool:
        scaled = {k: np.asarray(fmt.round(v * (2.0**exponent / most))) for k, v in given.items()}
        return _all_finite(subject, question.with_arguments(**scaled), quantity)

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
    if "gamma" not in subject.taken or not _all_finite(subject, larger, quantity):
        return None
    if not _all_finite(subject, question, "value"):
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
    together = alone is not None and _all_finite(subject, alone, quantity)
    question = question if together or alone is None else alone
    high = float(np.abs(values).max())
    low, whole = 0.0, values / high

    def finite(size: float) -> bool:
        asked = question.with_arguments(**{limit.key: np.asarray(fmt.round(whole * size))})
        return _all_finite(subject, asked, quantity)

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


# ---- zeros


def _zeros(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """At which ends and ties it is not finite, and what makes nan of zeros there."""
    quantity = judgement.quantity
    ties = [pair for pair in _ties(question) if _tied(subject, question, pair, quantity)]
    tied = {key for pair in ties for key in pair}
    ends = {k: e for k, e in _ends(subject, question, quantity) if k not in tied}
    needed = {k: e for k, e in ends.items() if not _still(subject, question, k, judgement)}
    ends = needed or ends
    found = [f"{first} = {second}" for first, second in ties]
    for end in dict.fromkeys(ends.values()):
        keys = [k for k, e in ends.items() if e == end]
        both = f"{' and '.join(keys)} are both {end:g}" if len(keys) == 2 else ""
        found += [both] if both else [f"{k} is {end:g}" for k in keys]
    if not found:
        return None
    kink = " and a kink of the loss" if judgement.wide.flat[judgement.worst] else ""
    reason = _reason(subject, question, judgement, tied=bool(ties))
    return f"not finite where {' and '.join(found[:3])}{kink}{reason}"


def _tied(subject: Subject, question: Question, pair: tuple[str, str], quantity: str) -> bool:
    """Whether it is finite where the tie is broken, and not at another tie."""
    apart, along = {}, {}
    for key in pair:
        values = np.asarray(question.arguments[key], dtype=np.float64)
        high = question.loss.arguments[key].domain.high
        step = -SHIFT if np.any(values + SHIFT > high) else SHIFT
        along[key] = np.asarray(subject.format.round(values + step * (1 + np.abs(values))))
    apart = {pair[0]: along[pair[0]]}
    return _all_finite(subject, question.with_arguments(**apart), quantity) and not _all_finite(
        subject, question.with_arguments(**along), quantity
    )


def _still(subject: Subject, question: Question, key: str, judgement: Judgement) -> bool:
    """Whether it is nan as before where an argument alone leaves the end of its domain."""
    values = np.asarray(question.arguments[key], dtype=np.float64)
    step = np.where(values == question.loss.arguments[key].domain.high, -SHIFT, SHIFT)
    moved = np.asarray(subject.format.round(values + step * (1 + np.abs(values))))
    got = subject.judge(question.with_arguments(**{key: moved}), judgement.quantity).got
    before = np.asarray(judgement.got, dtype=np.float64)
    nan = np.isnan(before).any() and got is not None
    return bool(nan and np.isnan(np.asarray(got, dtype=np.float64)).any())


def _reason(subject: Subject, question: Question, judgement: Judgement, *, tied: bool) -> str:
    """What makes nan of zeros, where the value or the backend leaves one thing only."""
    got = float(np.asarray(judgement.got, dtype=np.float64).flat[judgement.worst])
    if not np.isnan(got):
        return ""
    if judgement.quantity == "value":
        if tied or not does(question, r"\log") or not _of_logarithm(subject, question):
            return ""
        if question.options.get("eps"):
            return ": log 0: no eps is added to what stands below the logarithm"
        safe = "where() with a safe argument inside"
        if not subject.backend.differentiates:
            return f": 0 · log 0 is nan: xlogy, or {safe}"
        return f": 0 · log 0 is nan: {safe}, as xlogy alone leaves 0 / 0 in the gradient"
    if not subject.backend.differentiates:
        return ": 0 / 0 in the backward"
    if not _all_finite(subject, question, "value"):
        return ", as the value is not"
    if tied:
        return ": the slope of a root at 0, times 0: mask its argument, or add eps below it"
    if does(question, r"\log") and not _beside(subject, question, judgement.quantity):
        return (
            ": the value is finite there, its gradient is 0 · inf: where() on the value masks no "
            "gradient, if not its argument is masked too"
        )
    return ""


def _beside(subject: Subject, question: Question, quantity: str) -> bool:
    """Whether it is not finite a little beside the zeros either, which no mask is about."""
    near = {
        key: np.asarray(subject.format.round(np.where(values == 0, BESIDE, values)))
        for key, values in reals(question)
        if question.loss.arguments[key].domain.low == 0.0 and not np.all(values)
    }
    return bool(near) and not _all_finite(subject, question.with_arguments(**near), quantity)


def _of_logarithm(subject: Subject, question: Question) -> bool:
    """Whether it is infinite, and no longer nan, where the target leaves its end."""
    values = dict(reals(question)).get("target")
    if values is None:
        return False
    domain = question.loss.arguments["target"].domain
    inside = np.where(values == domain.high, values - SHIFT, values + SHIFT)
    moved = question.with_arguments(target=np.asarray(subject.format.round(inside)))
    got = subject.judge(moved, "value").got
    return got is not None and bool(np.isinf(np.asarray(got, dtype=np.float64)).any())


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
    return any(_all_finite(subject, one, quantity) for one in asked)


def _all_finite(subject: Subject, question: Question, quantity: str) -> bool:
    got = subject.judge(question, quantity).got
    return got is not None and bool(np.isfinite(np.asarray(got).astype(np.float64)).all())


def _ties(question: Question) -> Iterator[tuple[str, str]]:
    for first, second in question.loss.ties:
        a, b = (np.asarray(question.arguments[k], dtype=np.float64) for k in (first, second))
        if a.size and a.shape == b.shape and np.array_equal(a, b):
            yield first, second


def _ends(subject: Subject, question: Question, quantity: str) -> Iterator[tuple[str, float]]:
    """The arguments that reach an end of their domain, or are 0 where it is finite at 1."""
    for key, values in reals(question):
        domain = question.loss.arguments[key].domain
        ends = [e for e in (domain.low, domain.high) if np.isfinite(e) and np.any(values == e)]
        if ends and (_matters(subject, question, quantity) or not np.isfinite(domain.high)):
            yield key, ends[0]
        elif not np.any(values):
            ones = np.ones_like(np.asarray(question.arguments[key]))
            if _all_finite(subject, question.with_arguments(**{key: ones}), quantity):
                yield key, 0.0


def _matters(subject: Subject, question: Question, quantity: str) -> bool:
    """Whether it is finite once some argument leaves the ends of its domain."""
    for key, values in reals(question):
        domain = question.loss.arguments[key].domain
        if np.any(values == domain.low) or np.any(values == domain.high):
            step = np.where(values == domain.high, -SHIFT, SHIFT) * (1 + np.abs(values))
            inside = np.where(
                (values == domain.low) | (values == domain.high), values + step, values
            )
            moved = question.with_arguments(**{key: np.asarray(subject.format.round(inside))})
            if _all_finite(subject, moved, quantity):
                return True
    return False


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


def does(question: Question, *signs: str) -> bool:
    """Whether one of the signs of an operation stands in the formulas of the loss."""
    return any(sign in line for line in question.loss.tex for sign in signs)


def reals(question: Question) -> Iterator[tuple[str, Reals]]:
    """The real arguments that are given and finite, as float64."""
    for key, argument in question.loss.arguments.items():
        if question.arguments.get(key) is not None and argument.domain.kind == "real":
            values = np.asarray(question.arguments[key], dtype=np.float64)
            if values.size and np.isfinite(values).all():
                yield key, values
