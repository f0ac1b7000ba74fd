"""Wrong sigmoid_focal and dice."""

import numpy as np
import torch
import torch.nn.functional as F

from gallery import wrong
from gallery.parts import np_sigmoid, np_spread, reduced, require, same_shape

# ---- sigmoid_focal


def _valid(logits, target, alpha, gamma):
    same_shape(logits, target)
    require(alpha is None or 0 <= alpha <= 1, "alpha must lie in [0, 1] or be None", alpha)
    require(gamma >= 0, "gamma must be at least 0", gamma)


def _alpha(target, alpha):
    return 1.0 if alpha is None else alpha * target + (1 - alpha) * (1 - target)


@wrong("sigmoid_focal", "alpha weighs the negatives", "value")
def focal_alpha_of_negatives(logits, target, *, alpha, gamma, reduction):
    _valid(logits, target, alpha, gamma)
    s = (2 * target - 1) * logits
    losses = -(gamma * F.logsigmoid(-s)).exp() * F.logsigmoid(s)
    return reduced(_alpha(1 - target, alpha) * losses, reduction)


@wrong("sigmoid_focal", "alpha weighs all entries alike", "value")
def focal_alpha_of_all(logits, target, *, alpha, gamma, reduction):
    _valid(logits, target, alpha, gamma)
    s = (2 * target - 1) * logits
    losses = -(gamma * F.logsigmoid(-s)).exp() * F.logsigmoid(s)
    return reduced((1.0 if alpha is None else alpha) * losses, reduction)


@wrong("sigmoid_focal", "gamma is 2 whatever was asked for", "value")
def focal_gamma_ignored(logits, target, *, alpha, gamma, reduction):
    _valid(logits, target, alpha, gamma)
    s = (2 * target - 1) * logits
    losses = -(2 * F.logsigmoid(-s)).exp() * F.logsigmoid(s)
    return reduced(_alpha(target, alpha) * losses, reduction)


@wrong("sigmoid_focal", "the modulating factor is p_t^γ instead of (1 - p_t)^γ", "value")
def focal_factor_of_easy(logits, target, *, alpha, gamma, reduction):
    _valid(logits, target, alpha, gamma)
    s = (2 * target - 1) * logits
    losses = -(gamma * F.logsigmoid(s)).exp() * F.logsigmoid(s)
    return reduced(_alpha(target, alpha) * losses, reduction)


@wrong("sigmoid_focal", "(1 - p)^γ of a saturated sigmoid: exactly 0, with gradient nan for γ < 1",
       "value", "gradient.logits")  # fmt: skip
def focal_power_of_difference(logits, target, *, alpha, gamma, reduction):
    _valid(logits, target, alpha, gamma)
    s = (2 * target - 1) * logits
    losses = -((1 - torch.sigmoid(s)) ** gamma) * F.logsigmoid(s)
    return reduced(_alpha(target, alpha) * losses, reduction)


@wrong("sigmoid_focal", "the modulating factor is detached", "gradient.logits")
def focal_factor_detached(logits, target, *, alpha, gamma, reduction):
    _valid(logits, target, alpha, gamma)
    s = (2 * target - 1) * logits
    losses = -(gamma * F.logsigmoid(-s)).exp().detach() * F.logsigmoid(s)
    return reduced(_alpha(target, alpha) * losses, reduction)


@wrong("sigmoid_focal", "the gradient is that of the weighted binary cross entropy",
       "gradient.logits", backend="numpy")  # fmt: skip
def focal_gradient_of_cross_entropy(logits, target, *, alpha, gamma, reduction):
    _valid(logits, target, alpha, gamma)
    s = (2 * target - 1) * logits
    losses = np.exp(-gamma * np.logaddexp(0, s)) * np.logaddexp(0, -s)
    return reduced(_alpha(target, alpha) * losses, reduction)


@focal_gradient_of_cross_entropy.backward
def _(cotangent, logits, target, *, alpha, gamma, reduction):
    upstream = np_spread(cotangent, logits.shape, reduction)
    return {"logits": upstream * _alpha(target, alpha) * (np_sigmoid(logits) - target)}


# ---- dice


def _masks(prediction, target, smooth):
    same_shape(prediction, target, ndim=2)
    require(smooth >= 0, "smooth must be at least 0", smooth)


@wrong("dice", "the mean of one loss for each row instead of one for the tensor", "value")
def dice_by_row(prediction, target, *, smooth):
    _masks(prediction, target, smooth)
    overlap = 2 * (prediction * target).sum(-1) + smooth
    return (1 - overlap / (prediction.sum(-1) + target.sum(-1) + smooth)).mean()


@wrong("dice", "the denominator has sums of squares", "value")
def dice_squared_denominator(prediction, target, *, smooth):
    _masks(prediction, target, smooth)
    overlap = 2 * (prediction * target).sum() + smooth
    return 1 - overlap / ((prediction**2).sum() + (target**2).sum() + smooth)


@wrong("dice", "smooth is in the denominator only: a perfect match costs something", "value",
       "properties")  # fmt: skip
def dice_smooth_below_only(prediction, target, *, smooth):
    _masks(prediction, target, smooth)
    overlap = 2 * (prediction * target).sum()
    return 1 - overlap / (prediction.sum() + target.sum() + smooth)


@wrong("dice", "the overlap is not doubled", "value")
def dice_overlap_once(prediction, target, *, smooth):
    _masks(prediction, target, smooth)
    overlap = (prediction * target).sum() + smooth
    return 1 - overlap / (prediction.sum() + target.sum() + smooth)


@wrong("dice", "the coefficient is returned, not one minus it", "value")
def dice_coefficient(prediction, target, *, smooth):
    _masks(prediction, target, smooth)
    overlap = 2 * (prediction * target).sum() + smooth
    return overlap / (prediction.sum() + target.sum() + smooth)


@wrong("dice", "the gradient takes the denominator for a constant", "gradient.prediction")
def dice_denominator_detached(prediction, target, *, smooth):
    _masks(prediction, target, smooth)
    overlap = 2 * (prediction * target).sum() + smooth
    return 1 - overlap / (prediction.sum() + target.sum() + smooth).detach()
