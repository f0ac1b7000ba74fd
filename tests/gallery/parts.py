"""The right parts of wrong losses: validation, reductions, and sound elementary steps.

Validation and `reduced` serve arrays of any framework; what comes after `softplus` is torch,
what is named `np_...` is NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F


def require(holds: bool, rule: str, value: Any) -> None:
    """Raise ValueError with the rule and the value that broke it."""
    if not holds:
        raise ValueError(f"{rule}, got {value!r}")


def same_shape(*arrays: Any, ndim: int | None = None) -> None:
    """Raise ValueError unless all have one shape, of `ndim` axes."""
    shapes = [tuple(a.shape) for a in arrays]
    require(len(set(shapes)) == 1, "arguments must have one shape", shapes)
    require(ndim in (None, len(shapes[0])), f"arguments must have {ndim} axes", shapes)


def labelled(logits: Any, labels: Any, weight: Any = None) -> None:
    """Raise ValueError unless the shapes are (N, C), (N) and (C)."""
    shapes = (tuple(logits.shape), tuple(labels.shape))
    right = len(shapes[0]) == 2 and shapes[1] == shapes[0][:1]
    require(right, "logits and labels must have shapes (N, C) and (N)", shapes)
    if weight is not None:
        found = tuple(weight.shape)
        require(found == shapes[0][1:], "weight must have one entry for each class", found)


def known(reduction: str, *more: str) -> None:
    """Raise ValueError for a reduction that does not exist."""
    choices = ("none", "sum", "mean", *more)
    require(reduction in choices, f"reduction must be one of {', '.join(choices)}", reduction)


def reduced(losses: Any, reduction: str) -> Any:
    """The losses, their sum, or their mean."""
    known(reduction)
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.mean()


def weighted(losses: Any, weights: Any, reduction: str) -> Any:
    """The losses, their sum, or their sum divided by that of the weights."""
    return losses.sum() / weights.sum() if reduction == "mean" else reduced(losses, reduction)


# ---- torch


def softplus(x: torch.Tensor) -> torch.Tensor:
    """log(1 + exp x), without overflow and with its left tail."""
    return -F.logsigmoid(-x)


def picked(x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The entry of each row that its label names."""
    return x.gather(-1, labels[:, None])[:, 0]


def guarded_log(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """log x, to be multiplied by `factor`: 0 where both are 0."""
    return torch.where((x == 0) & (factor == 0), 1.0, x).log()


def rows(
    logits: torch.Tensor,
    labels: torch.Tensor,
    weight: torch.Tensor | None,
    ignore_index: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The mask of the rows kept, logits and labels with 0 in ignored rows, and class weights."""
    labelled(logits, labels, weight)
    kept = labels != ignore_index
    weights = logits.new_ones(logits.shape[-1]) if weight is None else weight
    return kept, torch.where(kept[:, None], logits, 0.0), torch.where(kept, labels, 0), weights


def norm(x: torch.Tensor, p: int) -> torch.Tensor:
    """The p-norm of each row, with gradient 0 where it is 0."""
    return torch.linalg.vector_norm(x, ord=p, dim=-1)


# ---- NumPy


def np_spread(cotangent: Any, shape: tuple[int, ...], reduction: str) -> Any:
    """The cotangent of the reduced result, pulled back to every loss."""
    spread = np.broadcast_to(cotangent, shape)
    return spread / max(spread.size, 1) if reduction == "mean" else spread


def np_sigmoid(x: Any) -> Any:
    """The logistic function, without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def np_softmax(x: Any) -> Any:
    """Softmax over the last axis, shifted by the maximum."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def np_logsumexp(x: Any) -> Any:
    """log Σ exp over the last axis, shifted by the maximum."""
    m = x.max(axis=-1, keepdims=True)
    return (m + np.log(np.exp(x - m).sum(axis=-1, keepdims=True)))[..., 0]
