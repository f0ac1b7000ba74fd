"""A number that stands in no list, found by fitting it alone: a loss, or one of its variants, with
one option that is what the answers speak for, rounded to the fewest digits that fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossproof.conformance.asker import Asker
from lossproof.conformance.candidates import Base, Candidate
from lossproof.conformance.deadline import Deadline
from lossproof.conformance.fitting import COARSE, answered, fitting_schemes, reduced
from lossproof.conformance.schemes import SCHEMES, Scheme
from lossproof.conformance.tuned import grid, nearest
from lossproof.spec.carriers import FLOATS, Reals
from lossproof.spec.loss import Parameter
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

#: digits of a number that somebody wrote
DIGITS = 6
#: how far-fetched a number is that stands in no list
ODD = 1.5
#: as much of an answer may be off in the mean for a number to be looked at more closely
CLOSE = 1e-5
#: and as much at the best point of the grid
ANYWHERE = 0.25
#: the share of answers that may be others
FEW = 0.1
#: numbers in the answers, at the least, for one of them to be spent on the fit
ENOUGH = 3


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """A loss whose answers are compared, one of its options left open."""

    base: Base
    key: str
    options: Mapping[str, Any]
    arithmetic: Arithmetic
    questions: Sequence[Question]
    got: Sequence[Reals]

    def best(self, points: Sequence[float]) -> tuple[float, Scheme] | None:
        """The number and the reduction that are nearest to the answers, None where none is near."""
        schemes = fitting_schemes(self.base.loss, self.questions, self.got, SCHEMES)
        at = [self._off(number, schemes) for number in points]
        found = []
        for place, scheme in enumerate(schemes):
            far = {number: off[place][0] for number, off in zip(points, at, strict=True)}
            if min(far.values(), default=1.0) <= ANYWHERE:

                def off(number: float, far: Any = far, scheme: Scheme = scheme) -> float:
                    if number not in far:
                        far[number] = self._off(number, (scheme,))[0][0]
                    return float(far[number])

                number = nearest(off, points)
                if number is not None:
                    found.append((off(number), scheme.cost, number, scheme))
        found.sort(key=lambda f: f[:2])
        return found[0][2:] if found and found[0][0] <= CLOSE else None

    def near(self, number: float, scheme: Scheme) -> bool:
        """Whether all but few answers are near to it, by the budgets of plain floats."""
        return self._off(number, (scheme,))[0][1] <= FEW

    def _off(self, number: float, schemes: Sequence[Scheme]) -> list[tuple[float, float]]:
        """For each reduction, how far the answers are from it in the mean, each at most by 1, and
        the share of those that are not near."""
        options = {**self.options, self.key: number}
        loss, got = self.base.loss, np.concatenate([a.reshape(-1) for a in self.got])
        found = []
        for _, x, e in reduced(loss, self.questions, self.got, options, self.arithmetic, schemes):
            with np.errstate(all="ignore"):
                apart = np.abs(got - x)
                off = apart / np.maximum(np.abs(got), np.finfo(np.float64).tiny)
                room = COARSE * (e + 2 * self.arithmetic.format.unit_roundoff * np.abs(got))
            capped = np.where(np.isfinite(off), np.minimum(off, 1.0), 1.0)
            found.append((float(capped.mean()), float((~(apart <= room)).mean())))
        return found


def sought(
    bases: Iterable[Base],
    asker: Asker,
    shapes: Sequence[Any],
    given: Mapping[str, Any],
    until: Deadline,
) -> Iterator[Candidate]:
    """What fits once one number is what the answers speak for, for each base and each option."""
    subject = asker.subject
    arithmetic = Arithmetic(format=subject.format, profile=subject.profile, carrier=FLOATS)
    for base in bases:
        options = base.loss.complete(given)
        asked = list(answered(base.loss, asker, subject.format, shapes, options, False))
        if sum(a.size for _, a in asked) < ENOUGH:
            continue
        questions, got = zip(*asked, strict=True)
        for key, option in base.loss.options.items():
            if until.over:
                return
            if not isinstance(option, Parameter) or option.domain is None:
                continue
            one = _Fitted(
                base=base, key=key, options=options, arithmetic=arithmetic,
                questions=questions, got=got,
            )  # fmt: skip
            yield from _rounded(one, option)


def _rounded(one: _Fitted, option: Parameter) -> Iterator[Candidate]:
    """The candidate with the fewest digits that most answers are near to, if there is one."""
    found = one.best(grid(option))
    if found is None:
        return
    number, scheme = found
    for digits in range(1, DIGITS + 1):
        rounded = float(f"{number:.{digits}g}")
        if option.accepts(rounded) and one.near(rounded, scheme):
            options = {**one.options, one.key: rounded}
            yield Candidate(base=one.base, options=options, scheme=scheme, odd=ODD)
            return
