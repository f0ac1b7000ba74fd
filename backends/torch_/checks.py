"""Checks and reductions of the compositions; `torch.nn.functional` checks its own arguments."""

from __future__ import annotations

from torch import Tensor


def same_shape(loss: str, **tensors: Tensor) -> None:
    """Raise ValueError unless all `tensors` have one shape."""
    (first, reference), *others = tensors.items()
    for name, tensor in others:
        if tensor.shape != reference.shape:
            raise ValueError(
                f"{loss}: {first} and {name} must have the same shape, "
                f"got {tuple(reference.shape)} and {tuple(tensor.shape)}"
            )


def dimensions(loss: str, count: int, **tensors: Tensor) -> None:
    """Raise ValueError unless all `tensors` have `count` dimensions."""
    for name, tensor in tensors.items():
        if tensor.ndim != count:
            raise ValueError(
                f"{loss}: {name} must have {count} dimensions, got shape {tuple(tensor.shape)}"
            )


def check_positive(loss: str, **numbers: float) -> None:
    """Raise ValueError unless all `numbers` are above 0."""
    for name, number in numbers.items():
        if not number > 0:
            raise ValueError(f"{loss}: {name} must be positive, got {number}")


def non_negative(loss: str, **numbers: float) -> None:
    """Raise ValueError unless all `numbers` are at least 0."""
    for name, number in numbers.items():
        if not number >= 0:
            raise ValueError(f"{loss}: {name} must not be negative, got {number}")


def reduced(loss: str, losses: Tensor, reduction: str) -> Tensor:
    """`losses`, their sum, or their mean, as `reduction` says."""
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        return losses.mean()
    raise ValueError(f"{loss}: reduction must be one of none, sum, mean, got {reduction!r}")
