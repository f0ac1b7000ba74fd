"""Whether samples are mixed: a mean or a sum of independent losses against those of each alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from lossproof.conformance.agreement import SEEDS
from lossproof.conformance.asker import Asker
from lossproof.conformance.fitting import SHAPES, made
from lossproof.spec.carriers import Reals
from lossproof.spec.question import Question

#: how far two ratios may be apart by rounding alone, in narrow dtypes too
ROUNDED = 2.0**-6


@dataclass(frozen=True, kw_only=True)
class _Both:
    """The answer for a batch, those for its samples alone, and the `kind` of reduction of one that
    is there twice."""

    question: Question
    got: float
    singles: Reals
    kind: str

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(self.singles)

    @property
    def stated(self) -> float:
        """The sum or the mean of the answers for samples alone."""
        return float(self.singles.mean() if self.kind == "mean" else self.singles.sum())

    @property
    def ratio(self) -> float:
        """The one over the other."""
        return self.got / self.stated

    def parted(self, part: Callable[[Reals], npt.NDArray[np.bool_]], of: int) -> bool:
        """Whether the answer is the sum of the means of two parts, divided by so many."""
        target = self.question.arguments.get("target")
        if target is None or np.size(target) != self.count:
            return False
        one = part(np.asarray(target, dtype=np.float64).reshape(-1))
        if one.all() or not one.any():
            return False
        return _same((self.singles[one].mean() + self.singles[~one].mean()) / of, self.got)


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
    how = _pairs(asker, known) or _groups(known) or _first(asker, known)
    return (
        f"no {first.kind} of its samples: it answers {first.got:.3g} for {first.count}, and "
        f"{first.stated:.3g} is the {first.kind} of what it answers for each alone: "
        f"{how or 'samples are mixed'}"
    )


def _pairs(asker: Asker, found: Sequence[_Both]) -> str | None:
    """Whether the answers are means of something of all pairs of samples: of two samples alone, a
    quarter of the answers for each, and twice what the pair contributes."""
    for both in found:
        singles, whole = both.singles, both.question
        pairs = [list(pair) for pair in combinations(range(both.count), 2)]
        answers = [asker(whole.part(pair)) for pair in pairs]
        if both.kind != "mean" or any(a is None or np.size(a) != 1 for a in answers):
            return None
        twos = [float(np.asarray(a, dtype=np.float64).reshape(())) for a in answers]
        apart = sum(
            4 * two - singles[i] - singles[j] for (i, j), two in zip(pairs, twos, strict=True)
        )
        if not _same((singles.sum() + apart) / both.count**2, both.got):
            return None
    return (
        "it is a mean over all pairs of samples, as of (n,) against (n, 1), which broadcasts to "
        "(n, n), or of the square of a mean"
    )


def _first(asker: Asker, found: Sequence[_Both]) -> str | None:
    """Whether the answers are those for one sample, each of whose numbers is the mean of all."""
    for both in found:
        arguments = both.question.arguments
        if both.kind != "mean" or asker.subject.loss.samples != "*":
            return None
        given = {k: np.asarray(v) for k, v in arguments.items() if v is not None}
        if any(v.dtype.kind in "iu" for v in given.values()):
            return None
        means = {k: asker.subject.format.round([np.mean(v, dtype=np.float64)])
                 for k, v in given.items()}  # fmt: skip
        answer = asker(both.question.part([0]).with_arguments(**means))
        if answer is None or np.size(answer) != 1:
            return None
        if not _same(float(np.asarray(answer, dtype=np.float64).reshape(())), both.got):
            return None
    return "it is the loss of the mean of all samples, which is taken first, not the mean of losses"


def _groups(found: Sequence[_Both]) -> str | None:
    """Whether the answers are of a mean for each of two groups, parted by the target."""
    for words, part in _PARTED.items():
        for joined, of in (("sum", 1), ("mean", 2)):
            if all(both.parted(part, of) for both in found):
                return (
                    f"it is the {joined} of two means, of the samples where the target is {words} "
                    "and of the others"
                )
    return None


_PARTED: dict[str, Callable[[Reals], npt.NDArray[np.bool_]]] = {
    "0": lambda target: target == 0,
    "positive": lambda target: target > 0,
}


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= ROUNDED * abs(other)


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
    count = replace(question, reduction="none").samples
    answers = [asker(question), *(asker(question.part([i])) for i in range(count))]
    if any(a is None or np.size(a) != 1 for a in answers):
        return None
    numbers = np.concatenate([np.asarray(a, dtype=np.float64).reshape(1) for a in answers])
    got, alone = float(numbers[0]), numbers[1:]
    if not np.isfinite(numbers).all() or not alone.sum():
        return None
    most = int(np.argmax(np.abs(alone)))
    twice = asker(question.part([most, most]))
    if twice is None or np.size(twice) != 1:
        return None
    for kind, times in (("mean", 1.0), ("sum", 2.0)):
        if _same(times * alone[most], float(np.asarray(twice, dtype=np.float64).reshape(()))):
            return _Both(question=question, got=got, singles=alone, kind=kind)
    return None
