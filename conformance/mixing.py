"""Whether samples are mixed: a mean or a sum of independent losses against those of each alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lossproof.conformance.agreement import SEEDS
from lossproof.conformance.asker import Asker
from lossproof.conformance.fitting import SHAPES, made
from lossproof.spec.question import Question

#: how far two ratios may be apart by rounding alone, in narrow dtypes too
ROUNDED = 2.0**-6


@dataclass(frozen=True, kw_only=True)
class _Both:
    """The answer for a batch, the `kind` of reduction of those for its samples alone, and how many
    these are."""

    got: float
    stated: float
    count: int
    kind: str

    @property
    def ratio(self) -> float:
        """The one over the other."""
        return self.got / self.stated


def mixed(asker: Asker, regime: str = "moderate") -> str | None:
    """That samples are mixed, in words, where two questions bear it out; else None.

    Another denominator is no mixing: then both answers are the same multiple of the sum.
    """
    subject = asker.subject
    independent = subject.loss.samples in ("*", "N") and not subject.implementation.held
    if not independent or len(subject.loss.reductions) == 1 or asker.reduction == "none":
        return None
    found = [_both(asker, question) for question in _questions(asker, regime)]
    known = [f for f in found if f is not None]
    if len(known) < len(found) or len({f.kind for f in known}) > 1:
        return None
    ratios = [f.ratio for f in known]
    if max(ratios) - min(ratios) <= ROUNDED * max(map(abs, ratios)):
        return None
    first = known[0]
    if any(abs(r - k) <= ROUNDED * k for r in ratios for k in (1, first.count, 1 / first.count)):
        return None
    return (
        f"no {first.kind} of its samples: it answers {first.got:.3g} for {first.count}, and "
        f"{first.stated:.3g} is the {first.kind} of what it answers for each alone: samples are "
        "mixed"
    )


def singles(asker: Asker) -> tuple[tuple[int, ...], ...]:
    """Shapes of one sample."""
    if asker.subject.loss.samples == "*":
        return ((1,),) * len(SHAPES)
    return tuple((1, columns) for _, columns in SHAPES)


def _questions(asker: Asker, regime: str) -> Iterator[Question]:
    """Batches of moderate numbers of one size, in one axis where any will do."""
    subject = asker.subject
    options = {**subject.implementation.dialect, **asker.options}
    shape = (SHAPES[0][0],) if subject.loss.samples == "*" else SHAPES[0]
    for seed in SEEDS:
        yield made(subject.loss, subject.format, shape, seed, options, regime, of=subject)


def _both(asker: Asker, question: Question) -> _Both | None:
    """None where an answer is no number, or one sample twice is neither the same nor twice that:
    what is another function of one sample mixes none."""
    each = replace(question, reduction="none")
    batches = [question, each.take([0, 0]), *(each.take([i]) for i in range(each.samples))]
    answers = [asker(batch) for batch in batches]
    if any(a is None or np.size(a) != 1 for a in answers):
        return None
    numbers = np.concatenate([np.asarray(a, dtype=np.float64).reshape(1) for a in answers])
    got, twice, alone = float(numbers[0]), float(numbers[1]), numbers[2:]
    if not np.isfinite(numbers).all() or not twice or not alone.sum():
        return None
    for kind, stated, times in (("mean", alone.mean(), 1.0), ("sum", alone.sum(), 2.0)):
        if abs(twice - times * alone[0]) <= ROUNDED * abs(twice):
            return _Both(got=got, stated=float(stated), count=len(alone), kind=kind)
    return None
