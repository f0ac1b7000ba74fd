"""The label that a function can ignore: one of the classes, where it looks up all labels first.

That is its own business only if it is meant to ignore a class, or refuses any other label by name.
One whose default is a label without a class, and that fails at such a label, is broken.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lossproof.backends.process.backend import GivenUp
from lossproof.backends.process.client import Died
from lossproof.conformance.agreement import SIZES, trial
from lossproof.conformance.refusal import in_words, refuses
from lossproof.conformance.shaping import Step, came
from lossproof.conformance.subject import Subject
from lossproof.spec.question import Question


def ignored(subject: Subject) -> Step:
    """Its `ignore_index` held at a class, where the default of the loss is none of its labels."""
    claimed, loss = subject.implementation, subject.loss
    if "ignore_index" not in (claimed.options or ()):
        return {}, []
    option = loss.options["ignore_index"]
    error = came(subject, _labelled(subject, option.default, option.default))
    if not isinstance(error, Exception) or isinstance(error, (Died, GivenUp)):
        return {}, []
    able = (
        v
        for v in option.landmarks
        if not isinstance(came(subject, _labelled(subject, v, v)), Exception)
    )
    asked = next(able, None)
    if asked is None or not _of_classes(subject, option.default):
        return {}, []
    said = f"ignore_index = {option.default} is not offered: {in_words(error)}; {asked} is asked"
    dialect = {**claimed.dialect, "ignore_index": asked}
    return {"dialect": dialect}, [said]


def _labelled(subject: Subject, label: int, index: int) -> Question:
    """A trial question in which `index` is ignored: the label is in it, and else only classes."""
    asked = trial(subject, options={"ignore_index": index}, reduction=subject.reductions[0])
    labels = np.where(asked.arguments["labels"] == index, label, asked.arguments["labels"])
    labels[0] = label
    return replace(asked.with_arguments(labels=labels), cotangent=None)


def _of_classes(subject: Subject, index: int) -> bool:
    """Whether it refuses `index` whatever the labels, or by default ignores a label that it can
    look up: there its answer changes as it is told to ignore `index`."""
    claimed = subject.implementation
    rest = tuple(k for k in claimed.options or () if k != "ignore_index")
    untold = replace(subject, implementation=replace(claimed, options=rest))
    plain = _labelled(subject, 0, index)
    error = came(subject, plain)
    if isinstance(error, Exception):
        return refuses(error, index) and not isinstance(came(untold, plain), Exception)
    for label in range(-1, subject.sizes.get("C", SIZES["C"])):  # NumPy looks up -1
        question = _labelled(subject, label, index)
        try:
            own, told = untold.call(question).value, subject.call(question).value
        except Exception:
            continue
        if not np.array_equal(own, told, equal_nan=True):
            return True
    return False
