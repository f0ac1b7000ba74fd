"""NumPy arrays to tensors and back, bit for bit."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch import Tensor

from lossproof.backends.base import Array, NotAnArray, returned


def to_tensor(array: Array, device: str, layout: str) -> Tensor:
    """A copy of `array` on `device`, its numbers laid out in memory as `layout` says."""
    copy = np.array(array, order="C")
    if copy.dtype == ml_dtypes.bfloat16:
        tensor = torch.from_numpy(copy.view(np.int16)).view(torch.bfloat16)
    else:
        tensor = torch.from_numpy(copy)
    tensor = tensor.to(device)
    if layout == "contiguous" or tensor.ndim == 0 or tensor.numel() == 0:
        return tensor
    if layout == "strided":
        twice = torch.stack([tensor, torch.zeros_like(tensor)], dim=-1).flatten(-2)
        return twice[..., ::2]
    if layout == "transposed":
        reverse = tuple(range(tensor.ndim))[::-1]
        return tensor.permute(reverse).contiguous().permute(reverse)
    return _expanded(tensor, copy)


def _expanded(tensor: Tensor, array: Array) -> Tensor:
    """A view with stride 0 along each axis on which the values are constant, bit for bit."""
    bits = _bits(array)
    shape = tensor.shape
    for axis, length in enumerate(shape):
        if length > 1 and np.array_equal(bits, np.broadcast_to(bits.take([0], axis), bits.shape)):
            tensor = tensor.narrow(axis, 0, 1)
    return tensor.expand(shape)


def wanted(value: Any, device: str) -> Tensor:
    """`value`, if it is a tensor on the device. Raises NotAnArray otherwise."""
    if not isinstance(value, Tensor):
        raise NotAnArray(f"returned {returned(value)}, a torch.Tensor is wanted")
    if value.device.type != torch.device(device).type:
        raise NotAnArray(f"returned a tensor on {value.device}, asked on {device}")
    return value


def to_numpy(value: Any) -> Any:
    """A tensor as an array of the same dtype; anything else through `np.asarray`."""
    if not isinstance(value, Tensor):
        return np.asarray(value)
    tensor = value.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.int16).numpy().view(ml_dtypes.bfloat16).copy()
    return tensor.numpy().copy()


def differs(tensor: Tensor, array: Array) -> bool:
    """Whether `tensor` no longer holds the bits of `array`."""
    held: Array = to_numpy(tensor)
    if held.dtype != array.dtype or held.shape != array.shape:
        return True
    return not np.array_equal(_bits(held), _bits(array))


def _bits(array: Array) -> Array:
    """The numbers as unsigned integers, so that nan equals nan and 0 differs from -0."""
    return np.ascontiguousarray(array).reshape(array.shape).view(f"u{array.dtype.itemsize}")
