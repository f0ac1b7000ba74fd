"""What a quantity may be where one number that it is made from is nan.

It is nan. A comparison with nan may fall on either side, though: where some branch of the formula
does not depend on that number, its constant is as good an answer. Which entries these are is read
off the formula at ordinary numbers, each with a neighbour: 0 is the slope of a hinge that is not
active, whatever the number, while no branch of a squared error is constant. Where every branch is
constant the formula is evaluated with the number left open, so that all comparisons are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import arb, ctx

from lossproof.conformance import limits
from lossproof.spec.carriers import BALLS, Mask, Reals, entry
from lossproof.spec.formats import Format
from lossproof.spec.profile import Profile
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

#: numbers put in the place of the nan, those of them that lie in its domain
_NUMBERS = (-40.0, -2.625, -0.375, 0.375, 0.8125, 2.625, 40.0)
_NEIGHBOUR = 1 + 2.0**-10
#: enough to tell saturated slopes apart
_BITS = 256
#: a number left open lies between minus and plus this
_OPEN = 1024.0


@dataclass(frozen=True, kw_only=True)
class Admissible:
    """What may stand at every entry: nan, or a number from `low` to `high`, give or take `slack`.

    `low` and `high` are nan where no number is admissible.
    """

    low: Reals
    high: Reals
    slack: Reals

    def admits(self, got: Reals) -> Mask:
        """Where an answer is one of these."""
        with np.errstate(invalid="ignore"):
            between = (got >= self.low - self.slack) & (got <= self.high + self.slack)
        return np.asarray(np.isnan(got) | between)

    def words(self, where: tuple[int, ...]) -> str:
        """What may stand at one entry."""
        low, high = float(self.low[where]), float(self.high[where])
        if np.isnan(low):
            return "nan"
        return f"{low:.9g}, or nan" if low == high else f"nan, or between {low:.6g} and {high:.6g}"


def admissible(
    question: Question, quantity: str, argument: str, fmt: Format, profile: Profile
) -> Admissible:
    """What a quantity may be where the first entry of `argument` is nan."""
    arithmetic = Arithmetic(
        format=fmt, profile=profile, carrier=BALLS, reordered=quantity != "value"
    )
    domain = question.loss.arguments[argument].domain
    low, high, slack = (
        np.full(_shape(question, quantity), fill) for fill in (np.inf, -np.inf, 0.0)
    )
    steps = np.ones(low.shape, dtype=np.bool_)
    for number in _NUMBERS:
        pair = (number, number * _NEIGHBOUR)
        if not all(domain.contains(n) for n in pair):
            continue
        with ctx.workprec(_BITS):
            here, beside = (
                limits.moved(question, quantity, argument, arb(n), arithmetic) for n in pair
            )
        for i in np.ndindex(here.shape):
            x: arb = entry(here.x, i)
            y: arb = entry(beside.x, i)
            if not (x.is_finite() and y.is_finite() and x.overlaps(y)):
                steps[i] = False
            else:
                low[i] = min(low[i], float(x.lower()))
                high[i] = max(high[i], float(x.upper()))
                slack[i] = max(slack[i], float(here.e[i]))
    never = low > high
    if steps.any():
        ends = [max(domain.low, -_OPEN), min(domain.high, _OPEN)]
        anywhere = arb(sum(ends) / 2, (ends[1] - ends[0]) / 2)
        hull = limits.moved(question, quantity, argument, anywhere, arithmetic)
        for i in map(tuple, np.argwhere(steps & ~never)):
            x = entry(hull.x, i)
            low[i], high[i] = (
                (float(x.lower()), float(x.upper())) if x.is_finite() else (-np.inf, np.inf)
            )
    return Admissible(
        low=np.where(never, np.nan, low),
        high=np.where(never, np.nan, high),
        slack=np.asarray(slack + arithmetic.eta),
    )


def _shape(question: Question, quantity: str) -> tuple[int, ...]:
    if quantity == "value":
        return question.output_shape
    return tuple(np.shape(question.arguments[quantity.partition(".")[2]]))
