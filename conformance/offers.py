"""What an implementation offers: options and their defaults, reductions, dtypes, gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lossproof.backends.base import DTYPES
from lossproof.conformance.asker import Asker, Hopeless, Patience
from lossproof.conformance.candidates import Base, Candidate
from lossproof.conformance.fitted import SETTLED
from lossproof.conformance.fitting import SHAPES, judged
from lossproof.conformance.held import settings
from lossproof.conformance.schemes import SCHEMES
from lossproof.conformance.subject import Subject

Said = tuple[str, str]
#: the row of what a library calls the loss, with remarks
KNOWN_AS = "known as"


def offers(subject: Subject) -> Iterator[Said]:
    """Each option, optional argument and gradient, and all reductions and dtypes."""
    loss, claim = subject.loss, subject.implementation
    for key, option in loss.options.items():
        if key in claim.dialect and key not in subject.taken:
            yield f"option {key}", f"held at {claim.dialect[key]}"
        elif key not in subject.taken:
            yield f"option {key}", f"not offered: {option.default}"
        else:
            yield f"option {key}", _default(subject, key)
    for key, argument in loss.arguments.items():
        if argument.optional:
            given = claim.optional is None or key in claim.optional
            yield f"argument {key}", "offered" if given else "not offered"
    if len(loss.reductions) > 1:
        yield "reductions", ", ".join(subject.reductions)
    offered = claim.dtypes or subject.backend.dtypes
    yield "dtypes", ", ".join(d for d in DTYPES if d in offered)
    yield "gradients", ", ".join(subject.differentiable) or "none"
    said = loss.dialects.get(subject.backend.name)
    if said is not None:
        yield KNOWN_AS, said


def _default(subject: Subject, key: str) -> str:
    """The value of an option that is not given, found by what it does."""
    claim = subject.implementation
    bare = replace(
        subject,
        implementation=replace(claim, options=tuple(k for k in subject.taken if k != key)),
    )
    asker = Asker(subject=bare, patience=Patience(), reduction=subject.reductions[0])
    scheme = next(s for s in SCHEMES if s.name == subject.reductions[0])
    held = {**subject.loss.complete({}), **claim.dialect}
    values: list[dict[str, Any]] = [{}, *(s for s, _ in settings(subject.loss, (key,), 1))]
    for value in values:
        candidate = Candidate(
            base=Base(loss=subject.loss), options={**held, **value}, scheme=scheme
        )
        try:
            fit = judged(
                candidate, asker, subject.format, subject.profile, shapes=SHAPES[:2], whole=True
            )
        except Hopeless:
            return "taken"
        if not asker.patience.answered:
            return "taken, without a default"
        if fit.share >= SETTLED:
            return f"taken, default {candidate.options[key]}"
    return "taken, with another default"
