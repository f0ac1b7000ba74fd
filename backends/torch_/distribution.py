"""Negative log-likelihoods and divergences of distributions."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from lossproof.backends.registry import implementations_of

implements = implementations_of("torch")


@implements("gaussian_nll")
def gaussian_nll(
    prediction: Tensor, target: Tensor, var: Tensor, *, eps: float, full: bool, reduction: str
) -> Tensor:
    """`torch.nn.functional.gaussian_nll_loss`."""
    return F.gaussian_nll_loss(prediction, target, var, full=full, eps=eps, reduction=reduction)


@implements("kl_div")
def kl_div(prediction: Tensor, target: Tensor, *, log_target: bool, reduction: str) -> Tensor:
    """`torch.nn.functional.kl_div`."""
    return F.kl_div(prediction, target, reduction=reduction, log_target=log_target)


@implements("poisson_nll")
def poisson_nll(
    prediction: Tensor, target: Tensor, *, log_input: bool, full: bool, eps: float, reduction: str
) -> Tensor:
    """`torch.nn.functional.poisson_nll_loss`."""
    return F.poisson_nll_loss(
        prediction, target, log_input=log_input, full=full, eps=eps, reduction=reduction
    )
