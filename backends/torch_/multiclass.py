"""Losses of classification among C classes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lossproof.backends.registry import implementations_of
from lossproof.backends.torch_.checks import dimensions, non_negative, reduced, same_shape

implements = implementations_of("torch")


@implements("cross_entropy")
def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> Tensor:
    """`torch.nn.functional.cross_entropy` with class indices."""
    return F.cross_entropy(
        logits,
        labels,
        weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )


@implements("cross_entropy_soft_targets")
def cross_entropy_soft_targets(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    label_smoothing: float,
    reduction: str,
) -> Tensor:
    """`torch.nn.functional.cross_entropy` with class probabilities."""
    return F.cross_entropy(
        logits, target, weight=weight, label_smoothing=label_smoothing, reduction=reduction
    )


@implements("cross_entropy_probabilities")
def cross_entropy_probabilities(
    prediction: Tensor, target: Tensor, *, eps: float, reduction: str
) -> Tensor:
    """-Σ t log(p + ε), the log of 0 taken as 0 where t = 0."""
    dimensions("cross_entropy_probabilities", 2, prediction=prediction)
    same_shape("cross_entropy_probabilities", prediction=prediction, target=target)
    non_negative("cross_entropy_probabilities", eps=eps)
    shifted = prediction + eps
    shifted = torch.where((target == 0) & (shifted == 0), 1, shifted)
    losses = -(target * torch.log(shifted)).sum(-1)
    return reduced("cross_entropy_probabilities", losses, reduction)


@implements("nll")
def nll(
    log_probabilities: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int,
    reduction: str,
) -> Tensor:
    """`torch.nn.functional.nll_loss`."""
    return F.nll_loss(
        log_probabilities, labels, weight=weight, ignore_index=ignore_index, reduction=reduction
    )


@implements("multi_margin", dtypes=("float64", "float32"))
def multi_margin(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    *,
    p: int,
    margin: float,
    reduction: str,
) -> Tensor:
    """`torch.nn.functional.multi_margin_loss`, which has no kernel for 16-bit floats."""
    return F.multi_margin_loss(
        logits, labels, p=p, margin=margin, weight=weight, reduction=reduction
    )
