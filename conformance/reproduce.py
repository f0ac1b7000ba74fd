"""Ask a stored question again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.backends.base import DTYPES, Backend
from lossproof.backends.registry import Implementation
from lossproof.conformance import deviations, message, plan, targets
from lossproof.conformance.again import applied
from lossproof.conformance.check import Check, Observation, checks
from lossproof.conformance.registry import UsageError, choose
from lossproof.conformance.registry import backend as backend_of
from lossproof.conformance.subject import Subject, TargetError
from lossproof.spec.loss import catalogue
from lossproof.spec.question import Question


def ask(
    *,
    check: str,
    backend: str,
    question: Mapping[str, Any],
    how: Mapping[str, Any] | None = None,
    device: str = "cpu",
    target: str | Mapping[str, Any] | None = None,
    settled: Mapping[str, Any] | None = None,
) -> None:
    """Ask a stored question of a check again, and say so if the check holds there.

    `settled` is what was found out of the target then, such as the shapes that it takes.

    Raises AssertionError, with what is not true, if it does not; UsageError or SpecError if what is
    stored names nothing that is known here.
    """
    holds, text = answer(
        check=check,
        backend=backend,
        question=question,
        how=how,
        device=device,
        target=target,
        settled=settled,
    )
    if not holds:
        raise AssertionError(text)
    print(text)


def answer(
    *,
    check: str,
    backend: str,
    question: Mapping[str, Any],
    how: Mapping[str, Any] | None = None,
    device: str = "cpu",
    target: str | Mapping[str, Any] | None = None,
    settled: Mapping[str, Any] | None = None,
    fault: str | None = None,
) -> tuple[bool, str]:
    """Whether the check holds at a stored question, and what is seen there in words.

    Of a question without arguments, all that the check asks by itself is meant, put as `how` says.
    With `fault`, a pattern, only what is said in such words counts. Raises UsageError or SpecError
    if what is stored names nothing that is known here.
    """
    known = checks()
    found = known[choose("check", check.partition(".")[0], tuple(known))]
    asked = _question(question) if "arguments" in question else None
    loss = choose("loss", str(question.get("loss")), tuple(catalogue()))
    dtype = choose("dtype", str(question.get("dtype")), DTYPES)
    unit = plan.Unit(loss=loss, backend=backend, dtype=dtype, device=device)
    placed = backend_of(backend)
    profile = "thorough" if "repeated" in (how or {}) else "default"
    subject = plan.subject(
        unit, placed, profile, _implementation(unit, placed, target, settled or {})
    )
    try:
        with np.errstate(all="ignore"):
            seen = _observed(found, check, subject, asked, how or {})
    except TargetError as error:
        return False, message.errored(subject, check, error)
    faults = [o for o in seen if o.fault is not None]
    if not faults:
        return True, f"{loss} / {check}: holds at this question"
    meant = [o for o in faults if fault is None or deviations.like(str(o.fault), fault)]
    if not meant:
        said = "; ".join(sorted({str(o.fault) for o in faults}))
        return True, f"{loss} / {check}: nothing like {fault!r} is seen, but: {said}"
    worst = max(meant, key=lambda o: o.ratio)
    return False, message.render(subject, check, worst, "#")


def _question(stored: Mapping[str, Any]) -> Question:
    """The stored question; what TOML, which has no null, leaves out is None."""
    found = Question.from_json({"cotangent": None, **stored})
    return replace(found, options={**dict.fromkeys(found.loss.options), **found.options})


def _implementation(
    unit: plan.Unit,
    found: Backend,
    target: str | Mapping[str, Any] | None,
    settled: Mapping[str, Any],
) -> Implementation | None:
    """The target, None for the backend's own. Raises UsageError where it cannot be examined."""
    absent = found.missing()
    if absent is not None:
        raise UsageError(absent)
    implementation = None
    if target is not None:
        implementation = applied(targets.load(target, unit.loss, unit.backend), settled)
    reason = plan.missing(unit, found, implementation)
    if reason is not None:
        raise UsageError(reason)
    return implementation


def _observed(
    check: Check, name: str, subject: Subject, question: Question | None, how: Mapping[str, Any]
) -> list[Observation]:
    """What the check sees at the stored question.

    A check that makes questions of its own from the one it is asked has stored one of those; it is
    asked its landmark questions, and the observation sought among what it sees.
    """
    who = f"{subject.loss.name} / {name}"
    if check.source.regimes:
        if question is None:
            raise UsageError(f"{who} is asked a question: its arguments are needed")
        return check.run(subject, question, name)
    seen = [o for q in check.source.landmarks(subject) for o in check.run(subject, q, name)]
    if question is None:
        return [o for o in seen if how.items() <= dict(o.how).items()]
    wanted = _plain(subject, question, how)
    found = [
        o
        for o in seen
        if wanted in (_plain(subject, q, o.how) for q in (o.question, message.smallest(subject, o)))
    ]
    if not found:
        raise UsageError(f"{who} asks other questions than this one now")
    return found


def _plain(subject: Subject, question: Question, how: Mapping[str, Any]) -> str:
    """A question and how it is put, to compare with others."""
    return json.dumps([question.to_json(subject.dtype), dict(how)], sort_keys=True)
