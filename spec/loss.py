"""What a loss is made of: arguments, options, reductions, a value, a gradient, and facts.

A loss is one class in one file of `spec/losses/`. Its methods are written on tracked arrays
(`spec.tracked`, `spec.maths`), so the same lines give the exact value, the error budget and, at a
kink, the whole subdifferential.

    value(*arguments)              the loss before reduction
    gradient(*arguments)           its partial derivatives (Elementwise, Rowwise)
    vjp(cotangent, *arguments)     the vector-Jacobian product (losses that couple samples)

A method named `value_by_<name>` (`gradient_by_`, `vjp_by_`) states the same quantity by another
sound algorithm; an implementation may be as inaccurate as the worst of them. `vjp_by_chain` is only
another order of the same factors, as automatic differentiation has it: it may widen a budget, and
promises nothing where no algorithm does.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, overload

import numpy as np
import numpy.typing as npt

from lossproof.spec.domain import Domain
from lossproof.spec.law import Law, Relation
from lossproof.spec.maths import expand, total
from lossproof.spec.tracked import Arithmetic, Tracked

Arguments = Mapping[str, Any]
Gradients = dict[str, Tracked]


class SpecError(ValueError):
    """The question lies outside the specification; the message names the rule and the value."""


@dataclass(frozen=True)
class Argument:
    """An array that a loss takes.

    `shape` names its axes ("N C"), "*" for any shape (the same for all "*" arguments), "" for a
    scalar. Labels and lengths are integer arrays and are handed to formulas as plain arrays.
    """

    domain: Domain
    shape: str = "*"
    differentiable: bool = True
    optional: bool = False

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of its axes."""
        return tuple(self.shape.split())


@dataclass(frozen=True)
class Option:
    """A hyper-parameter. Its values are `choices`, or the numbers of `domain`; None if `optional`.

    `landmarks` are values that conformance tries besides the default. `neutral` is the value at
    which it does nothing, where that makes another loss of it: focal loss with a gamma of 0.
    """

    domain: Domain | None = None
    default: Any = None
    choices: tuple[Any, ...] = ()
    optional: bool = False
    landmarks: tuple[Any, ...] = ()
    neutral: Any = None
    name: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)

    def accepts(self, value: Any) -> bool:
        """Whether `value` may be given."""
        if value is None:
            return self.optional
        if self.choices:
            return any(value is c or (value == c and type(value) is type(c)) for c in self.choices)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and (self.domain is None or self.domain.contains(value))

    def idle(self, value: Any) -> bool:
        """Whether it does nothing at `value`, and does something by default."""
        return self.neutral is not None and value == self.neutral != self.default

    def describe(self) -> str:
        """The values that it takes, in words."""
        if self.choices:
            return "one of " + ", ".join(str(c) for c in self.choices)
        words = str(self.domain) if self.domain is not None else "an integer"
        return f"{words} or None" if self.optional else words


class Parameter(Option):
    """A real hyper-parameter; in formulas `self.name` is a tracked number (None if not given)."""

    @overload
    def __get__(self, instance: None, owner: type) -> Parameter: ...
    @overload
    def __get__(self, instance: Loss, owner: type) -> Tracked: ...
    def __get__(self, instance: Loss | None, owner: type) -> Parameter | Tracked | None:
        return self if instance is None else instance.bound(self.name)


class Flag(Option):
    """A switch or a small choice (True/False, an order p); in formulas a plain Python value."""

    @overload
    def __get__(self, instance: None, owner: type) -> Flag: ...
    @overload
    def __get__(self, instance: Loss, owner: type) -> Any: ...
    def __get__(self, instance: Loss | None, owner: type) -> Any:
        return self if instance is None else instance.bound(self.name)


class Loss:
    """Base of every loss, bound to an arithmetic and to values of its options when evaluated."""

    name: ClassVar[str]
    family: ClassVar[str] = ""
    #: value and gradient as LaTeX, lines of equations; each defines its left side from those before
    tex: ClassVar[tuple[str, ...]] = ()
    arguments: ClassVar[dict[str, Argument]]
    options: ClassVar[dict[str, Option]]
    #: "none" alone where there is nothing to reduce; then implementations take no `reduction`
    reductions: ClassVar[tuple[str, ...]] = ("none", "sum", "mean")
    #: axes of the result before reduction
    output: ClassVar[str] = "*"
    #: the axis along which samples are independent: "*" (every entry), "N", or "" (coupled)
    samples: ClassVar[str] = ""
    #: pairs of arguments whose near equality matters
    ties: ClassVar[tuple[tuple[str, str], ...]] = ()
    #: where the gradient jumps, and its subdifferential there; empty where there is no such place
    kinks: ClassVar[Mapping[str, str]] = {}
    laws: ClassVar[tuple[Law, ...]] = ()
    relations: ClassVar[tuple[Relation, ...]] = ()
    references: ClassVar[tuple[str, ...]] = ()
    #: what frameworks call it, and how they differ
    dialects: ClassVar[Mapping[str, str]] = {}

    value: ClassVar[Callable[..., Tracked]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" not in vars(cls):
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        members = {k: v for c in reversed(cls.__mro__) for k, v in vars(c).items()}
        cls.arguments = {k: v for k, v in members.items() if isinstance(v, Argument)}
        cls.options = {k: v for k, v in members.items() if isinstance(v, Option)}

    def __init__(self, arithmetic: Arithmetic, options: Mapping[str, Any] | None = None) -> None:
        self.arithmetic = arithmetic
        self._values: dict[str, Any] = {}
        given = type(self).complete(options or {})
        for key, option in self.options.items():
            value = given[key]
            if isinstance(option, Parameter) and value is not None:
                value = arithmetic.parameter(float(value))
            self._values[key] = value

    def bound(self, option: str) -> Any:
        """The value of an option, tracked if it is a real parameter."""
        return self._values[option]

    def options_given(self, option: str) -> bool:
        """Whether an option has another value than one that switches it off (None or 0)."""
        value = self._values[option]
        return bool(value.magnitudes()[1] != 0) if isinstance(value, Tracked) else bool(value)

    # ---- what may be asked

    @classmethod
    def formula(cls) -> str:
        """The text that states the loss: the docstring of its module."""
        return inspect.cleandoc(getattr(inspect.getmodule(cls), "__doc__", None) or "")

    @classmethod
    def differentiable(cls) -> tuple[str, ...]:
        """The arguments that have a gradient."""
        return tuple(k for k, a in cls.arguments.items() if a.differentiable)

    @classmethod
    def complete(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """All options, defaults filled in. Raises SpecError for one unknown or out of domain."""
        for key, value in options.items():
            if key not in cls.options:
                raise SpecError(f"{cls.name}: no option {key!r}; choose from {_list(cls.options)}")
            option = cls.options[key]
            if not option.accepts(value):
                raise SpecError(f"{cls.name}: {key} must be {option.describe()}, got {value!r}")
        return {k: options.get(k, o.default) for k, o in cls.options.items()}

    @classmethod
    def axes_of(cls, arguments: Arguments) -> dict[str, Any]:
        """The size of every named axis, and the shape of "*". Raises SpecError on a mismatch."""
        sizes: dict[str, Any] = {}
        for key, argument in cls.arguments.items():
            array = arguments.get(key)
            if array is None:
                if not argument.optional:
                    raise SpecError(f"{cls.name}: {key} is missing")
                continue
            shape = np.shape(array)
            if argument.shape == "*":
                found: dict[str, Any] = {"*": shape}
            else:
                if len(shape) != len(argument.axes):
                    raise SpecError(
                        f"{cls.name}: {key} must have shape ({', '.join(argument.axes)}), "
                        f"got {shape}"
                    )
                found = dict(zip(argument.axes, shape, strict=True))
            for axis, size in found.items():
                if sizes.setdefault(axis, size) != size:
                    raise SpecError(
                        f"{cls.name}: {key} has {size} along {axis}, the others {sizes[axis]}"
                    )
        return sizes

    @classmethod
    def output_shape(cls, arguments: Arguments, reduction: str) -> tuple[int, ...]:
        """The shape of the result."""
        if reduction != "none":
            return ()
        sizes = cls.axes_of(arguments)
        if cls.output == "*":
            return tuple(sizes["*"])
        return tuple(sizes[axis] for axis in cls.output.split())

    @classmethod
    def algorithms(cls, quantity: str) -> dict[str, str]:
        """Names of the declared algorithms for "value" or "gradient", and their methods."""
        stems = ("value",) if quantity == "value" else ("gradient", "vjp")
        found: dict[str, str] = {}
        for stem in stems:
            if callable(getattr(cls, stem, None)):
                found.setdefault("stated", stem)
            for key in dir(cls):
                if key.startswith(f"{stem}_by_"):
                    found[key.removeprefix(f"{stem}_by_")] = key
        return found

    @classmethod
    def fitting_sizes(
        cls, sizes: Mapping[str, int], options: Mapping[str, Any]
    ) -> Mapping[str, int]:
        """Sizes of axes that make sense for the options; the given ones unless overridden."""
        return sizes

    @classmethod
    def repair(cls, arguments: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """Generated arguments made to fit each other, where domains alone cannot say it."""
        return arguments

    @classmethod
    def outside(
        cls, arguments: Arguments, options: Mapping[str, Any], quantity: str
    ) -> npt.NDArray[np.bool_] | None:
        """Samples where the specification promises nothing (`quantity`: "value", "gradient.x").

        A mask that broadcasts against the quantity, or None.
        """
        return None

    @classmethod
    def gain(cls, arguments: Arguments, options: Mapping[str, Any]) -> float:
        """What a term of a gradient may be multiplied by before smaller factors; at least 1.

        The chain rule may take its factors in any order, the weights first, and overflow on the
        way. Losses with other large factors override it.
        """
        gain = 1.0
        for key, argument in cls.arguments.items():
            if argument.optional and arguments.get(key) is not None:
                weights = np.asarray(arguments[key], dtype=np.float64)
                gain *= float(np.max(np.abs(weights), initial=1.0))
        return gain

    # ---- reductions

    def denominator(self, **arguments: Any) -> Tracked:
        """What each unreduced loss is divided by under "mean": the number of losses."""
        count = int(np.prod(type(self).output_shape(arguments, "none")))
        return self.arithmetic.constant(float(count))

    def reduce(self, losses: Tracked, reduction: str, **arguments: Any) -> Tracked:
        """The losses, their sum, or their mean."""
        if reduction == "none":
            return losses
        if reduction == "sum":
            return total(losses, axis=None)
        divisor = self.denominator_of(reduction, **arguments)
        if divisor.ndim:
            return total(losses / divisor, axis=None)
        return total(losses, axis=None) / divisor

    def denominator_of(self, reduction: str, **arguments: Any) -> Tracked:
        """The denominator of a mean; losses with other means override it."""
        if reduction != "mean":
            raise SpecError(
                f"{self.name}: no reduction {reduction!r}; choose from {_list(self.reductions)}"
            )
        return self.denominator(**arguments)

    def spread(self, cotangent: Tracked, reduction: str, **arguments: Any) -> Tracked:
        """The cotangent of the reduced result, pulled back to every unreduced loss."""
        if reduction == "none":
            return cotangent
        shape = type(self).output_shape(arguments, "none")
        if reduction == "sum":
            return cotangent.broadcast_to(shape)
        return (cotangent / self.denominator_of(reduction, **arguments)).broadcast_to(shape)


class Elementwise(Loss):
    """Every argument of one shape; each entry a loss of its own."""

    samples = "*"
    gradient: ClassVar[Callable[..., Gradients]]


class Rowwise(Loss):
    """Rows of N samples, independent of each other; the loss of each row has no other axis."""

    samples = "N"
    output = "N"
    gradient: ClassVar[Callable[..., Gradients]]


def pull_back(loss: Loss, method: str, cotangent: Tracked, arguments: Arguments) -> Gradients:
    """The vector-Jacobian product by the named method of `loss`."""
    if method.startswith("vjp"):
        result: Gradients = getattr(loss, method)(cotangent, **arguments)
        return result
    partials: Gradients = getattr(loss, method)(**arguments)
    return {key: _scaled(cotangent, partial) for key, partial in partials.items()}


def _scaled(cotangent: Tracked, partial: Tracked) -> Tracked:
    while cotangent.ndim < partial.ndim:
        cotangent = expand(cotangent, -1)
    return cotangent * partial


LossClass = TypeVar("LossClass", bound=type[Loss])
_LOSSES: dict[str, type[Loss]] = {}


def register(cls: LossClass) -> LossClass:
    """Enter a loss into the catalogue. Raises SpecError if its name is taken or facts lack."""
    if cls.name in _LOSSES:
        raise SpecError(f"{cls.name} is specified twice")
    unknown = {name for pair in cls.ties for name in pair} - set(cls.arguments)
    if unknown:
        raise SpecError(f"{cls.name}: ties name no argument {_list(unknown)}")
    for quantity in ("value", "gradient"):
        if not cls.algorithms(quantity):
            raise SpecError(f"{cls.name}: no {quantity} is stated")
    _LOSSES[cls.name] = cls
    return cls


def catalogue() -> dict[str, type[Loss]]:
    """Every loss by name, sorted."""
    package = importlib.import_module("lossproof.spec.losses")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"lossproof.spec.losses.{module.name}")
    return dict(sorted(_LOSSES.items()))


def get(name: str) -> type[Loss]:
    """The loss of that name. Raises SpecError with the nearest names."""
    losses = catalogue()
    if name not in losses:
        near = difflib.get_close_matches(name, losses, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {_list(losses)}"
        raise SpecError(f"no loss named {name!r}; {hint}")
    return losses[name]


def _list(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"
