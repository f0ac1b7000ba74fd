"""torchmetrics: functional metrics that are losses."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torchmetrics import functional as F

from lossproof.backends.registry import implementations_of

implements = implementations_of("torchmetrics")
#: facts of a function that always averages
MEAN: dict[str, Any] = {"reducible": False, "reductions": ("mean",)}


@implements("mse", **MEAN)
def mse(prediction: Tensor, target: Tensor) -> Any:
    """`torchmetrics.functional.mean_squared_error`."""
    return F.mean_squared_error(prediction, target)


@implements("rmse", dialect={"eps": 0.0})
def rmse(prediction: Tensor, target: Tensor) -> Any:
    """`torchmetrics.functional.mean_squared_error(squared=False)`."""
    return F.mean_squared_error(prediction, target, squared=False)


@implements("mae", **MEAN)
def mae(prediction: Tensor, target: Tensor) -> Any:
    """`torchmetrics.functional.mean_absolute_error`."""
    return F.mean_absolute_error(prediction, target)


@implements("kl_div", reductions=("sum", "batchmean"), dialect={"log_target": True})
def kl_div(prediction: Tensor, target: Tensor, *, reduction: str) -> Any:
    """`torchmetrics.functional.kl_divergence` of logarithms; its mean is over the rows."""
    mean = "mean" if reduction == "batchmean" else reduction
    return F.kl_divergence(target, prediction, log_prob=True, reduction=mean)
