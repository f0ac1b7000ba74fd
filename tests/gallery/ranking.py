"""Wrong pairwise_hinge, pairwise_logistic, bpr, margin_ranking and listnet."""

import numpy as np
import torch
import torch.nn.functional as F

from gallery import wrong
from gallery.parts import np_sigmoid, np_spread, reduced, same_shape, softplus

# ---- pairwise_hinge


@wrong("pairwise_hinge", "positive and negative are exchanged", "value")
def hinge_swapped(positive, negative, *, margin, reduction):
    same_shape(positive, negative)
    return reduced(torch.relu(margin - (negative - positive)), reduction)


@wrong("pairwise_hinge", "the margin is 1 whatever was asked for", "value")
def hinge_margin_ignored(positive, negative, *, margin, reduction):
    same_shape(positive, negative)
    return reduced(torch.relu(1 - (positive - negative)), reduction)


@wrong("pairwise_hinge", "the hinge is squared", "value")
def hinge_squared(positive, negative, *, margin, reduction):
    same_shape(positive, negative)
    return reduced(torch.relu(margin - (positive - negative)) ** 2, reduction)


@wrong("pairwise_hinge", "the step (1 + h/|h|)/2 is nan exactly at the margin", "kink",
       "gradient.positive", backend="numpy")  # fmt: skip
def hinge_gradient_nan_at_margin(positive, negative, *, margin, reduction):
    same_shape(positive, negative)
    return reduced(np.maximum(margin - (positive - negative), 0), reduction)


@hinge_gradient_nan_at_margin.backward
def _(cotangent, positive, negative, *, margin, reduction):
    h = margin - (positive - negative)
    with np.errstate(all="ignore"):
        slope = np_spread(cotangent, h.shape, reduction) * (1 + h / np.abs(h)) / 2
    return {"positive": -slope, "negative": slope}


# ---- pairwise_logistic


@wrong("pairwise_logistic", "log(1 + exp(-d)) overflows, and loses its tail to 1 + tiny = 1",
       "overflow", "value", from_notebook=True)  # fmt: skip
def logistic_naive(positive, negative, *, reduction):
    same_shape(positive, negative)
    return reduced(torch.log(1 + torch.exp(-(positive - negative))), reduction)


@wrong("pairwise_logistic", "the sign of the difference is wrong: good orders are punished",
       "value")  # fmt: skip
def logistic_wrong_sign(positive, negative, *, reduction):
    same_shape(positive, negative)
    return reduced(softplus(positive - negative), reduction)


@wrong("pairwise_logistic", "in bits: the logarithm has base 2", "value")
def logistic_base_two(positive, negative, *, reduction):
    same_shape(positive, negative)
    return reduced(softplus(negative - positive) / np.log(2.0), reduction)


@wrong("pairwise_logistic", "softplus becomes the identity beyond 10", "value")
def logistic_identity_beyond_ten(positive, negative, *, reduction):
    same_shape(positive, negative)
    return reduced(F.softplus(negative - positive, threshold=10), reduction)


# ---- bpr


@wrong("bpr", "log of the naive sigmoid 1/(1 + exp(-d)): -log 0 for d < -88", "overflow", "value",
       from_notebook=True)  # fmt: skip
def bpr_naive_sigmoid(positive, negative, *, reduction):
    same_shape(positive, negative)
    return reduced(-torch.log(1 / (1 + torch.exp(-(positive - negative)))), reduction)


@wrong("bpr", "1e-8 inside the log caps the loss at 18.4", "value")
def bpr_eps_inside_log(positive, negative, *, reduction):
    same_shape(positive, negative)
    d = positive - negative
    return reduced(-(torch.sigmoid(d) + 1e-8).log(), reduction)


@wrong("bpr", "the gradient in the negative has the sign of that in the positive",
       "gradient.negative", backend="numpy")  # fmt: skip
def bpr_negative_gradient_sign(positive, negative, *, reduction):
    same_shape(positive, negative)
    return reduced(np.logaddexp(0, negative - positive), reduction)


@bpr_negative_gradient_sign.backward
def _(cotangent, positive, negative, *, reduction):
    s = np_sigmoid(negative - positive)
    slope = np_spread(cotangent, s.shape, reduction) * s
    return {"positive": -slope, "negative": -slope}


# ---- margin_ranking


def _signs(target):
    if not bool(((target == 1) | (target == -1)).all()):
        raise ValueError("target must hold -1 and +1 only")


@wrong("margin_ranking", "the target is ignored: the first is always the better", "value")
def margin_ranking_target_ignored(first, second, target, *, margin, reduction):
    same_shape(first, second, target)
    _signs(target)
    return reduced(torch.relu(-(first - second) + margin), reduction)


@wrong("margin_ranking", "the margin is subtracted", "value")
def margin_ranking_margin_sign(first, second, target, *, margin, reduction):
    same_shape(first, second, target)
    _signs(target)
    return reduced(torch.relu(-target * (first - second) - margin), reduction)


@wrong("margin_ranking", "the margin is added outside the max", "value")
def margin_ranking_margin_outside(first, second, target, *, margin, reduction):
    same_shape(first, second, target)
    _signs(target)
    return reduced(torch.relu(-target * (first - second)) + margin, reduction)


# ---- listnet


@wrong("listnet", "exp(z)/Σ exp(z) and a log without shift overflow beyond 88", "overflow",
       "value", from_notebook=True)  # fmt: skip
def listnet_naive(prediction, target, *, reduction):
    same_shape(prediction, target, ndim=2)
    q = target.exp() / target.exp().sum(-1, keepdim=True)
    p = prediction.exp() / prediction.exp().sum(-1, keepdim=True)
    return reduced(-(q * p.log()).sum(-1), reduction)


@wrong("listnet", "the relevances are used as a distribution without their softmax", "value")
def listnet_target_raw(prediction, target, *, reduction):
    same_shape(prediction, target, ndim=2)
    return reduced(-(target * torch.log_softmax(prediction, -1)).sum(-1), reduction)


@wrong("listnet", "both softmaxes run over the batch, not over the list", "value")
def listnet_wrong_axis(prediction, target, *, reduction):
    same_shape(prediction, target, ndim=2)
    products = torch.softmax(target, 0) * torch.log_softmax(prediction, 0)
    return reduced(-products.sum(-1), reduction)


@wrong("listnet", "the softmax of the target is detached", "gradient.target")
def listnet_target_detached(prediction, target, *, reduction):
    same_shape(prediction, target, ndim=2)
    q = torch.softmax(target, -1).detach()
    return reduced(-(q * torch.log_softmax(prediction, -1)).sum(-1), reduction)
