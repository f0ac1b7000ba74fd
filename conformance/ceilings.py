"""Where a loss stops: at the logarithm of a guard, that is put below it in one of two ways."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from flint import arb

from lossproof.conformance import beside
from lossproof.conformance.moved import Where, answer, logarithm, moved
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.question import Question

#: what is put below a logarithm so that it stays finite: powers of ten, and what formats offer
GUARDS = (
    *(10.0**-k for k in range(1, 31)), 2.0**-10, 2.0**-14, 2.0**-23, 2.0**-52, 2.0**-126,
)  # fmt: skip
#: where torch clamps the logarithms of its binary cross entropy, less its sign
FLOOR = 100.0
#: the share of it at which a probability rounds to 0 or 1 in every dtype
BEFORE = 0.6
#: the numbers below the logarithm that tell a sum from a maximum, of the guard; and how near, of
#: the factor, an answer is to the one: they are log 1.5 apart
SHARES, NEAR = (0.5, 2.0), 0.1


def ceiling(
    subject: Subject, question: Question, where: Where, exact: arb, got: float
) -> str | None:
    """Whether a loss stops at the logarithm of a guard, where the exact one is larger.

    One that goes on where the probability is yet smaller is the logarithm of a rounding.
    """
    if got <= 0.5 or not (bool(exact > got * 1.001) or _guarded(question, exact, got)):
        return None
    if _several(question):
        return None  # of several logarithms the sum is the guard of none
    near = min(1e-3, 64 * subject.format.unit_roundoff)
    for factor in factors(question):
        if abs(got - factor * FLOOR) <= near * got and _floored(subject, question, where, factor):
            times = "" if f"{factor:g}" == "1" else f"{factor:g} times "
            said = f"stops at {times}{FLOOR:g}: a logarithm is clamped at {-FLOOR:g}"
            return f"{said}{_torch(subject)}"
    roundings = [k * subject.format.unit_roundoff for k in range(1, 5)]
    for factor in factors(question):
        for guard in (*GUARDS, *roundings):
            if abs(got - factor * -math.log(guard)) <= near * got:
                if not _stops(subject, question, got):
                    lost = beside.rest(subject, question, where, factor)
                    return f"-log({guard:.3g}), {lost}" if guard in roundings else None
                times = "" if factor == 1.0 else f"{factor:g} times "
                how = _way(subject, question, where, factor, guard)
                return f"stops at {times}{-math.log(guard):.4g} = -log({guard:.3g}): {how}"
    return None


def _floored(subject: Subject, question: Question, where: Where, factor: float) -> bool:
    """Whether the floor is reached well before the exact loss is there, on one side or the other: a
    probability that is rounded to 0 has no logarithm, while a clamp of the loss or of its input
    acts at its number."""
    logits, target = (question.arguments.get(k) for k in ("logits", "target"))
    sides = [question]
    if logits is not None and target is not None:
        sides.append(question.with_arguments(logits=-logits, target=1 - target))
    for side in sides:
        found = moved(subject, side, where, factor * BEFORE * FLOOR)
        try:
            came = None if found is None else answer(subject, found[0], where)
        except (TargetError, Incomparable):
            continue
        if came is not None and abs(came - factor * FLOOR) <= 1e-3 * factor * FLOOR:
            return True
    return False


def _torch(subject: Subject) -> str:
    return ", as in binary_cross_entropy of torch" if subject.backend.name == "torch" else ""


def _way(subject: Subject, question: Question, where: Where, factor: float, guard: float) -> str:
    """Whether the guard is added below the logarithm, or what is there is clamped at it."""
    added = {_added(subject, question, where, factor, guard, share) for share in SHARES}
    eps = question.options.get("eps")
    own = f", where {eps:.3g} is added" if isinstance(eps, float) and eps > 0 else ""
    if added == {True}:
        return f"{guard:.3g} is added below a logarithm{own}"
    if added == {False}:
        return f"clamped at {guard:.3g} below a logarithm{own}"
    return f"clamped at {guard:.3g} below a logarithm, or that is added there{own}"


def _added(
    subject: Subject, question: Question, where: Where, factor: float, guard: float, share: float
) -> bool | None:
    """Whether the guard is added to a number of its size, or is the least; None where neither."""
    found = moved(subject, question, where, factor * -math.log(share * guard))
    if found is None:
        return None
    asked, loss = found
    try:
        came = answer(subject, asked, where)
    except (TargetError, Incomparable):
        return None
    below = logarithm(loss, factor)
    summed, greater = (factor * -math.log(b) for b in (below + guard, max(below, guard)))
    if abs(summed - greater) <= 2 * NEAR * factor:
        return None
    if abs(came - summed) <= NEAR * factor:
        return True
    return False if abs(came - greater) <= NEAR * factor else None


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
    own = any(abs(at - f * -math.log(eps)) <= 1e-3 * at for f in factors(question))
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


def factors(question: Question) -> Iterator[float]:
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
