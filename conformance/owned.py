"""Functions of a subject's framework, asked in its place: in another process, if it is in one.

The framework need not be imported where the target is not, and no target is in that process.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache

from lossproof.backends import loading, own
from lossproof.backends.base import Backend
from lossproof.backends.composed import COMPOSED
from lossproof.backends.loading import Source
from lossproof.backends.process.backend import Isolated, Limits, Remote, isolated
from lossproof.backends.registry import Implementation
from lossproof.conformance import plan
from lossproof.conformance.registry import UsageError, backend
from lossproof.conformance.subject import Subject

#: what they need is imported by the time that they are asked for
LIMITS = Limits(start=30.0)


@dataclass(frozen=True, kw_only=True)
class Own:
    """A function of a framework as a subject; `composed` if it is made of the framework's parts."""

    subject: Subject
    composed: bool


def owned(subject: Subject, *, function: bool, compositions: bool) -> tuple[Own, ...]:
    """The framework's function of the subject's loss, and its compositions, where they are asked
    for and there are any; each is judged as the subject is."""
    name, loss = subject.backend.name, subject.loss.name
    found = []
    if function:
        found.append((False, f"function({name!r}, {loss!r})"))
    if compositions:
        known = range(len(COMPOSED.get(loss, ())))
        found += [(True, f"composition({name!r}, {loss!r}, {k})") for k in known]
    placed = _apart if isinstance(subject.backend, Remote) else _here
    owns = []
    for composed, expression in found:
        with suppress(UsageError):  # there is none
            its = _in_place_of(subject, *placed(expression, loss, name))
            owns.append(Own(subject=its, composed=composed))
    return tuple(owns)


def _in_place_of(subject: Subject, framework: Backend, implementation: Implementation) -> Subject:
    found = plan.subject(plan.Unit.of(subject), framework, subject.effort.name, implementation)
    claimed = subject.implementation
    # the optional arguments of its questions, those that the function holds itself among them
    given = None if claimed.optional is None else (*claimed.optional, *claimed.held)
    return replace(
        found,
        implementation=replace(
            implementation,
            dialect=claimed.dialect,
            options=found.taken,
            optional=given,
            held=claimed.held,
            sizes=claimed.sizes,
            differentiable=tuple(k for k in subject.differentiable if k in found.differentiable),
            reductions=subject.reductions,
            refused=claimed.refused,
        ),
    )


@cache
def _here(expression: str, loss: str, name: str) -> tuple[Backend, Implementation]:
    return backend(name), loading.load(_source(expression), loss, name)


_APART: dict[tuple[str, str], tuple[Isolated, Implementation]] = {}


def _apart(expression: str, loss: str, name: str) -> tuple[Backend, Implementation]:
    key = (name, expression)
    if key not in _APART:
        _APART[key] = isolated(_source(expression), loss, backend(name), LIMITS)
    return _APART[key]


def _source(expression: str) -> Source:
    return Source(target=f"{own.__name__}:{expression}")


def close() -> None:
    """End the processes that were begun here."""
    while _APART:
        _APART.popitem()[1][0].worker.close()
