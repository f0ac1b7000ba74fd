"""Rules on the arguments and options of an implementation, as data.

JAX cannot raise on a value inside `jit`. The rules stand beside the function, so that the backend
can apply them to the NumPy arrays before it calls the compiled function; called directly, the
function applies them itself, and rules on values let tracers pass.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

Values = Mapping[str, Any]
Rule = Callable[[str, Values], None]


class Checked:
    """A function that applies its rules to its arguments and options before it runs."""

    def __init__(self, function: Callable[..., Any], rules: tuple[Rule, ...]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._rules = rules
        self._signature = inspect.signature(function)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        self.validate(*arguments, **keywords)
        return self._function(*arguments, **keywords)

    def validate(self, *arguments: Any, **keywords: Any) -> None:
        """Raise ValueError or TypeError where a rule is broken."""
        bound = self._signature.bind(*arguments, **keywords)
        bound.apply_defaults()
        for rule in self._rules:
            rule(self._function.__name__, bound.arguments)


def requires(*rules: Rule) -> Callable[[Callable[..., Any]], Checked]:
    """`@requires(rule, ...)` puts rules beside a function, whose name is that of its loss."""
    return lambda function: Checked(function, rules)


def same_shape(first: str, *others: str) -> Rule:
    """The arguments named have one shape; an optional argument may be None."""

    def rule(loss: str, values: Values) -> None:
        shape = np.shape(values[first])
        for name in others:
            if values[name] is not None and np.shape(values[name]) != shape:
                raise ValueError(
                    f"{loss}: {first} and {name} must have the same shape, "
                    f"got {shape} and {np.shape(values[name])}"
                )

    return rule


def shaped(name: str, form: str) -> Rule:
    """The argument has as many dimensions as `form`, as in "(N, C)", has names."""
    count = sum(part.strip() != "" for part in form.strip("()").split(","))

    def rule(loss: str, values: Values) -> None:
        if np.ndim(values[name]) != count:
            raise ValueError(f"{loss}: {name} must have shape {form}, got {np.shape(values[name])}")

    return rule


def one_each(name: str, of: str, axis: int) -> Rule:
    """The argument, unless None, has one entry for each place on `axis` of the argument `of`."""

    def rule(loss: str, values: Values) -> None:
        if values[name] is None:
            return
        expected = (np.shape(values[of])[axis],)
        if np.shape(values[name]) != expected:
            raise ValueError(
                f"{loss}: {name} must have shape {expected} for {of} of shape "
                f"{np.shape(values[of])}, got {np.shape(values[name])}"
            )

    return rule


def labels_of(name: str, scores: str) -> Rule:
    """The labels are integers within the classes of `scores`, or the option ignore_index."""

    def rule(loss: str, values: Values) -> None:
        integers(name)(loss, values)
        labels = values[name]
        if isinstance(labels, jax.core.Tracer):
            return
        classes = np.shape(values[scores])[1]
        found = np.asarray(labels)
        bad = (found < 0) | (found >= classes)
        if "ignore_index" in values:
            bad &= found != values["ignore_index"]
        if bad.any():
            raise ValueError(f"{loss}: {name} must lie in [0, {classes}), got {found[bad].flat[0]}")

    return rule


def integers(*names: str) -> Rule:
    """The arguments are arrays of integers."""

    def rule(loss: str, values: Values) -> None:
        for name in names:
            if not np.issubdtype(values[name].dtype, np.integer):
                raise TypeError(f"{loss}: {name} must be integers, got {values[name].dtype}")

    return rule


def non_negative_entries(name: str) -> Rule:
    """No entry of the argument is below 0."""

    def rule(loss: str, values: Values) -> None:
        if isinstance(values[name], jax.core.Tracer):
            return
        entries = np.asarray(values[name])
        if (entries < 0).any():
            raise ValueError(
                f"{loss}: {name} must not have negative entries, got {entries[entries < 0].flat[0]}"
            )

    return rule


def _number(name: str, holds: Callable[[Any], bool], statement: str) -> Rule:
    def rule(loss: str, values: Values) -> None:
        value = values[name]
        if isinstance(value, jax.core.Tracer):
            return
        if not holds(value):
            raise ValueError(f"{loss}: {name} must {statement}, got {value}")

    return rule


def positive(name: str) -> Rule:
    """The option is above 0."""
    return _number(name, lambda value: bool(value > 0), "be positive")


def non_negative(name: str) -> Rule:
    """The option is at least 0."""
    return _number(name, lambda value: bool(value >= 0), "not be negative")


def negative_or_none(name: str) -> Rule:
    """The option is below 0, or None."""
    return _number(name, lambda value: value is None or bool(value < 0), "be negative or None")


def between(name: str, low: float, high: float, *, or_none: bool = False) -> Rule:
    """The option lies in [low, high], or is None where that is allowed."""
    return _number(
        name,
        lambda value: (or_none and value is None) or bool(low <= value <= high),
        f"lie in [{low}, {high}]" + (" or be None" if or_none else ""),
    )


def one_of(name: str, *choices: Any) -> Rule:
    """The option is one of `choices`."""

    def rule(loss: str, values: Values) -> None:
        if values[name] not in choices:
            raise ValueError(
                f"{loss}: {name} must be one of {', '.join(map(str, choices))}, "
                f"got {values[name]!r}"
            )

    return rule


REDUCTION = one_of("reduction", "none", "sum", "mean")
