"""Losses of binary classification."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lossproof.backends.registry import implementations_of
from lossproof.backends.torch_.checks import non_negative, reduced, same_shape
from lossproof.backends.torch_.constants import HELD

implements = implementations_of("torch")


@implements("binary_cross_entropy", dialect=HELD["binary_cross_entropy"], options=())
def binary_cross_entropy(prediction: Tensor, target: Tensor, *, reduction: str) -> Tensor:
    """`torch.nn.functional.binary_cross_entropy`, which clamps each log below at -100."""
    return F.binary_cross_entropy(prediction, target, reduction=reduction)


@implements("binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    *,
    reduction: str,
) -> Tensor:
    """`torch.nn.functional.binary_cross_entropy_with_logits`."""
    return F.binary_cross_entropy_with_logits(
        logits, target, weight=weight, pos_weight=pos_weight, reduction=reduction
    )


@implements("sigmoid_focal")
def sigmoid_focal(
    logits: Tensor, target: Tensor, *, alpha: float | None, gamma: float, reduction: str
) -> Tensor:
    """-α_t (1 - p_t)^γ log p_t, every power and log taken of log-sigmoids."""
    same_shape("sigmoid_focal", logits=logits, target=target)
    non_negative("sigmoid_focal", gamma=gamma)
    signed = (2 * target - 1) * logits
    losses = -torch.exp(gamma * F.logsigmoid(-signed)) * F.logsigmoid(signed)
    if alpha is not None:
        if not 0 <= alpha <= 1:
            raise ValueError(f"sigmoid_focal: alpha must lie in [0, 1] or be None, got {alpha}")
        losses = (alpha * target + (1 - alpha) * (1 - target)) * losses
    return reduced("sigmoid_focal", losses, reduction)
