"""The error of a sum or mean grows with the number of terms no faster than its budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from flint import arb, ctx

from lossproof.conformance import describe, oracle
from lossproof.conformance.check import MUST, Observation, check, compared
from lossproof.conformance.echoes import multiple, near
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.sources import PLAIN, plain
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import FLOATS
from lossproof.spec.evaluate import lifted
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic, summation_growth

BASE = 50
#: samples of which all pairs are soon made
PAIRS = 2000


def _grows(subject: Subject) -> str | None:
    if not subject.effort.scale:
        return f"not part of the {subject.effort.name} profile"
    if not subject.loss.samples or not {"sum", "mean"} & set(subject.reductions):
        return "samples are coupled, or are not summed"
    return None


@check(
    "scale",
    level=MUST,
    sentence="errors of sums and means of many terms stay within the summation budget",
    source=PLAIN,
    needs=_grows,
)
def scale(subject: Subject, question: Question) -> Iterator[Observation]:
    """A batch repeated until it is large: its exact sum is a multiple of the small one's, and each
    part of its gradient, which is asked at the first options only, a share.

    One that is wrong as it is becomes less large: it may be wrong by making all pairs.
    """
    for options in subject.option_sets:
        few = small(subject, options)
        for reduction in ("sum", "mean"):
            if reduction not in subject.reductions:
                continue
            # another shape is another compilation
            alone = [] if subject.backend.compiles else [*_repeated(subject, few, 1, reduction)]
            wrong = any(observation.fault is not None for observation in alone)
            yield from alone
            sizes = (min(size, PAIRS) if wrong else size for size in subject.effort.scale)
            for size in dict.fromkeys(sizes):
                yield from _repeated(subject, few, size // BASE, reduction)


def _repeated(subject: Subject, few: Question, times: int, reduction: str) -> Iterator[Observation]:
    truth = oracle.truth(few, "value", subject.format, subject.profile)
    count = truth.exact.size * times
    with ctx.workprec(256):
        size = sum(float(abs(x)) for x in truth.exact.flat) * times
        exact = sum(truth.exact.flat, arb(0)) * times
        u = subject.format.unit_roundoff
        budget = float(truth.budget.sum()) * times + u * size * (summation_growth(count) + 1)
        overflows = size > subject.format.largest
        if reduction == "mean":
            divisor = _divisor(few, times, reduction, subject)
            exact = exact / divisor
            # weights are summed too, a count is exact
            weighed = any(few.arguments.get(k) is not None for k in subject.implementation.held)
            rounded = 2 + (summation_growth(count) if weighed else 0.0)
            budget = budget / divisor + rounded * u * abs(float(exact))
    came = subject.ask_again(large(subject, few, times, reduction))
    if dict(few.options) == subject.loss.complete(subject.option_sets[0]):
        yield from _gradients(subject, few, came.gradients, times, reduction)
    answer = np.asarray(came.value)
    if answer.shape != ():
        facts = {"truth": "a number", "got": f"an array of shape {answer.shape}"}
        yield Observation(
            question=few, fault=f"{reduction} is not a number", ratio=float("inf"), facts=facts
        )
        return
    got = float(answer.astype(np.float64))
    if overflows:
        yield Observation(question=few, points=1, excused=1)
        return
    ratio = float("inf")
    if np.isfinite(got):
        ratio = float((arb(got) - exact).abs_lower()) / budget
    wrong = not ratio <= 1.0
    yield Observation(
        question=few,
        fault=f"the {reduction} of {count} terms is not that of the spec" if wrong else None,
        ratio=ratio,
        facts=_facts(exact, got, budget, subject) if wrong else {},
        how={"repeated": times, "reduction": reduction},
        plainly=partial(_plainly, subject, few, reduction, got, exact),
    )


def _plainly(
    subject: Subject, few: Question, reduction: str, got: float, exact: arb
) -> list[tuple[Question, str]]:
    """The small batch, where what is wrong with it is the same multiple as of the large one."""
    asked = replace(few, reduction=reduction, cotangent=None)
    large = got / float(exact.mid())
    return [(asked, "value")] if near(large, multiple(subject, asked)) else []


def _alike(
    subject: Subject, asked: Question, reduced: Question, judgement: Judgement
) -> Iterator[Question]:
    """The small batch, unreduced or `reduced`, where it has the gradient that each part of the
    large one has."""
    for question in (asked, reduced):
        plain = subject.judge(question, judgement.quantity).got
        if plain is None or judgement.got is None or plain.shape != judgement.got.shape:
            continue
        if near(judgement.got, plain):
            yield question


def small(subject: Subject, options: Mapping[str, Any]) -> Question:
    """The batch that is repeated, unreduced."""
    sizes = {"*": BASE, "N": BASE, "C": 4, "D": 3, "T": 5, "S": 2}
    return plain(subject, seed=11, sizes=sizes, optional=False, reduction="none", options=options)


def large(subject: Subject, few: Question, times: int, reduction: str) -> Question:
    """That batch, repeated and reduced."""
    tiled = {k: _tiled(v, subject.loss.arguments[k].axes, times) for k, v in few.arguments.items()}
    cotangent = subject.format.round(_upstream(_divisor(few, times, reduction, subject)))
    return replace(few, arguments=tiled, reduction=reduction, cotangent=np.asarray(cotangent))


def _upstream(divisor: float) -> float:
    """The cotangent of a reduced batch, a power of two midway: neither does it overflow times a
    slope, nor does the share of one term underflow."""
    return float(2.0 ** np.floor(np.log2(divisor) / 2))


def _divisor(few: Question, times: int, reduction: str, subject: Subject) -> float:
    """What each term of the repeated batch is divided by."""
    return _kept(few, subject) * times if reduction == "mean" else 1.0


def _facts(exact: arb, got: float, budget: float, subject: Subject) -> dict[str, str]:
    unit = describe.ulp(exact, subject.format)
    off = f"{describe.ulps(exact, got, subject.format):.3g} ulp, {budget / unit:.3g} allowed"
    truth = describe.digits(exact, subject.format)
    return {"truth": truth, "got": describe.show(got, subject.format), "off": off}


def _gradients(
    subject: Subject, few: Question, gradients: Mapping[str, Any], times: int, reduction: str
) -> Iterator[Observation]:
    """Every repetition of the batch has the gradient of the small one, for its share of the
    cotangent: divided by the number of terms and rounded once, an input one rounding away."""
    divisor = _divisor(few, times, reduction, subject)
    asked = few.with_cotangent(float(subject.format.round(_upstream(divisor) / divisor)))
    share = subject.format.round(_upstream(divisor) / (times if reduction == "mean" else 1))
    reduced = replace(few, reduction=reduction, cotangent=np.asarray(share))
    for argument in subject.differentiable:
        got, axes = gradients.get(argument), subject.loss.arguments[argument].axes
        if got is None or axes[:1] not in (("*",), ("N",)):
            continue
        if np.shape(got)[:1] != (times * BASE,):
            continue  # a wrong shape is the business of other checks
        blocks = np.asarray(got).reshape(times, BASE, *np.shape(got)[1:])
        for place in sorted({0, times // 2, times - 1}):
            judgement = oracle.judge(
                asked, f"gradient.{argument}", blocks[place], subject.format, subject.profile
            )
            if reduction == "mean":
                judgement = _divided_first(judgement, asked, divisor, subject)
            what = f"the gradient in {argument} of a {reduction} of {times * BASE} is wrong"
            yield compared(
                asked,
                judgement,
                what=what,
                how={"repeated": times, "reduction": reduction},
                plainly=partial(_alike, subject, asked, reduced, judgement),
            )


def _divided_first(
    judgement: Judgement, asked: Question, divisor: float, subject: Subject
) -> Judgement:
    """The judgement where what underflows in a division is multiplied by the cotangent afterwards:
    the chain rule takes its factors in any order."""
    if judgement.problem is not None:
        return judgement
    fmt = subject.format
    underflow = _upstream(divisor) * Arithmetic(format=fmt, profile=subject.profile).eta
    budget = oracle.truth(asked, judgement.quantity, fmt, subject.profile).budget
    with np.errstate(all="ignore"):
        share = np.where(np.isfinite(budget), budget / (budget + underflow), 1.0)
    return replace(judgement, ratios=judgement.ratios * share)


def _tiled(array: object, axes: tuple[str, ...], times: int) -> object:
    if array is None or not (axes == ("*",) or "N" in axes):
        return array
    values = np.asarray(array)
    repeats = [1] * values.ndim
    repeats[0 if axes == ("*",) else axes.index("N")] = times
    return np.tile(values, repeats)


def _kept(few: Question, subject: Subject) -> float:
    """The denominator of the small batch's mean, as the spec has it."""
    arithmetic = Arithmetic(format=subject.format, profile=subject.profile, carrier=FLOATS)
    loss = few.loss(arithmetic, few.options)
    found = loss.denominator_of("mean", **lifted(few.loss, few.arguments, arithmetic))
    return float(FLOATS.middle(found.x))
