"""Losses of a row of scores (N, C), one column a class, against labels (N) or a row of targets.

The cross-entropies are all one function, Σ_c q_c (-log p_c) with p = softmax(logits) and a row q of
weights >= 0: they differ in q only. `maths.softmax_of` says how its digits are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lossproof.backends.numpy_.maths import (
    absorb,
    log_plus,
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
    labelled,
    mean,
    one_hot,
    one_of,
    real,
    reduce,
    same_shape,
    spread,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("numpy")


def _weighted_mean(losses: Array, weights: Array, reduction: str) -> Array:
    return mean(losses, weights.sum()) if reduction == "mean" else reduce(losses, reduction)


def _share(weights: Array, reduction: str) -> Any:
    return weights.sum() if reduction == "mean" else 1


@implements("cross_entropy")
@in_working_precision("labels")
def cross_entropy(
    logits: Array,
    labels: Array,
    weight: Array | None = None,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Array:
    """(1 - α) w_y (-log p_y) + (α/C) Σ_c w_c (-log p_c), y the label, α the smoothing; shape (N).

    logits (N, C), labels (N) in [0, C), weight (C). The mean is over Σ w_y, smoothing or not. (Cox
    1958; smoothing: Szegedy et al. 2016; as torch has it.) Rows labelled `ignore_index` are 0, and
    are blanked before anything is computed, so that nothing in them can leak.
    """
    one_of(REDUCTIONS, reduction=reduction)
    kept, w, rows, q = _smoothed(logits, labels, weight, ignore_index, label_smoothing)
    losses = np.where(kept, soft_cross_entropy(softmax_of(rows), q), 0)
    return _weighted_mean(losses, w, reduction)


@cross_entropy.backward
@in_working_precision("labels")
def cross_entropy_backward(
    cotangent: Array,
    logits: Array,
    labels: Array,
    weight: Array | None = None,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> dict[str, Array]:
    """u (p Σq - q), over Σ w_y for the mean; exactly 0 in ignored rows.

    At the label of a confident row it is -(1 - p_y) = -Σ_(k≠y) p_k, summed and not subtracted.
    """
    one_of(REDUCTIONS, reduction=reduction)
    kept, w, rows, q = _smoothed(logits, labels, weight, ignore_index, label_smoothing)
    u, _ = spread(cotangent, labels.shape, reduction)
    slope = soft_cross_entropy_slope(softmax_of(rows), q)
    pulled = times(u[..., None], slope, over=(_share(w, reduction),))
    return {"logits": np.where(kept[:, None], pulled, 0)}


def _smoothed(
    logits: Array,
    labels: Array,
    weight: Array | None,
    ignore_index: int,
    label_smoothing: float,
) -> tuple[Array, Array, Array, Array]:
    """Kept rows, their w_y (0 if not kept), the logits with the other rows blanked, and q."""
    has_axes("N, C", logits=logits)
    alpha = real(least=0, most=1, label_smoothing=label_smoothing)
    kept, y, w = labelled(logits, labels, weight, ignore_index)
    classes = logits.shape[1]
    q = one_hot(y, (1 - alpha) * w, classes)
    if alpha > 0:
        q = q + alpha / classes * (1 if weight is None else weight)
    return kept, np.where(kept, w, 0), np.where(kept[:, None], logits, 0), q


@implements("cross_entropy_soft_targets")
@in_working_precision()
def cross_entropy_soft_targets(
    logits: Array,
    target: Array,
    weight: Array | None = None,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Array:
    """Σ_c w_c t'_c (-log p_c) with t' = (1 - α) t + α/C, for logits and target (N, C); shape (N).

    The target is any row of numbers >= 0, not normalised; a target of 0 silences a logit of -∞. The
    mean is over N.
    """
    one_of(REDUCTIONS, reduction=reduction)
    q, _, _ = _soft(logits, target, weight, label_smoothing)
    return reduce(soft_cross_entropy(softmax_of(logits), q), reduction)


@cross_entropy_soft_targets.backward
@in_working_precision()
def cross_entropy_soft_targets_backward(
    cotangent: Array,
    logits: Array,
    target: Array,
    weight: Array | None = None,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> dict[str, Array]:
    """For the logits u (p Σq - q) with q = w t'; for the target -u (1 - α) w log p."""
    one_of(REDUCTIONS, reduction=reduction)
    q, w, alpha = _soft(logits, target, weight, label_smoothing)
    u, n = spread(cotangent, logits.shape[:1], reduction)
    s = softmax_of(logits)
    slope = soft_cross_entropy_slope(s, q)
    return {
        "logits": times(u[..., None], slope, over=(n,)),
        "target": times(u[..., None], 1 - alpha, w, -s.log_p, over=(n,)),
    }


def _soft(
    logits: Array, target: Array, weight: Array | None, label_smoothing: float
) -> tuple[Array, Any, float]:
    """The row of weights q = w t', the weight or 1, and α."""
    has_axes("N, C", logits=logits, target=target)
    same_shape(logits=logits, target=target)
    has_length(logits.shape[1], weight=weight)
    alpha = real(least=0, most=1, label_smoothing=label_smoothing)
    w = 1 if weight is None else weight
    smoothed = target if alpha == 0 else (1 - alpha) * target + alpha / logits.shape[1]
    return w * smoothed, w, alpha


@implements("cross_entropy_probabilities")
@in_working_precision()
def cross_entropy_probabilities(
    prediction: Array, target: Array, *, eps: float = 0.0, reduction: str = "mean"
) -> Array:
    """-Σ_c t_c log(p_c + ε), for probabilities p and targets t (N, C); shape (N). 0 log 0 is 0.

    p is taken as it is and not normalised. The mean is over N.
    """
    _same_rows(prediction, target)
    one_of(REDUCTIONS, reduction=reduction)
    cost = -log_plus(prediction, real(least=0, eps=eps))
    return reduce(absorb(target, cost).sum(axis=-1), reduction)


@cross_entropy_probabilities.backward
@in_working_precision()
def cross_entropy_probabilities_backward(
    cotangent: Array,
    prediction: Array,
    target: Array,
    *,
    eps: float = 0.0,
    reduction: str = "mean",
) -> dict[str, Array]:
    """For p: -u t / (p + ε), which is 0 where t is 0; for t: -u log(p + ε)."""
    _same_rows(prediction, target)
    one_of(REDUCTIONS, reduction=reduction)
    eps = real(least=0, eps=eps)
    u, n = spread(cotangent, prediction.shape[:1], reduction)
    u, p = u[..., None], prediction + eps
    pulled = np.where((target == 0) & (p == 0), 0, times(u, -target, over=(p, n)))
    return {"prediction": pulled, "target": times(u, -log_plus(prediction, eps), over=(n,))}


def _same_rows(prediction: Array, target: Array) -> None:
    has_axes("N, C", prediction=prediction, target=target)
    same_shape(prediction=prediction, target=target)


@implements("nll")
@in_working_precision("labels")
def nll(
    log_probabilities: Array,
    labels: Array,
    weight: Array | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Array:
    """-w_y ℓ_y, y the label, for log-probabilities ℓ (N, C), labels (N), weight (C); shape (N).

    The mean is over Σ w_y of the rows kept; a row labelled `ignore_index` is 0.
    """
    has_axes("N, C", log_probabilities=log_probabilities)
    one_of(REDUCTIONS, reduction=reduction)
    kept, y, w = labelled(log_probabilities, labels, weight, ignore_index)
    picked = np.take_along_axis(log_probabilities, y[:, None], axis=1)[:, 0]
    losses = np.where(kept, absorb(w, -picked), 0)
    return _weighted_mean(losses, np.where(kept, w, 0), reduction)


@nll.backward
@in_working_precision("labels")
def nll_backward(
    cotangent: Array,
    log_probabilities: Array,
    labels: Array,
    weight: Array | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> dict[str, Array]:
    """-u w_y at the label, 0 elsewhere; over Σ w_y for the mean."""
    has_axes("N, C", log_probabilities=log_probabilities)
    one_of(REDUCTIONS, reduction=reduction)
    kept, y, w = labelled(log_probabilities, labels, weight, ignore_index)
    w = np.where(kept, w, 0)
    u, _ = spread(cotangent, labels.shape, reduction)
    pulled = np.where(kept, times(u, -w, over=(_share(w, reduction),)), 0)
    return {"log_probabilities": one_hot(y, pulled, log_probabilities.shape[1])}
