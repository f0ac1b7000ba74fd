"""Losses of real predictions against real targets."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lossproof.backends.registry import implementations_of
from lossproof.backends.torch_.checks import dimensions, non_negative, same_shape

implements = implementations_of("torch")


@implements("mse")
def mse(prediction: Tensor, target: Tensor, *, reduction: str) -> Tensor:
    """`torch.nn.functional.mse_loss`."""
    return F.mse_loss(prediction, target, reduction=reduction)


@implements("mae")
def mae(prediction: Tensor, target: Tensor, *, reduction: str) -> Tensor:
    """`torch.nn.functional.l1_loss`."""
    return F.l1_loss(prediction, target, reduction=reduction)


@implements("huber")
def huber(prediction: Tensor, target: Tensor, *, delta: float, reduction: str) -> Tensor:
    """`torch.nn.functional.huber_loss`."""
    return F.huber_loss(prediction, target, delta=delta, reduction=reduction)


@implements("rmse")
def rmse(prediction: Tensor, target: Tensor, *, eps: float) -> Tensor:
    """√(mse + ε), with gradient 0 rather than nan where the root is of 0."""
    same_shape("rmse", prediction=prediction, target=target)
    non_negative("rmse", eps=eps)
    square = F.mse_loss(prediction, target) + eps
    zero = square == 0
    return torch.where(zero, square, torch.sqrt(torch.where(zero, 1, square)))


@implements("linear_regression_mse")
def linear_regression_mse(slope: Tensor, intercept: Tensor, x: Tensor, target: Tensor) -> Tensor:
    """mean((target - slope·x - intercept)²), by `torch.nn.functional.mse_loss`."""
    dimensions("linear_regression_mse", 0, slope=slope, intercept=intercept)
    dimensions("linear_regression_mse", 1, x=x)
    same_shape("linear_regression_mse", x=x, target=target)
    return F.mse_loss(slope * x + intercept, target)
