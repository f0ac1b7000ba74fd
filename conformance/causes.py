"""What the size of one error tells of its cause: digits lost beside a larger number, a ceiling."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from flint import arb

from lossproof.conformance import oracle
from lossproof.conformance.agreement import trial
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.carriers import BALLS, entry
from lossproof.spec.formats import FORMATS
from lossproof.spec.question import Question

#: roundings of the larger number that an error may be and still be put down to it
ROUNDINGS = 2.0
#: the share of a rounding that an error is at the least, to be put down to a number that is not 1
SHARE = 1 / 16
#: how much larger that number is than the exact answer, at the least
LARGER = 16.0
#: what is put below a logarithm so that it stays finite: powers of ten, and what formats offer
GUARDS = (
    *(10.0**-k for k in range(1, 31)), 2.0**-10, 2.0**-14, 2.0**-23, 2.0**-52, 2.0**-126,
)  # fmt: skip


ROUNDED = (
    "a rounding of 1: small digits are lost beside it, as in 1 - p with p near 1, or in log(1 + e) "
    "with a small e"
)
#: options that are added to numbers of the question, or taken from them
ADDED = ("delta", "margin")


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
        found = _ceiling(subject, question, exact, got)
        if found is not None:
            return found
    return _narrower(subject, question, judgement.quantity, exact, got) or _lost(
        subject, question, judgement.quantity, exact, got
    )


# ---- ceilings


def _ceiling(subject: Subject, question: Question, exact: arb, got: float) -> str | None:
    """Whether a loss stops at the logarithm of a guard, where the exact one is larger.

    One that goes on where the probability is yet smaller is the logarithm of a rounding.
    """
    if got <= 0.5 or not (bool(exact > got * 1.001) or _guarded(question, exact, got)):
        return None
    if _several(question):
        return None  # of several logarithms the sum is the guard of none
    what = "a probability" if question.loss.name != "poisson_nll" else "prediction"
    roundings = [k * subject.format.unit_roundoff for k in range(1, 5)]
    for factor in _factors(question):
        for guard in (*GUARDS, *roundings):
            if abs(got - factor * -math.log(guard)) <= 1e-3 * got:
                if not _stops(subject, question, got):
                    return f"-log({guard:.3g}) is of {ROUNDED}" if guard in roundings else None
                times = "" if factor == 1.0 else f"{factor:g} times "
                return (
                    f"stops at {times}{-math.log(guard):.4g} = -log({guard:.3g}): {what} is "
                    f"clamped at {guard:.3g}, or that is added to it, below a logarithm"
                )
    return None


def _several(question: Question) -> bool:
    """Whether a row has more than one logarithm: its target is neither a class nor all in one."""
    target: Any = question.arguments.get("target")
    if np.ndim(target) < 2:
        return False
    shares = question.loss.arguments["target"].domain.high == 1.0
    return not shares or int(np.count_nonzero(target)) != 1


def _guarded(question: Question, exact: arb, got: float) -> bool:
    """Whether the exact loss stops too, at another number: at the logarithm of its own eps."""
    eps = question.options.get("eps")
    if not isinstance(eps, float) or not 0.0 < eps < 1.0:
        return False
    at = float(exact.mid())
    own = any(abs(at - f * -math.log(eps)) <= 1e-3 * at for f in _factors(question))
    return own and abs(at - got) > 1e-3 * got


def _stops(subject: Subject, question: Question, at: float) -> bool:
    """Whether the answer is the same farther on: at the ends of [0, 1], or at larger numbers."""
    farther = {}
    for key, argument in question.loss.arguments.items():
        array, domain = question.arguments.get(key), argument.domain
        if array is None or domain.kind != "real" or not argument.differentiable:
            continue
        if np.isfinite(domain.low) and np.isfinite(domain.high):
            farther[key] = np.round(np.asarray(array, dtype=np.float64)).astype(array.dtype)
        elif not np.isfinite(domain.low):
            farther[key] = np.asarray(array * 4).astype(array.dtype)
    try:
        asked = replace(question.with_arguments(**farther), cotangent=None)
        answer = np.asarray(subject.ask(asked).value, dtype=np.float64)
    except (TargetError, Incomparable):
        return False
    return bool(np.any(np.abs(answer - at) <= 1e-3 * at))


def _factors(question: Question) -> Iterator[float]:
    """What one logarithm may be multiplied by: a target, alpha, a weight, the denominator."""
    found = [1.0]
    alpha = question.options.get("alpha")
    found += [] if alpha is None else [float(alpha), 1 - float(alpha)]
    for key in ("target", "weight", "pos_weight"):
        values = question.arguments.get(key)
        if values is not None and np.size(values) == 1:
            number = float(np.asarray(values, dtype=np.float64).reshape(()))
            found += [number, 1 - number]
    count = float(np.prod(question.loss.output_shape(question.arguments, "none")))
    counted = [f / count for f in found] if question.reduction == "mean" and count > 1 else []
    yield from dict.fromkeys(f for f in (*found, *counted) if f > 0)


# ---- digits


def _narrower(
    subject: Subject, question: Question, quantity: str, exact: arb, got: float
) -> str | None:
    """Whether an answer is right to the digits of a narrower dtype, here and at plain numbers."""
    error, size = float(abs(arb(got) - exact).mid()), float(abs(exact).mid())
    for name in ("float32", "float16", "bfloat16"):
        unit = FORMATS[name].unit_roundoff
        if unit <= 16 * subject.format.unit_roundoff or name == subject.dtype:
            continue
        if unit / 64 * size <= error <= ROUNDINGS * unit * size:
            if not _everywhere(subject, question, quantity, unit):
                return None
            return (
                f"right to the digits of {name} and no further: a constant, or an array on the "
                "way, is rounded to it"
            )
    return None


def _everywhere(subject: Subject, question: Question, quantity: str, unit: float) -> bool:
    """Whether most answers to a plain question are right to this unit, and few to a finer one."""
    asked = trial(subject, options=question.options, reduction=question.reduction)
    try:
        judgement = subject.judge(asked, quantity)
    except (TargetError, Incomparable):
        return False
    if judgement.problem is not None or judgement.got is None:
        return False
    truth = oracle.truth(asked, quantity, subject.format, subject.profile)
    exact, off = BALLS.middle(truth.exact), np.asarray(judgement.got, dtype=np.float64)
    known = np.isfinite(exact) & np.isfinite(off) & (exact != 0) & ~truth.wide
    if not known.any():
        return False
    relative = np.abs(off - exact)[known] / np.abs(exact[known])
    right = np.mean(relative <= ROUNDINGS * unit)
    return bool(right >= 0.75 and np.mean(relative >= unit / 64) >= 0.5)


def _lost(
    subject: Subject, question: Question, quantity: str, exact: arb, got: float
) -> str | None:
    """Whether the error is a rounding of a number that is far larger than the exact answer."""
    error, size = float(abs(arb(got) - exact).mid()), float(abs(exact).mid())
    unit = subject.format.unit_roundoff
    for name, number, scale in _larger(question, quantity):
        rounding = unit * scale * number
        if scale * number < LARGER * size or error > ROUNDINGS * rounding:
            continue
        # any error is below a rounding of a number that is large enough
        if number == 1.0 or error >= SHARE * rounding:
            said = f"off by a rounding of {number:.4g}{name}: small digits are lost beside it"
            if number == 1.0 and not name:
                said = _complement(subject, question, quantity, got) or f"off by {ROUNDED}"
            return said
    return None


def _complement(subject: Subject, question: Question, quantity: str, got: float) -> str | None:
    """Whether a value is log(1 - p) with 1 - p rounded, here and where p is another."""
    p: Any = question.arguments.get("prediction")
    t = question.arguments.get("target")
    if question.loss.name != "binary_cross_entropy" or quantity != "value" or np.size(p) != 1:
        return None
    if question.options.get("eps") or np.any(t) or subject.dtype not in ("float32", "float64"):
        return None
    unit = subject.format.unit_roundoff
    for small in (float(np.asarray(p).reshape(())), 5.3 * unit, 9.7 * unit):
        number = np.asarray(subject.format.round(np.full(np.shape(p), small)))
        asked = replace(question.with_arguments(prediction=number), cotangent=None)
        came = float(np.asarray(subject.ask(asked).value, dtype=np.float64).reshape(()))
        rounded = float(subject.format.round(1 - number.astype(np.float64)).reshape(()))
        if abs(came + math.log(rounded)) > 4 * unit * abs(came):
            return None
    return "off by a rounding of 1: log(1 - p) loses a small p, which log1p(-p) keeps"


def _larger(question: Question, quantity: str) -> Iterator[tuple[str, float, float]]:
    """Names and sizes of numbers of the question, the smallest first, 1 among them without a name
    unless something is 1; and what multiplies them in a gradient."""
    found: dict[float, list[str]] = {1.0: []}
    for key in (k for k in ADDED if k in question.options):
        value = question.options[key]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found.setdefault(abs(float(value)), []).append(key)
    for key, argument in question.loss.arguments.items():
        values = question.arguments.get(key)
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
