"""The oracle: what the specification says of a question, and how far an answer is from it.

Narrow dtypes are first judged on the float64 carrier. Only a pass is taken from it: a point that is
undecided, overflows, is not finite or lies near its budget goes to the balls, which decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import arb, ctx

from lossproof.spec import evaluate
from lossproof.spec.carriers import BALLS, FLOATS, Narrow, Reals, entry
from lossproof.spec.formats import Format
from lossproof.spec.profile import Profile
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic, Operations, Tracked

Mask = npt.NDArray[np.bool_]
PRECISIONS = (128, 512, 2048, 8192)
#: how many roundings away an input may lie for an error to be put down to conditioning: one is in
#: every budget, so two is the least that means anything. NumPy, torch and JAX, all losses, need one
#: (`benchmarks/constants.py`); only known deviations are graded C.
CONDITIONING_ROUNDINGS = 2.0


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What is promised of one quantity, entry by entry.

    `exact` the true values (arb); `budget` the largest finite budget of the declared algorithms,
    infinite where none of them promises anything; `best` the smallest; `wide` where a kink admits
    more than one value.
    """

    exact: npt.NDArray[Any]
    budget: Reals
    best: Reals
    wide: Mask


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """How an answer compares with the truth, entry by entry of one quantity.

    `ratios` are errors divided by budgets (infinite for nan, an infinity or a wrong shape);
    `excused` where nothing is promised, or where a kink admits more than one value, `wide`
    where it is a kink.
    """

    quantity: str
    ratios: Reals
    best: Reals
    excused: Mask
    conditioned: Mask
    wide: Mask
    got: npt.NDArray[Any] | None
    problem: str | None = None

    @property
    def worst(self) -> int:
        """The flat index of the largest ratio; -1 if there are no entries."""
        return int(np.argmax(self.ratios)) if self.ratios.size else -1

    @property
    def violations(self) -> Mask:
        """Where the budget is exceeded and conditioning does not explain it."""
        return np.asarray((self.ratios > 1.0) & ~self.conditioned)

    @property
    def grade(self) -> str:
        """A, B, C or F: see the design of tolerances in the documentation."""
        if self.problem is not None or self.violations.any():
            return "F"
        if self.conditioned.any():
            return "C"
        return "A" if not self.best.size or float(self.best.max()) <= 1.0 else "B"


def evaluated(question: Question, quantity: str, arithmetic: Arithmetic, method: str) -> Tracked:
    """The quantity by a named method, evaluated once per question and precision."""
    kind, _, argument = quantity.partition(".")
    if kind != "value":
        cotangent = np.abs(np.asarray(question.cotangent, dtype=np.float64))
        gain = question.loss.gain(question.arguments, question.options)
        arithmetic = replace(arithmetic, reordered=float(cotangent.max(initial=1.0)) * gain)
    key = (kind, arithmetic, method, ctx.prec)
    if key not in question.memo:
        before = Operations.count
        question.memo[key] = _EVALUATIONS[kind](question, arithmetic, method)
        question.memo["operations", kind, method] = Operations.count - before
    if kind == "value":
        value: Tracked = question.memo[key]
        return value
    gradient: Tracked = question.memo[key][argument]
    return gradient


_EVALUATIONS: dict[str, Callable[[Question, Arithmetic, str], Any]] = {
    "value": evaluate.value,
    "gradient": evaluate.gradients,
    "second": evaluate.hessian_product,
}


def operations(question: Question, quantity: str) -> int:
    """The rounded operations of the longest declared algorithm, as evaluated for this question."""
    kind = quantity.partition(".")[0]
    methods = question.loss.algorithms("value" if quantity == "value" else "gradient")
    return max(int(question.memo.get(("operations", kind, m), 0)) for m in methods.values())


def truth(
    question: Question,
    quantity: str,
    fmt: Format,
    profile: Profile,
    *,
    input_roundings: float = 1.0,
) -> Truth:
    """The truth in balls, at a precision where their radius is far below the budget."""
    arithmetic = Arithmetic(
        format=fmt, profile=profile, carrier=BALLS, input_roundings=input_roundings
    )
    methods = question.loss.algorithms("value" if quantity == "value" else "gradient")
    result: Truth | None = None
    for precision in PRECISIONS:
        with ctx.workprec(precision):
            answers = [evaluated(question, quantity, arithmetic, m) for m in methods.values()]
        result = _combined(answers, tuple(methods))
        if _sharp(result):
            break
    assert result is not None
    return result


def _combined(answers: list[Tracked], names: tuple[str, ...]) -> Truth:
    budgets = np.stack([a.e for a in answers])
    # another order of the same factors widens a promise, and makes none
    promised = np.isfinite(budgets[[name != "chain" for name in names]]).any(axis=0)
    finite = np.where(np.isfinite(budgets) & promised, budgets, -np.inf).max(axis=0)
    stated = answers[0]
    wide = np.zeros(stated.shape, dtype=np.bool_)
    if stated.undecided is not None:
        wide |= np.broadcast_to(stated.undecided, stated.shape)
    return Truth(
        exact=stated.x,
        budget=np.where(finite < 0, np.inf, finite),
        best=budgets.min(axis=0),
        wide=wide,
    )


def _sharp(result: Truth) -> bool:
    for x, e, wide in zip(result.exact.flat, result.budget.flat, result.wide.flat, strict=True):
        if not np.isfinite(e) or wide:
            continue
        if not x.is_finite() or float(x.rad()) > e * 2.0**-20:
            return False
    return True


def judge(question: Question, quantity: str, got: Any, fmt: Format, profile: Profile) -> Judgement:
    """Compare one quantity of an answer with the specification."""
    array = None if got is None else np.asarray(got)
    problem = shape_problem(question, quantity, array)
    if problem is not None or array is None:
        none = np.zeros((), dtype=np.bool_)
        ones = np.full((), np.inf)
        return Judgement(
            quantity=quantity,
            ratios=ones,
            best=ones,
            excused=none,
            conditioned=none,
            wide=none,
            got=array,
            problem=problem,
        )
    numbers = array.astype(np.float64)
    ratios = np.full(numbers.shape, np.nan)
    best = ratios.copy()
    if fmt.precision < 53:
        ratios, best = _filter(question, quantity, numbers, fmt, profile)
    open_points = np.isnan(ratios)
    excused = np.zeros(numbers.shape, dtype=np.bool_)
    conditioned, wide = excused.copy(), excused.copy()
    if open_points.any():
        whole = (ratios, best, excused, conditioned, wide)
        if question.separable:
            rows = _rows(question, open_points)
            part = question.take(rows)
            found = _authority(part, quantity, question.take_from(numbers, rows), fmt, profile)
            for target, source in zip(whole, found, strict=True):
                _rowwise(question, target)[rows] = source
        else:
            found = _authority(question, quantity, numbers, fmt, profile)
            for target, source in zip(whole, found, strict=True):
                target[...] = source
    return Judgement(
        quantity=quantity,
        ratios=ratios,
        best=best,
        excused=excused,
        conditioned=conditioned,
        wide=wide,
        got=array,
    )


def shape_problem(question: Question, quantity: str, array: npt.NDArray[Any] | None) -> str | None:
    """Why an answer cannot be compared at all, or None."""
    if quantity == "value":
        expected = question.output_shape
    else:
        expected = tuple(np.shape(question.arguments[quantity.partition(".")[2]]))
    if array is None:
        return "nothing came back"
    if array.dtype.kind not in "fV" and array.dtype.name != "bfloat16":
        return f"an array of {array.dtype} came back"
    if array.shape != expected:
        return f"shape {array.shape} came back, {expected} is stated"
    return None


def _rowwise(question: Question, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.reshape(-1) if question.loss.samples == "*" else array


def _rows(question: Question, entries: Mask) -> npt.NDArray[np.intp]:
    by_row = _rowwise(question, entries)
    return np.flatnonzero(by_row.reshape(by_row.shape[0], -1).any(axis=1))


def _filter(
    question: Question, quantity: str, got: Reals, fmt: Format, profile: Profile
) -> tuple[Reals, Reals]:
    """Ratios where the float64 carrier is sure of a pass, nan elsewhere."""
    arithmetic = Arithmetic(format=fmt, profile=profile, carrier=FLOATS)
    methods = question.loss.algorithms("value" if quantity == "value" else "gradient")
    answers = [evaluated(question, quantity, arithmetic, m) for m in methods.values()]
    result = _combined(answers, tuple(methods))
    with np.errstate(all="ignore"):
        error = np.abs(got - result.exact)
        slack = result.budget * 2.0**-24
        sure = (error + slack <= result.budget) & np.isfinite(result.budget) & ~result.wide
        for answer in answers:
            sure &= np.isfinite(answer.x)
        ratios = np.where(sure, error / result.budget, np.nan)
        best = np.where(sure, error / result.best, np.nan)
    zero = sure & (error == 0)
    return np.where(zero, 0.0, ratios), np.where(zero, 0.0, best)


def _authority(
    question: Question, quantity: str, got: Reals, fmt: Format, profile: Profile
) -> tuple[Reals, Reals, Mask, Mask, Mask]:
    """Ratios to the budget and the best one, what is excused, put down to conditioning, a kink."""
    result = truth(question, quantity, fmt, profile)
    outside = question.loss.outside(question.arguments, question.options, quantity)
    exempt = np.zeros(got.shape, dtype=np.bool_)
    if outside is not None:
        exempt |= np.broadcast_to(outside, got.shape)
    lost = _lost_overflow(question, quantity, result, got, fmt, profile)
    exempt |= _beside_overflow(question, result, got, fmt) & ~lost
    ratios, best, excused = _ratios(result, got, exempt, lost, fmt)
    conditioned = np.zeros(got.shape, dtype=np.bool_)
    if (ratios > 1.0).any() and np.isfinite(got[ratios > 1.0]).any():
        loose = truth(question, quantity, fmt, profile, input_roundings=CONDITIONING_ROUNDINGS)
        again = _ratios(loose, got, exempt, lost, fmt)[0]
        # a branch that is decided stays decided: inputs moved further do not widen a kink
        decided = ~(loose.wide & ~result.wide)
        conditioned = (ratios > 1.0) & (again <= 1.0) & np.isfinite(got) & decided
    return ratios, best, excused, conditioned, result.wide & np.isfinite(result.budget)


def _lost_overflow(
    question: Question, quantity: str, result: Truth, got: Reals, fmt: Format, profile: Profile
) -> Mask:
    """Moderate numbers, and other than the right infinity, where the answer overflows for sure.

    The budget at an overflow is infinite; a format with the exponents of float64 tells whether the
    overflow itself is in doubt. Nothing is said of float64: no wider exponents are at hand.
    """
    lost: Mask = np.zeros(got.shape, dtype=np.bool_)
    moderate = np.isinf(result.budget) & np.isfinite(got) & (np.abs(got) < fmt.largest / 2)
    beside = np.isinf(result.budget) & ~np.isfinite(got)
    if fmt.precision == 53 or not (moderate | beside).any():
        return lost
    if beside.any():
        infinity = _reached(question, quantity, fmt)
        beside &= np.isinf(infinity) & (got != infinity)
    suspects = [
        i
        for i in map(tuple, np.argwhere(moderate | beside))
        if overflows(entry(result.exact, i), fmt)
    ]
    if not suspects:
        return lost
    unbounded = truth(question, quantity, replace(fmt, emax=1023), profile)
    for i in suspects:
        x, e = entry(result.exact, i), float(unbounded.budget[i])
        lost[i] = (
            np.isfinite(e) and not unbounded.wide[i] and float(x.abs_lower()) - e > fmt.largest
        )
    return lost


def _reached(question: Question, quantity: str, fmt: Format) -> Reals:
    """What the declared algorithms all give, run in the dtype itself; nan where they differ.

    Only of values entry by entry: a sum, a row or a gradient may meet inf - inf on a sound way.
    """
    if quantity != "value" or not question.separable or question.loss.samples != "*":
        return np.full((), np.nan)
    arithmetic = Arithmetic(format=fmt, carrier=_narrow(fmt), exact=True)
    methods = question.loss.algorithms("value").values()
    found = [evaluated(question, quantity, arithmetic, method).x for method in methods]
    each = np.stack(found).astype(np.float64)
    return np.where((each == each[0]).all(axis=0), each[0], np.nan)


@cache
def _narrow(fmt: Format) -> Narrow:
    return Narrow(fmt.dtype)


def _beside_overflow(question: Question, result: Truth, got: Reals, fmt: Format) -> Mask:
    """Answers that are not finite in a sample of which another entry overflows by rights."""
    beyond = np.isinf(result.budget)
    if not beyond.any() or np.isfinite(got).all():
        return np.zeros(got.shape, dtype=np.bool_)
    each: Mask = np.zeros(got.shape, dtype=np.bool_)
    for i in map(tuple, np.argwhere(beyond)):
        x = result.exact[i]
        each[i] = x.is_finite() and overflows(x, fmt)
    if question.separable and got.ndim and question.loss.samples == "N":
        each = each.reshape(got.shape[0], -1).any(axis=1).reshape((-1,) + (1,) * (got.ndim - 1))
    elif not question.separable:
        each = np.full((), bool(each.any()))
    return np.asarray(each & ~np.isfinite(got) & np.ones(got.shape, dtype=np.bool_))


def _ratios(
    result: Truth, got: Reals, exempt: Mask, lost: Mask, fmt: Format
) -> tuple[Reals, Reals, Mask]:
    ratios, best = np.zeros(got.shape), np.zeros(got.shape)
    excused = np.zeros(got.shape, dtype=np.bool_)
    for i in np.ndindex(got.shape):
        x: arb = entry(result.exact, i)
        e, y = float(result.budget[i]), float(got[i])
        if exempt[i] or not x.is_finite():
            excused[i] = True
        elif not np.isfinite(e):
            excused[i] = not (lost[i] or (overflows(x, fmt) and _wrong_infinity(x, y)))
            ratios[i] = best[i] = 0.0 if excused[i] else np.inf
        elif not np.isfinite(y):
            ratios[i] = best[i] = np.inf
        else:
            error = float((arb(y) - x).abs_lower())
            ratios[i] = _ratio(error, e)
            best[i] = _ratio(error, float(result.best[i]))
            excused[i] = bool(result.wide[i]) and float(x.rad()) > e
    return ratios, best, excused


def _ratio(error: float, budget: float) -> float:
    if error == 0.0:
        return 0.0
    return error / budget if budget > 0 else np.inf


def overflows(x: arb, fmt: Format) -> bool:
    """Whether the exact value itself is beyond the largest finite number."""
    return bool(x.abs_lower() > arb(fmt.largest) * (1 + arb(fmt.unit_roundoff)))


def _wrong_infinity(x: arb, y: float) -> bool:
    """Whether y is the infinity of the other sign than the exact value."""
    return bool(np.isinf(y)) and (bool(x < 0) if y > 0 else bool(x > 0))
