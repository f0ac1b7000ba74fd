"""Wrong binary_cross_entropy and binary_cross_entropy_with_logits."""

import numpy as np
import torch
import torch.nn.functional as F

from gallery import wrong
from gallery.parts import (
    guarded_log,
    np_sigmoid,
    np_spread,
    reduced,
    require,
    same_shape,
    softplus,
)

# ---- binary_cross_entropy


def _valid(prediction, target, eps, log_floor):
    same_shape(prediction, target)
    require(eps >= 0, "eps must be at least 0", eps)
    require(log_floor is None or log_floor < 0, "log_floor must be negative or None", log_floor)


def _logs(prediction, target, eps, log_floor):
    """log(p + ε) and log(1 - p + ε), floored, to be multiplied by t and 1 - t."""
    if eps:
        logs = (prediction + eps).log(), (1 - prediction + eps).log()
    else:
        logs = (
            guarded_log(prediction, target),
            torch.log1p(-torch.where((prediction == 1) & (target == 1), 0.0, prediction)),
        )
    if log_floor is not None:
        logs = tuple(x.clamp(min=log_floor) for x in logs)
    return logs


@wrong("binary_cross_entropy", "the minus sign is missing", "value", from_notebook=True)
def bce_without_minus(prediction, target, *, eps, log_floor, reduction):
    _valid(prediction, target, eps, log_floor)
    log_p, log_q = _logs(prediction, target, eps, log_floor)
    return reduced(target * log_p + (1 - target) * log_q, reduction)


@wrong("binary_cross_entropy", "prediction and target are exchanged", "value",
       from_notebook=True)  # fmt: skip
def bce_swapped(prediction, target, *, eps, log_floor, reduction):
    _valid(prediction, target, eps, log_floor)
    log_t, log_u = _logs(target, prediction, eps, log_floor)
    return reduced(-(prediction * log_t + (1 - prediction) * log_u), reduction)


@wrong("binary_cross_entropy", "1e-7 is added inside the logs where no eps was asked for",
       "value")  # fmt: skip
def bce_eps_uncalled(prediction, target, *, eps, log_floor, reduction):
    _valid(prediction, target, eps, log_floor)
    log_p, log_q = _logs(prediction, target, eps + 1e-7, log_floor)
    return reduced(-(target * log_p + (1 - target) * log_q), reduction)


@wrong("binary_cross_entropy", "eps is added inside the first log only", "value")
def bce_eps_once(prediction, target, *, eps, log_floor, reduction):
    _valid(prediction, target, eps, log_floor)
    log_p, _ = _logs(prediction, target, eps, log_floor)
    _, log_q = _logs(prediction, target, 0.0, log_floor)
    return reduced(-(target * log_p + (1 - target) * log_q), reduction)


@wrong("binary_cross_entropy", "the prediction is clipped to [1e-7, 1 - 1e-7]", "value",
       "gradient.prediction")  # fmt: skip
def bce_clipped(prediction, target, *, eps, log_floor, reduction):
    _valid(prediction, target, eps, log_floor)
    log_p, log_q = _logs(prediction.clamp(1e-7, 1 - 1e-7), target, eps, log_floor)
    return reduced(-(target * log_p + (1 - target) * log_q), reduction)


@wrong("binary_cross_entropy", "0 · log 0 is nan at p = t = 0 and at p = t = 1", "special_values",
       "value")  # fmt: skip
def bce_zero_log_zero(prediction, target, *, eps, log_floor, reduction):
    _valid(prediction, target, eps, log_floor)
    log_p = (prediction + eps).log()
    log_q = torch.log1p(-prediction) if eps == 0 else (1 - prediction + eps).log()
    if log_floor is not None:
        log_p, log_q = log_p.clamp(min=log_floor), log_q.clamp(min=log_floor)
    return reduced(-(target * log_p + (1 - target) * log_q), reduction)


@wrong("binary_cross_entropy", "the logs have no floor: inf where it is asked for", "value",
       "overflow")  # fmt: skip
def bce_floor_ignored(prediction, target, *, eps, log_floor, reduction):
    _valid(prediction, target, eps, log_floor)
    log_p, log_q = _logs(prediction, target, eps, None)
    return reduced(-(target * log_p + (1 - target) * log_q), reduction)


@wrong("binary_cross_entropy", "the term of the complement is missing", "value")
def bce_without_complement(prediction, target, *, eps, log_floor, reduction):
    _valid(prediction, target, eps, log_floor)
    log_p, _ = _logs(prediction, target, eps, log_floor)
    return reduced(-target * log_p, reduction)


# ---- binary_cross_entropy_with_logits


def _weights(logits, target, weight, pos_weight):
    given = [x for x in (weight, pos_weight) if x is not None]
    same_shape(logits, target, *given)
    return [1.0 if x is None else x for x in (weight, pos_weight)]


@wrong("binary_cross_entropy_with_logits",
       "logs of the naive sigmoid 1/(1 + exp(-z)): inf and lost gradients where it saturates",
       "overflow", "gradient.logits", "value", from_notebook=True)  # fmt: skip
def bcel_by_sigmoid(logits, target, weight=None, pos_weight=None, *, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    p = 1 / (1 + torch.exp(-logits))
    log_p, log_q = _logs(p, target, 0.0, None)
    return reduced(-w * (v * target * log_p + (1 - target) * log_q), reduction)


@wrong("binary_cross_entropy_with_logits",
       "float32 autograd through sigmoid then BCE: p = 1 loses the gradient of saturated logits",
       "gradient.logits", "value", from_notebook=True)  # fmt: skip
def bcel_sigmoid_then_bce(logits, target, weight=None, pos_weight=None, *, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    p = torch.sigmoid(logits)
    log_p, log_q = (x.clamp(min=-100) for x in _logs(p, target, 0.0, None))
    return reduced(-w * (v * target * log_p + (1 - target) * log_q), reduction)


@wrong("binary_cross_entropy_with_logits", "pos_weight multiplies the negatives", "value")
def bcel_pos_weight_on_negatives(logits, target, weight=None, pos_weight=None, *, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    losses = target * softplus(-logits) + v * (1 - target) * softplus(logits)
    return reduced(w * losses, reduction)


@wrong("binary_cross_entropy_with_logits", "the mean divides by the sum of the weights",
       "reductions", "value")  # fmt: skip
def bcel_mean_by_weights(logits, target, weight=None, pos_weight=None, *, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    losses = w * (v * target * softplus(-logits) + (1 - target) * softplus(logits))
    if reduction == "mean" and weight is not None:
        return losses.sum() / weight.sum()
    return reduced(losses, reduction)


def _softplus_by_log(x):
    high = torch.where(x > 0, x, 0.0)
    return high + (torch.exp(-high) + torch.exp(x - high)).log()


@wrong("binary_cross_entropy_with_logits", "log(1 + e) for log1p(e): the tail is exactly 0",
       "value")  # fmt: skip
def bcel_without_log1p(logits, target, weight=None, pos_weight=None, *, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    below, above = (_softplus_by_log(x) for x in (-logits, logits))
    return reduced(w * (v * target * below + (1 - target) * above), reduction)


@wrong("binary_cross_entropy_with_logits",
       "relu and |z| have each a kink at z = 0: the gradient there is -t, not 1/2 - t",
       "gradient.logits", "kink")  # fmt: skip
def bcel_kink_at_zero(logits, target, weight=None, pos_weight=None, *, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    tail = torch.log1p(torch.exp(-logits.abs()))
    below, above = torch.relu(-logits) + tail, torch.relu(logits) + tail
    return reduced(w * (v * target * below + (1 - target) * above), reduction)


@wrong("binary_cross_entropy_with_logits", "the classes are exchanged: t for 1 - t", "value")
def bcel_classes_exchanged(logits, target, weight=None, pos_weight=None, *, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    losses = v * target * softplus(logits) + (1 - target) * softplus(-logits)
    return reduced(w * losses, reduction)


@wrong("binary_cross_entropy_with_logits", "soft targets are rounded to 0 and 1", "value")
def bcel_target_thresholded(logits, target, weight=None, pos_weight=None, *, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    hard = torch.where(target.isnan(), target, (target > 0.5).to(target.dtype))
    losses = v * hard * softplus(-logits) + (1 - hard) * softplus(logits)
    return reduced(w * losses, reduction)


@wrong("binary_cross_entropy_with_logits", "an unknown reduction is taken for the mean",
       "bad_input")  # fmt: skip
def bcel_reduction_unchecked(logits, target, weight=None, pos_weight=None, *, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    losses = w * (v * target * -F.logsigmoid(logits) + (1 - target) * softplus(logits))
    return {"none": losses, "sum": losses.sum()}.get(reduction, losses.mean())


def _np_losses(logits, target, weight, pos_weight, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    below, above = np.logaddexp(0, -logits), np.logaddexp(0, logits)
    return reduced(w * (v * target * below + (1 - target) * above), reduction)


def _np_target_gradient(logits, pos_weight):
    v = 1.0 if pos_weight is None else pos_weight
    return v * np.logaddexp(0, -logits) - np.logaddexp(0, logits)


@wrong("binary_cross_entropy_with_logits",
       "the chain rule takes sigmoid' at the prediction instead of the logit, and forgets 1/n",
       "gradient.logits", backend="numpy", from_notebook=True)  # fmt: skip
def bcel_sigmoid_prime_at_prediction(logits, target, weight=None, pos_weight=None, *, reduction):
    return _np_losses(logits, target, weight, pos_weight, reduction)


@bcel_sigmoid_prime_at_prediction.backward
def _(cotangent, logits, target, weight=None, pos_weight=None, *, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    upstream = np.broadcast_to(cotangent, logits.shape) * w
    p = np_sigmoid(logits)
    with np.errstate(all="ignore"):
        by_p = (1 - target) / (1 - p) - v * target / p
    return {
        "logits": upstream * by_p * np_sigmoid(p) * np_sigmoid(-p),
        "target": np_spread(cotangent, logits.shape, reduction)
        * w
        * _np_target_gradient(logits, pos_weight),
    }


@wrong("binary_cross_entropy_with_logits", "the gradient of the mean lacks 1/n", "gradient.logits",
       backend="numpy", from_notebook=True)  # fmt: skip
def bcel_gradient_without_n(logits, target, weight=None, pos_weight=None, *, reduction):
    return _np_losses(logits, target, weight, pos_weight, reduction)


@bcel_gradient_without_n.backward
def _(cotangent, logits, target, weight=None, pos_weight=None, *, reduction):
    w, v = _weights(logits, target, weight, pos_weight)
    upstream = np.broadcast_to(cotangent, logits.shape) * w
    slope = (1 - target) * np_sigmoid(logits) - v * target * np_sigmoid(-logits)
    return {
        "logits": upstream * slope,
        "target": upstream * _np_target_gradient(logits, pos_weight),
    }
