"""What a backend does: make arrays, call an implementation, pull a cotangent back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy.typing as npt

from lossproof.backends.registry import Implementation, Registry
from lossproof.spec.profile import Profile

Array = npt.NDArray[Any]
DTYPES = ("float64", "float32", "float16", "bfloat16")


class BackendError(RuntimeError):
    """The backend cannot do what was asked of it; the message says what it can do."""


class NotAnArray(TypeError):
    """What came back is no array of the backend, or not where it was asked for."""


def returned(value: Any) -> str:
    """What came back, in words: None, `'text'`, or its type."""
    if value is None:
        return "None"
    if isinstance(value, str):
        return repr(value[:40])
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"an object of type {type(value).__name__}"


def must_fit(shape: tuple[int, ...], stated: tuple[int, ...]) -> None:
    """Raises NotAnArray where a result has another shape than the cotangent that is pulled back."""
    if tuple(shape) != tuple(stated):
        raise NotAnArray(f"shape {tuple(shape)} came back, {tuple(stated)} is stated")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back from one call: NumPy arrays, bfloat16 as `ml_dtypes.bfloat16`.

    `gradients` has one array for each argument asked for; None where the implementation gave none.
    A transformation that differentiates twice adds `second.x`, the derivative in the argument `x`
    of <direction, gradients>, with the direction of `spec.evaluate.direction`.
    `warnings` are the messages it warned with; `mutated` the arguments that it wrote into, and
    `after` what these hold then, as far as is known; `changed` the global state that was another
    one afterwards, where somebody looked; `picked` says what was taken of a tuple or a dict.
    """

    value: Any
    gradients: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    mutated: tuple[str, ...] = ()
    after: Mapping[str, Any] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    picked: str = ""


class Backend(ABC):
    """One framework. Importing a backend's module must not import its framework."""

    name: ClassVar[str]
    dtypes: ClassVar[tuple[str, ...]] = DTYPES
    #: ways to lay the same numbers out in memory, "contiguous" being the plain one
    layouts: ClassVar[tuple[str, ...]] = ("contiguous",)
    #: ways to run the same function that must give the same answer ("jit", "vmap" ...)
    transformations: ClassVar[tuple[str, ...]] = ()
    #: whether integers beside floats widen them, by the library's own rule
    promotes: ClassVar[bool] = False
    #: whether it differentiates functions; else they bring gradients of their own
    differentiates: ClassVar[bool] = True
    #: whether most of its time goes into compiling, anew for each dtype
    compiles: ClassVar[bool] = False
    #: constants that its own functions hold and a caller cannot see, by loss and option
    constants: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @abstractmethod
    def missing(self) -> str | None:
        """Why the framework cannot be used here, in one line; None when it can."""

    @abstractmethod
    def version(self) -> str:
        """The framework's version, as in `torch 2.13.0`."""

    def preload(self) -> None:  # noqa: B027 (to do nothing is right for most)
        """Import what a process that calls the framework needs, and do nothing with it: the
        process is forked afterwards, and must not have begun threads or opened a device."""

    def devices(self) -> tuple[str, ...]:
        """The devices present, "cpu" first."""
        return ("cpu",)

    def describe(self, device: str) -> str:
        """A device in words, such as its model."""
        return device

    def probe(self) -> dict[str, bool | int | str | None]:
        """Properties measured here and now that change results, for a report's header."""
        return {}

    def primitives(self) -> Mapping[str, Callable[[Any], Any]]:
        """The framework's own elementary functions that callers compose losses of, by name."""
        return {}

    def placed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function as it is called with arrays of any dtype and device: what has arrays of its
        own is put there too, in the way of the framework."""
        return function

    @abstractmethod
    def implementations(self) -> Registry:
        """The implementations that come with the backend."""

    @abstractmethod
    def profile(self, dtype: str, device: str) -> Profile:
        """The accuracy of the framework's elementary functions and sums, with its source."""

    def calls_own(
        self,
        implementation: Implementation,
        arguments: Mapping[str, Array | None],
        options: Mapping[str, Any],
    ) -> bool:
        """Whether a call is seen to run the framework's own function of the loss; true where no
        function can be seen. It is called as by `call`, for its value, and may tell what it likes:
        of a target it is the target's word."""
        return True

    @abstractmethod
    def call(
        self,
        implementation: Implementation,
        arguments: Mapping[str, Array | None],
        options: Mapping[str, Any],
        *,
        cotangent: Array | None = None,
        differentiate: tuple[str, ...] = (),
        device: str = "cpu",
        layout: str = "contiguous",
        transformation: str | None = None,
    ) -> Answer:
        """Call on copies of `arguments`; with a cotangent, pull it back to `differentiate`.

        `cotangent` has the shape of the output and the dtype under test. What the implementation
        raises is let through.
        """
