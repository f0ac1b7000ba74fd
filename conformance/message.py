"""What a violation says: who, what is not true, where, by how much, and how to see it again."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from pprint import pformat
from textwrap import indent
from typing import Any, TypeVar

import numpy as np

from lossproof.conformance import describe, diagnose, further, oracle, other_reductions
from lossproof.conformance.again import target as again_of
from lossproof.conformance.check import INCOMPARABLE, Observation, checks
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Subject, TargetError
from lossproof.conformance.written import hexadecimal, number, text
from lossproof.spec.question import Question

#: what a guess at a cause gives
Guess = TypeVar("Guess")
#: no more faults than these are told besides the one that is shown
OTHERS = 4
#: a batch of so many samples is shown whole, where a violation needs it
FEW = 4


def render(
    subject: Subject,
    name: str,
    observation: Observation,
    again: str,
    others: Iterable[str] = (),
    seen: further.Seen = further.NOTHING,
) -> str:
    """The failure message, one aligned fact a line.

    `again` is REPORT#ID; without a report there is no line for it. `others` are the faults that the
    check found besides, `seen` its violations, of which other kinds are told too.
    """
    question = smallest(subject, observation)
    stated = facts(subject, observation)
    whole = observation.question
    needed = question is not whole and _searched(name)
    lines = [
        f"{_who(subject, name)}: {observation.fault}",
        _line("at", _at(whole if needed and whole.samples <= FEW else question, observation)),
        *_about(name, observation, needed),
        *(_line(key, value) for key, value in stated.items() if value),
        *_looks(subject, observation, seen),
        *_right(subject, name, observation),
        *_besides(sorted(others)),
    ]
    if not again.startswith("#"):
        lines.append(_line("again", f"lossproof reproduce '{again}'"))
    return "\n".join(lines)


def _looks(subject: Subject, observation: Observation, seen: further.Seen) -> Iterator[str]:
    with np.errstate(all="ignore"):
        guess = unharmed(observation.cause or partial(diagnose.looks, subject, observation))
        kinds = unharmed(lambda: list(further.further(subject, observation, seen, guess)))
    if guess is not None:
        yield _line("looks", guess)
    for question, words in [(None, kinds)] if isinstance(kinds, str) else kinds or ():
        at = "" if question is None else f"at {_apart(question, observation.question)}: "
        yield _line("also", f"{at}{words}")


def unharmed(guess: Callable[[], Guess]) -> Guess | str:
    """A guess at a cause, or what became of it: a fault of ours must not cost the verdict."""
    try:
        return guess()
    except Exception as error:
        return f"like nothing that is known: an error of lossproof itself, {error!r}"


def _right(subject: Subject, name: str, observation: Observation) -> Iterator[str]:
    """The reductions that are right, where one is at fault, and how others are wrong."""
    judgement, question = observation.judgement, observation.question
    wrong = judgement is not None and judgement.quantity == "value"
    about = name in ("value", "reductions") and wrong and question.reduction != "none"
    unlike = judgement is not None and judgement.problem is not None
    shape = observation.fault == INCOMPARABLE or (about and unlike)
    if not about and not shape:
        return
    with np.errstate(all="ignore"):
        found = unharmed(lambda: other_reductions.right(subject, question))
        others = unharmed(lambda: dict(other_reductions.wrong(subject, question)) if shape else {})
    if isinstance(found, str) or isinstance(others, str):
        yield _line("right", str(found if isinstance(found, str) else others))
        return
    if found:
        yield _line("right", f"the value by {' and '.join(found)}")
    for reduction, like in others.items():
        yield _line("also", f"by {reduction}: {like}")


def _besides(faults: Sequence[str]) -> Iterator[str]:
    if faults:
        more = f" and {len(faults) - OTHERS} more" if len(faults) > OTHERS else ""
        yield _line("also", "; ".join(faults[:OTHERS]) + more)


def noticed(subject: Subject, name: str, observation: Observation) -> str:
    """A violation in a line, as it was met: before its smallest input and its cause are known."""
    said, judgement = f"{_who(subject, name)}: {observation.fault}", observation.judgement
    if judgement is not None and judgement.problem is None and judgement.got is not None:
        stated = facts(subject, observation)
        said += f": got {stated['got']} where {stated['truth']} is right"
    return f"first violation: {said}; its smallest input and its cause are sought"


def said(like: str) -> str:
    """The line that says what a function is that is not its loss: it as a whole, not the number."""
    return _line("looks", f"the function is {like if like.startswith('no ') else f'like {like}'}")


def _about(name: str, observation: Observation, needed: bool) -> Iterator[str]:
    """Which number is meant, where the check looks at several, and what else must be there, where
    its batch is `needed`."""
    judgement = observation.judgement
    if judgement is not None and judgement.quantity != name:
        yield _line("quantity", judgement.quantity)
    if needed and judgement is not None:
        question, samples = observation.question, observation.question.samples
        place = np.unravel_index(judgement.worst, judgement.ratios.shape)
        first = judgement.worst if question.loss.samples == "*" else int(place[0])
        said = f"this sample does not fail so alone, but in a batch of {samples}"
        if samples <= FEW:
            said = f"sample {first} is meant, and does not fail so alone"
        yield _line("alone", said)


def _searched(name: str) -> bool:
    """Whether violations of the check are asked again, cut to one sample, before they are shown."""
    return bool(checks()[name.partition(".")[0]].source.regimes)


def errored(subject: Subject, name: str, error: TargetError) -> str:
    """The message of a target that raised on a question within its domain."""
    lines = [
        f"{_who(subject, name)}: {_ending(error)} on input that the spec allows",
        _line("at", _at(error.question)),
        _line("got", str(error)),
    ]
    raised = error.where or _raised(subject, error.error)
    if raised is not None:
        lines.append(_line("in", raised))
    return "\n".join(lines)


def _ending(error: TargetError) -> str:
    """What became of the target: it raised, or its process is gone, and how."""
    if not error.died:
        return "raises"
    kind = str(getattr(error.error, "kind", ""))
    known = {"crashed": "crashes", "timed out": "gives no answer", "protocol": "answers nonsense"}
    return known.get(kind, "is not asked any more")


def _raised(subject: Subject, error: BaseException) -> str | None:
    """The line of the file that an exception came through last, where it was raised here."""
    code = getattr(inspect.unwrap(subject.implementation.forward), "__code__", None)
    if hasattr(error, "where") or hasattr(error, "said"):
        return None
    through = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if code is not None and frame.filename == code.co_filename
    ]
    return f"{Path(through[-1].filename).name}:{through[-1].lineno}" if through else None


def facts(subject: Subject, observation: Observation) -> dict[str, str]:
    """Truth, answer, error and allowance at the worst entry."""
    found = dict(observation.facts)
    if observation.judgement is not None:
        question = observation.question
        described = describe.describe(
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
    shape, columns = judgement.ratios.shape, subject.columns
    if question.samples <= columns:
        return question
    return describe.narrowed(question, judgement.worst, shape, columns)


def spots(question: Question) -> dict[str, str]:
    """Every argument, option and the cotangent, as text."""
    shown = {k: text(v) for k, v in question.arguments.items() if v is not None}
    shown |= {k: repr(v) for k, v in question.options.items()}
    if len(question.loss.reductions) > 1:
        shown["reduction"] = question.reduction
    if question.cotangent is not None:
        shown["cotangent"] = text(question.cotangent)
    return shown


def case(subject: Subject, observation: Observation) -> dict[str, Any] | None:
    """The question as data that `reproduce` can ask again, where it is not too large to store.

    Of a violation all of it, for some need the whole batch.
    """
    broken = observation.fault is not None
    question = observation.question if broken else smallest(subject, observation)
    size = sum(np.size(v) for v in question.arguments.values() if v is not None)
    if size > 2000:
        return None
    asked, how = question.to_json(subject.dtype), dict(observation.how)
    stored: dict[str, Any] = {"question": asked, "how": how}
    settled = subject.implementation.settled
    target = again_of(subject.implementation)
    if target is not None:
        stored["target"] = target
    return {**stored, "settled": dict(settled)} if settled else stored


def _who(subject: Subject, name: str) -> str:
    label = subject.implementation.label
    target = "" if label is None else f" of {label.rpartition('/')[2]}"
    version = subject.backend.version()
    return f"{subject.loss.name} / {name}{target} [{version}, {subject.dtype}, {subject.device}]"


def _line(key: str, text: str) -> str:
    return f"  {key:<8} " + text.replace("\n", "\n" + " " * 11)


def _at(question: Question, observation: Observation | None = None) -> str:
    """Where: arguments, options, and how the question was put, such as a layout."""
    judgement = None if observation is None else observation.judgement
    shown = {
        k: text(v, number, shown=_worst(v, judgement))
        for k, v in question.arguments.items()
        if v is not None
    }
    shown |= {k: repr(v) for k, v in question.options.items()}
    if len(question.loss.reductions) > 1:
        shown["reduction"] = question.reduction
    if question.cotangent is not None and (judgement is None or judgement.quantity != "value"):
        shown["cotangent"] = text(question.cotangent, number)
    if observation is not None:
        shown |= {k: str(v) for k, v in observation.how.items()}
    return ", ".join(f"{k}={v}" for k, v in shown.items())


def _apart(question: Question, other: Question) -> str:
    """The arguments of a question, and the options that it has not in common with another."""
    options = {k: v for k, v in question.options.items() if v != other.options.get(k)}
    given = {k: v for k, v in question.arguments.items() if v is not None}
    shown = {
        **{k: text(v, number) for k, v in given.items()},
        **{k: repr(v) for k, v in options.items()},
    }
    return ", ".join(f"{k}={v}" for k, v in shown.items())


def _worst(array: Any, judgement: Judgement | None) -> list[int]:
    """The entry of an array that stands where the answer is worst."""
    if judgement is None or judgement.problem is not None or judgement.worst < 0:
        return []
    return [judgement.worst] if np.shape(array) == judgement.ratios.shape else []


def snippet(subject: Subject, name: str, observation: Observation) -> str | None:
    """Python that shows the violation again when pasted.

    None where the question is too large to store, and where the function cannot be loaded again: it
    is neither one of the backend's own nor held by a file under its own name.
    """
    stored = case(subject, observation)
    implementation = subject.implementation
    target = again_of(implementation)
    own = subject.backend.implementations().get(subject.loss.name)
    if stored is None or target is None and own is not implementation:
        return None
    return _program(subject, name, stored)


def _program(subject: Subject, name: str, stored: Mapping[str, Any]) -> str:
    named = {
        "check": name,
        "backend": subject.backend.name,
        "device": subject.device,
        "target": stored.get("target"),
        "settled": stored.get("settled"),
        "question": _short(stored["question"]),
        "how": stored["how"],
    }
    left_out: dict[str, Any] = {"device": "cpu", "target": None, "settled": None, "how": {}}
    lines = ["from lossproof.conformance.reproduce import ask", "", "ask("]
    for key, value in named.items():
        if key not in left_out or value != left_out[key]:
            head = f"    {key}="
            written = pformat(value, width=99 - len(head), sort_dicts=False, compact=True)
            lines.append(f"{head}{indent(written, ' ' * len(head)).lstrip()},")
    return "\n".join((*lines, ")"))


def _short(data: Any) -> Any:
    """The same data, its hexadecimal numbers without padding."""
    if isinstance(data, Mapping):
        return {
            k: [hexadecimal(float.fromhex(h)) for h in v] if k == "hex" else _short(v)
            for k, v in data.items()
        }
    return data
