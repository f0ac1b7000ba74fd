"""Laws and relations: the algebra that a loss declares, each as one short function.

A law is run twice: on the specification itself, in balls, and on implementations, where every
number carries the budget of the point at which it was computed. It asks an `Evaluator` for values
and gradients and yields claims; a claim is broken only if it fails by more than both budgets.

Questions are moved only in ways that are exact in every dtype: exchange, negation, permutation,
scaling by a power of two, and shifts of numbers on a coarse grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lossproof.spec.maths import total
from lossproof.spec.tracked import Arithmetic, Tracked

if TYPE_CHECKING:
    from lossproof.spec.question import Question


class Evaluator(Protocol):
    """What answers questions: the specification, or an implementation with its budgets."""

    @property
    def arithmetic(self) -> Arithmetic:
        """The arithmetic of its answers."""

    def value(self, question: Question) -> Tracked:
        """The value."""

    def gradient(self, question: Question, argument: str) -> Tracked:
        """The cotangent (ones if the question has none) pulled back to `argument`."""


@dataclass(frozen=True)
class Claim:
    """`left <= right` entry by entry, or `left == right`."""

    left: Tracked
    relation: str
    right: Tracked


Claims = Iterator[Claim]


@dataclass(frozen=True, kw_only=True)
class Law:
    """A property of one loss. `coarse` laws are asked on a grid of multiples of 1/4 up to 8."""

    name: str
    sentence: str
    claims: Callable[[Evaluator, Question], Claims]
    coarse: bool = False
    gradient: str | None = None


def _all(options: Mapping[str, Any]) -> bool:
    return True


def _same(options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


def _unscaled(loss: Any, options: Mapping[str, Any]) -> float:
    return 1.0


@dataclass(frozen=True, kw_only=True)
class Relation:
    """This loss equals `scale` times `other` at mapped arguments and options.

    `arguments` maps the tracked arguments of this loss to those of the other. `when` says for which
    options the relation holds, `at` gives options at which it is asked of implementations.
    `reduction` is "same", or the one that the other is asked for.
    """

    other: str
    sentence: str
    arguments: Callable[[Any, dict[str, Any]], dict[str, Any]]
    options: Callable[[Mapping[str, Any]], Mapping[str, Any]] = field(default=_same)
    scale: Callable[[Any, Mapping[str, Any]], Any] = field(default=_unscaled)
    when: Callable[[Mapping[str, Any]], bool] = field(default=_all)
    reduction: str = "same"
    at: Mapping[str, Any] = field(default_factory=dict)


def _number(evaluator: Evaluator, question: Question, bound: float | str) -> Tracked:
    """A bound given as a number, or as the name of an option."""
    value = question.loss.complete(question.options)[bound] if isinstance(bound, str) else bound
    return evaluator.arithmetic.constant(float(value))


def bounded(low: float | str | None = None, high: float | str | None = None) -> Law:
    """The value lies between two numbers, or options."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        value = evaluator.value(question)
        if low is not None:
            yield Claim(_number(evaluator, question, low), "<=", value)
        if high is not None:
            yield Claim(value, "<=", _number(evaluator, question, high))

    words = [f"at least {low}"] if low is not None else []
    words += [f"at most {high}"] if high is not None else []
    return Law(name="bounded", sentence="the value is " + " and ".join(words), claims=claims)


def _nonnegative(evaluator: Evaluator, question: Question) -> Claims:
    yield Claim(evaluator.arithmetic.constant(0.0), "<=", evaluator.value(question))


nonnegative = Law(name="nonnegative", sentence="the value is never negative", claims=_nonnegative)


def zero_if_equal(first: str = "prediction", second: str = "target") -> Law:
    """The value is 0 where two arguments are equal."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        equal = question.with_arguments(**{second: question.arguments[first]})
        yield Claim(evaluator.value(equal), "==", evaluator.arithmetic.constant(0.0))

    sentence = f"the value is 0 where {first} equals {second}"
    return Law(name="zero_if_equal", sentence=sentence, claims=claims)


def symmetric(first: str = "prediction", second: str = "target") -> Law:
    """Exchanging two arguments changes nothing."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        a, b = question.arguments[first], question.arguments[second]
        exchanged = question.with_arguments(**{first: b, second: a})
        yield Claim(evaluator.value(question), "==", evaluator.value(exchanged))

    sentence = f"exchanging {first} and {second} changes nothing"
    return Law(name="symmetric", sentence=sentence, claims=claims)


def mirrored(*negated: str, complemented: tuple[str, ...] = ()) -> Law:
    """Negating some arguments, and taking 1 - x of others, changes nothing."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        one = np.ones(())
        moved = {key: -question.arguments[key] for key in negated}
        for key in complemented:
            array = question.arguments[key]
            moved[key] = (one.astype(array.dtype) - array).astype(array.dtype)
        mirror = question.with_arguments(**moved)
        yield Claim(evaluator.value(question), "==", evaluator.value(mirror))

    words = f"negating {' and '.join(negated)}" if negated else ""
    if complemented:
        words += (" with " if words else "") + f"1 - {' and 1 - '.join(complemented)}"
    return Law(
        name=".".join(("mirrored", *negated, *complemented)),
        sentence=words + " changes nothing",
        claims=claims,
        coarse=True,
    )


def shift_invariant(*arguments: str) -> Law:
    """Adding one constant to all of the arguments changes nothing."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        before = evaluator.value(question)
        for shift in (3.0, -16.0):
            moved = {
                key: (question.arguments[key] + np.asarray(shift)).astype(
                    question.arguments[key].dtype
                )
                for key in arguments
            }
            yield Claim(before, "==", evaluator.value(question.with_arguments(**moved)))

    names = " and ".join(arguments)
    return Law(
        name=".".join(("shift_invariant", *arguments)),
        sentence=f"adding one constant to {names} changes nothing",
        claims=claims,
        coarse=True,
    )


def homogeneous(degree: int, *arguments: str) -> Law:
    """Doubling the arguments multiplies the value by 2**degree."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        doubled = {
            key: (question.arguments[key] * 2).astype(question.arguments[key].dtype)
            for key in arguments
        }
        before = evaluator.value(question) * 2.0**degree
        yield Claim(evaluator.value(question.with_arguments(**doubled)), "==", before)

    return Law(
        name="homogeneous",
        sentence=f"doubling {' and '.join(arguments)} multiplies the value by {2**degree}",
        claims=claims,
        coarse=True,
    )


def convex(argument: str = "prediction") -> Law:
    """The value at a midpoint is at most the mean of the values at the ends."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        a = question.arguments[argument]
        b = np.flip(a, axis=-1) if a.ndim else np.asarray(-a)
        if not question.loss.arguments[argument].domain.contains(b):
            return  # there is no second point at hand
        if a.ndim == 2:
            b = np.roll(b, 1, axis=0)
        middle = ((a + b) / np.asarray(2)).astype(a.dtype)
        ends = evaluator.value(question) + evaluator.value(
            question.with_arguments(**{argument: b.astype(a.dtype)})
        )
        at_middle = evaluator.value(question.with_arguments(**{argument: middle}))
        yield Claim(at_middle, "<=", ends / 2)

    return Law(
        name=f"convex.{argument}",
        sentence=f"convex in {argument}",
        claims=claims,
        coarse=True,
    )


def lipschitz(argument: str, bound: float | str = 1.0) -> Law:
    """No entry of the gradient of a single loss exceeds the bound (a number or an option)."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        gradient = evaluator.gradient(question.with_cotangent(1.0), argument)
        yield Claim(abs(gradient), "<=", _number(evaluator, question, bound))

    return Law(
        name=f"lipschitz.{argument}",
        sentence=f"no entry of the gradient in {argument} exceeds {bound}",
        claims=claims,
        gradient=argument,
    )


def gradient_sums_to_zero(argument: str = "logits") -> Law:
    """The gradient of every row sums to 0."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        gradient = evaluator.gradient(question, argument)
        if gradient.shape[-1]:
            yield Claim(total(gradient), "==", evaluator.arithmetic.constant(0.0))

    return Law(
        name=f"gradient_sums_to_zero.{argument}",
        sentence=f"the gradient in {argument} sums to 0 over each row",
        claims=claims,
        gradient=argument,
    )


def gradient_orthogonal(argument: str) -> Law:
    """The gradient of every row is orthogonal to the row: only its direction matters."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        gradient = evaluator.gradient(question, argument)
        row = evaluator.arithmetic.input(question.arguments[argument])
        yield Claim(total(gradient * row), "==", evaluator.arithmetic.constant(0.0))

    return Law(
        name=f"gradient_orthogonal.{argument}",
        sentence=f"the gradient in {argument} is orthogonal to it",
        claims=claims,
        gradient=argument,
    )


def monotone(argument: str, direction: int) -> Law:
    """The gradient in the argument never has the wrong sign."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        gradient = evaluator.gradient(question.with_cotangent(1.0), argument)
        zero = evaluator.arithmetic.constant(0.0)
        yield Claim(zero, "<=", gradient) if direction > 0 else Claim(gradient, "<=", zero)

    word = "increasing" if direction > 0 else "decreasing"
    return Law(
        name=f"{word}.{argument}",
        sentence=f"{word} in {argument}",
        claims=claims,
        gradient=argument,
    )


def permutation_equivariant(*arguments: str, labels: tuple[str, ...] = ()) -> Law:
    """Reversing the last axis of the arguments (and the class indices) changes nothing.

    Where the result has that axis, it is reversed too; so is the class that is ignored.
    """

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        size = question.arguments[arguments[0]].shape[-1]
        moved = {
            k: np.ascontiguousarray(np.flip(question.arguments[k], axis=-1))
            for k in arguments
            if question.arguments.get(k) is not None
        }
        for key in labels:
            old = question.arguments[key]
            valid = (old >= 0) & (old < size)
            moved[key] = np.where(valid, size - 1 - old, old)
        options = dict(question.options)
        if 0 <= options.get("ignore_index", -1) < size:
            options["ignore_index"] = size - 1 - options["ignore_index"]
        mirror = replace(question, options=options).with_arguments(**moved)
        before, after = evaluator.value(question), evaluator.value(mirror)
        if question.reduction == "none" and question.loss.output == "N C":
            after = after[..., ::-1]
        yield Claim(before, "==", after)

    return Law(
        name="permutation_equivariant",
        sentence="the order of the classes does not matter",
        claims=claims,
    )


def sums_to(number: float) -> Law:
    """Every row of the result sums to a number."""

    def claims(evaluator: Evaluator, question: Question) -> Claims:
        value = evaluator.value(question)
        yield Claim(total(value), "==", evaluator.arithmetic.constant(number))

    return Law(name="sums_to", sentence=f"every row sums to {number:g}", claims=claims)


def identity(
    name: str,
    sentence: str,
    claims: Callable[[Evaluator, Question], Claims],
    *,
    coarse: bool = False,
) -> Law:
    """A law of one loss only, stated by its own function."""
    return Law(name=name, sentence=sentence, claims=claims, coarse=coarse)


__all__ = [
    "Claim",
    "Claims",
    "Evaluator",
    "Law",
    "Relation",
    "bounded",
    "convex",
    "gradient_orthogonal",
    "gradient_sums_to_zero",
    "homogeneous",
    "identity",
    "lipschitz",
    "mirrored",
    "monotone",
    "nonnegative",
    "permutation_equivariant",
    "shift_invariant",
    "sums_to",
    "symmetric",
    "zero_if_equal",
]
