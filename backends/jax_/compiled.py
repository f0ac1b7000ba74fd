"""Functions that return a value and its pulled-back gradients together, compiled once each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
from jax import Array

from lossproof.backends.base import BackendError, must_fit

Arrays = dict[str, Array]
Options = dict[str, Any]
Forward = Callable[..., Any]
Result = tuple[Any, Arrays]

#: how a function is run: options of type float traced, options constant, or not compiled at all
_WAYS = ("traced", "constant", "eager")
_UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)
#: the first way that worked for a function
_way: WeakKeyDictionary[Forward, str] = WeakKeyDictionary()

_JACOBIAN_LIMIT = 1 << 20


def run(
    forward: Forward,
    arrays: Arrays,
    options: Options,
    cotangent: Array | None,
    names: tuple[str, ...],
    transformation: str | None,
) -> Result:
    """The value of `forward` and, with a cotangent, its gradient for each of `names`.

    The rules of `forward`, where it has any, are applied to the arrays first: they could not be
    inside the compiled function. A function that branches in Python on an option or on its arrays
    cannot be traced in them, and one may need an option that is hashable: it is then compiled for
    that option, or run as it is.
    """
    validate = getattr(forward, "validate", None)
    if validate is not None:
        validate(**arrays, **options)
    if transformation == "jvp" and names:
        _check_jacobian(forward, arrays, options, names)
    moving = {name: arrays[name] for name in names}
    fixed = {name: array for name, array in arrays.items() if name not in names}
    ways = [w for w in _WAYS if _WAYS.index(w) >= _WAYS.index(_way.get(forward, _WAYS[0]))]
    for way in ways:
        numbers = {
            name: float(value)
            for name, value in options.items()
            if isinstance(value, float) and way == "traced"
        }
        constants = tuple(sorted((k, v) for k, v in options.items() if k not in numbers))
        build = _function if transformation == "eager" or way == "eager" else _compiled
        function = build(forward, constants, transformation, tuple(arrays))
        try:
            result: Result = function(moving, fixed, numbers, cotangent)
        except Exception as error:
            # an option that is traced is this module's doing, whatever comes of it
            untraced = isinstance(error, _UNTRACEABLE) and transformation is None
            if way == ways[-1] or not (numbers or untraced):
                raise
            continue
        if transformation is None:
            _way[forward] = way
        return result
    raise AssertionError("the last way returns or raises")


@cache
def _compiled(
    forward: Forward,
    constants: tuple[tuple[str, Any], ...],
    transformation: str | None,
    names: tuple[str, ...],
) -> Callable[..., Result]:
    return jax.jit(_function(forward, constants, transformation, names))


def _function(
    forward: Forward,
    constants: tuple[tuple[str, Any], ...],
    transformation: str | None,
    names: tuple[str, ...],
) -> Callable[..., Result]:
    """The function of moving and fixed arrays, float options and cotangent."""
    pull = _PULLS.get(transformation or "", _by_vjp)

    def function(moving: Arrays, fixed: Arrays, numbers: Options, cotangent: Any) -> Result:
        def loss(differentiated: Arrays) -> Any:
            arrays = {**fixed, **differentiated}
            keywords = {**dict(constants), **numbers}
            if transformation == "vmap":
                return _by_row(forward, {name: arrays[name] for name in names}, keywords)
            return forward(**arrays, **keywords)

        if cotangent is None or not moving:
            return loss(moving), {}
        return pull(loss, moving, cotangent)

    return function


def _by_vjp(loss: Callable[[Arrays], Any], moving: Arrays, cotangent: Array) -> Result:
    value, pull = jax.vjp(loss, moving)
    if hasattr(value, "shape"):
        must_fit(value.shape, cotangent.shape)
    gradients: Arrays = pull(cotangent.astype(value.dtype))[0]
    return value, gradients


def _by_grad(loss: Callable[[Arrays], Any], moving: Arrays, cotangent: Array) -> Result:
    """The gradient of Σ cotangent · output."""

    def contracted(differentiated: Arrays) -> tuple[Array, Any]:
        value = loss(differentiated)
        return jnp.sum(cotangent.astype(value.dtype) * value), value

    gradients, value = jax.grad(contracted, has_aux=True)(moving)
    return value, gradients


def _by_jvp(loss: Callable[[Arrays], Any], moving: Arrays, cotangent: Array) -> Result:
    """The Jacobian of forward mode, contracted with the cotangent in float64."""
    jacobians = jax.jacfwd(loss)(moving)
    upstream = cotangent.astype(jnp.float64)
    gradients = {
        name: jnp.tensordot(upstream, jacobian.astype(jnp.float64), upstream.ndim).astype(
            moving[name].dtype
        )
        for name, jacobian in jacobians.items()
    }
    return loss(moving), gradients


_PULLS = {"grad": _by_grad, "jvp": _by_jvp}


def _by_row(forward: Forward, arrays: Arrays, keywords: Options) -> Any:
    """`jax.vmap` of the function of one row, over the rows."""
    shapes = {name: array.shape for name, array in arrays.items()}
    rows = next(iter(shapes.values()))[0]
    whole = jax.eval_shape(lambda given: forward(**given, **keywords), arrays)
    if whole.shape[:1] != (rows,):
        raise BackendError("jax: vmap needs an output with one entry a row")
    axes = {name: 0 if has_rows(name, shapes) else None for name in arrays}

    def of_row(row: Arrays) -> Any:
        batch = {name: row[name] if axes[name] is None else row[name][None] for name in row}
        return forward(**batch, **keywords)[0]

    return jax.vmap(of_row, in_axes=(axes,))(arrays)


def has_rows(name: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether the first axis of an argument is that of the samples; not so class weights'."""
    first = next(iter(shapes.values()))
    return name != "weight" or len(shapes[name]) == len(first)


def check_rows(shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise BackendError unless the arguments have one first axis, of at least one row."""
    first = next(iter(shapes.values()))
    if not first or first[0] == 0:
        raise BackendError("jax: vmap needs a first axis of at least one row")
    for name, shape in shapes.items():
        if has_rows(name, shapes) and shape[:1] != first[:1]:
            raise BackendError(
                f"jax: vmap needs one first axis, got {name} of shape {shape} "
                f"against {first[0]} rows"
            )


def _check_jacobian(
    forward: Forward, arrays: Arrays, options: Options, names: tuple[str, ...]
) -> None:
    value = jax.eval_shape(lambda given: forward(**given, **options), arrays)
    entries = value.size * max(arrays[name].size for name in names)
    if entries > _JACOBIAN_LIMIT:
        raise BackendError(f"jax: a Jacobian of {entries} entries, at most {_JACOBIAN_LIMIT}")
