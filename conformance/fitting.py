"""How well answers fit a candidate: first a sieve in plain floats, then the budgets decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lossproof.conformance import oracle
from lossproof.conformance.candidates import Affine, Base, Candidate, guesses
from lossproof.conformance.points import Maker
from lossproof.conformance.schemes import SCHEMES, Scheme
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import FLOATS, Mask, Reals
from lossproof.spec.evaluate import lifted
from lossproof.spec.formats import Format
from lossproof.spec.loss import Flag, Loss
from lossproof.spec.profile import Profile
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

#: rows and columns; another size each time, since a denominator shows only then
SHAPES = ((6, 4), (5, 3), (7, 2), (3, 5), (4, 6), (2, 3), (8, 2), (9, 4))
#: as many questions tell whether a closer look is worth it
FIRST = 3
#: numbers in one answer that make another question unnecessary
MANY = 14
#: what a float carries of a truth in the same precision: the sieve lets more through, not less
COARSE = 4.0


class Ask(Protocol):
    """The answers of a subject, None where it raises or returns no array."""

    subject: Subject

    def __call__(self, question: Question) -> npt.NDArray[Any] | None:
        """The answer to a question."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A candidate, how many entries lie within their budgets, and the worst of those that do."""

    candidate: Candidate
    fitting: int
    entries: int
    worst: float

    @property
    def share(self) -> float:
        """The share of entries that fit."""
        return self.fitting / self.entries if self.entries else 0.0

    @property
    def order(self) -> tuple[bool, float, float, str]:
        """Whole fits first, then the least far-fetched."""
        c = self.candidate
        return self.fitting < self.entries, c.cost, -self.share, c.base.loss.name


def made(
    loss: type[Loss],
    fmt: Format,
    shape: tuple[int, int] | tuple[int],
    seed: int,
    options: Mapping[str, Any],
    regime: str = "moderate",
    *,
    whole: bool = False,
    of: Subject | None = None,
) -> Question:
    """A question of moderate numbers, in two axes if may be.

    Nothing is ignored and nothing optional given, unless it is `whole`, but what `of` carries; that
    may also take some optional arguments alone, and have a count of classes of its own.
    """
    if of is not None and of.columns > 1:
        shape = (shape[0], of.columns)
    n, c = (shape[0], shape[1]) if len(shape) == 2 else (shape[0], 3)
    c = c if of is None else of.sizes.get("C", c)
    held = {} if of is None else of.implementation.held
    sizes = {"*": int(np.prod(shape)), "N": n, "C": c, "D": c, "T": n + 3, "S": 2}
    held = {k: v for k, v in held.items() if k in loss.arguments}
    taken = None if of is None or loss.name != of.loss.name else of.implementation.optional
    ignores = of is None or of.maker.ignores
    maker = Maker(
        loss=loss, format=fmt, optional=taken if whole else (), ignores=ignores, held=held
    )
    question = maker.question(seed, regime, sizes, options=options, optional=whole)
    rng = np.random.default_rng(seed)
    arguments = dict(question.arguments)
    for key, argument in loss.arguments.items():
        array = arguments[key]
        if array is not None and argument.shape == "*":
            arguments[key] = array.reshape(shape)
        elif not whole and argument.domain.kind == "label" and "ignore_index" in question.options:
            drawn = rng.integers(0, c, size=np.shape(array))
            arguments[key] = np.where(array == question.options["ignore_index"], drawn, array)
    return replace(question, arguments=arguments, cotangent=None)


def sieve(
    base: Base,
    tried: Iterable[tuple[dict[str, Any], float]],
    ask: Ask,
    fmt: Format,
    profile: Profile,
    *,
    shapes: Sequence[Any] = SHAPES,
    given: Mapping[str, Any] | None = None,
    schemes: Sequence[Scheme] = SCHEMES,
    whole: bool = False,
) -> Iterator[tuple[float, Candidate]]:
    """Candidates that most entries are near to, with the share of entries that are."""
    arithmetic = Arithmetic(format=fmt, profile=profile, carrier=FLOATS)
    flags = [k for k, o in base.loss.options.items() if isinstance(o, Flag)]
    optional = [k for k, a in base.loss.arguments.items() if a.optional]
    asked: dict[Any, list[tuple[Question, Reals]]] = {}
    for setting, odd in tried:
        options = base.loss.complete({**(given or {}), **setting})
        if not base.acts({**options, **dict.fromkeys(optional, whole)}):
            continue
        key = tuple(options[k] for k in flags)  # a real option does not change what is asked
        if key not in asked:
            asked[key] = list(answered(base.loss, ask, fmt, shapes, options, whole))
        if not asked[key]:
            return
        questions, got = zip(*asked[key], strict=True)
        g = np.concatenate([a.reshape(-1) for a in got])
        if np.unique(g[np.isfinite(g)]).size < 2:
            return  # a constant is no loss
        for scheme, x, e in reduced(base.loss, questions, got, options, arithmetic, schemes):
            usable = np.isfinite(g) & np.isfinite(x)
            if np.unique(x[usable]).size < 3:
                continue
            for share, affine in _near(x, g, e, usable, fmt):
                candidate = Candidate(
                    base=base, options=options, scheme=scheme, affine=affine, odd=odd
                )
                yield share, candidate


def answered(
    loss: type[Loss],
    ask: Ask,
    fmt: Format,
    shapes: Sequence[Any],
    options: Mapping[str, Any],
    whole: bool,
) -> Iterator[tuple[Question, Reals]]:
    """The first questions and their answers: one if it holds many numbers."""
    for seed, shape in enumerate(shapes[:FIRST]):
        question = made(loss, fmt, shape, seed, options, whole=whole, of=ask.subject)
        answer = ask(question)
        if answer is not None:
            yield question, answer.astype(np.float64)
            if answer.size >= MANY:
                return


def _near(
    x: Reals, got: Reals, e: Reals, usable: Mask, fmt: Format
) -> Iterator[tuple[float, Affine]]:
    """What takes half of `x` or more to `got`, the least far-fetched first, all of it last."""
    factors, constants = guesses(x[usable], got[usable])
    with np.errstate(all="ignore"):
        off = np.abs(got - factors[:, None] * x - constants[:, None])
        room = np.abs(factors)[:, None] * e + 2 * fmt.unit_roundoff * np.abs(got)
        shares = (off <= COARSE * room).mean(axis=1)
    good = (shares >= 0.5) & (factors != 0) & np.isfinite(factors)
    found = {
        Affine(float(factors[i]), float(constants[i])): shares[i] for i in np.flatnonzero(good)
    }
    for affine in sorted(found, key=lambda a: (a.cost, a.factor, a.constant)):
        yield float(found[affine]), affine
        if found[affine] == 1.0:
            return


def reduced(
    loss: type[Loss],
    asked: Sequence[Question],
    got: Sequence[Reals],
    options: Mapping[str, Any],
    arithmetic: Arithmetic,
    schemes: Sequence[Scheme],
) -> Iterator[tuple[Scheme, Reals, Reals]]:
    """The losses under every scheme that gives the shapes that came back, with their budgets."""
    fitting = fitting_schemes(loss, asked, got, schemes)
    if not fitting:
        return
    bound = loss(arithmetic, options)
    with np.errstate(all="ignore"):
        whole = []
        for question in asked:
            arguments = lifted(loss, question.arguments, arithmetic)
            whole.append((bound.value(**arguments), arguments))
        for scheme in fitting:
            found = [scheme.apply(loss, bound, losses, a) for losses, a in whole]
            x = np.concatenate([FLOATS.middle(f.x).reshape(-1) for f in found])
            e = np.concatenate([np.broadcast_to(f.e, f.shape).reshape(-1) for f in found])
            yield scheme, x, e


def fitting_schemes(
    loss: type[Loss], asked: Sequence[Question], got: Sequence[Reals], schemes: Sequence[Scheme]
) -> list[Scheme]:
    """The schemes that give the shapes that came back."""
    return [
        s
        for s in schemes
        if all(s.shape(loss, q.arguments) == a.shape for q, a in zip(asked, got, strict=True))
    ]


def judged(
    candidate: Candidate,
    ask: Ask,
    fmt: Format,
    profile: Profile,
    *,
    shapes: Sequence[Any] = SHAPES,
    whole: bool = False,
    regime: str = "moderate",
) -> Fit:
    """The fit of a candidate by the budgets of its formula, at more questions than the sieve's."""
    loss = candidate.loss()
    fitting = entries = 0
    worst = 0.0
    for seed, shape in enumerate(shapes):
        question = made(
            candidate.base.loss, fmt, shape, seed, candidate.options, regime,
            whole=whole, of=ask.subject,
        )  # fmt: skip
        answer = ask(question)
        shaped = candidate.scheme.shape(candidate.base.loss, question.arguments) is not None
        if answer is None or not shaped:
            entries += 1
            continue
        if seed >= FIRST and answer.size > 1:
            break  # many entries tell enough
        asked = replace(question, loss=loss, reduction=candidate.scheme.name)
        with np.errstate(all="ignore"):
            judgement = oracle.judge(asked, "value", answer, fmt, profile)
            fits = (judgement.ratios <= 1.0) & np.isfinite(answer.astype(np.float64))
        fitting += int(fits.sum())
        entries += max(1, int(judgement.ratios.size))
        worst = max(worst, float(np.where(fits, judgement.ratios, 0.0).max(initial=0.0)))
    return Fit(candidate=candidate, fitting=fitting, entries=entries, worst=worst)
