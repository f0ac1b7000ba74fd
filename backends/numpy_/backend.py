"""The NumPy backend: plain functions, with gradients written by hand."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from lossproof.backends.base import Answer, Array, Backend, BackendError, NotAnArray, returned
from lossproof.backends.registry import Implementation, Registry, implementations_of
from lossproof.spec.profile import Profile


class NumpyBackend(Backend):
    """Calls a function on NumPy arrays; pulls a cotangent back through its registered backward."""

    name: ClassVar[str] = "numpy"
    differentiates = False
    promotes: ClassVar[bool] = True
    layouts: ClassVar[tuple[str, ...]] = (
        "contiguous",
        "strided",
        "transposed",
        "reversed",
        "broadcast",
        "readonly",
    )

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        return f"numpy {np.__version__}"

    def implementations(self) -> Registry:
        return implementations_of("numpy")

    def profile(self, dtype: str, device: str) -> Profile:
        return Profile(name="numpy", source=SOURCE)

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
        """As `Backend.call`; the arguments go in by position, in the order of the mapping.

        BackendError where device, layout or transformation is not one of this backend's, and where
        a gradient is asked of an implementation without a backward, or not given as a dict.
        """
        self._refuse(device, layout, transformation)
        pull = cotangent is not None and bool(differentiate)
        if pull and implementation.reverse is None:
            raise BackendError(
                f"{implementation.name} has no backward: NumPy cannot differentiate it; "
                "register one with @forward.backward"
            )
        handed = {
            name: None if array is None else lay_out(array, layout)
            for name, array in arguments.items()
        }
        gradients: dict[str, Any] = {}
        with (
            warnings.catch_warnings(record=True) as caught,
            np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
        ):
            warnings.simplefilter("always")
            handling = np.geterr()
            value = implementation.forward(*handed.values(), **options)
            if pull and implementation.reverse is not None and cotangent is not None:
                pulled = implementation.reverse(cotangent.copy(), *handed.values(), **options)
                if not isinstance(pulled, Mapping):
                    raise BackendError(
                        f"{implementation.name}: the backward must return a dict of arrays by the "
                        f"name of the argument, got {type(pulled).__name__}"
                    )
                gradients = {name: _array(pulled.get(name)) for name in differentiate}
            # the state at the end of this block is undone with it, and would not be seen later
            changed = () if np.geterr() == handling else ("numpy.seterr",)
        written = {
            name: array
            for name, array in handed.items()
            if array is not None and _bits(array) != _bits(arguments[name])
        }
        # what was given another shape may be of any size
        shapes = {k: a.shape for k, a in arguments.items() if a is not None}
        after = {k: np.array(a) for k, a in written.items() if a.shape == shapes[k]}
        return Answer(
            value=_result(value, arguments),
            changed=changed,
            gradients=gradients,
            warnings=tuple(
                str(each.message)
                for each in caught
                if not issubclass(each.category, RuntimeWarning)
            ),
            mutated=tuple(written),
            after=after,
        )

    def _refuse(self, device: str, layout: str, transformation: str | None) -> None:
        if device != "cpu":
            raise BackendError(f"the numpy backend has no device {device!r}; choose from cpu")
        if layout not in self.layouts:
            choices = ", ".join(self.layouts)
            raise BackendError(f"the numpy backend has no layout {layout!r}; choose from {choices}")
        if transformation is not None:
            raise BackendError(f"the numpy backend has no transformation {transformation!r}")


SOURCE = (
    "benchmarks/elementary.py, NumPy 2.4 on x86-64, in ulps: float32 exp 2.3, expm1 2.4, log 2.7, "
    "log1p 1.8, sigmoid 2.9, softplus 2.7; float64 at most 1.9; sqrt 0.5"
)


def lay_out(array: Array, layout: str) -> Array:
    """A copy of `array` with the same numbers, laid out in memory as `layout` says.

    Where a layout does not exist for an array (a scalar has no strides, and an array that is not
    constant along any axis cannot be broadcast), the copy is contiguous.
    """
    copy = np.array(array, copy=True, order="C")
    if layout == "strided" and copy.ndim:
        buffer = np.full((*copy.shape[:-1], 2 * copy.shape[-1]), _poison(copy.dtype), copy.dtype)
        buffer[..., ::2] = copy
        return buffer[..., ::2]
    if layout == "transposed" and copy.ndim > 1:
        return np.asfortranarray(copy)
    if layout == "reversed" and copy.ndim:
        back = (slice(None, None, -1),) * copy.ndim
        return copy[back].copy()[back]
    if layout == "broadcast":
        return _broadcast(copy)
    if layout == "readonly":
        copy.flags.writeable = False
    return copy


def _poison(dtype: np.dtype[Any]) -> Any:
    return np.iinfo(dtype).min if dtype.kind in "iu" else np.nan if dtype.kind != "b" else True


def _broadcast(array: Array) -> Array:
    """A view of stride 0 along each axis on which the bits of the array do not change."""
    small = array
    for axis in range(array.ndim):
        first = small.take([0], axis=axis) if small.shape[axis] > 1 else small
        if _bits(np.broadcast_to(first, small.shape)) == _bits(small):
            small = first
    return array if small.shape == array.shape else np.broadcast_to(small, array.shape)


def _bits(array: Array | None) -> bytes:
    return b"" if array is None else array.tobytes()


def _result(value: Any, arguments: Mapping[str, Array | None]) -> Array:
    """What a function returned. Raises NotAnArray if that is no array and no number.

    A plain Python float has no dtype: it is taken as a number of the dtype of the arguments.
    """
    if type(value) is float:
        floats = [a.dtype for a in arguments.values() if a is not None and a.dtype.kind in "fV"]
        return np.asarray(value, dtype=floats[0] if floats else np.float64)
    if isinstance(value, (np.ndarray, np.generic, float, int)):
        array = np.array(value)
        if array.dtype.kind != "O":
            return array
    raise NotAnArray(f"returned {returned(value)}, an array is wanted")


def _array(gradient: Any) -> Array | None:
    return None if gradient is None else np.array(gradient)
