"""Wrong cross_entropy_soft_targets and nll."""

import numpy as np
import torch

from gallery import wrong
from gallery.parts import (
    known,
    np_logsumexp,
    np_softmax,
    np_spread,
    picked,
    reduced,
    require,
    rows,
    same_shape,
    weighted,
)

# ---- cross_entropy_soft_targets


def _weights(logits, target, weight, smoothing):
    same_shape(logits, target, ndim=2)
    require(0 <= smoothing <= 1, "label_smoothing must lie in [0, 1]", smoothing)
    if weight is None:
        return 1.0
    found = tuple(weight.shape)
    require(found == logits.shape[1:], "weight must have one entry for each class", found)
    return weight


def _smoothed(target, smoothing):
    return (1 - smoothing) * target + smoothing / max(target.shape[-1], 1) if smoothing else target


def _cross_entropy(logits, target):
    return -(target * torch.log_softmax(logits, -1)).sum(-1)


@wrong("cross_entropy_soft_targets", "smoothing shrinks the target but adds no α/C", "value")
def soft_targets_only_shrunk(logits, target, weight=None, *, label_smoothing, reduction):
    w = _weights(logits, target, weight, label_smoothing)
    return reduced(_cross_entropy(logits, w * target * (1 - label_smoothing)), reduction)


@wrong("cross_entropy_soft_targets", "the target goes through a softmax", "value")
def soft_targets_softmaxed(logits, target, weight=None, *, label_smoothing, reduction):
    w = _weights(logits, target, weight, label_smoothing)
    q = _smoothed(torch.softmax(target, -1), label_smoothing)
    return reduced(_cross_entropy(logits, w * q), reduction)


@wrong("cross_entropy_soft_targets", "the target is divided by its sum", "value")
def soft_targets_renormalised(logits, target, weight=None, *, label_smoothing, reduction):
    w = _weights(logits, target, weight, label_smoothing)
    q = _smoothed(target / target.sum(-1, keepdim=True), label_smoothing)
    return reduced(_cross_entropy(logits, w * q), reduction)


@wrong("cross_entropy_soft_targets", "the mean divides by N · C", "reductions", "value")
def soft_targets_mean_over_classes(logits, target, weight=None, *, label_smoothing, reduction):
    w = _weights(logits, target, weight, label_smoothing)
    result = reduced(_cross_entropy(logits, w * _smoothed(target, label_smoothing)), reduction)
    return result / logits.shape[-1] if reduction == "mean" else result


@wrong("cross_entropy_soft_targets", "the target is detached", "gradient.target")
def soft_targets_detached(logits, target, weight=None, *, label_smoothing, reduction):
    w = _weights(logits, target, weight, label_smoothing)
    q = _smoothed(target.detach(), label_smoothing)
    return reduced(_cross_entropy(logits, w * q), reduction)


@wrong("cross_entropy_soft_targets", "the gradient softmax - t takes Σt = 1 for granted",
       "gradient.logits", backend="numpy")  # fmt: skip
def soft_targets_gradient_on_simplex(logits, target, weight=None, *, label_smoothing, reduction):
    w = _weights(logits, target, weight, label_smoothing)
    logp = logits - np_logsumexp(logits)[:, None]
    return reduced(-(w * _smoothed(target, label_smoothing) * logp).sum(-1), reduction)


@soft_targets_gradient_on_simplex.backward
def _(cotangent, logits, target, weight=None, *, label_smoothing, reduction):
    w = _weights(logits, target, weight, label_smoothing)
    upstream = np_spread(cotangent, logits.shape[:1], reduction)[:, None]
    logp = logits - np_logsumexp(logits)[:, None]
    return {
        "logits": upstream * (np_softmax(logits) - w * _smoothed(target, label_smoothing)),
        "target": -upstream * (1 - label_smoothing) * w * logp,
    }


# ---- nll


@wrong("nll", "the minus sign is missing", "value")
def nll_without_minus(log_probabilities, labels, weight=None, *, ignore_index, reduction):
    kept, logp, y, w = rows(log_probabilities, labels, weight, ignore_index)
    losses = torch.where(kept, w[y] * picked(logp, y), 0.0)
    return weighted(losses, torch.where(kept, w[y], 0.0), reduction)


@wrong("nll", "the input is taken for probabilities: a second log", "value")
def nll_second_log(log_probabilities, labels, weight=None, *, ignore_index, reduction):
    kept, logp, y, w = rows(log_probabilities, labels, weight, ignore_index)
    losses = torch.where(kept, -w[y] * picked(logp.abs().log(), y), 0.0)
    return weighted(losses, torch.where(kept, w[y], 0.0), reduction)


@wrong("nll", "the weighted mean divides by the number of rows", "reductions", "value")
def nll_weighted_mean_by_count(log_probabilities, labels, weight=None, *, ignore_index, reduction):
    kept, logp, y, w = rows(log_probabilities, labels, weight, ignore_index)
    losses = torch.where(kept, -w[y] * picked(logp, y), 0.0)
    return weighted(losses, kept, reduction)


@wrong("nll", "the mean counts the rows that are ignored", "reductions", "value")
def nll_mean_over_ignored(log_probabilities, labels, weight=None, *, ignore_index, reduction):
    kept, logp, y, w = rows(log_probabilities, labels, weight, ignore_index)
    losses = torch.where(kept, -w[y] * picked(logp, y), 0.0)
    return weighted(losses, w[y], reduction)


@wrong("nll", "the gradient of the weighted mean divides by the number of rows",
       "gradient.log_probabilities", "reductions", backend="numpy")  # fmt: skip
def nll_gradient_by_count(log_probabilities, labels, weight=None, *, ignore_index, reduction):
    y, w = _np_rows(log_probabilities, labels, weight, ignore_index)
    known(reduction)
    losses = np.where(w == 0, 0, -w * log_probabilities[np.arange(len(y)), y])
    with np.errstate(all="ignore"):
        return weighted(losses, w, reduction)


@nll_gradient_by_count.backward
def _(cotangent, log_probabilities, labels, weight=None, *, ignore_index, reduction):
    y, w = _np_rows(log_probabilities, labels, weight, ignore_index)
    gradient = np.zeros_like(log_probabilities)
    gradient[np.arange(len(y)), y] = -w * np_spread(cotangent, y.shape, reduction)
    return {"log_probabilities": gradient}


def _np_rows(logp, labels, weight, ignore_index):
    kept = labels != ignore_index
    y = np.where(kept, labels, 0)
    same_shape(labels, logp[..., 0], ndim=1)
    require(((y >= 0) & (y < logp.shape[-1])).all(), "labels must lie in [0, C)", labels)
    w = np.ones(logp.shape[-1], logp.dtype) if weight is None else weight
    require(w.shape == logp.shape[1:], "weight must have one entry for each class", w.shape)
    return y, np.where(kept, w[y], 0).astype(logp.dtype)
