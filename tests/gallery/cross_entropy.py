"""Wrong cross_entropy, cross_entropy_soft_targets and cross_entropy_probabilities."""

import numpy as np
import torch

from gallery import wrong
from gallery.parts import (
    guarded_log,
    labelled,
    np_logsumexp,
    np_softmax,
    picked,
    reduced,
    require,
    rows,
    same_shape,
    weighted,
)

# ---- cross_entropy


def _smoothed(logp, labels, weights, smoothing):
    """(1 - α) of the label's term and α/C of every class's, each with its weight."""
    losses = -weights[labels] * picked(logp, labels)
    if smoothing:
        require(0 <= smoothing <= 1, "label_smoothing must lie in [0, 1]", smoothing)
        uniform = -(weights * logp).mean(-1)
        losses = (1 - smoothing) * losses + smoothing * uniform
    return losses


def _finished(logp, labels, weights, kept, smoothing, reduction):
    losses = torch.where(kept, _smoothed(logp, labels, weights, smoothing), 0.0)
    return weighted(losses, torch.where(kept, weights[labels], 0.0), reduction)


@wrong("cross_entropy", "softmax without shift, then log(p + 1e-12): overflows beyond 88",
       "overflow", "value", from_notebook=True)  # fmt: skip
def ce_naive_softmax(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    p = z.exp() / z.exp().sum(-1, keepdim=True)
    return _finished((p + 1e-12).log(), y, w, kept, label_smoothing, reduction)


@wrong("cross_entropy", "log(p + 1e-12) caps the loss at 27.6 and is not 0 at p = 1", "value",
       from_notebook=True)  # fmt: skip
def ce_eps_inside_log(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    logp = (torch.softmax(z, -1) + 1e-12).log()
    return _finished(logp, y, w, kept, label_smoothing, reduction)


@wrong("cross_entropy", "the log of softmax: -log 0 where a probability underflows", "overflow",
       "value")  # fmt: skip
def ce_log_of_softmax(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    return _finished(torch.softmax(z, -1).log(), y, w, kept, label_smoothing, reduction)


@wrong("cross_entropy", "log Σ exp without the shift by the maximum", "overflow", "value")
def ce_without_shift(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    logp = z - z.exp().sum(-1, keepdim=True).log()
    return _finished(logp, y, w, kept, label_smoothing, reduction)


@wrong("cross_entropy", "every row is shifted by the maximum of the batch: low rows underflow",
       "overflow", "value")  # fmt: skip
def ce_shift_by_batch(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    z = z - z.detach().max() if z.numel() else z
    logp = z - z.exp().sum(-1, keepdim=True).log()
    return _finished(logp, y, w, kept, label_smoothing, reduction)


@wrong("cross_entropy", "the softmax runs over the batch instead of the classes", "value")
def ce_wrong_axis(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    return _finished(torch.log_softmax(z, 0), y, w, kept, label_smoothing, reduction)


@wrong("cross_entropy", "the mean counts the rows that are ignored", "reductions", "value")
def ce_mean_over_ignored(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    losses = _finished(torch.log_softmax(z, -1), y, w, kept, label_smoothing, "none")
    return weighted(losses, w[y], reduction)


@wrong("cross_entropy", "the weighted mean divides by the number of rows", "reductions", "value")
def ce_weighted_mean_by_count(
    logits, labels, weight=None, *, ignore_index, label_smoothing, reduction
):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    losses = _finished(torch.log_softmax(z, -1), y, w, kept, label_smoothing, "none")
    return weighted(losses, kept, reduction)


@wrong("cross_entropy", "ignored rows are multiplied by 0: a nan in one of them leaks",
       "special_values")  # fmt: skip
def ce_ignored_rows_leak(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, _, y, w = rows(logits, labels, weight, ignore_index)
    losses = _smoothed(torch.log_softmax(logits, -1), y, w, label_smoothing) * kept
    return weighted(losses, w[y] * kept, reduction)


@wrong("cross_entropy", "smoothing gives α/(C - 1) to the other classes, not α/C to all", "value")
def ce_smoothing_of_others(
    logits, labels, weight=None, *, ignore_index, label_smoothing, reduction
):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    classes = logits.shape[-1]
    share = min(label_smoothing * classes / max(classes - 1, 1), 1.0)
    return _finished(torch.log_softmax(z, -1), y, w, kept, share, reduction)


@wrong("cross_entropy", "the smoothing term leaves out the class weights", "value")
def ce_smoothing_unweighted(
    logits, labels, weight=None, *, ignore_index, label_smoothing, reduction
):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    logp = torch.log_softmax(z, -1)
    hard = _smoothed(logp, y, w, 0.0)
    soft = _smoothed(logp, y, torch.ones_like(w), 1.0) if label_smoothing else 0.0
    mixed = (1 - label_smoothing) * hard + label_smoothing * soft
    losses = torch.where(kept, mixed, 0.0)
    return weighted(losses, torch.where(kept, w[y], 0.0), reduction)


@wrong("cross_entropy", "-100 is ignored whatever ignore_index", "value", "reductions")
def ce_ignore_index_fixed(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, z, y, w = rows(logits, labels, weight, -100)
    return _finished(torch.log_softmax(z, -1), y, w, kept, label_smoothing, reduction)


@wrong("cross_entropy", "inf and nan are scrubbed from the losses", "special_values")
def ce_losses_scrubbed(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    losses = _finished(torch.log_softmax(z, -1), y, w, kept, label_smoothing, "none")
    return weighted(losses.nan_to_num(), torch.where(kept, w[y], 0.0), reduction)


_DENOMINATORS = {}


@wrong("cross_entropy", "the denominator of the mean is remembered by the shape of the batch",
       "reductions", "value", "purity")  # fmt: skip
def ce_denominator_remembered(
    logits, labels, weight=None, *, ignore_index, label_smoothing, reduction
):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    losses = _finished(torch.log_softmax(z, -1), y, w, kept, label_smoothing, "none")
    if reduction != "mean":
        return reduced(losses, reduction)
    count = torch.where(kept, w[y], 0.0).sum()
    return losses.sum() / _DENOMINATORS.setdefault(tuple(logits.shape), count.detach())


def _np_ce(logits, labels, weight, ignore_index, smoothing, reduction):
    kept = labels != ignore_index
    y = np.where(kept, labels, 0)
    z = np.where(kept[:, None], logits, 0)
    w = np.ones(z.shape[-1], z.dtype) if weight is None else weight
    logp = z - np_logsumexp(z)[:, None]
    losses = -w[y] * logp[np.arange(len(y)), y]
    if smoothing:
        require(0 <= smoothing <= 1, "label_smoothing must lie in [0, 1]", smoothing)
        losses = (1 - smoothing) * losses - smoothing * (w * logp).mean(-1)
    return weighted(np.where(kept, losses, 0), np.where(kept, w[y], 0), reduction)


def _np_ce_gradient(cotangent, logits, labels, weight, ignore_index, smoothing, reduction):
    kept = labels != ignore_index
    y = np.where(kept, labels, 0)
    z = np.where(kept[:, None], logits, 0)
    w = np.ones(z.shape[-1], z.dtype) if weight is None else weight
    q = (1 - smoothing) * w * (np.arange(z.shape[-1]) == y[:, None]) + smoothing * w / z.shape[-1]
    upstream = np.broadcast_to(cotangent, y.shape)
    if reduction == "mean":
        upstream = upstream / np.where(kept, w[y], 0).sum()
    return np.where(kept[:, None], upstream[:, None], 0), np_softmax(z), q


@wrong("cross_entropy", "label -1 silently means the last class", "bad_input", backend="numpy")
def ce_negative_label_wraps(
    logits, labels, weight=None, *, ignore_index, label_smoothing, reduction
):
    labelled(logits, labels, weight)
    return _np_ce(logits, labels, weight, ignore_index, label_smoothing, reduction)


@ce_negative_label_wraps.backward
def _(cotangent, logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    upstream, p, q = _np_ce_gradient(
        cotangent, logits, labels, weight, ignore_index, label_smoothing, reduction
    )
    gradient = upstream * (p * q.sum(-1, keepdims=True) - q)
    return {"logits": gradient.astype(logits.dtype)}


@wrong("cross_entropy", "the gradient is softmax: the label is not subtracted", "gradient.logits",
       backend="numpy")  # fmt: skip
def ce_gradient_without_label(
    logits, labels, weight=None, *, ignore_index, label_smoothing, reduction
):
    labelled(logits, labels, weight)
    require((labels >= 0)[labels != ignore_index].all(), "labels must be at least 0", labels)
    return _np_ce(logits, labels, weight, ignore_index, label_smoothing, reduction)


@ce_gradient_without_label.backward
def _(cotangent, logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    upstream, p, q = _np_ce_gradient(
        cotangent, logits, labels, weight, ignore_index, label_smoothing, reduction
    )
    return {"logits": (upstream * p * q.sum(-1, keepdims=True)).astype(logits.dtype)}


# ---- cross_entropy_probabilities


def _valid(prediction, target, eps):
    same_shape(prediction, target, ndim=2)
    require(eps >= 0, "eps must be at least 0", eps)


@wrong("cross_entropy_probabilities", "0 · log 0 is nan where a class is absent from both",
       "special_values", "value")  # fmt: skip
def ce_probabilities_zero_log_zero(prediction, target, *, eps, reduction):
    _valid(prediction, target, eps)
    return reduced(-(target * (prediction + eps).log()).sum(-1), reduction)


@wrong("cross_entropy_probabilities", "the binary formula under the name of the categorical one",
       "value", from_notebook=True)  # fmt: skip
def ce_probabilities_binary(prediction, target, *, eps, reduction):
    _valid(prediction, target, eps)
    log_p = guarded_log(prediction + eps, target)
    log_q = guarded_log(1 - prediction + eps, 1 - target)
    return reduced(-(target * log_p + (1 - target) * log_q).sum(-1), reduction)


@wrong("cross_entropy_probabilities", "1e-12 is added inside the log where no eps was asked for",
       "value")  # fmt: skip
def ce_probabilities_eps_uncalled(prediction, target, *, eps, reduction):
    _valid(prediction, target, eps)
    return reduced(-(target * (prediction + (eps + 1e-12)).log()).sum(-1), reduction)


@wrong("cross_entropy_probabilities", "predictions are divided by their sum first", "value")
def ce_probabilities_renormalised(prediction, target, *, eps, reduction):
    _valid(prediction, target, eps)
    p = prediction / prediction.sum(-1, keepdim=True)
    return reduced(-(target * guarded_log(p + eps, target)).sum(-1), reduction)


@wrong("cross_entropy_probabilities", "the mean runs over samples and classes", "reductions",
       "value")  # fmt: skip
def ce_probabilities_mean_over_classes(prediction, target, *, eps, reduction):
    _valid(prediction, target, eps)
    terms = -target * guarded_log(prediction + eps, target)
    return terms.mean() if reduction == "mean" else reduced(terms.sum(-1), reduction)
