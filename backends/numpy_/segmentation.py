"""The soft Dice loss of two masks."""

from __future__ import annotations

import numpy as np

from lossproof.backends.numpy_.maths import times
from lossproof.backends.numpy_.support import (
    Array,
    has_axes,
    in_working_precision,
    real,
    same_shape,
    spread,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("numpy")


@implements("dice")
@in_working_precision()
def dice(prediction: Array, target: Array, *, smooth: float = 1.0) -> Array:
    """1 - (2 Σ p t + s) / (Σ p + Σ t + s), for p and t (N, D) in [0, 1]; sums over everything.

    (Dice 1945; Milletari et al. 2016.) Evaluated as Σ (p (1 - t) + t (1 - p)) / (Σ p + Σ t + s):
    what the overlap is short of, added up, keeps its digits when the masks almost agree.
    """
    _, missed, size = _sums(prediction, target, smooth)
    return np.asarray(missed / size)


@dice.backward
@in_working_precision()
def dice_backward(
    cotangent: Array, prediction: Array, target: Array, *, smooth: float = 1.0
) -> dict[str, Array]:
    """u (D - 2t) / B for p and u (D - 2p) / B for t, where B = Σ p + Σ t + s and D = 1 - loss.

    D is (2 Σ p t + s) / B, which a mask of no overlap leaves small; near 2t = 1 the same slope is
    (1 - 2t) - loss.
    """
    overlap, missed, size = _sums(prediction, target, smooth)
    u, _ = spread(cotangent, (), "sum")

    def slope(mask: Array) -> Array:
        inner = np.where(mask > 0.25, (1 - 2 * mask) - missed / size, overlap / size - 2 * mask)
        return times(u, inner, over=(size,))

    return {"prediction": slope(target), "target": slope(prediction)}


def _sums(prediction: Array, target: Array, smooth: float) -> tuple[Array, Array, Array]:
    """2 Σ p t + s, Σ (p (1 - t) + t (1 - p)), and Σ p + Σ t + s."""
    has_axes("N, D", prediction=prediction, target=target)
    same_shape(prediction=prediction, target=target)
    smooth = real(least=0, smooth=smooth)
    p, t = prediction.ravel(), target.ravel()
    missed = p * (1 - t) + t * (1 - p)
    return 2 * (p * t).sum() + smooth, missed.sum(), (p + t).sum() + smooth
