"""Deviations that a function has from its framework: they are the framework's to mend.

A function that calls `torch.nn.functional` answers as that does, bit for bit, its known faults
included. Where such a fault is listed for the framework itself, it is not charged to the caller.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from msgspec.structs import replace

from lossproof.backends.base import Backend
from lossproof.conformance import deviations, plan
from lossproof.conformance.registry import backend
from lossproof.conformance.subject import Subject
from lossproof.reports.model import Result
from lossproof.spec.question import Question

#: options that frameworks hold at constants of their own
_HIDDEN = ("eps", "log_floor")


def mark(result: Result, subject: Subject) -> Result:
    """The result, xfailed where its fault is that of the framework's own function."""
    if result.status not in ("failed", "warned"):
        return result
    if subject.backend.name not in ("torch", "jax"):
        return result
    entry = next((d for d in _known() if d.matches(result.id) and d.in_force()), None)
    own = _constants(subject)
    if entry is None and not own or not _alike(result, subject):
        return result
    if entry is None:
        said = ", ".join(f"{k} = {v!r}" for k, v in own.items())
        reason = f"as {subject.backend.name}'s own {subject.loss.name}, judged under {said}"
        return replace(result, status="xfailed", reason=reason)
    reason = f"inherited from {subject.backend.name}: {entry.reason}"
    return replace(result, status="xfailed", reason=reason, link=entry.link)


def _constants(subject: Subject) -> dict[str, Any]:
    """The constants of the framework's own function that the target is not judged under."""
    held = {k: v for k, v in subject.implementation.dialect.items() if k in _HIDDEN}
    if not held:
        return {}  # nor is the framework imported here
    own = _framework(subject.backend.name).implementations().get(subject.loss.name)
    stated = {} if own is None else own.dialect
    return {k: v for k, v in stated.items() if k in held and held[k] != v}


@cache
def _known() -> tuple[deviations.Deviation, ...]:
    return tuple(d for path in deviations.OWN for d in deviations.read(path))


def _alike(result: Result, subject: Subject) -> bool:
    """Whether the framework's function gives the same bits at the question that shows the fault."""
    if result.check == "transformations":
        return True  # what fails is how the framework differentiates what it differentiated
    case = None if result.worst is None else result.worst.case
    if case is None or "arguments" not in case["question"]:
        return False
    question = Question.from_json(case["question"])
    if any(v is not None and np.size(v) == 0 for v in question.arguments.values()):
        return True  # of nothing, the framework returns memory that nobody has written
    how = {k: v for k, v in case.get("how", {}).items() if k in ("layout", "transformation")}
    unit = plan.Unit.of(subject)
    try:
        own = plan.subject(unit, _framework(unit.backend), subject.effort.name)
        with np.errstate(all="ignore"):
            theirs, ours = own.call(question, **how), subject.call(question, **how)
    except Exception:
        return False
    common = set(theirs.gradients) & set(ours.gradients)
    pairs = [(theirs.value, ours.value)]
    pairs += [(theirs.gradients[k], ours.gradients[k]) for k in sorted(common)]
    return all(_bits(a) == _bits(b) for a, b in pairs)


@cache
def _framework(name: str) -> Backend:
    return backend(name)


def _bits(array: Any) -> bytes:
    return b"" if array is None else np.ascontiguousarray(array).tobytes()
