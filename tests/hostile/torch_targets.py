"""Targets in torch that misbehave: each claims to be the mean squared error."""

import torch


def right(prediction, target):
    return ((prediction - target) ** 2).mean()


def on_another_device(prediction, target):
    return torch.empty((), device="meta", dtype=prediction.dtype)


def sets_default_dtype(prediction, target):
    torch.set_default_dtype(torch.float64 if prediction.dtype != torch.float64 else torch.float32)
    return right(prediction, target)


def seeds(prediction, target):
    torch.manual_seed(0)
    return right(prediction, target)


def turns_gradients_off(prediction, target):
    found = right(prediction, target)
    torch.set_grad_enabled(False)
    return found


class _InForward(torch.autograd.Function):
    """The classic of fused kernels: the gradient is computed in the forward pass."""

    @staticmethod
    def forward(ctx, prediction, target):
        difference = prediction - target
        ctx.save_for_backward(2 * difference)
        return difference**2

    @staticmethod
    def backward(ctx, cotangent):
        (slope,) = ctx.saved_tensors
        return slope, -slope


class _FirstOnly(_InForward):
    @staticmethod
    def backward(ctx, cotangent):
        (slope,) = ctx.saved_tensors
        first = cotangent.reshape(-1)[0]
        return slope * first, -slope * first


def ignores_the_cotangent(prediction, target):
    return _InForward.apply(prediction, target)


def first_cotangent_only(prediction, target):
    return _FirstOnly.apply(prediction, target)


def stale_memory(prediction, target):
    return torch.empty_like(prediction)
