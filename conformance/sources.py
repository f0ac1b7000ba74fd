"""Sources: where the questions of a check come from.

Each gives landmark questions, asked first and always, and a Hypothesis strategy for the search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lossproof.conformance.guarded import GUARDS
from lossproof.conformance.landmarks import thresholds
from lossproof.conformance.points import COTANGENTS, SIZES
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import FLOATS
from lossproof.spec.evaluate import value
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

Sizes = Mapping[str, int]
#: single samples of one regime, and the regimes that they are of
SINGLES = 16
_FOR_SINGLES = ("landmarks", "confident")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Landmark questions, and regimes for the search; no search where there are none."""

    name: str
    landmarks: Callable[[Subject], Iterator[Question]]
    regimes: tuple[str, ...] = ()

    def strategy(self, subject: Subject) -> st.SearchStrategy[Question]:
        """Questions drawn by Hypothesis: a seed, a regime and a size that NumPy expands."""
        regimes = self.regimes or ("moderate",)
        sizes = SIZES if subject.backend.name != "jax" else SIZES[:1]
        if _refuses_one_class(subject):
            sizes = tuple(s for s in sizes if s["C"] > 1)

        def make(
            seed: int, regime: str, size: int, options: int, reduction: str, cotangent: str
        ) -> Question:
            return subject.maker.question(
                seed,
                regime,
                sizes[size],
                options=subject.option_sets[options],
                reduction=reduction,
                cotangent=cotangent,
            )

        return st.builds(
            make,
            st.integers(0, 2**32 - 1),
            st.sampled_from(regimes),
            st.integers(0, len(sizes) - 1),
            st.integers(0, len(subject.option_sets) - 1),
            st.sampled_from(subject.reductions),
            st.sampled_from(COTANGENTS),
        )


def _refuses_one_class(subject: Subject) -> bool:
    """Whether the implementation raises where there is but one class: the search leaves that out,
    and the check `shapes` records it."""
    if not any("C" in a.axes for a in subject.loss.arguments.values()):
        return False
    question = subject.maker.question(1, "moderate", {**SIZES[0], "C": 1}, optional=False)
    try:
        subject.call(replace(question, cotangent=None, reduction=subject.reductions[0]))
    except Exception:
        return True
    return False


def _grid(subject: Subject, regimes: tuple[str, ...]) -> Iterator[Question]:
    """Packed where samples are separable, several small questions where they are not."""
    loss, maker, effort = subject.loss, subject.maker, subject.effort
    packed = bool(loss.samples) and "none" in subject.reductions
    optional = any(a.optional for a in loss.arguments.values())
    thin = effort.thin and not subject.primary
    for number, options in enumerate(subject.option_sets[:1] if thin else subject.option_sets):
        chosen = regimes if number == 0 else tuple(r for r in regimes if r in _FOR_OPTIONS)
        for place, regime in enumerate(chosen):
            twice = optional and number == 0 and not thin
            for given in (False, True) if twice else (bool(number % 2),):
                seeds = range(1 if packed else effort.coupled)
                for seed in seeds:
                    yield maker.question(
                        1000 * number + 100 * place + seed,
                        regime,
                        effort.packed if packed else SIZES[0],
                        options=options,
                        reduction="none" if packed else subject.reductions[-1],
                        optional=given,
                    )


def _alone(subject: Subject) -> Iterator[Question]:
    """Batches of one sample over and over, of losses of every magnitude below 1 and of 0, where all
    are reduced: a small loss does not show beside others. They have the size that was asked
    before."""
    loss, maker, effort = subject.loss, subject.maker, subject.effort
    if not loss.samples or "none" in subject.reductions:
        return
    arithmetic = Arithmetic(format=subject.format, profile=subject.profile, carrier=FLOATS)
    sizes = {**SIZES[0], **{axis: effort.packed[axis] for axis in ("*", "N")}}
    for seed, regime in enumerate(r for r in _FOR_SINGLES if r in effort.regimes):
        packed = maker.question(
            seed, regime, sizes, options=subject.option_sets[0], reduction="none"
        )
        losses = np.abs(FLOATS.middle(value(packed, arithmetic).x))
        distinct, places = np.unique(losses.reshape(packed.samples, -1).max(1), return_index=True)
        places = places[distinct < 1]
        spread = np.linspace(0, max(len(places) - 1, 0), min(SINGLES, len(places)))
        for i in places[spread.astype(int)]:
            upstream = maker.cotangent(np.random.default_rng(int(i)), (), "random")
            row = subject.whole([int(i)])
            same = packed.take(np.tile(row, -(-SIZES[0][loss.samples] // len(row))))
            yield replace(same, reduction=subject.reductions[-1], cotangent=upstream)


_FOR_OPTIONS = ("landmarks", "coarse", "near_tie", "confident")


def _sole(subject: Subject) -> Iterator[Question]:
    """Zeros but for one entry, where samples are coupled: a sum over all of them is small only
    here. At thresholds of the format its square underflows; it is lost in what is added to it."""
    loss = subject.loss
    if loss.samples:
        return
    real = [
        key for key, argument in loss.arguments.items()
        if argument.domain.kind == "real" and argument.domain.contains(0.0)
    ]  # fmt: skip
    fmt = subject.format
    edges = (fmt.smallest_subnormal, fmt.smallest_normal, *thresholds(fmt), *GUARDS)
    found = np.unique(fmt.round(np.asarray(edges)))
    for seed, options in enumerate(subject.option_sets):
        empty = plain(subject, seed=seed, options=options)
        zeros = {key: np.zeros_like(empty.arguments[key]) for key in real}
        for key in real:
            domain = loss.arguments[key].domain
            for edge in found:
                if edge > 0 and domain.contains(edge):
                    one = zeros[key].copy()
                    one.flat[0] = edge
                    yield empty.with_arguments(**{**zeros, key: one})


def _everywhere(subject: Subject) -> Iterator[Question]:
    yield from _grid(subject, subject.effort.regimes)
    yield from _alone(subject)
    if subject.effort.thin and not subject.primary:
        return
    yield from _sole(subject)
    every = subject.maker.every_value() if subject.effort.exhaustive else None
    if every is not None:
        yield every
    for place, reduction in enumerate(subject.reductions):
        if reduction != "none":
            for kind in ("ones", "negative", "random"):
                yield subject.maker.question(
                    place,
                    "wide" if kind == "random" else "moderate",
                    SIZES[0],
                    options=subject.option_sets[0],
                    reduction=reduction,
                    cotangent=kind,
                )


def _kinks(subject: Subject) -> Iterator[Question]:
    yield from _grid(subject, ("coarse", "equal", "near_tie"))


def plain(
    subject: Subject,
    *,
    seed: int = 0,
    sizes: Sizes = SIZES[0],
    reduction: str | None = None,
    **keywords: Any,
) -> Question:
    """A moderate question with the options that the implementation is called with."""
    return subject.maker.question(
        seed,
        keywords.pop("regime", "moderate"),
        sizes,
        options=keywords.pop("options", subject.option_sets[0]),
        reduction=subject.reductions[0] if reduction is None else reduction,
        **keywords,
    )


def _plain(subject: Subject) -> Iterator[Question]:
    yield plain(subject, seed=1, optional=True)


def _each_reduction(subject: Subject) -> Iterator[Question]:
    for seed, reduction in enumerate(subject.reductions):
        # means are where weights change the denominator
        choices = (False, True) if reduction not in ("none", "sum") else (reduction == "none",)
        for given in choices:
            yield plain(subject, seed=seed, reduction=reduction, optional=given)
    if any(a.optional for a in subject.loss.arguments.values()):
        # nor do options change what weights are divided by
        for options in subject.option_sets[1:]:
            yield plain(subject, seed=7, reduction=subject.reductions[-1], options=options,
                        optional=True)  # fmt: skip


def _hostile(subject: Subject) -> Iterator[Question]:
    for seed, regime in enumerate(("moderate", "landmarks", "wide", "confident", "coarse")):
        yield plain(subject, seed=seed, regime=regime)
    # weights are no multiples of 1/4, which coarse laws ask for; some relations ask for an option
    for seed, options in enumerate(subject.option_sets):
        yield plain(subject, seed=seed, regime="coarse", options=options, optional=False)


EVERYWHERE = Source(
    name="everywhere",
    landmarks=_everywhere,
    regimes=(
        "moderate", "landmarks", "coarse", "wide", "near_tie", "offset", "confident", "small",
    ),
)  # fmt: skip
KINKS = Source(name="kinks", landmarks=_kinks, regimes=("coarse", "near_tie", "equal"))
PLAIN = Source(name="plain", landmarks=_plain)
REDUCTIONS = Source(name="reductions", landmarks=_each_reduction)
HOSTILE = Source(name="hostile", landmarks=_hostile)
