"""What a function that is not its loss looks like instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lossproof.backends.base import DTYPES
from lossproof.conformance.asker import Asker, Hopeless, Patience
from lossproof.conformance.candidates import Base, Candidate
from lossproof.conformance.deadline import Deadline
from lossproof.conformance.ends import settled
from lossproof.conformance.fitted import SETTLED
from lossproof.conformance.fitting import SHAPES, Fit, judged, sieve
from lossproof.conformance.guarded import guarded
from lossproof.conformance.held import settings
from lossproof.conformance.identify import LINES, SIMPLE, closest
from lossproof.conformance.mistakes import variants
from lossproof.conformance.mixing import mixed, singles
from lossproof.conformance.precision import single
from lossproof.conformance.schemes import SCHEMES
from lossproof.conformance.sought import sought
from lossproof.conformance.subject import Subject
from lossproof.conformance.variants import exchanged, without
from lossproof.spec.loss import Loss, catalogue

#: what is judged of those that the sieve lets through
CLOSEST = 6
#: what is tried together: losses, who is asked, and the options that are given
Stage = Iterable[tuple[Base, Asker, Mapping[str, Any]]]
#: the share of the time in which a number that stands in no list is sought
SOUGHT = 0.5


@dataclass(frozen=True, kw_only=True)
class _Situation:
    """A way to ask: a reduction, options, and whether optional and ignored entries are given."""

    reduction: str
    options: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = False


def looks_like(subject: Subject, seconds: float = 2.0) -> str | None:
    """What a function is at the plainest numbers at which it is not its loss, in words.

    None where nothing fits, and where it is its loss at moderate numbers: then its fault lies at
    others. It is asked in the widest dtype, unless it computes in float32 whatever it is given. At
    most about `seconds` of this process are spent.
    """
    until = Deadline.after(seconds)
    offered = subject.implementation.dtypes or DTYPES
    dtype = next((d for d in DTYPES if d in offered and d in subject.backend.dtypes), subject.dtype)
    subject = replace(subject, dtype=dtype)
    try:
        asker = Asker(subject=subject, patience=Patience(), reduction=subject.reductions[0])
        if "float32" in offered and single(asker, (SHAPES[0], LINES[0])):
            subject = replace(subject, dtype="float32")
        first: Asker | None = None
        for situation in _situations(subject):
            if until.over:
                return None
            asker = Asker(
                subject=subject,
                patience=Patience(),
                reduction=situation.reduction,
                options=situation.options,
            )
            first = first or asker
            fine, shapes = _itself(asker, situation)
            if not fine:
                said = _otherwise(asker, situation, shapes, until)
                return said or _alone(asker, situation, until)
        # right so far: batches may be parted by numbers that are 0, or alike
        return None if first is None else mixed(first, "coarse")
    except Hopeless:
        return None


def _alone(asker: Asker, situation: _Situation, until: Deadline) -> str | None:
    """That samples are mixed, and what the function is of one alone."""
    said = None if situation.whole else mixed(asker)
    if said is None:
        return None
    one = _otherwise(asker, situation, singles(asker), until, single=True)
    return said if one is None else f"{said}; of single samples it is like {one}"


def _situations(subject: Subject) -> Iterator[_Situation]:
    first, *others = subject.reductions
    yield _Situation(reduction=first)
    sets = [
        {k: v for k, v in options.items() if k in subject.taken}
        for options in subject.option_sets[1:]
    ]
    for options in sets:
        yield _Situation(reduction=first, options=options)
    for reduction in others:
        yield _Situation(reduction=reduction)
    given = subject.implementation.optional
    stated = subject.loss.arguments.items()
    optional = any(a.optional and (given is None or k in given) for k, a in stated)
    if optional or "ignore_index" in subject.taken:
        for reduction in (first, *others):
            yield _Situation(reduction=reduction, whole=True)
        for options in sets:
            yield _Situation(reduction=first, options=options, whole=True)


def _itself(
    asker: Asker, situation: _Situation, tried: Sequence[Any] = (SHAPES, LINES)
) -> tuple[bool, Any]:
    """Whether it is its loss in this situation, and the shapes that it answers."""
    subject = asker.subject
    scheme = next(s for s in SCHEMES if s.name == situation.reduction)
    candidate = Candidate(
        base=Base(loss=subject.loss), options=_asked(subject, situation), scheme=scheme
    )
    for shapes in tried:
        fit = judged(
            candidate, asker, subject.format, subject.profile,
            shapes=shapes[:6], whole=situation.whole,
        )  # fmt: skip
        if fit.share >= SETTLED or any(a is not None for a in asker.memo.values()):
            return fit.share >= SETTLED, shapes
    return True, SHAPES  # it raises, which says nothing of what it is


def _asked(subject: Subject, situation: _Situation) -> dict[str, Any]:
    return {**subject.loss.complete({}), **subject.implementation.dialect, **situation.options}


def _otherwise(
    asker: Asker, situation: _Situation, shapes: Any, until: Deadline, *, single: bool = False
) -> str | None:
    """The least far-fetched thing that the function is in a situation, in words; of a `single`
    sample, no reduction is told."""
    subject = asker.subject
    loss, asked = subject.loss, _asked(subject, situation)
    claimed = subject.implementation
    dropped = tuple(without(loss, claimed.optional if situation.whole else tuple(claimed.held)))
    stages: tuple[Stage, ...] = (
        ((b, asker, asked) for b in (Base(loss=loss), *dropped, *variants(loss))),
        ((b, asker, asked) for b in guarded(loss)),
        ((b, asker, asked) for b in exchanged(loss)),
        () if situation.whole else _others(asker),
        () if situation.whole else _of_rows(asker, situation),
    )
    good: list[Fit] = []
    for stage in stages:
        good += _staged(stage, situation, shapes, until)
        good.sort(key=lambda f: f.order)
        if good and good[0].candidate.cost <= SIMPLE:
            break
    else:
        if not situation.whole:
            bases = (Base(loss=loss), *dropped, *variants(loss))
            found = sought(bases, asker, shapes, asked, until.anew(SOUGHT))
            good += _good(((c, asker) for c in found), situation, shapes, until)
            good.sort(key=lambda f: f.order)
    if not good:
        return None
    own = good[0].candidate.base.loss.name == loss.name and not situation.whole
    best = settled(good, asker) if own else good[0].candidate
    return _words(best, subject, situation, asked, reduction=not single)


def _staged(stage: Stage, situation: _Situation, shapes: Any, until: Deadline) -> Iterator[Fit]:
    """The fits of those in a stage that are what the function is."""
    near = []
    askers = {}
    for base, ask, given in stage:
        if until.over:
            break
        askers[base.loss.name] = ask
        free = tuple(base.loss.options)
        tried = (t for n in (0, 1) for t in settings(base.loss, free, n, given=given))
        near += closest(
            sieve(
                base, _until(tried, until), ask, ask.subject.format, ask.subject.profile,
                shapes=shapes, given=given, whole=situation.whole,
            ),
            CLOSEST,
        )  # fmt: skip
    best = ((c, askers[c.base.loss.name]) for _, c in closest(near, CLOSEST))
    yield from _good(best, situation, shapes, until)


def _good(
    candidates: Iterable[tuple[Candidate, Asker]],
    situation: _Situation,
    shapes: Any,
    until: Deadline,
) -> Iterator[Fit]:
    """The fits of the candidates that are what the function is."""
    for candidate, ask in candidates:
        if until.over:
            return
        fit = judged(
            candidate, ask, ask.subject.format, ask.subject.profile,
            shapes=shapes[:6], whole=situation.whole,
        )  # fmt: skip
        if fit.share >= SETTLED and _throughout(candidate, ask, situation, shapes):
            yield fit


def _throughout(candidate: Candidate, ask: Asker, situation: _Situation, shapes: Any) -> bool:
    """Whether it fits where its parts meet, and at other values of its option."""
    base, subject = candidate.base, ask.subject

    def fits(candidate: Candidate, ask: Asker, regime: str) -> bool:
        fit = judged(
            candidate, ask, subject.format, subject.profile,
            shapes=shapes[:6], whole=situation.whole, regime=regime,
        )  # fmt: skip
        return fit.fitting == fit.entries

    if base.parts and not fits(candidate, ask, "coarse"):
        return False
    key = base.at_all
    if key is None or key not in subject.taken:
        return True
    option = base.loss.options[key]
    for value in option.choices or option.landmarks:
        options = {**candidate.options, key: value}
        asked = ask.at(ask.reduction, {**ask.options, key: value})
        if not fits(replace(candidate, options=options), asked, "moderate"):
            return False
    return True


def _until(tried: Iterable[Any], until: Deadline) -> Iterator[Any]:
    for each in tried:
        if until.over:
            return
        yield each


def _of_rows(asker: Asker, situation: _Situation) -> Stage:
    """Other losses, of rows, where it is its loss of arrays of one axis."""
    axes = {a for _, a, _ in _required(asker.subject.loss)}
    if axes == {"*"} and _itself(asker, situation, (LINES,))[0]:
        yield from _others(asker, rows=True)


def _others(asker: Asker, *, rows: bool = False) -> Stage:
    """Other losses of arguments like these, or of `rows` of them, the function asked by the names
    that it has."""
    mine = [(k, "N C" if rows else a, i) for k, a, i in _required(asker.subject.loss)]
    for loss in catalogue().values():
        theirs = _required(loss)
        if loss is asker.subject.loss or [k[1:] for k in mine] != [k[1:] for k in theirs]:
            continue
        names = {m[0]: t[0] for m, t in zip(mine, theirs, strict=True)}
        yield Base(loss=loss), replace(asker, names=names, memo={}), {}


def _required(loss: type[Loss]) -> list[tuple[str, str, bool]]:
    """The arguments that must be given: their names, axes, and whether they are integers."""
    return [
        (k, a.shape.replace("D", "C"), a.domain.integer)
        for k, a in loss.arguments.items()
        if not a.optional
    ]


def _words(
    candidate: Candidate,
    subject: Subject,
    situation: _Situation,
    asked: Mapping[str, Any],
    *,
    reduction: bool = True,
) -> str:
    """What it is, and where that is, as far as it is not what was asked."""
    loss = candidate.base.loss
    same = loss.name == subject.loss.name
    values = loss.complete(candidate.options)
    held = tuple(k for k in values if not same or values[k] != asked[k])
    other = reduction and candidate.scheme.name != situation.reduction
    said = candidate.words(held, reduction=other, asked=situation.options if same else ())
    where = [f"{k} = {v}" for k, v in situation.options.items()]
    if len(subject.reductions) > 1 and (other or situation.reduction != subject.reductions[0]):
        where.append(situation.reduction)
    if where:
        said += f", where {' and '.join(where)} is asked"
    axes = [[a for _, a, _ in _required(each)] for each in (loss, subject.loss)]
    if not same and axes[0] != axes[1]:
        said += f", of arrays of two axes; of those of one it is {subject.loss.name}"
    return f"{said}, with weights or ignored labels" if situation.whole else said
