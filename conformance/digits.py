"""Whether an answer is computed in a narrower dtype than it is asked in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from flint import arb

from lossproof.conformance import oracle
from lossproof.conformance.agreement import SEEDS, trial
from lossproof.conformance.deaf import deaf
from lossproof.conformance.moved import inputs
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.spec.carriers import BALLS, Reals, entry
from lossproof.spec.formats import FORMATS, Format
from lossproof.spec.question import Question

#: binary digits of a dtype in which an error tells of one cause and not of others
TELLING = 24
#: roundings of the narrower dtype that an error may be and still be put down to it
ROUNDINGS = 2.0
#: how far inputs are moved, of themselves: an error that is no rounding hardly changes by that
SHIFTS = (2.0**-12, 1.3 * 2.0**-11, 1.7 * 2.0**-11, 1.1 * 2.0**-10)
#: roundings of a dtype by which an argument is moved for that to be heard
FEW = 32.0
#: the share of itself by which a rounding changes, in most entries
CHANGE = 0.2


def beyond(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Whether a number that is not finite is beyond the range of a dtype that it is computed in."""
    where = tuple(int(i) for i in np.unravel_index(judgement.worst, judgement.ratios.shape))
    truth = oracle.truth(question, judgement.quantity, subject.format, subject.profile)
    exact = entry(truth.exact, where)
    sizes = [float(np.max(np.abs(v))) for v in _reals(question)]
    if exact.is_finite():
        sizes.append(float(abs(exact).mid()))
    for name in _narrower(subject):
        if max(sizes, default=0.0) > FORMATS[name].largest and all(map(np.isfinite, sizes)):
            unit, quantity = FORMATS[name].unit_roundoff, judgement.quantity
            if _differences(subject, quantity) and not rounded(subject, question, quantity, name):
                continue
            if _everywhere(subject, question, quantity, unit):
                return f"beyond the range of {name}: it is computed in that"
    return None


def _reals(question: Question) -> Iterator[Reals]:
    for key, argument in question.loss.arguments.items():
        values = question.arguments.get(key)
        if values is not None and argument.domain.kind == "real" and np.size(values):
            yield np.asarray(values, dtype=np.float64)


def _narrower(subject: Subject) -> Iterator[str]:
    for name in ("float32", "float16", "bfloat16"):
        coarse = FORMATS[name].unit_roundoff > 16 * subject.format.unit_roundoff
        if coarse and name != subject.dtype:
            yield name


def narrower(
    subject: Subject, question: Question, quantity: str, exact: arb, got: float
) -> str | None:
    """Whether an answer is right to the digits of a narrower dtype, here and at plain numbers."""
    error, size = float(abs(arb(got) - exact).mid()), float(abs(exact).mid())
    for name in _narrower(subject):
        unit = FORMATS[name].unit_roundoff
        if unit / 64 * size <= error <= ROUNDINGS * unit * size:
            what = rounded(subject, question, quantity, name)
            named = what is not None
            if what is None:
                if _differences(subject, quantity) or not _everywhere(
                    subject, question, quantity, unit
                ):
                    return None
                what = "a constant, or an array on the way, is"
            also = ", and what is computed of that" if named and _held(question, name) else ""
            return f"right to the digits of {name} and no further: {what} rounded to it{also}"
    return None


def _held(question: Question, name: str) -> bool:
    """Whether a dtype holds every number of the question: then its rounding is not the error."""
    fmt = FORMATS[name]
    return all(np.array_equal(fmt.round(values), values) for values in _reals(question))


def _differences(subject: Subject, quantity: str) -> bool:
    """Whether a gradient is written by hand, and may be one of differences, whose errors are
    like those of a narrower dtype."""
    return quantity != "value" and not subject.backend.differentiates


def rounded(subject: Subject, question: Question, quantity: str, name: str) -> str | None:
    """The arguments whose digits beyond a dtype change the truth of two questions, and no bit of
    the answers, while digits that it holds do."""
    found = []
    for seed in SEEDS:
        asked = subject.maker.question(
            seed, options=question.options, reduction=question.reduction, optional=False
        )
        same = deaf(lambda q: _exact(subject, q, quantity), asked, name) or set()
        lost = (deaf(lambda q: subject.judge(q, quantity).got, asked, name) or set()) - same
        found.append({key for key in lost if _hears(subject, asked, quantity, key, name)})
    names = sorted(set.intersection(*found))
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}" if names else None


def _hears(subject: Subject, asked: Question, quantity: str, key: str, name: str) -> bool:
    """Whether an argument that is moved by few units of a dtype moves the answer: one that is
    compared with a number does not."""
    fmt = FORMATS[name]
    held = np.asarray(fmt.round(asked.arguments[key]), dtype=np.float64)
    nudged = np.asarray(subject.format.round(held * (1 - FEW * fmt.unit_roundoff)))
    here = subject.judge(asked, quantity).got
    there = subject.judge(asked.with_arguments(**{key: nudged}), quantity).got
    return here is not None and there is not None and not np.array_equal(here, there)


def _exact(subject: Subject, question: Question, quantity: str) -> Reals:
    return BALLS.middle(oracle.truth(question, quantity, subject.format, subject.profile).exact)


def _everywhere(subject: Subject, question: Question, quantity: str, unit: float) -> bool:
    """Whether most answers to a plain question are right to this unit, and few to a finer one, and
    their errors are roundings."""
    asked = trial(subject, options=question.options, reduction=question.reduction)
    try:
        here = _errors(subject, asked, quantity)
        if here is None:
            return False
        relative = np.abs(here[np.isfinite(here)])
        right = relative.size and np.mean(relative <= ROUNDINGS * unit) >= 0.75
        return bool(
            right
            and np.mean(relative >= unit / 64) >= 0.5
            and _rough(subject, asked, quantity, here)
        )
    except (TargetError, Incomparable):
        return False


def _rough(subject: Subject, asked: Question, quantity: str, here: Reals) -> bool:
    """Whether most errors are others where the inputs are moved a little, as roundings are."""
    changes = []
    for shift in SHIFTS:
        there = _errors(subject, shifted(subject.format, asked, shift), quantity)
        if there is None:
            return False
        larger = np.maximum(np.abs(here), np.abs(there))
        known = np.isfinite(larger) & (larger > 0)
        changes.append((np.abs(there - here)[known] / larger[known]).reshape(-1))
    found = np.concatenate(changes)
    return bool(found.size and np.mean(found >= CHANGE) >= 0.5)


def shifted(fmt: Format, asked: Question, shift: float) -> Question:
    """The question with each input nearer to 0 by this share of itself."""
    nearer = {k: np.asarray(fmt.round(v * (1 - shift))) for k, v in inputs(asked).items()}
    return asked.with_arguments(**nearer)


def _errors(subject: Subject, asked: Question, quantity: str) -> Reals | None:
    """The relative errors of an answer, nan where they are not known; None where it is none."""
    judgement = subject.judge(asked, quantity)
    if judgement.problem is not None or judgement.got is None:
        return None
    truth = oracle.truth(asked, quantity, subject.format, subject.profile)
    exact, got = BALLS.middle(truth.exact), np.asarray(judgement.got, dtype=np.float64)
    known = np.isfinite(exact) & np.isfinite(got) & (exact != 0) & ~truth.wide
    off = np.full(exact.shape, np.nan)
    off[known] = (got - exact)[known] / np.abs(exact[known])
    return off
