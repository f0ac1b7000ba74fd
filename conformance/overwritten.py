"""What a function wrote into an argument: the first entry that changed, and what became of all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lossproof.backends.base import Answer
from lossproof.conformance.sources import plain
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.conformance.written import number
from lossproof.spec.carriers import Reals
from lossproof.spec.question import Question

#: roundings that an account may be off by
ROUNDED = 16.0
#: what an argument may hold afterwards, in words
ACCOUNTS: dict[str, Callable[[Reals], Reals]] = {
    "each row less its maximum": lambda x: x - x.max(-1, keepdims=True),
    "all of it less its maximum": lambda x: x - x.max(),
    "each row less its mean": lambda x: x - x.mean(-1, keepdims=True),
    "each row divided by its sum": lambda x: x / x.sum(-1, keepdims=True),
    "each row divided by its length": lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True)),
    "the exponential of each entry": np.exp,
    "the logarithm of each entry": np.log,
    "the sigmoid of each entry": lambda x: 1 / (1 + np.exp(-x)),
    "the softmax of each row": lambda x: _softmax(x),
}


def facts(question: Question, answer: Answer) -> dict[str, str]:
    """What changed of the arguments that were written into, in words."""
    name = answer.mutated[0]
    found = {"truth": "inputs unchanged", "got": "inputs changed"}
    pair = _pair(question, answer, name)
    if pair is None:
        return found
    before, after = pair
    differing = np.argwhere(~((before == after) | (np.isnan(before) & np.isnan(after))))
    if not len(differing):
        return found
    where = tuple(int(i) for i in differing[0])
    place = f"[{', '.join(map(str, where))}]" if where else ""
    kept = (question.arguments[name], answer.after[name])
    old, new = (number(np.asarray(array)[where]) for array in kept)
    found["got"] = f"{name}{place} was {old}, is {new} after the call"
    return found


def account(subject: Subject, question: Question, answer: Answer) -> str | None:
    """What the first argument that was written into holds, where two questions bear it out."""
    name = answer.mutated[0]
    pair = _pair(question, answer, name)
    said = None if pair is None else _account(subject, question, name, *pair)
    return None if said is None else f"{name} holds {said} afterwards"


def _pair(question: Question, answer: Answer, name: str) -> tuple[Reals, Reals] | None:
    """An argument before and after, None where that did not come back, or in another shape."""
    before, after = question.arguments.get(name), answer.after.get(name)
    if before is None or after is None or np.shape(before) != np.shape(after):
        return None
    if np.asarray(after).dtype.kind == "c":
        return None
    return np.asarray(before).astype(np.float64), np.asarray(after).astype(np.float64)


def _account(
    subject: Subject, question: Question, name: str, before: Reals, after: Reals
) -> str | None:
    """What it holds, where the answer to another question bears that out."""
    here = _fitting(subject, before, after)
    if not here:
        return None
    other = plain(subject, seed=98, reduction=question.reduction, optional=False)
    try:
        pair = _pair(other, subject.ask_again(other), name)
    except (TargetError, Incomparable):
        return None
    there = [] if pair is None else _fitting(subject, *pair)
    both = [said for said in here if said in there]
    return both[0] if len(both) == 1 else None


def _fitting(subject: Subject, before: Reals, after: Reals) -> list[str]:
    """The accounts that all entries fit, of rows that hold several numbers."""
    if before.ndim < 1 or before.shape[-1] < 2 or not np.isfinite(before).all():
        return []
    found = []
    for said, account in ACCOUNTS.items():
        with np.errstate(all="ignore"):
            stated = account(before)
            size = np.maximum(np.abs(stated), np.abs(before).max())
            near = np.abs(after - stated) <= ROUNDED * subject.format.unit_roundoff * size
        if near.all():
            found.append(said)
    return found


def _softmax(x: Reals) -> Reals:
    e = np.exp(x - x.max(-1, keepdims=True))
    found: Reals = e / e.sum(-1, keepdims=True)
    return found
