"""Which loss of the catalogue a function is, or is nearly, from the numbers that it gives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lossproof.backends.base import DTYPES, Backend
from lossproof.backends.registry import Implementation
from lossproof.conformance.asker import Asker, Patience
from lossproof.conformance.candidates import Base, Candidate
from lossproof.conformance.classes import classes
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.fitted import SETTLED
from lossproof.conformance.fitting import SHAPES, Fit, judged, made, sieve
from lossproof.conformance.held import settings
from lossproof.conformance.keywords import keywords
from lossproof.conformance.mistakes import variants
from lossproof.conformance.subject import Subject
from lossproof.conformance.variants import exchanged
from lossproof.spec.loss import Loss, get
from lossproof.spec.question import Question

#: for functions that take one axis only
LINES = ((24,), (15,), (14,), (9,), (20,), (6,), (16,), (30,))
#: candidates of one loss, and of all, that are judged by their budgets after the sieve
CLOSEST, ALL = 4, 12
#: an explanation as simple as this is not improved upon by looking further
SIMPLE = 3.5


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a function was found to be, best first, and how to ask it again."""

    fits: tuple[Fit, ...]
    askers: Mapping[str, Asker]
    patience: Patience
    dtype: str
    shapes: Sequence[Any] = SHAPES


def identify(
    implementations: Iterable[Implementation], backend: Backend, dtypes: Sequence[str] = ()
) -> Found:
    """What a function is, by its claims to be one loss after another.

    In the widest dtype, unless it answers in a narrower one only. Raises Hopeless.
    """
    claims = tuple(implementations)
    found = None
    for dtype in dtypes or [d for d in DTYPES if d in backend.dtypes]:
        found = _in(claims, backend, dtype, fixed=bool(dtypes))
        if found.patience.answered:
            return found
    assert found is not None
    return found


def _in(
    claims: Sequence[Implementation], backend: Backend, dtype: str, *, fixed: bool = False
) -> Found:
    patience = Patience()
    askers = {}
    for claim in claims:
        subject = Subject(
            loss=get(claim.loss), implementation=claim, backend=backend, dtype=dtype,
            device="cpu", effort=EFFORTS["default"],
        )  # fmt: skip
        for step in (keywords, classes):
            changes, _ = step(subject)
            subject = replace(subject, implementation=replace(subject.implementation, **changes))
        asker = willing(subject, patience)
        if asker is not None:
            askers[claim.loss] = asker
    narrow = patience.narrow(dtype)
    if narrow in backend.dtypes and not fixed:
        return _in(claims, backend, str(narrow), fixed=True)
    best: tuple[tuple[Fit, ...], Any] = ((), SHAPES)
    for shapes in (SHAPES, LINES):
        flat = shapes is LINES
        some = {k: a for k, a in askers.items() if not flat or _any_shape(a.subject)}
        fits = tuple(_staged(some, shapes, STAGES[:2] if flat else STAGES))
        if fits and (not best[0] or fits[0].order < best[0][0].order):
            best = (fits, shapes)
        if any(f.share >= SETTLED for f in fits):
            break
    return Found(fits=best[0], askers=askers, patience=patience, dtype=dtype, shapes=best[1])


def _any_shape(subject: Subject) -> bool:
    return any(a.shape == "*" for a in subject.loss.arguments.values())


def willing(subject: Subject, patience: Patience) -> Asker | None:
    """The asker for a reduction that the function answers, unreduced if may be; else None."""
    loss, claim = subject.loss, subject.implementation
    fixed = replace(subject, implementation=replace(claim, reducible=False))
    tries = [(fixed, loss.reductions[0])]
    if claim.reducible and len(loss.reductions) > 1:
        tries = [*((subject, r) for r in ("none", "mean", "sum")), *tries]
    for tried, reduction in tries:
        asker = Asker(subject=tried, patience=patience, reduction=reduction)
        bases = (Base(loss=loss), *variants(loss), *exchanged(loss))
        for base in bases:
            for shape in (SHAPES[0], LINES[0]):
                if asker(_plain(base.loss, subject, shape)) is not None:
                    return asker
    return None


def _plain(loss: type[Loss], subject: Subject, shape: Any) -> Question:
    return made(loss, subject.format, shape, 0, subject.implementation.dialect, of=subject)


Stage = tuple[Callable[[Subject], Iterator[Base]], tuple[int, ...], bool]


def _plainly(subject: Subject) -> Iterator[Base]:
    yield Base(loss=subject.loss)
    yield from variants(subject.loss)


def _only(subject: Subject) -> Iterator[Base]:
    yield Base(loss=subject.loss)


STAGES: tuple[Stage, ...] = (
    (_plainly, (0, 1), False),
    (lambda subject: exchanged(subject.loss), (0, 1), False),
    (_plainly, (2,), False),
    (_only, (1,), True),
)


def _staged(
    askers: Mapping[str, Asker], shapes: Sequence[Any], stages: Sequence[Stage]
) -> list[Fit]:
    """Fits of one stage after another, until one explains all and is simple."""
    fits: list[Fit] = []
    for bases, deviations, fine in stages:
        near: list[tuple[float, Candidate]] = []
        for asker in askers.values():
            near += closest(sifted(asker, bases, deviations, fine=fine, shapes=shapes), CLOSEST)
        for _, candidate in closest(near, ALL):
            asker = askers[candidate.base.loss.name]
            subject = asker.subject
            fits.append(judged(candidate, asker, subject.format, subject.profile, shapes=shapes))
        fits.sort(key=lambda f: f.order)
        if fits and fits[0].share >= SETTLED and fits[0].candidate.cost <= SIMPLE:
            break
    return fits


def sifted(
    asker: Asker,
    bases: Callable[[Subject], Iterator[Base]],
    deviations: Sequence[int],
    *,
    fine: bool = False,
    shapes: Sequence[Any] = SHAPES,
    until: float = float("inf"),
) -> Iterator[tuple[float, Candidate]]:
    """What the function comes near to, of the options that it does not take at other values."""
    subject = asker.subject
    claim = subject.implementation
    free = [] if claim.options is None else [
        k for k in subject.loss.options if k not in claim.options and k not in claim.dialect
    ]  # fmt: skip
    by_place = 0.1 * claim.bound.count("(position)")
    given = {**claim.dialect, **asker.options}
    for base in bases(subject):
        for number in deviations:
            if time.monotonic() > until:
                return
            tried = ((s, c + by_place) for s, c in settings(subject.loss, free, number, fine=fine))
            yield from sieve(
                base, tried, asker, subject.format, subject.profile, shapes=shapes, given=given
            )


def closest(found: Iterable[tuple[float, Candidate]], number: int) -> list[tuple[float, Candidate]]:
    """Those that most entries are near to; of equal ones, the least far-fetched."""
    return sorted(found, key=lambda f: (-round(f[0], 2), f[1].cost))[:number]
