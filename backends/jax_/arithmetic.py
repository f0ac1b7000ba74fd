"""Arithmetic that stays sound at the extremes, in value and in gradient."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
from jax import Array
from jax.custom_derivatives import SymbolicZero


def reduced(losses: Array, reduction: str) -> Array:
    """`losses`, their sum, or their mean, as `reduction` says."""
    if reduction == "none":
        return losses
    return jnp.sum(losses) if reduction == "sum" else jnp.mean(losses)


def wide(array: Array) -> Array:
    """A 16-bit float as float32, where squares would overflow and an ε would round to 0."""
    return array.astype(jnp.float32) if array.dtype in (jnp.float16, jnp.bfloat16) else array


@jax.custom_jvp
def xlogy(x: Array, y: Array) -> Array:
    """x log y, 0 where x = 0 unless y is nan; derivative 0 with respect to y where x = 0."""
    return x * jnp.log(jnp.where((x == 0) & (y == 0), 1, y))


def _xlogy_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    x, y = primals
    dx, dy = tangents
    tangent = jnp.zeros(jnp.broadcast_shapes(x.shape, y.shape), jnp.result_type(x, y))
    if not isinstance(dx, SymbolicZero):
        tangent += dx * jnp.log(y)
    if not isinstance(dy, SymbolicZero):
        tangent += dy * jnp.where(x == 0, 0, x / jnp.where(x == 0, 1, y))
    return xlogy(x, y), tangent


xlogy.defjvp(_xlogy_jvp, symbolic_zeros=True)


def softplus(x: Array) -> Array:
    """log(1 + exp x), with the derivative 1 / (1 + exp(-x)) to a few ulps everywhere."""
    above = x > 0
    return jnp.where(above, x, 0) + jnp.log1p(jnp.exp(jnp.where(above, -x, x)))


def root(square: Array) -> Array:
    """√square, with derivative 0 rather than nan at 0."""
    zero = square == 0
    return jnp.where(zero, square, jnp.sqrt(jnp.where(zero, 1, square)))


def _largest(dtype: Any) -> float:
    """The largest finite number of a dtype."""
    return float(ml_dtypes.finfo(dtype).max)  # type: ignore[no-untyped-call]


def scale_of(x: Array, *, axis: int | None, least: Any = 0.0) -> Array:
    """The largest |x| along `axis`, at least `least`; 1 where that is 0 or not finite.

    Dividing by it keeps squares from overflow and underflow. It is constant to derivatives.
    """
    largest = jnp.max(jnp.abs(jax.lax.stop_gradient(x)), axis=axis, keepdims=True, initial=0)
    largest = jnp.maximum(largest, jnp.asarray(least, x.dtype))
    # XLA may divide by multiplying with 1/s, which must not be subnormal: that flushes to 0
    largest = jnp.minimum(largest, jnp.asarray(_largest(x.dtype) / 8, x.dtype))
    return jnp.where((largest > 0) & jnp.isfinite(largest), largest, 1)
