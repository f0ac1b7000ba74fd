"""Kernels and caches that go wrong by size, by call or by place, whatever the loss."""

import numpy as np
import torch

from gallery import wrong
from gallery.parts import (
    known,
    np_logsumexp,
    np_sigmoid,
    np_softmax,
    np_spread,
    reduced,
    require,
    same_shape,
)

# ---- blocks


def _in_blocks(function, x, block):
    """The function of every whole block; short arrays are one block, a tail is left at 0."""
    result = np.zeros_like(x)
    flat, out = x.ravel(), result.ravel()
    whole = x.size if x.size < block else x.size - x.size % block
    out[:whole] = function(flat[:whole])
    return out.reshape(x.shape)


def _np_softplus(x):
    return np.logaddexp(0, x).astype(x.dtype)


@wrong("softplus", "blocks of 128 entries: a tail that does not fill one is left at 0", "shapes",
       backend="numpy")  # fmt: skip
def softplus_tail_dropped(x):
    return _in_blocks(_np_softplus, x, 128)


@softplus_tail_dropped.backward
def _(cotangent, x):
    return {"x": cotangent * np_sigmoid(x)}


@wrong("sigmoid", "the gradient is made in blocks of 1024: a tail that does not fill one is 0",
       "shapes", backend="numpy")  # fmt: skip
def sigmoid_gradient_tail_dropped(x):
    return np_sigmoid(x)


@sigmoid_gradient_tail_dropped.backward
def _(cotangent, x):
    return {"x": cotangent * _in_blocks(lambda v: np_sigmoid(v) * np_sigmoid(-v), x, 1024)}


@wrong("mse", "the sum runs over whole blocks of 1024 terms", "scale", backend="numpy")
def mse_tail_not_summed(prediction, target, *, reduction):
    same_shape(prediction, target)
    known(reduction)
    losses = (prediction - target) ** 2
    if reduction == "none" or losses.size < 1024:
        return reduced(losses, reduction)
    total = losses.ravel()[: losses.size - losses.size % 1024].sum()
    return total if reduction == "sum" else total / losses.dtype.type(losses.size)


@mse_tail_not_summed.backward
def _(cotangent, prediction, target, *, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * 2 * (prediction - target)
    return {"prediction": slope, "target": -slope}


@wrong("logsumexp", "a grid of 4096 threads: rows beyond it repeat the first", "shapes",
       backend="numpy")  # fmt: skip
def logsumexp_grid_too_small(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return np_logsumexp(x[np.arange(len(x)) % 4096])


@logsumexp_grid_too_small.backward
def _(cotangent, x):
    return {"x": cotangent[:, None] * np_softmax(x)}


@wrong("mse", "the gradient of a mean of many is divided by the size of a block", "scale",
       backend="numpy")  # fmt: skip
def mse_mean_gradient_by_block(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced((prediction - target) ** 2, reduction)


@mse_mean_gradient_by_block.backward
def _(cotangent, prediction, target, *, reduction):
    factor = 1.5 if reduction == "mean" and prediction.size > 1024 else 1.0
    slope = 2 * factor * (prediction - target) * np_spread(cotangent, prediction.shape, reduction)
    return {"prediction": slope, "target": -slope}


@wrong("mse", "the sixth axis is left out of the loop", "shapes", backend="numpy")
def mse_five_axes(prediction, target, *, reduction):
    same_shape(prediction, target)
    losses = (prediction - target) ** 2
    if losses.ndim > 5:
        losses[..., 1:] = 0
    return reduced(losses, reduction)


@mse_five_axes.backward
def _(cotangent, prediction, target, *, reduction):
    slope = 2 * (prediction - target) * np_spread(cotangent, prediction.shape, reduction)
    return {"prediction": slope, "target": -slope}


@wrong("mae", "beyond 1024 entries the residual is kept in half the digits", "shapes", "scale")
def mae_low_precision_when_large(prediction, target, *, reduction):
    same_shape(prediction, target)
    losses = (prediction - target).abs()
    return reduced(losses.half().to(losses.dtype) if losses.numel() > 1024 else losses, reduction)


# ---- buffers and caches

_ANSWERS = {}


@wrong("logsumexp", "answers are kept by shape: the second array of a shape gets that of the first",
       "purity", "value", backend="numpy")  # fmt: skip
def logsumexp_kept_by_shape(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return _ANSWERS.setdefault((x.shape, x.dtype), np_logsumexp(x))


@logsumexp_kept_by_shape.backward
def _(cotangent, x):
    return {"x": cotangent[:, None] * np_softmax(x)}


_OUTPUTS = {}


@wrong("pairwise_hinge", "the output is written only where the hinge is active: elsewhere stands "
       "what was there before", "value", backend="numpy")  # fmt: skip
def hinge_output_not_cleared(positive, negative, *, margin, reduction):
    same_shape(positive, negative)
    gap = (margin - (positive - negative)).astype(positive.dtype)
    out = _OUTPUTS.setdefault((gap.shape, gap.dtype), np.zeros_like(gap))
    np.copyto(out, gap, where=~(gap <= 0))
    return reduced(out.copy(), reduction)


@hinge_output_not_cleared.backward
def _(cotangent, positive, negative, *, margin, reduction):
    active = margin - (positive - negative) > 0
    slope = np_spread(cotangent, positive.shape, reduction) * active
    return {"positive": (-slope).astype(positive.dtype), "negative": slope.astype(positive.dtype)}


@wrong("log_softmax", "the shift by the maximum is done in place, in the caller's array", "purity",
       backend="numpy")  # fmt: skip
def log_softmax_shifts_in_place(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    if x.flags.writeable and x.size:
        x -= x.max(-1, keepdims=True)
    return x - np_logsumexp(x)[:, None]


@log_softmax_shifts_in_place.backward
def _(cotangent, x):
    return {"x": cotangent - np_softmax(x) * cotangent.sum(-1, keepdims=True)}


_FIRST = {}


@wrong("dice", "the sum of the target is remembered by its shape", "purity", "value")
def dice_target_remembered(prediction, target, *, smooth):
    same_shape(prediction, target, ndim=2)
    require(smooth >= 0, "smooth must be at least 0", smooth)
    size = _FIRST.setdefault((tuple(target.shape), target.dtype), target.sum().detach())
    size = target.sum() - target.sum().detach() + size
    return 1 - (2 * (prediction * target).sum() + smooth) / (prediction.sum() + size + smooth)


# ---- a gradient made in the forward pass


class _Eager(torch.autograd.Function):
    """Squares whose gradient is made with the value, for an upstream cotangent of 1."""

    @staticmethod
    def forward(ctx, r):
        ctx.save_for_backward(2 * r)
        return r * r

    @staticmethod
    def backward(ctx, cotangent):
        return ctx.saved_tensors[0]


@wrong("mse", "the gradient is made with the value, as if the cotangent were 1",
       "gradient.prediction", "gradient.target")  # fmt: skip
def mse_gradient_made_in_forward(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(_Eager.apply(prediction - target), reduction)


@wrong("log_softmax", "the first entry of the cotangent stands for all", "gradient.x",
       backend="numpy")  # fmt: skip
def log_softmax_first_cotangent(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return x - np_logsumexp(x)[:, None]


@log_softmax_first_cotangent.backward
def _(cotangent, x):
    first = np.broadcast_to(cotangent.ravel()[:1].sum(), cotangent.shape).astype(x.dtype)
    return {"x": first - np_softmax(x) * first.sum(-1, keepdims=True)}
