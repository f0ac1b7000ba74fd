"""Losses of overlap."""

from __future__ import annotations

from torch import Tensor

from lossproof.backends.registry import implementations_of
from lossproof.backends.torch_.checks import dimensions, non_negative, same_shape

implements = implementations_of("torch")


@implements("dice")
def dice(prediction: Tensor, target: Tensor, *, smooth: float) -> Tensor:
    """1 - (2 Σ p t + s) / (Σ p + Σ t + s)."""
    dimensions("dice", 2, prediction=prediction)
    same_shape("dice", prediction=prediction, target=target)
    non_negative("dice", smooth=smooth)
    overlap = (prediction * target).sum()
    return 1 - (2 * overlap + smooth) / (prediction.sum() + target.sum() + smooth)
