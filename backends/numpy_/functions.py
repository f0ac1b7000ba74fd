"""Sigmoid, softplus, softmax and their logarithms, as functions with a gradient of their own.

Each backward returns the vector-Jacobian product: the cotangent u has the shape of the output.
"""

from __future__ import annotations

import numpy as np

from lossproof.backends.numpy_ import maths
from lossproof.backends.numpy_.maths import times
from lossproof.backends.numpy_.support import (
    Array,
    has_axes,
    in_working_precision,
    spread,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("numpy")


@implements("sigmoid")
@in_working_precision()
def sigmoid(x: Array) -> Array:
    """σ(x) = 1 / (1 + e^-x), of any shape.

    For x < 0 it is e^x / (1 + e^x): the exponential is of -|x| and never overflows, and a small
    σ keeps its digits.
    """
    return maths.sigmoid(x)


@sigmoid.backward
@in_working_precision()
def sigmoid_backward(cotangent: Array, x: Array) -> dict[str, Array]:
    """u σ(x) σ(-x), and not u s (1 - s), which is 0 as soon as s rounds to 1."""
    u, _ = spread(cotangent, x.shape, "none")
    return {"x": times(u, maths.sigmoid(x), maths.sigmoid(-x))}


@implements("log_sigmoid")
@in_working_precision()
def log_sigmoid(x: Array) -> Array:
    """log σ(x) = min(x, 0) - log1p(e^-|x|), of any shape.

    Linear for very negative x, where σ(x) underflows; -e^-x for large x, where σ(x) rounds to 1.
    """
    return -maths.softplus(-x)


@log_sigmoid.backward
@in_working_precision()
def log_sigmoid_backward(cotangent: Array, x: Array) -> dict[str, Array]:
    """u σ(-x)."""
    u, _ = spread(cotangent, x.shape, "none")
    return {"x": times(u, maths.sigmoid(-x))}


@implements("softplus")
@in_working_precision()
def softplus(x: Array) -> Array:
    """ζ(x) = log(1 + e^x) = max(x, 0) + log1p(e^-|x|), of any shape."""
    return maths.softplus(x)


@softplus.backward
@in_working_precision()
def softplus_backward(cotangent: Array, x: Array) -> dict[str, Array]:
    """u σ(x)."""
    u, _ = spread(cotangent, x.shape, "none")
    return {"x": times(u, maths.sigmoid(x))}


@implements("softmax")
@in_working_precision()
def softmax(x: Array) -> Array:
    """p_j = e^(x_j) / Σ_k e^(x_k) over the last axis of x (N, C).

    The row's maximum comes off first. Rows sum to 1; a constant added to x changes nothing.
    """
    has_axes("N, C", x=x)
    return maths.softmax_of(x).p


@softmax.backward
@in_working_precision()
def softmax_backward(cotangent: Array, x: Array) -> dict[str, Array]:
    """p ⊙ (u - ⟨u, p⟩), each row of which sums to 0.

    The Jacobian diag(p) - p pᵀ is symmetric, and is not formed.
    """
    has_axes("N, C", x=x)
    u, _ = spread(cotangent, x.shape, "none")
    return {"x": maths.softmax_pull(maths.softmax_of(x).p, u)}


@implements("log_softmax")
@in_working_precision()
def log_softmax(x: Array) -> Array:
    """x_j - logsumexp(x) over the last axis of x (N, C), as (x_j - max) - log1p(Σ of the others).

    Never the log of a softmax: that is -inf once the softmax underflows, and 0 once it rounds to 1.
    """
    has_axes("N, C", x=x)
    return maths.softmax_of(x).log_p


@log_softmax.backward
@in_working_precision()
def log_softmax_backward(cotangent: Array, x: Array) -> dict[str, Array]:
    """u_j - p_j Σ u, each row of which sums to 0.

    Where p_j is nearly 1 it is u_j (1 - p_j) - p_j Σ_(k≠j) u_k, in which p_j u_j has cancelled.
    """
    has_axes("N, C", x=x)
    u, _ = spread(cotangent, x.shape, "none")
    s = maths.softmax_of(x)
    sure = u * s.complement - s.p * maths.sum_without(u, s.top)
    return {"x": np.where(s.p > 0.5, sure, u - s.p * u.sum(axis=-1, keepdims=True))}


@implements("logsumexp")
@in_working_precision()
def logsumexp(x: Array) -> Array:
    """log Σ_k e^(x_k) over the last axis of x (N, C); shape (N).

    With m the largest entry, m + log1p(Σ e^(x_k - m) over the others): no exponential overflows,
    and a small excess over m is not lost. A row of -∞ gives -∞.
    """
    has_axes("N, C", x=x)
    return maths.softmax_of(x).log_total


@logsumexp.backward
@in_working_precision()
def logsumexp_backward(cotangent: Array, x: Array) -> dict[str, Array]:
    """u softmax(x)."""
    has_axes("N, C", x=x)
    u, _ = spread(cotangent, x.shape[:1], "none")
    return {"x": times(u[:, None], maths.softmax_of(x).p)}
