"""Settings that fit alike at moderate numbers, told apart at the ends of the domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lossproof.conformance.candidates import Candidate
from lossproof.conformance.fitted import SETTLED
from lossproof.conformance.fitting import SHAPES, Ask, Fit, judged

#: single samples that are looked at
ENDS = 24
#: roundings of 1 below which a number added to others shows at their ends only
SMALL = 2.0**13


def settled(fits: Sequence[Fit], ask: Ask) -> Candidate:
    """The first of the fits, at the setting that holds at the ends of the domain too, where others
    fit alike or a number is small; where not exactly one does, it is told to be about that."""
    first = fits[0].candidate
    small = SMALL * ask.subject.format.unit_roundoff
    for key, value in first.options.items():
        if not isinstance(value, float):
            continue
        rivals = [f.candidate for f in fits if _same(first, f.candidate, key)]
        if len(rivals) == 1 and not 0 < abs(value) < small:
            continue
        if len(rivals) > 1 or value != first.base.loss.options[key].default:
            right = [c for c in rivals if _share(c, ask) >= SETTLED]
            return right[0] if len(right) == 1 else replace(first, about=(*first.about, key))
    return first


def _same(first: Candidate, other: Candidate, key: str) -> bool:
    """Whether two candidates are the same, up to one option and what that costs."""
    moved = replace(other, options={**other.options, key: first.options.get(key)}, odd=first.odd)
    return moved == first and isinstance(other.options.get(key), float)


def _share(candidate: Candidate, ask: Ask) -> float:
    """How many single samples of landmark numbers fit."""
    flat = candidate.base.loss.samples == "*"
    shapes: list[Any] = [(1,) if flat else (1, columns) for _, columns in SHAPES]
    subject = ask.subject
    return judged(
        candidate, ask, subject.format, subject.profile, shapes=(shapes * ENDS)[:ENDS],
        regime="landmarks",
    ).share  # fmt: skip
