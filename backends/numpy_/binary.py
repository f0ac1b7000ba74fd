"""Two-class losses: cross-entropy of a probability or of a logit, and the focal loss.

With σ the sigmoid and ζ(z) = log(1 + e^z): -log σ(z) = ζ(-z) and -log(1 - σ(z)) = ζ(z).
"""

from __future__ import annotations

import numpy as np

from lossproof.backends.numpy_.maths import absorb, log_plus, sigmoid, softplus, times
from lossproof.backends.numpy_.support import (
    REDUCTIONS,
    Array,
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


def _logs(p: Array, eps: float) -> tuple[Array, Array]:
    """log(p + ε) and log(1 - p + ε): 1 - p is exact for p >= 1/2, and log1p serves the rest."""
    return log_plus(p, eps), np.where(p < 0.5, np.log1p(eps - p), np.log((1 - p) + eps))


def _floor(log_floor: float | None) -> float:
    if log_floor is None:
        return -np.inf
    if not log_floor < 0:
        raise ValueError(f"log_floor must be negative or None, got {log_floor}")
    return float(log_floor)


@implements("binary_cross_entropy")
@in_working_precision()
def binary_cross_entropy(
    prediction: Array,
    target: Array,
    *,
    eps: float = 0.0,
    log_floor: float | None = None,
    reduction: str = "mean",
) -> Array:
    """-t log(p + ε) - (1 - t) log(1 - p + ε), for p and t in [0, 1] of any one shape. (Good 1952.)

    Each log is replaced by `log_floor` where it is below it. Without ε and floor a certain and
    wrong prediction costs +∞; 0 log 0 is 0.
    """
    same_shape(prediction=prediction, target=target)
    one_of(REDUCTIONS, reduction=reduction)
    floor = _floor(log_floor)
    log_p, log_q = _logs(prediction, real(least=0, eps=eps))
    hit, miss = -np.maximum(log_p, floor), -np.maximum(log_q, floor)
    return reduce(absorb(target, hit) + absorb(1 - target, miss), reduction)


@binary_cross_entropy.backward
@in_working_precision()
def binary_cross_entropy_backward(
    cotangent: Array,
    prediction: Array,
    target: Array,
    *,
    eps: float = 0.0,
    log_floor: float | None = None,
    reduction: str = "mean",
) -> dict[str, Array]:
    """For p: u (p - t + ε(1 - 2t)) / ((p + ε)(1 - p + ε)); for t: u log((1 - p + ε) / (p + ε)).

    One fraction, since -t/p + (1 - t)/(1 - p) cancels near p = t; at t = 0 and t = 1 one term is
    gone, and the other stays finite at p = t. A log at its floor has no slope. Near p = 1/2, where
    the difference of the logs cancels, the log of their ratio goes through log1p.
    """
    same_shape(prediction=prediction, target=target)
    one_of(REDUCTIONS, reduction=reduction)
    floor, eps = _floor(log_floor), real(least=0, eps=eps)
    p, t = prediction, target
    u, n = spread(cotangent, p.shape, reduction)
    log_p, log_q = _logs(p, eps)
    a, b = p + eps, (1 - p) + eps
    hit, miss = -1 / a, 1 / b
    slope = ((p - t) + eps * (1 - 2 * t)) / (a * b)
    slope = np.where(t == 0, miss, np.where(t == 1, hit, slope))
    low_p, low_q = log_p < floor, log_q < floor
    single = np.where(low_p, 0, t * hit) + np.where(low_q, 0, (1 - t) * miss)
    slope = np.where(low_p | low_q, single, slope)
    ratio = np.where(p < 0.5, np.log1p((1 - 2 * p) / a), -np.log1p((2 * p - 1) / b))
    near = (p > 0.25) & (p < 0.75) & ~(low_p | low_q)
    cost = np.where(near, ratio, np.maximum(log_q, floor) - np.maximum(log_p, floor))
    return {"prediction": times(u, slope, over=(n,)), "target": times(u, cost, over=(n,))}


@implements("binary_cross_entropy_with_logits")
@in_working_precision()
def binary_cross_entropy_with_logits(
    logits: Array,
    target: Array,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    *,
    reduction: str = "mean",
) -> Array:
    """w (c t ζ(-z) + (1 - t) ζ(z)) with weight w, pos_weight c; all of any one shape. t in [0, 1].

    Both terms are >= 0 and nothing cancels; max(z, 0) - z t + log1p(e^-|z|) can lose all of a small
    loss to the rounding of its first terms. The mean divides by the number of elements.
    """
    same_shape(logits=logits, target=target, weight=weight, pos_weight=pos_weight)
    one_of(REDUCTIONS, reduction=reduction)
    hit = target if pos_weight is None else target * pos_weight
    loss = absorb(hit, softplus(-logits)) + absorb(1 - target, softplus(logits))
    return reduce(loss if weight is None else absorb(weight, loss), reduction)


@binary_cross_entropy_with_logits.backward
@in_working_precision()
def binary_cross_entropy_with_logits_backward(
    cotangent: Array,
    logits: Array,
    target: Array,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    *,
    reduction: str = "mean",
) -> dict[str, Array]:
    """For z: u w ((1 - t) σ(z) - c t σ(-z)); for t: u w ((c - 1) ζ(-|z|) - (z if z >= 0 else c z)).

    For t = 1 the former is -c σ(-z) and not σ(z) - 1, which is 0 from z = 17 on in float32. The
    latter is c ζ(-z) - ζ(z) with ζ(z) = z + ζ(-z) put in; just -z where c = 1.
    """
    same_shape(logits=logits, target=target, weight=weight, pos_weight=pos_weight)
    one_of(REDUCTIONS, reduction=reduction)
    z, t = logits, target
    w = 1 if weight is None else weight
    u, n = spread(cotangent, z.shape, reduction)
    hit = t if pos_weight is None else t * pos_weight
    slope = (1 - t) * sigmoid(z) - hit * sigmoid(-z)
    cost = -z
    if pos_weight is not None:
        tail = (pos_weight - 1) * softplus(-np.abs(z))
        cost = tail - np.where(z >= 0, z, absorb(pos_weight, z))
    return {"logits": times(u, w, slope, over=(n,)), "target": times(u, w, cost, over=(n,))}


def _focal(
    logits: Array, target: Array, alpha: float | None, gamma: float
) -> tuple[Array, Array, Array]:
    """The sign s = 1 - 2t, the wrongness m = s z, and the factor α_t σ(m)^γ."""
    same_shape(logits=logits, target=target)
    gamma = real(least=0, gamma=gamma)
    t = two_valued(0, 1, logits, target=target)
    sign = 1 - 2 * t
    m = sign * logits
    q = sigmoid(m)
    # a power of a subnormal q would keep none of its digits
    small = q < np.finfo(q.dtype).tiny * 2**20
    factor = np.where(small, np.exp(np.minimum(gamma * m, 0)), np.power(q, gamma))
    if gamma == 0:
        factor = np.ones_like(q)
    if alpha is not None:
        alpha = real(least=0, most=1, alpha=alpha)
        factor = factor * np.where(t == 1, alpha, 1 - alpha)
    return sign, m, factor


@implements("sigmoid_focal")
@in_working_precision("target")
def sigmoid_focal(
    logits: Array,
    target: Array,
    *,
    alpha: float | None = 0.25,
    gamma: float = 2.0,
    reduction: str = "mean",
) -> Array:
    """α_t (1 - p_t)^γ (-log p_t), for t in {0, 1} of the shape of z. (Lin et al. 2017.)

    p_t = σ(z) if t = 1, else σ(-z); α_t = α if t = 1, else 1 - α; no α_t where α is None. With
    m = z for t = 0 and -z for t = 1 it is α_t σ(m)^γ ζ(m), and no 1 - p_t is formed.
    """
    one_of(REDUCTIONS, reduction=reduction)
    _, m, factor = _focal(logits, target, alpha, gamma)
    return reduce(absorb(factor, softplus(m)), reduction)


@sigmoid_focal.backward
@in_working_precision("target")
def sigmoid_focal_backward(
    cotangent: Array,
    logits: Array,
    target: Array,
    *,
    alpha: float | None = 0.25,
    gamma: float = 2.0,
    reduction: str = "mean",
) -> dict[str, Array]:
    """u s α_t σ(m)^γ (γ σ(-m) ζ(m) + σ(m)) with s = 1 - 2t: a sum of two terms >= 0.

    The factor is σ^γ and never γ σ^(γ-1), which is infinite at σ = 0 for γ < 1.
    """
    one_of(REDUCTIONS, reduction=reduction)
    sign, m, factor = _focal(logits, target, alpha, gamma)
    u, n = spread(cotangent, logits.shape, reduction)
    inner = gamma * absorb(sigmoid(-m), softplus(m)) + sigmoid(m)
    return {"logits": times(u, sign, factor, inner, over=(n,))}
