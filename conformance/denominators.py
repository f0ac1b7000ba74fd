"""What a wrong mean is divided by, told where a second question bears it out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lossproof.conformance import oracle
from lossproof.conformance.agreement import SEEDS, trial
from lossproof.conformance.ceilings import GUARDS
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Subject
from lossproof.conformance.wider import elsewhere, translated
from lossproof.spec.carriers import BALLS
from lossproof.spec.question import Question

#: rows of a plain question whose arguments may have any shape
ROWS = 4
#: how many roundings a factor or a denominator may be off and still be called by its name
CLOSE = 64.0
#: what a denominator is off from the stated one, at the least, to be another count
OTHER = 2.0**-6


class Multiple:
    """Whether an answer is a multiple of the truth, in all entries that can tell."""

    def __init__(self, subject: Subject, question: Question, judgement: Judgement) -> None:
        truth = oracle.truth(question, judgement.quantity, subject.format, subject.profile)
        exact, got = BALLS.middle(truth.exact), np.asarray(judgement.got, dtype=np.float64)
        with np.errstate(all="ignore"):
            known = np.abs(exact) > CLOSE * truth.budget
        known &= np.isfinite(exact) & np.isfinite(got) & ~truth.wide & np.isfinite(truth.budget)
        #: whether every wrong entry is among those that can tell
        self.whole = not (judgement.violations & ~known).any()
        self.exact, self.got, self.budget = exact[known], got[known], truth.budget[known]

    def holds(self, factor: float, slack: float = CLOSE) -> bool:
        room = slack * abs(factor) * self.budget
        if slack > 1.0:  # and nearer to that than to the truth
            room = np.minimum(room, abs(factor - 1.0) / 4 * np.abs(self.exact))
        return bool(self.got.size and np.all(np.abs(self.got - factor * self.exact) <= room))


@dataclass(frozen=True, kw_only=True)
class _Mean:
    """A mean, or the gradient of one, of which the answer is some multiple."""

    question: Question
    terms: int
    right: float
    times: Multiple

    def named(self) -> Iterator[str]:
        """What it may be divided by, in words."""
        stated = f"{self.right:.6g}{_stated(self.question, self.right)}"
        for words, count in _counts(self.question, self.terms):
            other = abs(count - self.right) > OTHER * self.right
            if self.terms > 1 and count > 0 and other and self.times.holds(self.right / count):
                yield f"{words}, where {stated} is stated"
        if not self.times.whole or self.times.holds(1.0, slack=1.0):
            return  # what is wrong is not a multiple of all that is right
        for guard in GUARDS:
            known = guard < OTHER * self.right
            if known and self.times.holds(self.right / (self.right + guard), slack=1.0):
                yield f"{self.right:.6g} + {guard:g}, not by {self.right:.6g}"


def divided(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Which denominator a wrong mean, or the gradient of one, has, in words.

    It is told where it is the denominator at plain numbers too, in two axes if may be, where one
    count is not another, and where none but others may be that of the several losses in hand.
    """
    quantity = judgement.quantity
    found = (_mean(subject, asked, quantity) for asked in plain_ones(subject, question))
    plain = [mean for mean in found if mean is not None]
    here = _mean(subject, question, quantity)
    several = here is not None and here.terms > 1
    held = {_count(words) for words in here.named()} if here is not None and several else set()
    for mean in plain if here is None else (here, *plain):
        for words in mean.named():
            kinds = [{kind(w) for w in other.named()} for other in plain]
            if held and _count(words) not in held:
                continue
            if kinds and all(kind(words) in found for found in kinds):
                of = "the sum" if quantity == "value" else "the gradient of the sum"
                many = "one loss" if mean.terms == 1 else f"{mean.terms} losses"
                said = f"{of} of {many} divided by {words}"
                whole = "rows" if question.loss.samples == "N" else "entries"
                return said if mean is here else f"asked with {mean.terms} {whole}: {said}"
    return None


def in_float64(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Which denominator a mean has in float64, where the numbers of a narrow dtype say nothing."""
    wide = elsewhere(subject, "float64")
    if wide is None or question.reduction in ("none", "sum"):
        return None
    asked = translated(question, "float64")
    found = divided(wide, asked, wide.judge(asked, judgement.quantity))
    return None if found is None else f"in float64: {found}"


def plain_ones(subject: Subject, question: Question) -> Iterator[Question]:
    """Questions of moderate numbers that tell one count from another."""
    for seed in SEEDS:
        yield _plain(subject, question, seed)


def _plain(subject: Subject, question: Question, seed: int) -> Question:
    """A question of moderate numbers under the same options, rows and columns where that may be."""
    stated = question.loss.arguments
    asked = trial(
        subject,
        options=question.options,
        reduction=question.reduction,
        optional=any(stated[k].optional and v is not None for k, v in question.arguments.items()),
        seed=seed,
    )
    rows = {
        key: array.reshape(ROWS, -1)
        for key, array in asked.arguments.items()
        if array is not None and stated[key].shape == "*" and array.size % ROWS == 0
    }
    cotangent = np.asarray(asked.cotangent)
    if rows and cotangent.ndim:
        asked = replace(asked, cotangent=cotangent.reshape(ROWS, -1))
    return asked.with_arguments(**rows)


def _mean(subject: Subject, question: Question, quantity: str) -> _Mean | None:
    """The mean, None where it is right, or where its sum or the stated mean is 0 or not finite."""
    if question.reduction in ("none", "sum") or "sum" not in question.loss.reductions:
        return None
    judgement = subject.judge(question, quantity)
    if judgement.problem is not None or judgement.got is None or not judgement.violations.any():
        return None
    sums, stated = (
        float(BALLS.middle(oracle.truth(asked, "value", subject.format, subject.profile).exact))
        for asked in (replace(question, reduction="sum", cotangent=None), question)
    )
    if not (np.isfinite(sums) and np.isfinite(stated) and sums and stated):
        return None
    return _Mean(
        question=question,
        terms=int(np.prod(question.loss.output_shape(question.arguments, "none"))),
        right=sums / stated,
        times=Multiple(subject, question, judgement),
    )


def kind(words: str) -> str:
    """The words without their numbers."""
    return re.sub(r"[0-9][0-9.e+-]*", "", words)


def _count(words: str) -> str:
    """What it is divided by, without its number and without what is stated."""
    return kind(words.partition(", where ")[0])


def _stated(question: Question, right: float) -> str:
    """What the stated denominator is, where that is not the number of losses."""
    labels, weight = question.arguments.get("labels"), question.arguments.get("weight")
    if labels is None:
        return ""
    some = np.asarray(labels)
    kept = some[some != question.options.get("ignore_index")]
    weights = 0.0 if weight is None else np.asarray(weight, dtype=np.float64)[kept].sum()
    if abs(weights - right) < 1e-3 * right:
        return " (the weights of the labels)"
    return " (those that are kept)" if kept.size == right != some.size else ""


def _counts(question: Question, terms: int) -> Iterator[tuple[str, float]]:
    yield "1, which is the sum itself", 1.0
    weight, labels = question.arguments.get("weight"), question.arguments.get("labels")
    if weight is not None:
        weights = np.asarray(weight, dtype=np.float64)
        yield f"{weights.sum():.6g}, the sum of the weights given", float(weights.sum())
        if labels is not None and question.options.get("ignore_index") is not None:
            some = np.asarray(labels)
            kept = some != question.options["ignore_index"]
            chosen = weights[np.where(kept, some, 0)].sum()
            yield f"{chosen:.6g}, weights of ignored samples included", float(chosen)
        target = question.arguments.get("target")
        if target is not None and np.ndim(target) == 2 and np.ndim(weight) == 1:
            shares = float((weights * np.asarray(target, dtype=np.float64)).sum())
            yield f"{shares:.6g}, the targets times their weights", shares
    for axis, size in question.loss.axes_of(question.arguments).items():
        count = int(np.prod(size))
        if axis != "*":
            yield f"{count}, the size of {axis}", float(count)
        elif len(size) > 1:
            yield f"{size[0]}, the size of the first axis", float(size[0])
            yield f"{size[-1]}, the size of the last axis", float(size[-1])
    yield f"{terms}, the number of losses", float(terms)
    if labels is not None and question.options.get("ignore_index") is not None:
        kept_count = int((np.asarray(labels) != question.options["ignore_index"]).sum())
        yield f"{kept_count}, the number of losses that are kept", float(kept_count)
    yield f"{terms} · {terms}", float(terms) ** 2
    yield f"{terms - 1}, one less than the number of losses", float(terms - 1)
    yield f"{terms + 1}, one more than the number of losses", float(terms + 1)
