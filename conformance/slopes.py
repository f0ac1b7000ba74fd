"""What a wrong gradient is instead, told where a second and a third question bear it out.

A guess is a formula of another gradient, or a loss whose value is differentiated with a part of it
held constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossproof.conformance import oracle
from lossproof.conformance.denominators import CLOSE, plain_ones
from lossproof.conformance.digits import TELLING
from lossproof.conformance.mistakes import variants
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.subject import Subject
from lossproof.spec.carriers import BALLS, FLOATS, Reals
from lossproof.spec.dual import Dual, slope_of, value_of
from lossproof.spec.evaluate import lifted
from lossproof.spec.loss import Loss, pull_back
from lossproof.spec.maths import exp, softmax, softplus
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic, Tracked

#: entries of a gradient that are looked at, where each takes an evaluation
ENTRIES = 6
#: the part of a gradient that is more than lost digits
FAR = 2.0**-4


@dataclass(frozen=True, kw_only=True)
class _Guess:
    """A gradient in words: a formula `of` the bound loss and its arguments, or else a `loss` whose
    value is differentiated."""

    words: str
    loss: type[Loss]
    of: Callable[..., Tracked] | None = None


def other(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """What the gradient is instead, in words, or None.

    It is told where the worst entry and all of two plain questions are that, and where the truth is
    wrong at these too, though the value is right. In 16 bits too much would fit.
    """
    kind, _, name = judgement.quantity.partition(".")
    if subject.format.precision < TELLING:
        return None
    if kind != "gradient" or judgement.got is None or judgement.problem is not None:
        return None
    if not (judgement.ratios > CLOSE).any():
        return None  # what is so near to the truth fits whatever has the same gradient
    if subject.judge(question, "value").violations.any():
        return None  # what is wrong is not the gradient alone
    got = np.asarray(judgement.got, dtype=np.float64)
    guesses = [
        guess
        for guess in _guesses(question, name)
        if _fits(guess, subject, question, name, got, [judgement.worst])
    ]
    for asked in plain_ones(subject, question) if guesses else ():
        there = subject.judge(asked, judgement.quantity)
        if there.got is None or there.problem is not None or not there.violations.any():
            return None
        if (subject.judge(asked, "value").ratios > CLOSE).any():
            return None
        places = np.argsort(-there.ratios.reshape(-1), kind="stable").tolist()
        numbers = np.asarray(there.got, dtype=np.float64)
        guesses = [g for g in guesses if _fits(g, subject, asked, name, numbers, places)]
    return f"the gradient {guesses[0].words}" if guesses else None


def unlike_value(subject: Subject, question: Question, judgement: Judgement) -> str | None:
    """Whether the value is right where the gradient is not, here and at two plain questions, by
    more than digits that are lost; in 16 bits that may be all of them."""
    if (
        subject.format.precision < TELLING
        or not judgement.quantity.startswith("gradient.")
        or judgement.got is None
    ):
        return None
    for asked in (question, *plain_ones(subject, question)):
        if subject.judge(asked, "value").violations.any():
            return None
        there = subject.judge(asked, judgement.quantity)
        if there.got is None or there.problem is not None:
            return None
        truth = oracle.truth(asked, judgement.quantity, subject.format, subject.profile)
        exact = np.broadcast_to(BALLS.middle(truth.exact), there.violations.shape)
        got = np.asarray(there.got, dtype=np.float64)
        far = there.violations & (np.abs(got - exact) > FAR * np.abs(exact))
        if not far.any():
            return None
    return (
        "the value is right here and at plain numbers, the gradient at neither: a part of it is "
        "detached or rounded, or a gradient of its own is wrong"
    )


def _fits(
    guess: _Guess, subject: Subject, question: Question, name: str, got: Reals, places: list[int]
) -> bool:
    """Whether the entries at these places are what is guessed; not where that is not defined."""
    try:
        return _same(guess, subject, question, name, got, places)
    except ArithmeticError:
        return False


def _same(
    guess: _Guess, subject: Subject, question: Question, name: str, got: Reals, places: list[int]
) -> bool:
    """Whether the entries at these places are what is guessed."""
    arithmetic = Arithmetic(format=subject.format, profile=subject.profile, carrier=FLOATS)
    with np.errstate(all="ignore"):
        if guess.of is not None:
            whole = _stated(guess, question, arithmetic, name)
            x, e = (np.broadcast_to(a, got.shape).reshape(-1) for a in (whole.x, whole.e))
            pairs = [(float(x[i]), float(e[i])) for i in places]
        else:
            half = ENTRIES // 2  # the worst, and those that may be right
            places = places if len(places) <= ENTRIES else places[:half] + places[-half:]
            pairs = [_slope(guess.loss, question, arithmetic, name, i) for i in places]
        flat = got.reshape(-1)
        room = 2 * subject.format.unit_roundoff
        return all(
            abs(flat[i] - x) <= CLOSE * (e + room * abs(x))
            for i, (x, e) in zip(places, pairs, strict=False)
        )


def _stated(guess: _Guess, question: Question, arithmetic: Arithmetic, name: str) -> Tracked:
    """The gradient by its formula, the cotangent pulled back."""
    assert guess.of is not None
    bound = question.loss(arithmetic, question.options)
    arguments = lifted(question.loss, question.arguments, arithmetic)
    cotangent = arithmetic.input(np.asarray(question.cotangent, dtype=np.float64))
    spread = bound.spread(cotangent, question.reduction, **arguments)
    partial = {name: guess.of(bound, **arguments)}
    holder = type("Guessed", (type(bound),), {"gradient": lambda *_, **__: partial})
    return pull_back(holder(arithmetic, question.options), "gradient", spread, arguments)[name]


def _slope(
    loss: type[Loss], question: Question, arithmetic: Arithmetic, name: str, place: int
) -> tuple[float, float]:
    """The derivative of the cotangent times the value in one entry, and its budget."""
    bound = loss(arithmetic, question.options)
    arguments = lifted(loss, question.arguments, arithmetic)
    step = np.zeros(np.shape(question.arguments[name]))
    step.reshape(-1)[place] = 1.0
    arguments[name] = Dual(arguments[name], arithmetic.constant(step))
    value = bound.reduce(bound.value(**arguments), question.reduction, **arguments)
    slope = slope_of(value, value)
    cotangent = np.asarray(question.cotangent, dtype=np.float64)
    x = float(np.sum(cotangent * FLOATS.middle(slope.x)))
    return x, float(np.sum(np.abs(cotangent) * np.broadcast_to(slope.e, slope.shape)))


def _guesses(question: Question, name: str) -> Iterator[_Guess]:
    """What the gradient of a loss in an argument may be."""
    loss = question.loss
    made = _OTHERS.get((loss.name, name))
    if made is not None:
        yield made(loss)
    given = {k: a is not None for k, a in question.arguments.items()}
    for base in variants(loss):
        said = f"{loss.name}{base.after}" + (f", but {base.but}" if base.but else "")
        if base.loss.arguments == loss.arguments and base.acts({**question.options, **given}):
            yield _Guess(words=f"is that of {said}, the value is not", loss=base.loss)


def _detached(base: Any) -> _Guess:
    def modulation(bound: Any, s: Tracked) -> Tracked:
        found: Tracked = exp(-(bound.gamma * softplus(value_of(s))))
        return found

    loss = type(base.__name__, (base,), {"name": base.name, "_modulation": modulation})
    words = (
        "is that of the cross entropy times a constant: the factor (1 - p_t)^gamma is not "
        "differentiated, as if detached"
    )
    return _Guess(words=words, loss=loss)


def _softmax_alone(base: Any) -> _Guess:
    def slope(bound: Any, logits: Tracked, target: Tracked, weight: Any = None) -> Tracked:
        mass: Tracked = bound._mass(target, weight)
        return softmax(logits) - mass

    words = (
        "is softmax - target, where sum(target) · softmax - target is stated: the targets of a row "
        "are taken to sum to 1"
    )
    return _Guess(words=words, loss=base, of=slope)


def _together(base: Any, function: str) -> _Guess:
    words = (
        f"is prediction - target: that of {function} and cross entropy together, in the logits, "
        "not in the probabilities"
    )
    return _Guess(words=words, loss=base, of=lambda _, prediction, target: prediction - target)


def _categorical(base: Any) -> _Guess:
    return _together(base, "softmax")


def _binary(base: Any) -> _Guess:
    return _together(base, "sigmoid")


_OTHERS: dict[tuple[str, str], Callable[[Any], _Guess]] = {
    ("sigmoid_focal", "logits"): _detached,
    ("cross_entropy_soft_targets", "logits"): _softmax_alone,
    ("cross_entropy_probabilities", "prediction"): _categorical,
    ("binary_cross_entropy", "prediction"): _binary,
}
