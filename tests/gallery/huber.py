"""Wrong huber."""

import numpy as np
import torch

from gallery import wrong
from gallery.parts import np_spread, reduced, require, same_shape


@wrong("huber", "the linear branch is |r| - δ/2: its slope is 1, not δ", "value")
def huber_slope_one(prediction, target, *, delta, reduction):
    same_shape(prediction, target)
    require(delta > 0, "delta must be positive", delta)
    r = (prediction - target).abs()
    return reduced(torch.where(r <= delta, r * r / 2, r - delta / 2), reduction)


@wrong("huber", "< for >: quadratic in the tails, linear near zero", "value")
def huber_branches_exchanged(prediction, target, *, delta, reduction):
    same_shape(prediction, target)
    require(delta > 0, "delta must be positive", delta)
    r = (prediction - target).abs()
    return reduced(torch.where(r > delta, r * r / 2, delta * (r - delta / 2)), reduction)


@wrong("huber", "the branch is chosen at 1 whatever δ", "value")
def huber_threshold_one(prediction, target, *, delta, reduction):
    same_shape(prediction, target)
    require(delta > 0, "delta must be positive", delta)
    r = (prediction - target).abs()
    return reduced(torch.where(r <= 1, r * r / 2, delta * (r - delta / 2)), reduction)


@wrong("huber", "smooth L1 under the name of Huber: divided by δ", "value")
def huber_divided_by_delta(prediction, target, *, delta, reduction):
    same_shape(prediction, target)
    require(delta > 0, "delta must be positive", delta)
    r = (prediction - target).abs()
    return reduced(torch.where(r <= delta, r * r / delta / 2, r - delta / 2), reduction)


@wrong("huber", "the residual is compared with δ without its absolute value", "value")
def huber_signed_branch(prediction, target, *, delta, reduction):
    same_shape(prediction, target)
    require(delta > 0, "delta must be positive", delta)
    r = prediction - target
    return reduced(torch.where(r <= delta, r * r / 2, delta * (r.abs() - delta / 2)), reduction)


@wrong("huber", "δ = 0 and δ < 0 are accepted", "bad_input")
def huber_delta_unchecked(prediction, target, *, delta, reduction):
    same_shape(prediction, target)
    r = (prediction - target).abs()
    return reduced(torch.where(r <= delta, r * r / 2, delta * (r - delta / 2)), reduction)


@wrong("huber", "the gradient is not clipped: that of the quadratic branch everywhere",
       "gradient.prediction", backend="numpy")  # fmt: skip
def huber_gradient_unclipped(prediction, target, *, delta, reduction):
    same_shape(prediction, target)
    require(delta > 0, "delta must be positive", delta)
    r = np.abs(prediction - target)
    return reduced(np.where(r <= delta, r * r / 2, delta * (r - delta / 2)), reduction)


@huber_gradient_unclipped.backward
def _(cotangent, prediction, target, *, delta, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * (prediction - target)
    return {"prediction": slope, "target": -slope}


@wrong("huber", "the gradient in the target has the sign of that in the prediction",
       "gradient.target", backend="numpy")  # fmt: skip
def huber_target_gradient_sign(prediction, target, *, delta, reduction):
    same_shape(prediction, target)
    require(delta > 0, "delta must be positive", delta)
    r = np.abs(prediction - target)
    return reduced(np.where(r <= delta, r * r / 2, delta * (r - delta / 2)), reduction)


@huber_target_gradient_sign.backward
def _(cotangent, prediction, target, *, delta, reduction):
    clipped = np.clip(prediction - target, -delta, delta)
    slope = np_spread(cotangent, prediction.shape, reduction) * clipped
    return {"prediction": slope, "target": slope}
