"""Ask a stored question again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lossproof.conformance import message, targets
from lossproof.conformance.check import Check, Observation, checks
from lossproof.conformance.effort import EFFORTS, Effort
from lossproof.conformance.registry import UsageError, backend, choose
from lossproof.conformance.subject import Subject, TargetError
from lossproof.spec.question import Question


def ask(
    *,
    check: str,
    backend: str,
    question: Mapping[str, Any],
    how: Mapping[str, Any] | None = None,
    device: str = "cpu",
    target: str | None = None,
) -> bool:
    """Ask a stored question of a check again, print what it shows; True if the check holds.

    Raises UsageError or SpecError if what is stored names nothing that is known here.
    """
    found, text = _ask(check, backend, question, how or {}, device, target)
    print(text)
    return found


def _ask(
    name: str,
    backend_name: str,
    stored: Mapping[str, Any],
    how: Mapping[str, Any],
    device: str,
    target: str | None,
) -> tuple[bool, str]:
    question = Question.from_json(stored)
    known = checks()
    found = known[choose("check", name.partition(".")[0], tuple(known))]
    effort = EFFORTS["thorough" if "repeated" in how else "default"]
    subject = _subject(question, backend_name, str(stored["dtype"]), device, target, effort)
    try:
        with np.errstate(all="ignore"):
            seen = _observed(found, name, subject, stored, how)
    except TargetError as error:
        return False, message.errored(subject, name, error)
    faults = [o for o in seen if o.fault is not None]
    if not faults:
        return True, f"{question.loss.name} / {name}: holds at this question"
    worst = max(faults, key=lambda o: o.ratio)
    return False, message.render(subject, name, worst, "#")


def _subject(
    question: Question, name: str, dtype: str, device: str, target: str | None, effort: Effort
) -> Subject:
    found = backend(name)
    absent = found.missing()
    if absent is not None:
        raise UsageError(absent)
    if target is not None:
        implementation = targets.load(target, question.loss.name, name)
    else:
        registered = found.implementations().get(question.loss.name)
        if registered is None:
            raise UsageError(f"{name} has no implementation of {question.loss.name}")
        implementation = registered
    return Subject(
        loss=question.loss,
        implementation=implementation,
        backend=found,
        dtype=dtype,
        device=device,
        effort=effort,
    )


def _observed(
    check: Check, name: str, subject: Subject, stored: Mapping[str, Any], how: Mapping[str, Any]
) -> list[Observation]:
    """What the check sees at the stored question.

    A check that makes questions of its own from the one it is asked has stored one of those; it is
    asked its landmark questions, and the observation sought among what it sees.
    """
    question = Question.from_json(stored)
    if check.source.regimes:
        return check.run(subject, question, name)
    seen = [o for q in check.source.landmarks(subject) for o in check.run(subject, q, name)]
    wanted = (question.to_json(subject.dtype), dict(how))
    return [o for o in seen if _stored(subject, o) == wanted] or seen


def _stored(subject: Subject, observation: Observation) -> tuple[Any, Any] | None:
    case = message.case(subject, observation)
    return None if case is None else (case["question"], case["how"])
