"""Ranking losses: of a pair by its difference of scores, and of a whole list (ListNet)."""

from __future__ import annotations

import numpy as np

from lossproof.backends.numpy_.maths import (
    sigmoid,
    soft_cross_entropy,
    softmax_of,
    softmax_pull,
    softplus,
    times,
)
from lossproof.backends.numpy_.support import (
    REDUCTIONS,
    Array,
    has_axes,
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


@implements("pairwise_hinge")
@in_working_precision()
def pairwise_hinge(
    positive: Array, negative: Array, *, margin: float = 1.0, reduction: str = "mean"
) -> Array:
    """max(0, margin - (positive - negative)), of any one shape. (Herbrich et al. 1999.)"""
    one_of(REDUCTIONS, reduction=reduction)
    return reduce(np.maximum(_shortfall(positive, negative, margin), 0), reduction)


@pairwise_hinge.backward
@in_working_precision()
def pairwise_hinge_backward(
    cotangent: Array,
    positive: Array,
    negative: Array,
    *,
    margin: float = 1.0,
    reduction: str = "mean",
) -> dict[str, Array]:
    """∓u where the loss is positive; 0 elsewhere, the kink included."""
    one_of(REDUCTIONS, reduction=reduction)
    active = np.heaviside(_shortfall(positive, negative, margin), 0)
    u, n = spread(cotangent, active.shape, reduction)
    slope = times(u, active, over=(n,))
    return {"positive": -slope, "negative": slope}


def _shortfall(positive: Array, negative: Array, margin: float) -> Array:
    same_shape(positive=positive, negative=negative)
    return real(margin=margin) - (positive - negative)


@implements("pairwise_logistic")
@in_working_precision()
def pairwise_logistic(positive: Array, negative: Array, *, reduction: str = "mean") -> Array:
    """log(1 + e^-d) with d = positive - negative, of any one shape. (RankNet: Burges et al. 2005.)

    As max(-d, 0) + log1p(e^-|d|): linear for a pair badly out of order, where e^-d overflows.
    """
    same_shape(positive=positive, negative=negative)
    one_of(REDUCTIONS, reduction=reduction)
    return reduce(softplus(negative - positive), reduction)


@pairwise_logistic.backward
@in_working_precision()
def pairwise_logistic_backward(
    cotangent: Array, positive: Array, negative: Array, *, reduction: str = "mean"
) -> dict[str, Array]:
    """∓u σ(-d)."""
    return _pull_logistic(cotangent, positive, negative, reduction)


@implements("bpr")
@in_working_precision()
def bpr(positive: Array, negative: Array, *, reduction: str = "mean") -> Array:
    """-log σ(d) with d = positive - negative, of any one shape. (Rendle et al. 2009.)

    The same function as `pairwise_logistic`. The log of a sigmoid that has underflowed is -∞, and
    log(σ(d) + ε) stops growing at -log ε: so it is evaluated as log(1 + e^-d).
    """
    same_shape(positive=positive, negative=negative)
    one_of(REDUCTIONS, reduction=reduction)
    return reduce(softplus(negative - positive), reduction)


@bpr.backward
@in_working_precision()
def bpr_backward(
    cotangent: Array, positive: Array, negative: Array, *, reduction: str = "mean"
) -> dict[str, Array]:
    """∓u σ(-d), and not ∓u (1 - σ(d))."""
    return _pull_logistic(cotangent, positive, negative, reduction)


def _pull_logistic(
    cotangent: Array, positive: Array, negative: Array, reduction: str
) -> dict[str, Array]:
    same_shape(positive=positive, negative=negative)
    one_of(REDUCTIONS, reduction=reduction)
    u, n = spread(cotangent, positive.shape, reduction)
    slope = times(u, sigmoid(negative - positive), over=(n,))
    return {"positive": -slope, "negative": slope}


@implements("margin_ranking")
@in_working_precision("target")
def margin_ranking(
    first: Array, second: Array, target: Array, *, margin: float = 0.0, reduction: str = "mean"
) -> Array:
    """max(0, margin - y (first - second)) with y = target in {-1, 1}, of any one shape."""
    one_of(REDUCTIONS, reduction=reduction)
    _, gap = _gap(first, second, target, margin)
    return reduce(np.maximum(gap, 0), reduction)


@margin_ranking.backward
@in_working_precision("target")
def margin_ranking_backward(
    cotangent: Array,
    first: Array,
    second: Array,
    target: Array,
    *,
    margin: float = 0.0,
    reduction: str = "mean",
) -> dict[str, Array]:
    """∓u y where the loss is positive; 0 elsewhere, the kink included."""
    one_of(REDUCTIONS, reduction=reduction)
    y, gap = _gap(first, second, target, margin)
    u, n = spread(cotangent, gap.shape, reduction)
    slope = times(u, y, np.heaviside(gap, 0), over=(n,))
    return {"first": -slope, "second": slope}


def _gap(first: Array, second: Array, target: Array, margin: float) -> tuple[Array, Array]:
    same_shape(first=first, second=second, target=target)
    y = two_valued(-1, 1, first, target=target)
    return y, real(margin=margin) - y * (first - second)


@implements("listnet")
@in_working_precision()
def listnet(prediction: Array, target: Array, *, reduction: str = "mean") -> Array:
    """-Σ_c q_c log p_c, q = softmax(target), p = softmax(prediction), (N, C) to (N).

    (Cao et al. 2007.) The logarithm of p is formed directly, never from p; see `maths.Softmax`.
    """
    _same_lists(prediction, target)
    one_of(REDUCTIONS, reduction=reduction)
    return reduce(soft_cross_entropy(softmax_of(prediction), softmax_of(target).p), reduction)


@listnet.backward
@in_working_precision()
def listnet_backward(
    cotangent: Array, prediction: Array, target: Array, *, reduction: str = "mean"
) -> dict[str, Array]:
    """For the prediction u (p - q); for the target u q ⊙ (⟨q, prediction⟩ - prediction).

    p - q is (1 - q) p - q (1 - p) with complements that do not cancel. In the latter -log p has
    become -prediction: they differ by a constant of the row, which softmax's Jacobian sends to 0.
    """
    _same_lists(prediction, target)
    one_of(REDUCTIONS, reduction=reduction)
    u, n = spread(cotangent, prediction.shape[:1], reduction)
    p, q = softmax_of(prediction), softmax_of(target)
    slope = q.complement * p.p - q.p * p.complement
    return {
        "prediction": times(u[..., None], slope, over=(n,)),
        "target": times(u[..., None], softmax_pull(q.p, -prediction), over=(n,)),
    }


def _same_lists(prediction: Array, target: Array) -> None:
    has_axes("N, C", prediction=prediction, target=target)
    same_shape(prediction=prediction, target=target)
