"""Wrong mse, mae, rmse, huber and linear_regression_mse."""

import jax.numpy as jnp
import numpy as np
import torch

from gallery import wrong
from gallery.parts import known, np_spread, reduced, require, same_shape

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


@wrong("mse", "one running sum in float16 stagnates once it outgrows its terms", "scale", "value",
       backend="numpy", dtypes=("float16",))  # fmt: skip
def mse_float16_running_sum(prediction, target, *, reduction):
    same_shape(prediction, target)
    known(reduction)
    losses = (prediction - target) ** 2
    if reduction == "none":
        return losses
    running = np.cumsum(losses.ravel(), dtype=losses.dtype)
    total = running[-1] if losses.size else losses.sum()
    if reduction == "sum":
        return total
    with np.errstate(all="ignore"):
        return (total / np.float32(losses.size)).astype(losses.dtype)


@mse_float16_running_sum.backward
def _(cotangent, prediction, target, *, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * 2 * (prediction - target)
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


# ---- rmse


@wrong("rmse", "root of the sum: the mean is missing", "value")
def rmse_of_sum(prediction, target, *, eps):
    same_shape(prediction, target)
    require(eps >= 0, "eps must be at least 0", eps)
    return _root(((prediction - target) ** 2).sum() + eps)


@wrong("rmse", "mean of the roots: the mean absolute error", "value")
def rmse_mean_of_roots(prediction, target, *, eps):
    same_shape(prediction, target)
    require(eps >= 0, "eps must be at least 0", eps)
    return _root((prediction - target) ** 2 + eps).mean()


@wrong("rmse", "eps is added to the root instead of inside it", "value")
def rmse_eps_outside(prediction, target, *, eps):
    same_shape(prediction, target)
    require(eps >= 0, "eps must be at least 0", eps)
    return _root(((prediction - target) ** 2).mean()) + eps


@wrong("rmse", "the gradient at prediction = target is 0 · 1/√0 = nan", "kink",
       "gradient.prediction")  # fmt: skip
def rmse_gradient_nan_at_zero(prediction, target, *, eps):
    same_shape(prediction, target)
    require(eps >= 0, "eps must be at least 0", eps)
    return (((prediction - target) ** 2).mean() + eps).sqrt()


@wrong("rmse", "the gradient at prediction = target is 0 · 1/√0 = nan", "kink",
       "gradient.prediction", backend="jax")  # fmt: skip
def rmse_gradient_nan_at_zero_jax(prediction, target, *, eps):
    same_shape(prediction, target)
    require(not isinstance(eps, float) or eps >= 0, "eps must be at least 0", eps)
    return jnp.sqrt(jnp.mean((prediction - target) ** 2) + eps)


@wrong("rmse", "the gradient is that of the mean squared error: 1/(2·rmse) is missing",
       "gradient.prediction", backend="numpy")  # fmt: skip
def rmse_gradient_without_root(prediction, target, *, eps):
    same_shape(prediction, target)
    require(eps >= 0, "eps must be at least 0", eps)
    return np.sqrt(((prediction - target) ** 2).mean() + eps)


@rmse_gradient_without_root.backward
def _(cotangent, prediction, target, *, eps):
    slope = np_spread(cotangent, prediction.shape, "mean") * 2 * (prediction - target)
    return {"prediction": slope, "target": -slope}


def _root(x):
    """√x with gradient 0 at 0."""
    return torch.where(x == 0, 0.0, torch.where(x == 0, 1.0, x).sqrt())


# ---- linear_regression_mse


@wrong("linear_regression_mse", "half the mean squared error", "value")
def linear_regression_half(slope, intercept, x, target):
    same_shape(x, target, ndim=1)
    same_shape(slope, intercept, ndim=0)
    return ((target - slope * x - intercept) ** 2).mean() / 2


@wrong("linear_regression_mse", "summed over the samples, not averaged", "value")
def linear_regression_sum(slope, intercept, x, target):
    same_shape(x, target, ndim=1)
    same_shape(slope, intercept, ndim=0)
    return ((target - slope * x - intercept) ** 2).sum()


@wrong("linear_regression_mse", "the chain rule for the slope stops before x", "gradient.slope",
       backend="numpy")  # fmt: skip
def linear_regression_slope_without_x(slope, intercept, x, target):
    same_shape(x, target, ndim=1)
    same_shape(slope, intercept, ndim=0)
    return ((target - slope * x - intercept) ** 2).mean()


@linear_regression_slope_without_x.backward
def _(cotangent, slope, intercept, x, target):
    r = slope * x + intercept - target
    return {"slope": cotangent * (2 * r).mean(), "intercept": cotangent * (2 * r).mean()}
