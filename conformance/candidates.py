"""What a function might be: a loss of the catalogue, reduced, scaled, shifted, as a loss itself.

A candidate is made into a class of its own, so that what is allowed of it is derived from its
formula like that of every other loss.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lossproof.conformance.schemes import Scheme, Shape
from lossproof.spec.carriers import Reals
from lossproof.spec.loss import Arguments, Loss, Parameter
from lossproof.spec.tracked import Tracked

#: the distance from 1 to the next number, by the dtypes that it is often taken of
EPSILONS = {2.0**-52: "float64", 2.0**-23: "float32"}


@dataclass(frozen=True, kw_only=True)
class Base:
    """A loss of the catalogue, or one changed in a way that has a name.

    `after` follows the name of the loss in words, `but` comes last. `cost` says how far-fetched it
    is: of explanations that fit alike, the cheapest is believed. `of` is the option, or optional
    argument, without which the change does nothing that its name says.
    """

    loss: type[Loss]
    after: str = ""
    but: str = ""
    cost: float = 0.0
    of: str | None = None
    #: whether it is made of parts that moderate numbers alone do not tell from others
    parts: bool = False
    #: the option at whose other values it must be that too, if the function takes it
    at_all: str | None = None

    def acts(self, given: Mapping[str, Any]) -> bool:
        """Whether what the change is of is among the options and arguments that are given."""
        return self.of is None or bool(given.get(self.of))


_SIMPLE = {
    **{f"{p}/{q}" if q > 1 else str(p): p / q for p in range(1, 11) for q in range(1, 11)
       if math.gcd(p, q) == 1 and (p <= 3 or q == 1)},
    "20": 20.0, "50": 50.0, "100": 100.0, "1000": 1000.0, "1/20": 0.05, "1/50": 0.02,
    "1/100": 0.01, "1/1000": 0.001, "ln 2": math.log(2), "1/ln 2": 1 / math.log(2),
    "ln 10": math.log(10), "1/ln 10": 1 / math.log(10), "pi": math.pi, "1/pi": 1 / math.pi,
    "2/pi": 2 / math.pi, "sqrt 2": math.sqrt(2), "1/sqrt 2": math.sqrt(0.5),
    "ln(2 pi)/2": math.log(2 * math.pi) / 2, "ln(2 pi)": math.log(2 * math.pi),
}  # fmt: skip


@dataclass(frozen=True)
class Affine:
    """factor · loss + constant, each a number with a name, or without one."""

    factor: float = 1.0
    constant: float = 0.0

    @property
    def cost(self) -> float:
        """Simple numbers are more likely meant than others."""
        found = 0.0
        if self.factor != 1.0:
            found += 2.0 if abs(self.factor) == 1.0 else 3.0 if _name(self.factor) else 5.0
        if self.constant:
            found += 3.0 if _name(self.constant) else 5.0
        return found

    def words(self) -> str:
        """What it does to a loss, as it follows the loss's name."""
        found = ""
        if self.factor == -1.0:
            found += " with the sign flipped"
        elif self.factor != 1.0:
            found += f" times {_shown(self.factor)}"
        if self.constant:
            sign = "minus" if self.constant < 0 else "plus"
            found += f" {sign} {_shown(abs(self.constant))}"
        return found


def _name(number: float) -> str | None:
    return next((k for k, v in _SIMPLE.items() if v == abs(number)), None)


def _shown(number: float) -> str:
    name = _name(number)
    if name is None:
        return f"{number:.6g}"
    return f"-{name}" if number < 0 else name


_NUMBERS = np.asarray(sorted(_SIMPLE.values()))


def simple(numbers: Reals) -> Reals:
    """The numbers nearest to these that have a name."""
    off = np.abs(_NUMBERS - np.abs(numbers)[:, None]) / _NUMBERS
    found: Reals = np.copysign(_NUMBERS[off.argmin(axis=1)], numbers)
    return found


_FACTORS = np.asarray([1.0, -1.0, 0.5, 2.0])


def guesses(x: Reals, got: Reals) -> tuple[Reals, Reals]:
    """Factors and constants that may take most of `x` to `got`, one of them or both."""
    ratios = got[x != 0] / x[x != 0]
    ratio = _middle(ratios[None]) if ratios.size else np.ones(1)
    constants = _middle(got - _FACTORS[:, None] * x)
    none = np.zeros(4)
    factors = np.concatenate([_FACTORS[:2], simple(ratio), ratio, _FACTORS, _FACTORS])
    return factors, np.concatenate([none, simple(constants), constants])


def _middle(rows: Reals) -> Reals:
    """An entry of each row that half of the others do not exceed."""
    found: Reals = np.sort(rows, axis=1)[:, rows.shape[1] // 2]
    return found


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A base at a setting of its options, reduced and moved; `odd` is what the options cost."""

    base: Base
    options: Mapping[str, Any]
    scheme: Scheme
    affine: Affine = field(default_factory=Affine)
    odd: float = 0.0
    #: options of which no more is known than about what they are
    about: tuple[str, ...] = ()

    @property
    def cost(self) -> float:
        """How far-fetched it is."""
        return self.base.cost + self.odd + self.scheme.cost + self.affine.cost

    @property
    def plain(self) -> bool:
        """Whether it is the loss itself, under one of its reductions, options aside."""
        return not (self.base.cost or self.scheme.cost or self.affine.cost)

    def loss(self) -> type[Loss]:
        """The candidate as a loss, with one reduction: its own."""
        base, scheme, affine = self.base.loss, self.scheme, self.affine

        def reduce(bound: Loss, losses: Tracked, reduction: str, **arguments: Any) -> Tracked:
            result = scheme.apply(base, bound, losses, arguments)
            if affine.factor == -1.0:
                result = -result
            elif affine.factor != 1.0:
                result = result * bound.arithmetic.parameter(affine.factor)
            if affine.constant:
                result = result + bound.arithmetic.parameter(affine.constant)
            return result

        def output_shape(cls: type[Loss], arguments: Arguments, reduction: str) -> Shape:
            if reduction != scheme.name:
                return base.output_shape(arguments, reduction)
            return scheme.shape(base, arguments) or ()

        namespace = {
            "name": base.name,
            "reductions": (scheme.name,),
            "reduce": reduce,
            "output_shape": classmethod(output_shape),
        }
        return type(base.__name__, (base,), namespace)

    def words(
        self, held: tuple[str, ...], *, reduction: bool = True, asked: Collection[str] = ()
    ) -> str:
        """What it is, in words; `held` names the options whose values are part of that, defaults
        that do nothing too where another value was `asked`."""
        loss = self.base.loss
        values = loss.complete(self.options)
        parts = [f"{loss.name}{self.base.after}{self.affine.words()}"]
        parts += [
            self._told(k, values[k]) for k in held if k in asked or _matters(loss, k, values[k])
        ]
        if reduction and len(loss.reductions) > 1:
            parts.append(self.scheme.words)
        return ", ".join(parts) + (f", but {self.base.but}" if self.base.but else "")

    def _told(self, key: str, value: Any) -> str:
        if key in self.about:
            return f"{key} of about {value:.0e}"
        epsilon = f" (the machine epsilon of {EPSILONS[value]})" if value in EPSILONS else ""
        return f"{key} = {_option(value)}{epsilon}"


def _matters(loss: type[Loss], key: str, value: Any) -> bool:
    """Whether an option is worth telling: another than the default, or a default that acts."""
    option = loss.options[key]
    if value != option.default or type(value) is not type(option.default):
        return True
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and bool(value) and (isinstance(option, Parameter) or value > 0)


def _option(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
