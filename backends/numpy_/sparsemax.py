"""Sparsemax: the point of the simplex that is nearest to x. (Martins, Astudillo 2016.)"""

from __future__ import annotations

import numpy as np

from lossproof.backends.numpy_.maths import times
from lossproof.backends.numpy_.support import Array, has_axes, in_working_precision, spread
from lossproof.backends.registry import implementations_of

implements = implementations_of("numpy")


@implements("sparsemax")
@in_working_precision()
def sparsemax(x: Array) -> Array:
    """max(x - τ, 0) over the last axis of x (N, C), with the τ of each row that makes it sum to 1.

    With x sorted downwards, the support is its first k entries for the largest k such that
    1 + k x_k > x_1 + ... + x_k, and τ = (x_1 + ... + x_k - 1) / k. The maximum comes off first, so
    a common offset costs no digits; entries 1 or more below it, which have no share, are cut there.
    """
    has_axes("N, C", x=x)
    return _project(x)


def _project(x: Array) -> Array:
    top = np.max(x, axis=-1, keepdims=True, initial=-np.inf)
    # infinity less infinity is nan: then the whole row is, and not the -1 of a cut
    z = np.where(np.isinf(top), np.nan, np.maximum(x - top, -1))
    falling = -np.sort(-z, axis=-1)
    k = np.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    inside = 1 + k * falling > np.cumsum(falling, axis=-1)
    count = np.maximum(inside.sum(axis=-1, keepdims=True), 1).astype(x.dtype)
    head = np.where(k <= count, falling, 0).sum(axis=-1, keepdims=True)
    return np.asarray(np.maximum(z - (head - 1) / count, 0))


@sparsemax.backward
@in_working_precision()
def sparsemax_backward(cotangent: Array, x: Array) -> dict[str, Array]:
    """u less its mean over the support, on the support; 0 elsewhere.

    Where the support is about to change the Jacobian jumps; this is that of the smaller support.
    """
    has_axes("N, C", x=x)
    u, _ = spread(cotangent, x.shape, "none")
    p = _project(x)
    inside = (p > 0) | np.isnan(p)
    count = inside.sum(axis=-1, keepdims=True).astype(x.dtype)
    # shares, and not the sum, where the sum of large cotangents would overflow
    total = np.where(inside, u, 0).sum(axis=-1, keepdims=True)
    shares = np.where(inside, times(u, over=(count,)), 0).sum(axis=-1, keepdims=True)
    middle = np.where(np.isfinite(total), total / count, shares)
    return {"x": np.where(inside, u - middle, 0) + np.where(np.isnan(p), p, 0)}
