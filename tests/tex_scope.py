"""What the symbols of a formula stand for, in balls; 0 times anything is 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flint import arb

Number = Any
Compute = Callable[["Scope"], Number]
#: an index counts along the first of these axes that the loss has
AXES = {"c": "C", "j": "CN", "k": "C", "n": "N", "m": "N", "i": "DM"}


class TexError(ValueError):
    """The formula is not understood, or its sides differ; the message says where."""


def log(x: arb) -> arb:
    """The logarithm, that of an exact 0 being -∞."""
    return arb("-inf") if x == 0 else x.log()


def times(a: arb, b: arb) -> arb:
    """The product; 0 if either is exactly 0."""
    return arb(0) if a == 0 or b == 0 else a * b


def over(a: arb, b: arb) -> arb:
    """The quotient; 0 if the numerator is exactly 0."""
    return arb(0) if a == 0 else a / b


def power(a: arb, b: arb) -> arb:
    """a to the power b, with 0⁰ = 1."""
    if b == 0:
        return arb(1)
    if b.is_integer():
        return a ** int(b.unique_fmpz())
    return arb(0) if a == 0 else a**b


def sign(x: arb) -> arb:
    """-1, 0 or 1."""
    return arb(int(bool(x > 0)) - int(bool(x < 0)))


def told(name: str) -> str:
    """The symbol of an argument or option."""
    return rf"\text{{{name}}}"


@dataclass(frozen=True)
class Scope:
    """What symbols and indices stand for; `first` is what indices count from."""

    values: Mapping[str, Any]
    sizes: Mapping[str, int]
    first: int = 0
    indices: Mapping[str, int] = field(default_factory=dict)
    #: what definitions without parameters were found to be
    memo: dict[Any, Any] = field(default_factory=dict)

    def size(self, index: str) -> int:
        """How far an index runs."""
        return next(self.sizes[axis] for axis in AXES[index] if axis in self.sizes)

    def at(self, **indices: int) -> Scope:
        """The scope with indices bound."""
        return replace(self, indices={**self.indices, **indices})

    def look(self, name: str) -> Any:
        """The value of a symbol."""
        if name in self.indices:
            return arb(self.indices[name] + self.first)
        if name not in self.values:
            raise TexError(f"{name} is not defined")
        found = self.values[name]
        return found.of(self, (), ()) if isinstance(found, Definition) else found


@dataclass(frozen=True)
class Definition:
    """An equation: sides that are equal, with the indices and parameters of what they define."""

    indices: tuple[str, ...]
    parameters: tuple[str, ...]
    sides: tuple[Compute, ...]

    def of(self, scope: Scope, indices: tuple[int, ...], given: tuple[Any, ...]) -> Number:
        """The value at indices and parameters. Raises TexError where two sides differ."""
        if len(indices) != len(self.indices) or len(given) != len(self.parameters):
            raise TexError("a symbol is used with other indices or parameters than it has")
        key = (id(self), indices)
        if not given and key in scope.memo:
            return scope.memo[key]
        inner = replace(scope, indices=dict(zip(self.indices, indices, strict=True)))
        if given:
            bound = dict(zip(self.parameters, given, strict=True))
            inner = replace(inner, values={**scope.values, **bound}, memo={})
        found = [side(inner) for side in self.sides]
        for other in found[1:]:
            if found[0].is_finite() and other.is_finite() and not found[0].overlaps(other):
                raise TexError(f"two sides differ: {found[0]} and {other}")
        return scope.memo.setdefault(key, found[0]) if not given else found[0]
