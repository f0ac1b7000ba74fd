"""Functions that losses are made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lossproof.backends.registry import implementations_of
from lossproof.backends.torch_.checks import dimensions

implements = implementations_of("torch")


@implements("sigmoid")
def sigmoid(x: Tensor) -> Tensor:
    """`torch.sigmoid`."""
    return torch.sigmoid(x)


@implements("log_sigmoid")
def log_sigmoid(x: Tensor) -> Tensor:
    """`torch.nn.functional.logsigmoid`."""
    return F.logsigmoid(x)


@implements("softplus")
def softplus(x: Tensor) -> Tensor:
    """`torch.nn.functional.softplus`, which is the identity above its threshold of 20."""
    return F.softplus(x)


@implements("softmax")
def softmax(x: Tensor) -> Tensor:
    """`torch.nn.functional.softmax`."""
    return F.softmax(x, dim=-1)


@implements("log_softmax")
def log_softmax(x: Tensor) -> Tensor:
    """`torch.nn.functional.log_softmax`."""
    return F.log_softmax(x, dim=-1)


@implements("logsumexp")
def logsumexp(x: Tensor) -> Tensor:
    """`torch.logsumexp`."""
    return torch.logsumexp(x, dim=-1)


@implements("sparsemax")
def sparsemax(x: Tensor) -> Tensor:
    """(x - τ)₊ with τ from the sorted row (Martins and Astudillo 2016, algorithm 1)."""
    dimensions("sparsemax", 2, x=x)
    shifted = x - x.detach().amax(dim=-1, keepdim=True) if x.numel() else x
    ordered = shifted.detach().sort(dim=-1, descending=True).values
    rank = torch.arange(1, x.shape[-1] + 1, device=x.device)
    size = (1 + rank * ordered > ordered.cumsum(dim=-1)).sum(dim=-1, keepdim=True).clamp(min=1)
    outside = shifted < ordered.gather(-1, size - 1)
    inside = torch.where(outside, 0, shifted)
    threshold = (inside.sum(dim=-1, keepdim=True) - 1) / (~outside).sum(dim=-1, keepdim=True)
    return torch.where(outside, 0, shifted - threshold)
