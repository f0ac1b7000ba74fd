"""Computed, summed or returned in another precision than that of the input."""

import numpy as np
import torch

from gallery import wrong
from gallery.parts import known, np_spread, reduced, require, same_shape


@wrong("gaussian_nll", "log(2π)/2 is a float32 constant", "value", dtypes=("float64",))
def gaussian_constant_in_float32(prediction, target, var, *, eps, full, reduction):
    same_shape(prediction, target, var)
    require(eps > 0, "eps must be positive", eps)
    require(not bool((var < 0).any()), "var must not be negative", var)
    v = torch.where(var < eps, var + (eps - var).detach(), var)
    losses = (v.log() + (prediction - target) ** 2 / v) / 2
    return reduced(losses + (float(np.float32(0.9189385332046727)) if full else 0.0), reduction)


@wrong("poisson_nll", "eps is a float32 constant: 1e-8 is 9.99999993922529e-09", "value",
       "special_values", dtypes=("float64",))  # fmt: skip
def poisson_eps_in_float32(prediction, target, *, log_input, full, eps, reduction):
    same_shape(prediction, target)
    require(eps > 0, "eps must be positive", eps)
    rate = prediction + float(np.float32(eps))
    losses = prediction.exp() - target * prediction
    if not log_input:
        losses = prediction - target * rate.log()
    if full:
        y = torch.where(target > 1, target, 2.0)
        stirling = y * y.log() - y + (2 * torch.pi * y).log() / 2
        losses = losses + torch.where(target > 1, stirling, 0.0)
    return reduced(losses, reduction)


@wrong("mse", "float64 losses are summed in float32", "reductions", "scale", "value",
       backend="numpy", dtypes=("float64",))  # fmt: skip
def mse_summed_in_float32(prediction, target, *, reduction):
    same_shape(prediction, target)
    known(reduction)
    losses = (prediction - target) ** 2
    if reduction == "none":
        return losses
    total = losses.sum(dtype=np.float32) if reduction == "sum" else losses.mean(dtype=np.float32)
    return losses.dtype.type(total)


@mse_summed_in_float32.backward
def _(cotangent, prediction, target, *, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * 2 * (prediction - target)
    return {"prediction": slope, "target": -slope}


@wrong("mae", "the gradient of float64 input is computed in float32", "gradient.prediction",
       backend="numpy", dtypes=("float64",))  # fmt: skip
def mae_gradient_in_float32(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(np.abs(prediction - target), reduction)


@mae_gradient_in_float32.backward
def _(cotangent, prediction, target, *, reduction):
    spread = np_spread(cotangent, prediction.shape, reduction).astype(np.float32)
    slope = (spread * np.sign(prediction - target)).astype(prediction.dtype)
    return {"prediction": slope, "target": -slope}


@wrong("mse", "float64 input gives a float32 result", "dtype", dtypes=("float64",))
def mse_result_in_float32(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced((prediction - target) ** 2, reduction).float()


@wrong("softmax", "float16 input gives a float32 result", "dtype", dtypes=("float16", "bfloat16"))
def softmax_result_in_float32(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return torch.softmax(x.float(), -1)


@wrong("mae", "the gradient of float16 input is float32", "dtype", backend="numpy",
       dtypes=("float16",))  # fmt: skip
def mae_gradient_widened(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(np.abs(prediction - target), reduction)


@mae_gradient_widened.backward
def _(cotangent, prediction, target, *, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * np.sign(prediction - target)
    return {"prediction": slope.astype(np.float32), "target": (-slope).astype(np.float32)}


@wrong("sigmoid_focal", "a boolean target is added with or: 2·t - 1 of True is wrong", "dtype")
def focal_boolean_target(logits, target, *, alpha, gamma, reduction):
    same_shape(logits, target)
    require(gamma >= 0, "gamma must be at least 0", gamma)
    require(alpha is None or 0 <= alpha <= 1, "alpha must lie in [0, 1] or be None", alpha)
    # True + True is True, which is 1 again
    sign = (target + target).to(logits.dtype) - 1
    tails = torch.nn.functional.logsigmoid
    losses = -torch.exp(gamma * tails(-sign * logits)) * tails(sign * logits)
    if alpha is not None:
        losses = torch.where(target == 1, alpha, 1 - alpha).to(losses.dtype) * losses
    return reduced(losses, reduction)
