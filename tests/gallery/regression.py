"""Wrong mse and mae."""

import numpy as np
import torch

from gallery import wrong
from gallery.parts import known, np_spread, reduced, same_shape

# ---- mse


@wrong("mse", "half the squared error: the factor 1/2 of another convention", "value")
def mse_half(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced((prediction - target) ** 2 / 2, reduction)


@wrong("mse", "p² - 2pt + t² cancels where prediction and target are close", "value")
def mse_expanded_square(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(prediction**2 - 2 * prediction * target + target**2, reduction)


@wrong("mse", "(n,) against (n, 1) is broadcast to (n, n) and averaged", "shapes", "bad_input")
def mse_broadcasts(prediction, target, *, reduction):
    return reduced((prediction - target) ** 2, reduction)


@wrong("mse", "float64 input is computed in float32", "value", dtypes=("float64",))
def mse_in_float32(prediction, target, *, reduction):
    same_shape(prediction, target)
    r = prediction.float() - target.float()
    return reduced(r * r, reduction).to(prediction.dtype)


@wrong("mse", "the target is detached: its gradient is lost", "gradient.target")
def mse_target_detached(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced((prediction - target.detach()) ** 2, reduction)


@wrong("mse", "the mean is divided by n twice", "reductions", "value")
def mse_mean_twice(prediction, target, *, reduction):
    same_shape(prediction, target)
    result = reduced((prediction - target) ** 2, reduction)
    return result / max(prediction.numel(), 1) if reduction == "mean" else result


@wrong("mse", "value and gradient are right, the second derivative is 0", "transformations")
def mse_second_order_detached(prediction, target, *, reduction):
    same_shape(prediction, target)
    r = prediction - target
    slope = (2 * r).detach()
    return reduced((r * r).detach() + slope * (r - r.detach()), reduction)


@wrong("mse", "an infinite loss is scrubbed to the largest finite number", "special_values")
def mse_infinity_scrubbed(prediction, target, *, reduction):
    same_shape(prediction, target)
    r = prediction - target
    finite = torch.finfo(r.dtype).max
    return reduced(torch.where(r.isnan(), r, torch.nan_to_num(r * r, posinf=finite)), reduction)


@wrong("mse", "a strided view is read as if it were contiguous", "layout")
def mse_reads_storage(prediction, target, *, reduction):
    same_shape(prediction, target)
    strides = torch.empty(prediction.shape, device="meta").stride()
    r = prediction.as_strided(prediction.shape, strides) - target
    return reduced(r * r, reduction)


_BUFFERS = {}


@wrong("mse", "the buffer for the result is handed out before it is filled: the answer is that of "
       "the call before", "purity", "value")  # fmt: skip
def mse_stale_buffer(prediction, target, *, reduction):
    same_shape(prediction, target)
    result = reduced((prediction - target) ** 2, reduction)
    stale = _BUFFERS.get((result.shape, result.dtype), result.detach())
    _BUFFERS[result.shape, result.dtype] = result.detach().clone()
    return result - result.detach() + stale


@wrong("mse", "the gradient lacks its factor 2", "gradient.prediction", backend="numpy")
def mse_gradient_without_two(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced((prediction - target) ** 2, reduction)


@mse_gradient_without_two.backward
def _(cotangent, prediction, target, *, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * (prediction - target)
    return {"prediction": slope, "target": -slope}


@wrong("mse", "the upstream cotangent is ignored", "gradient.prediction", backend="numpy")
def mse_cotangent_ignored(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced((prediction - target) ** 2, reduction)


@mse_cotangent_ignored.backward
def _(cotangent, prediction, target, *, reduction):
    ones = np_spread(np.ones_like(cotangent), prediction.shape, reduction)
    slope = ones * 2 * (prediction - target)
    return {"prediction": slope, "target": -slope}


@wrong("mse", "only the first entry of the cotangent is used", "gradient.prediction",
       backend="numpy")  # fmt: skip
def mse_first_cotangent(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced((prediction - target) ** 2, reduction)


@mse_first_cotangent.backward
def _(cotangent, prediction, target, *, reduction):
    first = np.ravel(cotangent)[:1].sum().astype(prediction.dtype)
    slope = np_spread(first, prediction.shape, reduction) * 2 * (prediction - target)
    return {"prediction": slope, "target": -slope}


# ---- mae


@wrong("mae", "the absolute value is missing: residuals cancel", "value")
def mae_signed(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(prediction - target, reduction)


@wrong("mae", "√(r²): overflows in the square, and its gradient at a tie is nan", "kink",
       "overflow")  # fmt: skip
def mae_by_square_root(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(((prediction - target) ** 2).sqrt(), reduction)


@wrong("mae", "the gradient r/|r| is nan at a tie", "kink", "gradient.prediction",
       backend="numpy")  # fmt: skip
def mae_gradient_nan_at_tie(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(np.abs(prediction - target), reduction)


@mae_gradient_nan_at_tie.backward
def _(cotangent, prediction, target, *, reduction):
    r = prediction - target
    with np.errstate(all="ignore"):
        slope = np_spread(cotangent, r.shape, reduction) * (r / np.abs(r))
    return {"prediction": slope, "target": -slope}


@wrong("mae", "at a tie both slopes are added up: outside the subdifferential [-1, 1]", "kink",
       "gradient.prediction", backend="numpy")  # fmt: skip
def mae_gradient_two_at_tie(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(np.abs(prediction - target), reduction)


@mae_gradient_two_at_tie.backward
def _(cotangent, prediction, target, *, reduction):
    r = prediction - target
    slope = np.where(r == 0, 2, np.sign(r)) * np_spread(cotangent, r.shape, reduction)
    return {"prediction": slope.astype(r.dtype), "target": -slope.astype(r.dtype)}


@wrong("mae", "the gradient of the sum is given for the mean", "gradient.prediction",
       backend="numpy")  # fmt: skip
def mae_gradient_of_sum_for_mean(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(np.abs(prediction - target), reduction)


@mae_gradient_of_sum_for_mean.backward
def _(cotangent, prediction, target, *, reduction):
    slope = np.broadcast_to(cotangent, prediction.shape) * np.sign(prediction - target)
    return {"prediction": slope, "target": -slope}


@wrong("mae", "the residual is computed into the prediction", "purity", backend="numpy")
def mae_mutates_prediction(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(np.abs(np.subtract(prediction, target, out=prediction)), reduction)


@mae_mutates_prediction.backward
def _(cotangent, prediction, target, *, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * np.sign(prediction - target)
    return {"prediction": slope, "target": -slope}


@wrong("mae", "one running sum in float16 stagnates once it outgrows its terms", "scale", "value",
       backend="numpy", dtypes=("float16",))  # fmt: skip
def mae_float16_running_sum(prediction, target, *, reduction):
    same_shape(prediction, target)
    known(reduction)
    losses = np.abs(prediction - target)
    if reduction == "none":
        return losses
    running = np.cumsum(losses.ravel(), dtype=losses.dtype)
    total = running[-1] if losses.size else losses.sum()
    if reduction == "sum":
        return total
    with np.errstate(all="ignore"):
        return (total / np.float32(losses.size)).astype(losses.dtype)


@mae_float16_running_sum.backward
def _(cotangent, prediction, target, *, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * np.sign(prediction - target)
    return {"prediction": slope, "target": -slope}
