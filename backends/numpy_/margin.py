"""The multi-class margin loss: every wrong class is to stay a margin below the right one."""

from __future__ import annotations

import numpy as np

from lossproof.backends.numpy_.maths import absorb, times
from lossproof.backends.numpy_.support import (
    REDUCTIONS,
    Array,
    has_axes,
    in_working_precision,
    labelled,
    one_hot,
    one_of,
    real,
    reduce,
    spread,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("numpy")


@implements("multi_margin")
@in_working_precision("labels")
def multi_margin(
    logits: Array,
    labels: Array,
    weight: Array | None = None,
    *,
    p: int = 1,
    margin: float = 1.0,
    reduction: str = "mean",
) -> Array:
    """(w_y / C) Σ_(k≠y) max(0, margin - z_y + z_k)^p, p in {1, 2}; shape (N).

    logits (N, C), labels (N) = y, weight (C). The mean is over N, whatever the weights. (Weston,
    Watkins 1999; as torch.)
    """
    one_of(REDUCTIONS, reduction=reduction)
    _, w, excess = _excess(logits, labels, weight, p, margin)
    total = (excess if p == 1 else excess * excess).sum(axis=-1)
    return reduce(absorb(w, total) / logits.shape[1], reduction)


@multi_margin.backward
@in_working_precision("labels")
def multi_margin_backward(
    cotangent: Array,
    logits: Array,
    labels: Array,
    weight: Array | None = None,
    *,
    p: int = 1,
    margin: float = 1.0,
    reduction: str = "mean",
) -> dict[str, Array]:
    """u (w_y / C) d_k with d_k = p max(0, ...)^(p-1) [... > 0], and -Σ d at the label.

    At the kink of p = 1 the inactive side, 0.
    """
    one_of(REDUCTIONS, reduction=reduction)
    y, w, excess = _excess(logits, labels, weight, p, margin)
    u, n = spread(cotangent, labels.shape, reduction)
    d = np.heaviside(excess, 0) if p == 1 else 2 * excess
    d = d - one_hot(y, d.sum(axis=-1), logits.shape[1])
    return {"logits": times(u[..., None], w[:, None], d, over=(logits.shape[1], n))}


def _excess(
    logits: Array, labels: Array, weight: Array | None, p: int, margin: float
) -> tuple[Array, Array, Array]:
    """Labels, weights of the labels, and max(0, margin - z_y + z_k), which is 0 at k = y."""
    has_axes("N, C", logits=logits)
    one_of((1, 2), p=p)
    _, y, w = labelled(logits, labels, weight)
    own = np.take_along_axis(logits, y[:, None], axis=1)
    excess = np.maximum(real(margin=margin) - (own - logits), 0)
    nothing = np.where(np.isnan(own), own, 0)
    return y, w, np.where(np.arange(logits.shape[1]) == y[:, None], nothing, excess)
