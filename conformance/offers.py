"""What an implementation offers: options and their defaults, reductions, dtypes, gradients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.backends.base import DTYPES
from lossproof.conformance.agreement import questions
from lossproof.conformance.held import settings
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question

Said = tuple[str, str]
#: the row of what a library calls the loss, with remarks
KNOWN_AS = "known as"
#: what Python says of a parameter that is not given and has no default
_LACKING = re.compile(r"missing \d+ required")


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
            taken = "offered" if given else "not offered"
            yield f"argument {key}", "held" if key in claim.held else taken
    if len(loss.reductions) > 1:
        yield "reductions", ", ".join(subject.reductions)
    offered = claim.dtypes or subject.backend.dtypes
    yield "dtypes", ", ".join(d for d in DTYPES if d in offered)
    yield "gradients", ", ".join(subject.differentiable) or "none"
    said = loss.dialects.get(subject.backend.name)
    if said is not None:
        yield KNOWN_AS, said


def _default(subject: Subject, key: str) -> str:
    """The value of an option that is not given, found by which given one answers the same.

    What comes with a backend hands every option on, and may take none without a value: the default
    of the function that it calls is not asked then.
    """
    claim = subject.implementation
    bare = replace(
        subject,
        implementation=replace(claim, options=tuple(k for k in subject.taken if k != key)),
    )
    stated = subject.loss.options[key].default
    asked = questions(subject, options={key: stated}, reduction=subject.reductions[0])
    try:
        usual = _answers(bare, asked)
    except Exception as error:
        lacking = claim.source is not None and _LACKING.search(str(error)) is not None
        return "taken, without a default" if lacking else "taken"
    values = [stated, *(value[key] for value, _ in settings(subject.loss, (key,), 1))]
    alike = [v for v in values if _same(subject, asked, {key: v}, usual)]
    if len(alike) == len(values) > 1:
        return "taken"  # it makes no difference here
    return f"taken, default {alike[0]}" if alike else "taken, with another default"


def _same(
    subject: Subject, asked: Sequence[Question], options: dict[str, Any], usual: list[Any]
) -> bool:
    given = [replace(q, options={**q.options, **options}) for q in asked]
    try:
        found = _answers(subject, given)
    except Exception:
        return False
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(found, usual, strict=True))


def _answers(subject: Subject, asked: Iterable[Question]) -> list[Any]:
    """The values, which lets through what the function raises."""
    return [np.asarray(subject.call(q).value, dtype=np.float64) for q in asked]
