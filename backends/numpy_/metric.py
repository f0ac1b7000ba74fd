"""Losses of embeddings (N, D): the triplet margin, cosine embedding and InfoNCE losses.

Lengths are taken of vectors scaled by a power of two to entries of at most 2, one scale a row: no
square overflows, and none that matters underflows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lossproof.backends.numpy_.maths import (
    exponent,
    soft_cross_entropy,
    soft_cross_entropy_slope,
    softmax_of,
    times,
)
from lossproof.backends.numpy_.support import (
    REDUCTIONS,
    Array,
    has_axes,
    has_length,
    in_working_precision,
    one_of,
    real,
    reduce,
    same_shape,
    spread,
    two_valued,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("numpy")


class _Distance(NamedTuple):
    length: Array  # (N), over 2^e of the row
    slope: Array  # (N, D): the gradient in the first vector; in the second it is the negative


def _distance(a: Array, b: Array, offset: Array, p: int) -> _Distance:
    """‖a - b + offset‖_p and its slope; 0 at the kink of the zero vector."""
    delta = (a - b) + offset[:, None]
    if p == 1:
        return _Distance(np.abs(delta).sum(axis=-1), np.sign(delta))
    e = exponent(delta, axis=-1)
    small = np.ldexp(delta, -e)
    root = np.sqrt(np.square(small).sum(axis=-1, keepdims=True))
    slope = np.where(root == 0, 0, small / root)
    return _Distance(np.ldexp(root, e)[:, 0], slope)


class _Triplet(NamedTuple):
    gap: Array  # margin + d(a, p) - d(a, n), (N)
    near: Array  # slope of d(a, p) in a
    far: Array  # slope of the negative distance in its first vector
    swapped: Array  # (N, 1): the negative distance is d(p, n)


def _triplet(
    anchor: Array,
    positive: Array,
    negative: Array,
    margin: float,
    p: int,
    eps: float,
    swap: bool,
) -> _Triplet:
    has_axes("N, D", anchor=anchor, positive=positive, negative=negative)
    same_shape(anchor=anchor, positive=positive, negative=negative)
    margin, eps = real(above=0, margin=margin), real(least=0, eps=eps)
    one_of((1, 2), p=p)
    # Distances of vectors near the largest number may overflow where their difference does not.
    room = 2 + anchor.shape[1].bit_length()
    largest = np.max(np.abs([anchor, positive, negative]), axis=(0, 2), initial=0)
    shift = np.where(largest > np.ldexp(np.finfo(anchor.dtype).max, -room), room, 0)
    offset = np.ldexp(anchor.dtype.type(eps), -shift)
    a, b, c = (np.ldexp(each, -shift[:, None]) for each in (anchor, positive, negative))
    near, far = _distance(a, b, offset, p), _distance(a, c, offset, p)
    swapped = np.zeros(len(anchor), bool)
    if swap:
        other = _distance(b, c, offset, p)
        swapped = other.length < far.length
        length = np.minimum(other.length, far.length)
        far = _Distance(length, np.where(swapped[:, None], other.slope, far.slope))
    gap = np.ldexp(near.length - far.length, shift) + margin
    return _Triplet(gap, near.slope, far.slope, swapped[:, None])


@implements("triplet_margin")
@in_working_precision()
def triplet_margin(
    anchor: Array,
    positive: Array,
    negative: Array,
    *,
    margin: float = 1.0,
    p: int = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Array:
    """max(0, margin + d(a, p) - d(a, n)) with d(x, y) = ‖x - y + ε‖_p, all (N, D); shape (N).

    With `swap`, min(d(a, n), d(p, n)) takes the place of d(a, n). (Weinberger, Saul 2009; Balntas
    et al. 2016; ε added to the signed difference, as torch.)
    """
    one_of(REDUCTIONS, reduction=reduction)
    gap = _triplet(anchor, positive, negative, margin, p, eps, swap).gap
    return reduce(np.maximum(gap, 0), reduction)


@triplet_margin.backward
@in_working_precision()
def triplet_margin_backward(
    cotangent: Array,
    anchor: Array,
    positive: Array,
    negative: Array,
    *,
    margin: float = 1.0,
    p: int = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> dict[str, Array]:
    """On rows of positive loss: slope of d(a, p) to a and, negated, to p; the reverse for d(a, n).

    The slope is the unit vector for p = 2 and the signs for p = 1; 0 at a distance of 0, and on
    rows at the kink of the loss.
    """
    one_of(REDUCTIONS, reduction=reduction)
    t = _triplet(anchor, positive, negative, margin, p, eps, swap)
    u, n = spread(cotangent, t.gap.shape, reduction)
    active = np.heaviside(t.gap, 0)[:, None]
    slopes = {
        "anchor": t.near - np.where(t.swapped, 0, t.far),
        "positive": -t.near - np.where(t.swapped, t.far, 0),
        "negative": t.far,
    }
    return {
        name: np.where(active == 0, 0, times(u[..., None], active, slope, over=(n,)))
        for name, slope in slopes.items()
    }


class _Unit(NamedTuple):
    vector: Array  # x / √(|x|² + ε), (N, D)
    root: Array  # √(|x|² + ε) / scale, (N, 1)
    scale: Array  # a power of two, (N, 1)
    slack: Array  # ε / (|x|² + ε) = 1 - |vector|², (N)


def _unit(x: Array, eps: float) -> _Unit:
    e = np.maximum(exponent(x, axis=-1), math.frexp(math.sqrt(eps))[1] - 1)
    small = np.ldexp(x, -e)
    offset = np.ldexp(np.float64(eps), -2 * e).astype(x.dtype)
    square = np.square(small).sum(axis=-1, keepdims=True) + offset
    root = np.sqrt(square)
    return _Unit(small / root, root, np.ldexp(x.dtype.type(1), e), (offset / square)[:, 0])


class _Cosine(NamedTuple):
    first: _Unit
    second: _Unit
    sign: Array  # y, (N)
    cosine: Array  # (N)
    gap: Array  # 1 - cosine, (N)


def _cosine(first: Array, second: Array, target: Array, eps: float) -> _Cosine:
    has_axes("N, D", first=first, second=second)
    same_shape(first=first, second=second)
    has_length(len(first), target=target)
    eps = real(above=0, eps=eps)
    a, b = _unit(first, eps), _unit(second, eps)
    gap = 0.5 * (np.square(a.vector - b.vector).sum(axis=-1) + (a.slack + b.slack))
    cosine = (a.vector * b.vector).sum(axis=-1)
    return _Cosine(a, b, two_valued(-1, 1, first, target=target), cosine, gap)


@implements("cosine_embedding")
@in_working_precision("target")
def cosine_embedding(
    first: Array,
    second: Array,
    target: Array,
    *,
    margin: float = 0.0,
    eps: float = 1e-12,
    reduction: str = "mean",
) -> Array:
    """1 - c for y = 1 and max(0, c - margin) for y = -1; first, second (N, D), target y (N); (N).

    c = ⟨a, b⟩ / √((|a|² + ε)(|b|² + ε)), and with â = a / √(|a|² + ε), b̂ likewise,

        1 - c = (|â - b̂|² + ε / (|a|² + ε) + ε / (|b|² + ε)) / 2:

    a sum of squares, which two vectors of nearly one direction do not cancel. (As torch.)
    """
    one_of(REDUCTIONS, reduction=reduction)
    margin = real(least=-1, most=1, margin=margin)
    c = _cosine(first, second, target, eps)
    loss = np.where(c.sign > 0, c.gap, np.maximum(c.cosine - margin, 0))
    return reduce(np.where(np.isnan(c.sign), c.sign, loss), reduction)


@cosine_embedding.backward
@in_working_precision("target")
def cosine_embedding_backward(
    cotangent: Array,
    first: Array,
    second: Array,
    target: Array,
    *,
    margin: float = 0.0,
    eps: float = 1e-12,
    reduction: str = "mean",
) -> dict[str, Array]:
    """The slope of c in a, (b̂ - c â) / √(|a|² + ε), times -u for y = 1, u for y = -1, c > margin.

    For vectors of nearly one direction b̂ - c â is (b̂ - â) + (1 - c) â. 0 at the kink.
    """
    one_of(REDUCTIONS, reduction=reduction)
    margin = real(least=-1, most=1, margin=margin)
    c = _cosine(first, second, target, eps)
    u, n = spread(cotangent, c.sign.shape, reduction)
    outer = np.where(c.sign > 0, -1, np.heaviside(c.cosine - margin, 0))
    outer = np.where(np.isnan(c.sign), c.sign, outer)[:, None]
    cosine, gap = c.cosine[:, None], c.gap[:, None]

    def pull(a: _Unit, b: _Unit) -> Array:
        aligned = (b.vector - a.vector) + gap * a.vector
        across = np.where(cosine > 0.5, aligned, b.vector - cosine * a.vector)
        return times(u[..., None], outer, across, over=(a.root, a.scale, n))

    return {"first": pull(c.first, c.second), "second": pull(c.second, c.first)}


@implements("info_nce")
@in_working_precision()
def info_nce(
    query: Array, key: Array, *, temperature: float = 0.07, reduction: str = "mean"
) -> Array:
    """Cross-entropy of the logits query keyᵀ / τ with labels 0, 1 ... N-1; both (N, D); shape (N).

    (van den Oord et al. 2018.) Row n is the query n against every key of the batch, key n being the
    right one. Nothing is normalised.
    """
    one_of(REDUCTIONS, reduction=reduction)
    logits = _similarity(query, key, real(above=0, temperature=temperature))
    right = np.eye(len(query), dtype=query.dtype)
    return reduce(soft_cross_entropy(softmax_of(logits), right), reduction)


@info_nce.backward
@in_working_precision()
def info_nce_backward(
    cotangent: Array,
    query: Array,
    key: Array,
    *,
    temperature: float = 0.07,
    reduction: str = "mean",
) -> dict[str, Array]:
    """G key / τ for the query, Gᵀ query / τ for the key, G = u (softmax(logits) - I) by rows."""
    one_of(REDUCTIONS, reduction=reduction)
    temperature = real(above=0, temperature=temperature)
    logits = _similarity(query, key, temperature)
    u, n = spread(cotangent, query.shape[:1], reduction)
    right = np.eye(len(query), dtype=query.dtype)
    slope = soft_cross_entropy_slope(softmax_of(logits), right)
    # the cotangent scaled to at most 2, so that sums over the queries stay in range
    e = exponent(u)
    scaled = np.ldexp(u, -e)[..., None] * slope
    scale = np.ldexp(query.dtype.type(1), e)
    return {
        "query": times(u[..., None], slope @ key, over=(temperature, n)),
        "key": times(scale, scaled.T @ query, over=(temperature, n)),
    }


def _similarity(query: Array, key: Array, temperature: float) -> Array:
    """⟨q_n, k_m⟩ / τ for every pair; where it overflows, the infinity of its own sign.

    A partial product that overflows has the sign of the terms so far, not of the whole.
    """
    has_axes("N, D", query=query, key=key)
    same_shape(query=query, key=key)
    dots = query @ key.T
    if not np.isfinite(dots).all():
        e, f = exponent(query, axis=-1), exponent(key, axis=-1)
        scaled = np.ldexp(query, -e) @ np.ldexp(key, -f).T
        dots = np.where(np.isfinite(dots), dots, np.ldexp(scaled, e + f.T))
    return np.asarray(dots / temperature)
