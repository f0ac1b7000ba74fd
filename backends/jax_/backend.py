"""The JAX backend: one compiled function returns the value and the gradients pulled back."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import numpy as np

from lossproof.backends.base import Answer, Array, Backend, BackendError, NotAnArray, returned
from lossproof.backends.registry import Implementation, Registry, implementations_of
from lossproof.spec.profile import Profile

FAMILIES = (
    "binary",
    "distribution",
    "functions",
    "metric",
    "multiclass",
    "ranking",
    "regression",
    "segmentation",
    "sequence",
)
#: losses whose samples depend on each other, or do not lie along the first axis
NOT_BY_ROW = ("ctc", "info_nce")

_CPU_ULPS = MappingProxyType({"sqrt": 1.0, "expm1": 6.0, "tanh": 6.0})
_CPU_SOURCE = (
    "benchmarks/elementary.py, JAX 0.10.2 CPU, in ulps: float32 expm1 5.3, tanh 4.04, others "
    "at most 2.9; jitted x / 2, x + 0 and 8 x at and below the smallest normal number give 0 in "
    "float64, float32 and bfloat16, and keep subnormals in float16"
)


class JaxBackend(Backend):
    """Functions of `jax.numpy` arrays, with float64 enabled, gradients by `jax.vjp`.

    A plain call is jitted. Options of type float are arguments of the compiled function, so that a
    new δ does not compile again; the other options are constants of it.
    """

    name = "jax"
    compiles = True
    transformations = ("eager", "vmap", "grad", "jvp")

    def missing(self) -> str | None:
        if importlib.util.find_spec("jax") is None:
            return "jax is not installed; pip install lossproof[jax]"
        return None

    def version(self) -> str:
        return f"jax {version('jax')}"

    def preload(self) -> None:
        JaxBackend.implementations(self)  # not those of a library on JAX, which may do more

    def devices(self) -> tuple[str, ...]:
        jax = _jax()
        return ("cpu", *sorted({device.platform for device in jax.devices()} - {"cpu"}))

    def profile(self, dtype: str, device: str) -> Profile:
        if device == "cpu":
            return Profile(
                name="jax-cpu",
                ulps=_CPU_ULPS,
                flush_to_zero=dtype != "float16",
                source=_CPU_SOURCE,
            )
        return Profile(
            name=f"jax-{device}",
            ulps=_CPU_ULPS,
            flush_to_zero=True,
            source="as on CPU; not measured",
        )

    def primitives(self) -> Mapping[str, Callable[[Any], Any]]:
        from jax.nn import softplus
        from jax.numpy import exp

        return {"softplus": softplus, "exp": exp}

    def implementations(self) -> Registry:
        """The implementations of this package, imported on the first call."""
        with _float64(True):
            for family in FAMILIES:
                import_module(f"lossproof.backends.jax_.{family}")
        return implementations_of(self.name)

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
        if layout not in self.layouts:
            raise BackendError(f"jax: no layout {layout!r}; choose from {', '.join(self.layouts)}")
        if transformation not in (None, *self.transformations):
            choices = ", ".join(self.transformations)
            raise BackendError(f"jax: no transformation {transformation!r}; choose from {choices}")
        jax = _jax()
        from lossproof.backends.jax_ import compiled

        given = {name: array for name, array in arguments.items() if array is not None}
        if transformation == "vmap":
            if implementation.loss in NOT_BY_ROW:
                raise BackendError(f"jax: no vmap over the rows of {implementation.loss}")
            compiled.check_rows({name: array.shape for name, array in given.items()})
        place = jax.devices(device)[0]
        names = differentiate if cotangent is not None else ()
        with (
            _float64(_wide(given, cotangent, transformation)),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("always")
            try:
                value, gradients = compiled.run(
                    implementation.forward,
                    {name: jax.device_put(np.array(array), place) for name, array in given.items()},
                    dict(options),
                    None if cotangent is None else jax.device_put(np.array(cotangent), place),
                    names,
                    transformation,
                )
            except TypeError as error:
                # `custom_vjp` rules out forward mode, by JAX's own design
                if transformation == "jvp" and "forward-mode" in str(error):
                    raise BackendError("jax: no forward mode through a custom_vjp") from error
                raise
            if not hasattr(value, "dtype"):
                raise NotAnArray(f"returned {returned(value)}, a jax.Array is wanted")
            value = np.array(value)
            pulled = {name: np.array(gradients[name]) for name in names}
        return Answer(
            value=value,
            gradients=pulled,
            warnings=tuple(f"{w.category.__name__}: {w.message}" for w in caught),
        )


def _jax() -> Any:
    """The module."""
    import jax

    return jax


def _wide(given: Mapping[str, Array], cotangent: Array | None, transformation: str | None) -> bool:
    """Whether float64 must be enabled: narrower dtypes are asked as JAX's users run them.

    The Jacobian of forward mode is contracted in float64.
    """
    arrays = [*given.values(), *([] if cotangent is None else [cotangent])]
    return transformation == "jvp" or any(a.dtype == np.float64 for a in arrays)


def _float64(wanted: bool) -> AbstractContextManager[None]:
    """Float64 enabled or not within: the process belongs to whoever calls, and so its setting."""
    jax = _jax()
    older = None if hasattr(jax, "enable_x64") else import_module("jax.experimental")
    enabled: AbstractContextManager[None] = (older or jax).enable_x64(
        wanted
    )  # JAX 0.6 has it there
    return enabled
