"""Implementations: functions that claim to be a loss, and what each of them says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Gradients = dict[str, Any]
Forward = Callable[..., Any]
Backward = Callable[..., Gradients]


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """A function that claims to be `loss`, written for the arrays of `backend`.

    `dialect` fixes options of the loss at the convention which the function documents (a clamp, an
    epsilon); it is then judged under that convention. `differentiable` names the arguments that it
    has a gradient for, None meaning every one that the loss has. `options` names the options that
    it takes, None meaning all; likewise `reductions`, `dtypes`, and `optional` for the optional
    arguments. `reducible` is false for a function that has no parameter `reduction`; `open` are
    names that it takes by `**keywords` alone. `arranged` says in which shapes it takes arrays,
    where not in all, and `sizes` which axes have one size only; `held` has the numbers of optional
    arguments that it carries itself, such as weights of classes, `doubtful` those among them of
    which only a vague name speaks, and `refused` the values of options that it does not take.
    `bound` says in words which parameters go by another name, `source` how to load the function
    again, and `settled` which of these facts it was not loaded with, but were found out by asking
    it.
    """

    loss: str
    backend: str
    forward: Forward
    reverse: Backward | None = None
    dialect: Mapping[str, Any] = field(default_factory=dict)
    differentiable: tuple[str, ...] | None = None
    options: tuple[str, ...] | None = None
    reductions: tuple[str, ...] | None = None
    dtypes: tuple[str, ...] | None = None
    optional: tuple[str, ...] | None = None
    reducible: bool = True
    open: tuple[str, ...] = ()
    arranged: str | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    doubtful: tuple[str, ...] = ()
    refused: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    label: str | None = None
    bound: str = ""
    source: Any = None
    settled: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.forward(*arguments, **keywords)

    @property
    def name(self) -> str:
        """What reports call it: the label, or `module.function`."""
        if self.label is not None:
            return self.label
        module = getattr(self.forward, "__module__", "?")
        return f"{module}.{getattr(self.forward, '__qualname__', repr(self.forward))}"


class Registered:
    """What `@implements(...)` leaves in place of the function: it calls like the function."""

    def __init__(self, registry: Registry, implementation: Implementation) -> None:
        self._registry = registry
        self.implementation = implementation
        self.__doc__ = implementation.forward.__doc__

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.implementation.forward(*arguments, **keywords)

    def backward(self, function: Backward) -> Backward:
        """Register `function(cotangent, *arguments, **options)` as the vector-Jacobian product."""
        self.implementation = replace(self.implementation, reverse=function)
        self._registry.replace(self.implementation)
        return function


class Registry:
    """The implementations of one backend, by loss."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._by_loss: dict[str, Implementation] = {}

    def __call__(self, loss: str, **facts: Any) -> Callable[[Forward], Registered]:
        def register(function: Forward) -> Registered:
            if loss in self._by_loss:
                raise ValueError(f"{self.backend}: {loss} is implemented twice")
            claim = Implementation(loss=loss, backend=self.backend, forward=function, **facts)
            self._by_loss[loss] = claim
            return Registered(self, claim)

        return register

    def replace(self, implementation: Implementation) -> None:
        """Put `implementation` in the place of the one registered for its loss."""
        self._by_loss[implementation.loss] = implementation

    def get(self, loss: str) -> Implementation | None:
        """The implementation of `loss`, or None."""
        return self._by_loss.get(loss)

    def losses(self) -> tuple[str, ...]:
        """The losses implemented, sorted."""
        return tuple(sorted(self._by_loss))


_REGISTRIES: dict[str, Registry] = {}


def implementations_of(backend: str) -> Registry:
    """The registry of `backend`; its call is the decorator `@implements(loss, ...)`."""
    return _REGISTRIES.setdefault(backend, Registry(backend))
