"""What the size of one error tells of its cause: digits lost beside a larger number, or others."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from flint import arb

from lossproof.conformance import beside, ceilings, digits, oracle
from lossproof.conformance.agreement import trial
from lossproof.conformance.finite import does
from lossproof.conformance.moved import Where, inputs
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import BALLS, entry
from lossproof.spec.question import Question

#: roundings of the larger number that an error may be and still be put down to it
ROUNDINGS = 2.0
#: the share of a rounding that an error is at the least, to be put down to a number that is not 1
SHARE = 1 / 16
#: how much larger that number is than the exact answer, at the least
LARGER = 16.0
#: formulas that have something beside 1: a logarithm, an exponential, a sigmoid
TRANSCENDENT = (r"\log", r"\sigma", "e^", "exp", r"\zeta")
#: options that are added to numbers of the question, or taken from them
ADDED = ("delta", "margin")
#: arguments that multiply, beside which nothing is lost
FACTORS = ("weight", "pos_weight")
AGAIN = "as where it is added and taken away again: where() of the two arms keeps them"
#: how near two ratios of what came to the truth are, to be one, and how far from 1 to show
CLOSE, SHOWS = 2.0**-5, 2.0**-3
CANCELS = (
    "(1 - t)·x - log σ(x), as torch has it in binary_cross_entropy_with_logits, cancels; "
    "t·softplus(-x) + (1 - t)·softplus(x) keeps them"
)


def cause(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """The cause that an error's size speaks for, or None."""
    where = tuple(int(i) for i in np.unravel_index(judgement.worst, judgement.ratios.shape))
    if judgement.got is None or judgement.ratios.flat[judgement.worst] <= 1.0:
        return None
    truth = oracle.truth(question, judgement.quantity, subject.format, subject.profile)
    exact = entry(truth.exact, where)
    got = float(judgement.got.astype(np.float64)[where])
    if truth.wide[where] or not exact.is_finite():
        return None
    if judgement.quantity == "value":
        found = ceilings.ceiling(subject, question, where, exact, got)
        if found is not None:
            return found
    return digits.narrower(subject, question, judgement.quantity, exact, got) or _lost(
        subject, question, judgement.quantity, where, exact, got
    )


def _lost(
    subject: Subject, question: Question, quantity: str, where: Where, exact: arb, got: float
) -> str | None:
    """Whether the error is a rounding of a number that is far larger than the exact answer; what is
    known of it first. In 16 bits too many errors would be a rounding of something."""
    if subject.format.precision < digits.TELLING:
        return None
    error, size = float(abs(arb(got) - exact).mid()), float(abs(exact).mid())
    unit, vague = subject.format.unit_roundoff, None
    for name, number, scale in _larger(question, quantity):
        rounding = unit * scale * number
        if number > math.sqrt(subject.format.largest):
            return vague  # a square overflows before digits are lost
        if scale * number < LARGER * size or error > ROUNDINGS * rounding:
            continue
        one = number == 1.0 and not name
        if one and (not does(question, *TRANSCENDENT) or got == 0 and _shows(question, unit)):
            continue
        if one and size == 0:
            continue  # beside 1 nothing is added that could be lost
        # any error is below a rounding of a number that is large enough
        shows = got == 0 or error >= SHARE * rounding
        if not one and not shows:
            continue
        if _constant(subject, question, quantity, exact, got):
            return None
        if not one:
            return _of(subject, question, quantity, exact, got, name=name, number=number)
        told = beside.one(subject, question, quantity, where)
        if not told.endswith(beside.UNKNOWN):
            return f"off by {told}"
        if shows and not _smooth(subject, question, quantity, where, got):
            vague = f"off by {told}"
    return vague


def _of(
    subject: Subject,
    question: Question,
    quantity: str,
    exact: arb,
    got: float,
    *,
    name: str,
    number: float,
) -> str:
    """That the error is a rounding of a number of the question, and how it may come to that."""
    said = f"off by a rounding of {number:.4g}{name}: small digits are lost beside it"
    if quantity != "value" and any(key in name for key in ADDED):
        return f"{said}, {AGAIN}"
    if name == " (logits)" and _cancels(subject, question, quantity, exact, got):
        return f"{said}: {CANCELS}"
    return said


def _cancels(subject: Subject, question: Question, quantity: str, exact: arb, got: float) -> bool:
    """Whether as many digits are lost as torch loses in its binary cross entropy with logits."""
    x, t = (np.asarray(question.arguments.get(k)) for k in ("logits", "target"))
    if subject.backend.name != "torch" or quantity != "value" or x.size != 1 or t.size != 1:
        return False
    z, y, rounded = float(x.reshape(())), float(t.reshape(())), subject.format.round
    smaller = min(z, 0.0) - math.log1p(math.exp(-abs(z)))
    cancelled = float(rounded(float(rounded((1 - y) * z)) - float(rounded(smaller))))
    whole = float(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
    if not whole or not float(exact.mid()) or abs(cancelled / whole - 1) < SHOWS:
        return False
    return abs(got / float(exact.mid()) - cancelled / whole) <= CLOSE


def _smooth(subject: Subject, question: Question, quantity: str, where: Where, got: float) -> bool:
    """Whether an error of a gradient that is not the whole answer hardly changes where the inputs
    are moved a little: no rounding is like that."""
    if got == 0 or quantity == "value":
        return False
    errors = []
    for shift in (0.0, *digits.SHIFTS):
        asked = digits.shifted(subject.format, question, shift)
        judgement = subject.judge(asked, quantity)
        if judgement.problem is not None or judgement.got is None:
            return False
        truth = oracle.truth(asked, quantity, subject.format, subject.profile)
        came = float(np.asarray(judgement.got, dtype=np.float64)[where])
        errors.append(came - float(BALLS.middle(truth.exact)[where]))
    changes = [abs(e - errors[0]) / max(abs(e), abs(errors[0]), 1e-300) for e in errors[1:]]
    return bool(np.median(changes) < digits.CHANGE)


def _constant(subject: Subject, question: Question, quantity: str, exact: arb, got: float) -> bool:
    """Whether answers to a plain question are off by the same number: that is no rounding."""
    asked = trial(subject, options=question.options, reduction=question.reduction)
    if quantity != "value":
        return False
    judgement = subject.judge(asked, quantity)
    if judgement.got is None or judgement.problem is not None:
        return False
    truth = oracle.truth(asked, quantity, subject.format, subject.profile)
    error = got - float(exact.mid())
    with np.errstate(all="ignore"):
        off = np.asarray(judgement.got, dtype=np.float64) - BALLS.middle(truth.exact)
        same = np.abs(off - error) <= abs(error) / 4 + truth.budget
        shows = abs(error) > truth.budget
    return bool(shows.any() and same[shows].all())


def _shows(question: Question, unit: float) -> bool:
    """Whether the exponential of each unbounded input shows beside 1: then neither is 1 + e
    rounded to 1, nor 1 less a sigmoid to 0."""
    stated = question.loss.arguments
    free = [v for k, v in inputs(question).items() if not np.isfinite(stated[k].domain.high)]
    return bool(free) and all(np.exp(-np.max(np.abs(v))) > unit for v in free)


def _larger(question: Question, quantity: str) -> Iterator[tuple[str, float, float]]:
    """Names and sizes of numbers of the question, the smallest first, 1 among them without a name
    unless something is 1; and what multiplies them in a gradient."""
    found: dict[float, list[str]] = {1.0: []}
    for key in (k for k in ADDED if k in question.options):
        value = question.options[key]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found.setdefault(abs(float(value)), []).append(key)
    for key, argument in question.loss.arguments.items():
        values = None if key in FACTORS else question.arguments.get(key)
        if values is not None and argument.domain.kind == "real" and np.size(values):
            size = float(np.max(np.abs(np.asarray(values, dtype=np.float64))))
            found.setdefault(size, []).append(key)
    scale = 1.0
    if quantity != "value" and question.cotangent is not None:
        cotangent = np.abs(np.asarray(question.cotangent, dtype=np.float64))
        scale = float(cotangent.max(initial=0.0)) or 1.0
    for number, names in sorted(found.items()):
        if number > 0 and math.isfinite(number):
            yield f" ({' and '.join(names)})" if names else "", number, scale
