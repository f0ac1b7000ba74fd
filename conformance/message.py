"""What a violation says: who, what is not true, where, by how much, and how to see it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lossproof.conformance import oracle
from lossproof.conformance.check import Observation
from lossproof.conformance.subject import Subject, TargetError
from lossproof.spec.question import Question

#: no more entries of an array than this are written out
ENTRIES = 6


def render(subject: Subject, name: str, observation: Observation, again: str) -> str:
    """The failure message, one aligned fact a line."""
    question = smallest(subject, observation)
    lines = [f"{_who(subject, name)}: {observation.fault}", _line("at", _at(subject, question))]
    for key, value in facts(subject, observation).items():
        if value:
            lines.append(_line(key, value))
    for key, value in observation.how.items():
        lines.append(_line(key, str(value)))
    if not again.startswith("#"):
        lines.append(_line("again", f"lossproof reproduce '{again}'"))
    return "\n".join(lines)


def errored(subject: Subject, name: str, error: TargetError) -> str:
    """The message of a target that raised on a question within its domain."""
    return "\n".join(
        (
            f"{_who(subject, name)}: raises on input that the spec allows",
            _line("at", _at(subject, error.question)),
            _line("got", str(error)),
        )
    )


def facts(subject: Subject, observation: Observation) -> dict[str, str]:
    """Truth, answer, error and allowance at the worst entry."""
    found = dict(observation.facts)
    if observation.judgement is not None:
        question = observation.question
        described = oracle.describe(
            question, observation.judgement, subject.format, subject.profile
        )
        operations = oracle.operations(question, observation.judgement.quantity)
        found = {**described, **found}
        if "allowed" in found.get("off", ""):
            found["off"] += f": one rounding of each input and of {_operations(operations)}"
    return found


def _operations(count: int) -> str:
    return "1 operation" if count == 1 else f"{count} operations"


def smallest(subject: Subject, observation: Observation) -> Question:
    """The question cut to the sample where it is worst, for showing."""
    judgement = observation.judgement
    if judgement is None or judgement.problem is not None or judgement.worst < 0:
        return observation.question
    question = observation.question
    if not question.separable or question.samples <= 1:
        return question
    return oracle.narrowed(question, judgement.worst, judgement.ratios.shape)


def spots(question: Question) -> dict[str, str]:
    """Every argument, option and the cotangent, as text."""
    shown = {k: _text(v) for k, v in question.arguments.items() if v is not None}
    shown |= {k: repr(v) for k, v in question.options.items()}
    if len(question.loss.reductions) > 1:
        shown["reduction"] = question.reduction
    if question.cotangent is not None:
        shown["cotangent"] = _text(question.cotangent)
    return shown


def case(subject: Subject, observation: Observation) -> dict[str, Any] | None:
    """The question as data that `reproduce` can ask again, where it is not too large to store."""
    question = smallest(subject, observation)
    size = sum(np.size(v) for v in question.arguments.values() if v is not None)
    if size > 2000:
        return None
    return {"question": question.to_json(subject.dtype), "how": dict(observation.how)}


def _who(subject: Subject, name: str) -> str:
    target = "" if subject.implementation.label is None else f" {subject.implementation.label}"
    version = subject.backend.version()
    return f"{subject.loss.name} / {name}{target} [{version}, {subject.dtype}, {subject.device}]"


def _line(key: str, text: str) -> str:
    return f"  {key:<8} {text}"


def _at(subject: Subject, question: Question) -> str:
    return ", ".join(f"{k}={v}" for k, v in spots(question).items())


def _text(array: Any) -> str:
    values = np.asarray(array)
    if values.dtype.kind in "iu":
        flat = [str(v) for v in values.reshape(-1).tolist()]
    else:
        flat = [_hex(float(v)) for v in values.astype(np.float64).reshape(-1).tolist()]
    if values.size == 1:
        return flat[0]
    more = f" ... ({values.size} in all)" if len(flat) > ENTRIES else ""
    shape = f" of shape {values.shape}" if values.ndim > 1 else ""
    return "[" + ", ".join(flat[:ENTRIES]) + more + "]" + shape


def _hex(value: float) -> str:
    """Hexadecimal without the zeros that Python pads with: 0x1.8p+1."""
    if not np.isfinite(value):
        return str(value)
    mantissa, _, exponent = value.hex().partition("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}"


def snippet(subject: Subject, name: str, observation: Observation) -> str | None:
    """Python that shows the violation again when pasted."""
    stored = case(subject, observation)
    if stored is None or subject.implementation.label is not None and observation.how:
        return None
    return _program(subject, name, stored)


def _program(subject: Subject, name: str, stored: Mapping[str, Any]) -> str:
    lines = [
        "from lossproof.conformance.reproduce import ask",
        "",
        "ask(",
        f"    check={name!r},",
        f"    backend={subject.backend.name!r},",
        f"    device={subject.device!r},",
        f"    target={subject.implementation.label!r},",
        f"    question={stored['question']!r},",
        f"    how={stored['how']!r},",
        ")",
    ]
    return "\n".join(lines)
