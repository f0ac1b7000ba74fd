"""What a function made of a number that is not finite, read off what came in place of nan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.conformance import limits, oracle
from lossproof.conformance.special import with_special
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.carriers import BALLS
from lossproof.spec.question import Question

#: how far from its limit a loss may be and still be that
NEAR = 2.0**-6


def nan_is(subject: Subject, base: Question, key: str, got: Any) -> str | None:
    """What the value is where the first entry of `key` is nan, where one account alone fits it."""
    if base.separable:
        return _replaced(subject, base, key)
    if np.size(got) != 1:
        return None  # a value for each of samples that are coupled
    said = list(_accounts(subject, base, key, float(np.asarray(got, dtype=np.float64).reshape(()))))
    return said[0] if len(said) == 1 else None


def _accounts(subject: Subject, base: Question, key: str, got: float) -> Iterator[str]:
    """What gives the value that came, of what a function may do with one sample of a batch."""
    domain = base.loss.arguments[key].domain
    if domain.contains(np.zeros(())):
        zero = with_special(base, key, 0.0)
        if _is(subject, zero, got):
            yield f"the value with 0 in {key}: nan is counted as 0"
    apart = replace(base, reduction="none", cotangent=None)
    if base.reduction not in ("mean", "sum") or not apart.separable or apart.samples < 2:
        return
    count = apart.samples
    rest = replace(base, cotangent=None).part(np.arange(1, count))
    left = f"the {base.reduction} of the other {count - 1}"
    if base.reduction == "sum":
        if _is(subject, rest, got):
            yield f"{left}: what is nan is left out, as by nansum"
        return
    if _is(subject, rest, got):
        yield f"{left}: nan is left out, as by nanmean"
    if _is(subject, replace(rest, reduction="sum"), got, parts=count):
        yield f"the sum of the other {count - 1} divided by {count}: a loss of nan is counted as 0"


def _is(subject: Subject, question: Question, got: float, parts: int = 1) -> bool:
    """Whether a number is the value of a question, divided into so many parts."""
    truth = oracle.truth(question, "value", subject.format, subject.profile)
    exact, budget = BALLS.middle(truth.exact), np.asarray(truth.budget)
    if exact.shape != () or not (np.isfinite(exact) and np.isfinite(budget)):
        return False
    # dividing rounds once more
    slack = budget / parts + (0.0 if parts == 1 else 2**-subject.format.precision * abs(got))
    return bool(abs(got - exact / parts) <= slack)


def _replaced(subject: Subject, base: Question, key: str) -> str | None:
    """What comes for nan, inf and -inf of one sample, where each was answered with one number."""
    came: dict[float, float] = {}
    for special in (np.nan, np.inf, -np.inf):
        try:
            value = subject.ask(with_special(base, key, special)).value
        except (TargetError, Incomparable):
            return None
        own = np.asarray(base.take_from(value, [0])).astype(np.float64).reshape(-1)
        if own.size != 1:
            return None
        came[special] = float(own[0])
    said = ", ".join(f"{special:g} gives {number:.6g}" for special, number in came.items())
    one = base.take([0])
    ends = {s: limits.of(one, "value", key, s).reshape(-1) for s in came if not np.isnan(s)}
    infinite = [came[s] for s, end in ends.items() if np.isinf(end).all()]
    if not infinite or came[np.nan] or any(infinite):
        return None
    # an entry that is counted as 0 shows where the loss itself has an end
    kept = [
        bool(np.all(np.abs(came[s] - end) <= NEAR * np.abs(end)))
        for s, end in ends.items()
        if np.isfinite(end).all() and np.any(end)
    ]
    what = "an entry, or a result," if not kept else "a result" if all(kept) else "an entry"
    return f"{said}: {what} that is not finite counts as 0{_where(subject, base, key)}"


def _where(subject: Subject, base: Question, key: str) -> str:
    """Whether that is so under differentiation alone."""
    plain = with_special(replace(base, cotangent=None), key, np.nan)
    try:
        own = np.asarray(base.take_from(subject.ask(plain).value, [0])).astype(np.float64)
    except (TargetError, Incomparable):
        return ""
    only = own.size == 1 and base.cotangent is not None and np.isnan(own).all()
    return ", where it is differentiated: a plain call gives nan" if only else ""
