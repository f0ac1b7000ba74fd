"""Wrong rmse and linear_regression_mse."""

import jax.numpy as jnp
import numpy as np
import torch

from gallery import wrong
from gallery.parts import np_spread, require, same_shape

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
