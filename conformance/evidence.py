"""What a function was found to be, in words, and what speaks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.conformance import oracle
from lossproof.conformance.asker import Asker
from lossproof.conformance.candidates import Candidate
from lossproof.conformance.fitted import SETTLED
from lossproof.conformance.fitting import Fit, judged, made
from lossproof.conformance.identify import Found
from lossproof.conformance.schemes import SCHEMES
from lossproof.spec.carriers import BALLS
from lossproof.spec.loss import get
from lossproof.spec.question import Question

NONE = "none of the catalogue"
#: explanations that fit and are little more far-fetched than the first are told too
CLOSE = 1.0
SHOWN = 4


def told(found: Found) -> Iterator[str]:
    """The answer in one line, the evidence, and what fits as well."""
    fits = [f for f in found.fits if f.share >= SETTLED]
    if not found.patience.answered:
        yield f"raises on every question: {_commonest(found)}"
        return
    if not fits:
        yield NONE
        yield from _nearest(found)
        return
    first = fits[0]
    yield sentence(first, found)
    yield _line("fits", _numbers(first, found))
    yield from _line_of("at", _point(first, found))
    asker = found.askers[first.candidate.base.loss.name]
    if asker.subject.implementation.bound:
        yield _line("binds", asker.subject.implementation.bound)
    yield from _line_of("takes", _taken(first, asker, found))
    for said in _unlike(first, asker, found):
        yield _line("but", said)
    others = [f for f in fits[1:] if f.candidate.cost <= first.candidate.cost + CLOSE]
    kinds = {_kind(f): f for f in reversed(others) if _kind(f) != _kind(first)}
    for fit in sorted(kinds.values(), key=lambda f: f.order)[:SHOWN]:
        yield _line("or", sentence(fit, found))


def _kind(fit: Fit) -> tuple[str, str, str]:
    """Explanations of one kind differ in numbers only."""
    base = fit.candidate.base
    return base.loss.name, base.after, base.but


def sentence(fit: Fit, found: Found) -> str:
    """What the function is, in words."""
    claim = found.askers[fit.candidate.base.loss.name].subject.implementation
    loss = fit.candidate.base.loss
    held = () if claim.options is None else tuple(k for k in loss.options if k not in claim.options)
    asked = found.askers[loss.name]
    reducible = asked.subject.implementation.reducible and len(loss.reductions) > 1
    usual = fit.candidate.scheme.name == asked.reduction
    return fit.candidate.words(held, reduction=not (reducible and usual))


def _commonest(found: Found) -> str:
    errors = found.patience.errors
    return max(errors, key=lambda e: errors[e]) if errors else "it could not be asked"


def _nearest(found: Found) -> Iterator[str]:
    """What some entries are, and whether the function looks at its arguments at all."""
    answers = [a for asker in found.askers.values() for a in asker.memo.values() if a is not None]
    numbers = np.unique(np.concatenate([a.astype(np.float64).reshape(-1) for a in answers]))
    if numbers.size == 1 or np.isnan(numbers).all():
        yield _line("gives", f"{numbers[0]:g}, whatever it is asked")
        return
    near: dict[str, Fit] = {}
    for fit in sorted((f for f in found.fits if f.share >= 0.5), key=lambda f: -f.share):
        near.setdefault(fit.candidate.base.loss.name, fit)
    for fit in list(near.values())[:SHOWN]:
        yield _line("near", f"{sentence(fit, found)}: {_numbers(fit, found)}")


def _numbers(fit: Fit, found: Found) -> str:
    worst = "none off at all" if fit.worst == 0 else f"worst error {fit.worst:.2g} of its budget"
    of = "1 entry" if fit.entries == 1 else f"{fit.entries} entries"
    return f"{fit.fitting} of {of}, {worst} ({found.dtype})"


def _point(fit: Fit, found: Found) -> str | None:
    """One small question, what the function gives, and what the loss gives."""
    candidate = fit.candidate
    asker = found.askers[candidate.base.loss.name]
    subject = asker.subject
    single = candidate.scheme.name == "none" and candidate.base.loss.output == "*"
    flat = len(found.shapes[0]) == 1
    shape: Any = ((1,) if single else (2,)) if flat else ((1, 1) if single else (2, 2))
    for seed in range(40):
        question = made(
            candidate.base.loss,
            subject.format,
            shape,
            seed,
            candidate.options,
            "coarse",
            of=subject,
        )
        answer = asker(question)
        if answer is None:
            return None
        got = float(answer.astype(np.float64).reshape(-1)[0])
        with np.errstate(all="ignore"):
            own = _truth(question, candidate, asker)
        if np.isfinite(got) and got and own is not None and np.isfinite(own):
            given = {k: v for k, v in question.arguments.items() if v is not None}
            at = ", ".join(f"{k}={_array(v)}" for k, v in given.items())
            entry = "" if answer.size == 1 else ", of which the first"
            said = f"{at}: it gives {got:.9g}{entry}, the same as this {own:.9g}"
            plain = _plain(question, candidate, asker)
            named = candidate.base.loss.name
            return said if plain is None else f"{said}; {named} itself {plain:.9g}"
    return None


def _truth(question: Question, candidate: Candidate, asker: Asker) -> float | None:
    subject = asker.subject
    asked = replace(question, loss=candidate.loss(), reduction=candidate.scheme.name)
    truth = oracle.truth(asked, "value", subject.format, subject.profile)
    return float(BALLS.middle(truth.exact).reshape(-1)[0])


def _plain(question: Question, candidate: Candidate, asker: Asker) -> float | None:
    """What the loss of the catalogue gives there, where the function is not that."""
    if candidate.plain or candidate.scheme.cost:
        return None
    plain = get(candidate.base.loss.name)
    inside = all(
        v is None or plain.arguments[k].domain.contains(v)
        for k, v in question.arguments.items()
        if not plain.arguments[k].domain.integer
    )
    if not inside:
        return None
    asked = replace(question, loss=plain, reduction=candidate.scheme.name)
    truth = oracle.truth(asked, "value", asker.subject.format, asker.subject.profile)
    value = float(BALLS.middle(truth.exact).reshape(-1)[0])
    return value if np.isfinite(value) else None


def _array(array: Any) -> str:
    values = np.asarray(array)
    if values.size == 1:
        return f"{values.reshape(-1)[0]:g}"
    return str(values.astype(np.float64).tolist() if values.dtype.kind not in "iu" else
               values.tolist()).replace(".0,", ",").replace(".0]", "]")  # fmt: skip


def _taken(fit: Fit, asker: Asker, found: Found) -> str | None:
    claim, loss = asker.subject.implementation, fit.candidate.base.loss
    names = list(claim.options or ())
    if claim.reducible and len(loss.reductions) > 1:
        names.append("reduction")
    return ", ".join(names) or None


def _unlike(fit: Fit, asker: Asker, found: Found) -> Iterator[str]:
    """Options and reductions that the function takes, and that do not what the loss says."""
    candidate, subject = fit.candidate, asker.subject
    loss = candidate.base.loss

    def share(other: Candidate, reduction: str, **options: Any) -> float:
        ask = asker.at(reduction, options)
        return judged(other, ask, subject.format, subject.profile, shapes=found.shapes).share

    for key in subject.implementation.options or ():
        for value in loss.options[key].choices or loss.options[key].landmarks:
            moved = replace(candidate, options={**candidate.options, key: value})
            if share(moved, asker.reduction, **{key: value}) < SETTLED:
                ignored = share(candidate, asker.reduction, **{key: value}) >= SETTLED
                yield f"{key} is ignored" if ignored else f"not at {key} = {value}"
                break
    if not subject.implementation.reducible or len(loss.reductions) == 1:
        return
    for name in loss.reductions:
        if name == asker.reduction:
            continue
        schemes = sorted(SCHEMES, key=lambda s: (s.name != name, s.cost))
        tried = (replace(candidate, scheme=s) for s in schemes)
        is_ = next((c for c in tried if share(c, name) >= SETTLED), None)
        if is_ is None:
            asked = asker.at(name, {})
            question = made(loss, subject.format, found.shapes[0], 0, candidate.options, of=subject)
            answered = asked(question) is not None
            yield f"reduction {name!r} is {'something else' if answered else 'refused'}"
        elif is_.scheme.name != name:
            yield f"reduction {name!r} is: {is_.scheme.words}"


def _line_of(key: str, text: str | None) -> Iterator[str]:
    if text:
        yield _line(key, text)


def _line(key: str, text: str) -> str:
    return f"  {key:<7}{text}"
