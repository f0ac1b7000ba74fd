"""kornia: focal loss of images (N, C, ...); the array is an image of one sample and one class."""

from __future__ import annotations

from typing import Any

from kornia import losses
from torch import Tensor

from lossproof.backends.registry import implementations_of

implements = implementations_of("kornia")


@implements("sigmoid_focal")
def sigmoid_focal(
    logits: Tensor, target: Tensor, *, alpha: float | None, gamma: float, reduction: str
) -> Any:
    """`kornia.losses.binary_focal_loss_with_logits`."""
    found = losses.binary_focal_loss_with_logits(
        logits[None, None], target[None, None], alpha=alpha, gamma=gamma, reduction=reduction
    )
    return found[0, 0] if reduction == "none" else found
