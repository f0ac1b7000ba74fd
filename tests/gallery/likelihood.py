"""Wrong gaussian_nll, poisson_nll and kl_div."""

import math

import torch

from gallery import wrong
from gallery.parts import known, reduced, require, same_shape

# ---- gaussian_nll


def _straight_through(prediction, target, var, eps):
    """max(var, eps), whose gradient in var is 1 everywhere."""
    same_shape(prediction, target, var)
    require(eps > 0, "eps must be positive", eps)
    require(not bool((var < 0).any()), "var must not be negative", var)
    return torch.where(var < eps, var + (eps - var).detach(), var)


def _half_log_two_pi(full):
    return math.log(2 * math.pi) / 2 if full else 0.0


@wrong("gaussian_nll", "the clamp of var cuts the gradient where var < eps", "gradient.var",
       "kink")  # fmt: skip
def gaussian_clamp_cuts_gradient(prediction, target, var, *, eps, full, reduction):
    _straight_through(prediction, target, var, eps)
    v = var.clamp(min=eps)
    losses = (v.log() + (prediction - target) ** 2 / v) / 2
    return reduced(losses + _half_log_two_pi(full), reduction)


@wrong("gaussian_nll", "full is accepted and has no effect", "value")
def gaussian_full_ignored(prediction, target, var, *, eps, full, reduction):
    v = _straight_through(prediction, target, var, eps)
    return reduced((v.log() + (prediction - target) ** 2 / v) / 2, reduction)


@wrong("gaussian_nll", "the log of the variance is not halved", "value")
def gaussian_log_not_halved(prediction, target, var, *, eps, full, reduction):
    v = _straight_through(prediction, target, var, eps)
    losses = v.log() + (prediction - target) ** 2 / v / 2
    return reduced(losses + _half_log_two_pi(full), reduction)


@wrong("gaussian_nll", "var is taken for a standard deviation", "value")
def gaussian_var_is_deviation(prediction, target, var, *, eps, full, reduction):
    s = _straight_through(prediction, target, var, eps)
    losses = s.log() + ((prediction - target) / s) ** 2 / 2
    return reduced(losses + _half_log_two_pi(full), reduction)


@wrong("gaussian_nll", "eps is added to var, not a floor of it", "value")
def gaussian_eps_added(prediction, target, var, *, eps, full, reduction):
    _straight_through(prediction, target, var, eps)
    v = var + eps
    losses = (v.log() + (prediction - target) ** 2 / v) / 2
    return reduced(losses + _half_log_two_pi(full), reduction)


# ---- poisson_nll


def _rates(prediction, target, eps):
    same_shape(prediction, target)
    require(eps > 0, "eps must be positive", eps)


def _stirling(target, *, two_pi=2 * math.pi, everywhere=False):
    """y log y - y + log(2πy)/2 where y > 1."""
    counted = target > 1
    y = torch.where(counted, target, 2.0)
    if everywhere:
        counted, y = target > 0, torch.where(target > 0, target, 1.0)
    return torch.where(counted, y * y.log() - y + (two_pi * y).log() / 2, 0.0)


def _poisson(prediction, target, log_input, eps):
    if log_input:
        return prediction.exp() - target * prediction
    return prediction - target * (prediction + eps).log()


@wrong("poisson_nll", "the prediction is taken for a log whatever log_input", "value")
def poisson_log_input_ignored(prediction, target, *, log_input, full, eps, reduction):
    _rates(prediction, target, eps)
    losses = _poisson(prediction, target, True, eps)
    return reduced(losses + _stirling(target) if full else losses, reduction)


@wrong("poisson_nll", "Stirling's term is added for counts of 1 and below too", "value")
def poisson_stirling_everywhere(prediction, target, *, log_input, full, eps, reduction):
    _rates(prediction, target, eps)
    losses = _poisson(prediction, target, log_input, eps)
    return reduced(losses + _stirling(target, everywhere=True) if full else losses, reduction)


@wrong("poisson_nll", "Stirling's term has log(πy)/2 for log(2πy)/2", "value")
def poisson_stirling_without_two(prediction, target, *, log_input, full, eps, reduction):
    _rates(prediction, target, eps)
    losses = _poisson(prediction, target, log_input, eps)
    return reduced(losses + _stirling(target, two_pi=math.pi) if full else losses, reduction)


@wrong("poisson_nll", "eps is missing: the log of a rate of 0", "value", "overflow",
       "special_values")  # fmt: skip
def poisson_without_eps(prediction, target, *, log_input, full, eps, reduction):
    _rates(prediction, target, eps)
    losses = _poisson(prediction, target, log_input, 0.0)
    return reduced(losses + _stirling(target) if full else losses, reduction)


@wrong("poisson_nll", "Stirling's term is detached", "gradient.target")
def poisson_stirling_detached(prediction, target, *, log_input, full, eps, reduction):
    _rates(prediction, target, eps)
    losses = _poisson(prediction, target, log_input, eps)
    return reduced(losses + _stirling(target).detach() if full else losses, reduction)


# ---- kl_div


def _divided(losses, reduction):
    if reduction == "batchmean":
        return losses.sum() / losses.shape[0]
    return reduced(losses, reduction)


def _xlogx(p):
    """p log p, 0 at 0."""
    return p * torch.where(p == 0, 1.0, p).log()


@wrong("kl_div", "log_target is accepted and has no effect", "value")
def kl_log_target_ignored(prediction, target, *, log_target, reduction):
    same_shape(prediction, target, ndim=2)
    known(reduction, "batchmean")
    return _divided(_xlogx(target) - target * prediction, reduction)


@wrong("kl_div", "the divergence is taken the other way: KL(prediction, target)", "value")
def kl_reversed(prediction, target, *, log_target, reduction):
    same_shape(prediction, target, ndim=2)
    known(reduction, "batchmean")
    log_p = target if log_target else target.log()
    return _divided(prediction.exp() * (prediction - log_p), reduction)


@wrong("kl_div", "0 · log 0 is nan where the target is 0", "special_values", "value")
def kl_zero_log_zero(prediction, target, *, log_target, reduction):
    same_shape(prediction, target, ndim=2)
    known(reduction, "batchmean")
    p, log_p = (target.exp(), target) if log_target else (target, target.log())
    return _divided(p * (log_p - prediction), reduction)


@wrong("kl_div", "batchmean divides by N · C, as mean does", "reductions", "value")
def kl_batchmean_is_mean(prediction, target, *, log_target, reduction):
    same_shape(prediction, target, ndim=2)
    known(reduction, "batchmean")
    if log_target:
        losses = target.exp() * (target - prediction)
    else:
        losses = _xlogx(target) - target * prediction
    return reduced(losses, "mean" if reduction == "batchmean" else reduction)


@wrong("kl_div", "mean divides by N, as batchmean does", "reductions", "value")
def kl_mean_is_batchmean(prediction, target, *, log_target, reduction):
    same_shape(prediction, target, ndim=2)
    known(reduction, "batchmean")
    if log_target:
        losses = target.exp() * (target - prediction)
    else:
        losses = _xlogx(target) - target * prediction
    return _divided(losses, "batchmean" if reduction == "mean" else reduction)


@wrong("kl_div", "the entropy of the target is left out: a cross entropy", "value")
def kl_without_entropy(prediction, target, *, log_target, reduction):
    same_shape(prediction, target, ndim=2)
    known(reduction, "batchmean")
    p = target.exp() if log_target else target
    return _divided(-p * prediction, reduction)
