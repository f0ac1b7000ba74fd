"""The one count of classes that a function takes, and the weights of classes that it carries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lossproof.conformance.agreement import SIZES, answered, trial
from lossproof.conformance.refusal import in_words, misfits
from lossproof.conformance.shaping import Step, came
from lossproof.conformance.subject import Subject
from lossproof.conformance.written import number, text

AXIS = "C"
#: counts that are tried besides those that the error names
COUNTS = range(2, 13)
LARGEST = 2**14


def classes(subject: Subject) -> Step:
    """The one count of classes that it takes, where it refuses the usual one and but one of others
    passes."""
    axes = {axis for a in subject.loss.arguments.values() for axis in a.axes}
    if AXIS not in axes or AXIS in subject.sizes:
        return {}, []
    refusal = _refused(subject, SIZES[AXIS])
    if refusal is None or not misfits(refusal):
        return {}, []
    taken = [n for n in _counts(refusal) if _refused(subject, n) is None]
    if len(taken) != 1:
        return {}, []
    said = f"only {taken[0]} classes are asked of it: with {SIZES[AXIS]}, {in_words(refusal)}"
    return {"sizes": {AXIS: taken[0]}}, [said]


def _counts(refusal: Exception) -> Iterator[int]:
    named = (int(n) for n in re.findall(r"\b[0-9]{1,5}\b", str(refusal)))
    for count in dict.fromkeys((*COUNTS, *named)):
        if 1 < count <= LARGEST and count != SIZES[AXIS]:
            yield count


def _refused(subject: Subject, count: int) -> Exception | None:
    """What is raised with so many classes, at labels among the last of them too."""
    claimed = subject.implementation
    sized = replace(subject, implementation=replace(claimed, sizes={AXIS: count}))
    asked = replace(trial(sized, reduction=subject.reductions[0]), cotangent=None)
    for key, argument in subject.loss.arguments.items():
        if argument.domain.kind == "label":
            last = np.resize([count - 1, 0], np.shape(asked.arguments[key]))
            asked = asked.with_arguments(**{key: last})
    found = came(sized, asked)
    return found if isinstance(found, Exception) else None


def carried(subject: Subject) -> Step:
    """The optional arguments that it carries itself, without those that only bear such a name: it
    answers by the loss rather where they are not given. What the user states, or what can be
    nothing else, stays, and a function that ignores it fails."""
    claimed = subject.implementation
    if not claimed.held:
        return {}, []
    rows = f": arrays are asked in rows of {subject.columns}" if subject.columns > 1 else ""
    notes = [
        f"{key} is {text(np.asarray(numbers), number)} in every question{rows}"
        for key, numbers in claimed.held.items()
    ]
    if not claimed.doubtful:
        return {}, notes
    rest = {k: v for k, v in claimed.held.items() if k not in claimed.doubtful}
    bare = replace(subject, implementation=replace(claimed, held=rest, doubtful=()))
    changes, said = classes(bare)
    without = answered(replace(bare, implementation=replace(bare.implementation, **changes)))
    if not without or without < answered(subject):
        return {}, notes
    said += [
        f"{key}: what it carries by this name is something else, and is not examined"
        for key in claimed.doubtful
    ]
    return {"held": rest, "doubtful": (), **changes}, said
