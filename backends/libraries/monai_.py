"""monai: losses of volumes (N, C, ...); the array is the volume of one sample and one class."""

from __future__ import annotations

from typing import Any

from monai import losses
from torch import Tensor

from lossproof.backends.registry import implementations_of

implements = implementations_of("monai")


@implements("dice")
def dice(prediction: Tensor, target: Tensor, *, smooth: float) -> Any:
    """`monai.losses.DiceLoss`; with `soft_label` it is another loss where labels are soft."""
    loss = losses.DiceLoss(smooth_nr=smooth, smooth_dr=smooth, reduction="mean")
    return loss(prediction[None, None], target[None, None])


@implements("sigmoid_focal", reductions=("none", "mean"))
def sigmoid_focal(
    logits: Tensor, target: Tensor, *, alpha: float | None, gamma: float, reduction: str
) -> Any:
    """`monai.losses.FocalLoss`; its sum averages over the volume first, which is no sum here."""
    loss = losses.FocalLoss(gamma=gamma, alpha=alpha, reduction=reduction)
    found = loss(logits[None, None], target[None, None])
    return found[0, 0] if reduction == "none" else found
