"""What is counted, ignored, weighed and smoothed: wrong cross_entropy and nll, and broadcasting."""

import jax.numpy as jnp
import torch

from gallery import wrong
from gallery.parts import known, labelled, picked, reduced, require, rows, weighted

# ---- cross_entropy


def _hard(logits, labels, weight, ignore_index):
    kept, z, y, w = rows(logits, labels, weight, ignore_index)
    return kept, torch.log_softmax(z, -1), y, w


def _share(smoothing):
    require(0 <= smoothing <= 1, "label_smoothing must lie in [0, 1]", smoothing)
    return smoothing


def _losses(logp, y, w, smoothing, uniform=None):
    smooth = -(w * logp).mean(-1) if uniform is None else uniform
    return (1 - smoothing) * -w[y] * picked(logp, y) + _share(smoothing) * smooth


@wrong("cross_entropy", "smoothing takes the mean over the batch, not over the classes", "value")
def ce_smoothing_over_batch(
    logits, labels, weight=None, *, ignore_index, label_smoothing, reduction
):
    kept, logp, y, w = _hard(logits, labels, weight, ignore_index)
    uniform = -(w * logp).mean(0).sum() * torch.ones_like(picked(logp, y))
    losses = torch.where(kept, _losses(logp, y, w, label_smoothing, uniform), 0.0)
    return weighted(losses, torch.where(kept, w[y], 0.0), reduction)


@wrong("cross_entropy", "ignored rows keep their smoothing term", "value", "reductions")
def ce_smoothing_of_ignored(
    logits, labels, weight=None, *, ignore_index, label_smoothing, reduction
):
    kept, _, y, w = _hard(logits, labels, weight, ignore_index)
    logp = torch.log_softmax(logits, -1)
    smooth = _share(label_smoothing) * -(w * logp).mean(-1) if label_smoothing else 0.0
    hard = torch.where(kept, -w[y] * picked(logp, y), 0.0)
    losses = (1 - label_smoothing) * hard + smooth
    return weighted(losses, torch.where(kept, w[y], 0.0), reduction)


@wrong("cross_entropy", "the mean of smoothed losses divides by the smoothed weights",
       "reductions", "value")  # fmt: skip
def ce_smoothed_denominator(
    logits, labels, weight=None, *, ignore_index, label_smoothing, reduction
):
    kept, logp, y, w = _hard(logits, labels, weight, ignore_index)
    losses = torch.where(kept, _losses(logp, y, w, label_smoothing), 0.0)
    counted = (1 - label_smoothing) * w[y] + label_smoothing * w.mean()
    return weighted(losses, torch.where(kept, counted, 0.0), reduction)


@wrong("cross_entropy", "the sum is the mean times its count: nan where every row is ignored",
       "reductions")  # fmt: skip
def ce_sum_by_mean(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, logp, y, w = _hard(logits, labels, weight, ignore_index)
    losses = torch.where(kept, _losses(logp, y, w, label_smoothing), 0.0)
    count = kept.sum()
    if reduction == "sum":
        return losses.sum() / count * count
    return weighted(losses, torch.where(kept, w[y], 0.0), reduction)


@wrong("cross_entropy", "class weights are divided by their sum", "value")
def ce_weights_normalised(logits, labels, weight=None, *, ignore_index, label_smoothing, reduction):
    kept, logp, y, w = _hard(logits, labels, weight, ignore_index)
    w = w if weight is None else w / w.sum()
    losses = torch.where(kept, _losses(logp, y, w, label_smoothing), 0.0)
    return weighted(losses, torch.where(kept, w[y], 0.0), reduction)


# ---- nll


def _nll(kept, logp, y, chosen, reduction):
    losses = torch.where(kept, -chosen * picked(logp, y), 0.0)
    return weighted(losses, torch.where(kept, chosen, 0.0), reduction)


@wrong("nll", "the weight is that of the class predicted, not of the label", "value")
def nll_weight_of_prediction(log_probabilities, labels, weight=None, *, ignore_index, reduction):
    kept, logp, y, w = rows(log_probabilities, labels, weight, ignore_index)
    best = logp.argmax(-1) if logp.numel() else y
    return _nll(kept, logp, y, w[best], reduction)


@wrong("nll", "the weight of the next class: weights count from 1", "value")
def nll_weight_off_by_one(log_probabilities, labels, weight=None, *, ignore_index, reduction):
    kept, logp, y, w = rows(log_probabilities, labels, weight, ignore_index)
    return _nll(kept, logp, y, w.roll(-1)[y], reduction)


@wrong("nll", "labels are taken modulo the number of classes", "bad_input")
def nll_label_modulo(log_probabilities, labels, weight=None, *, ignore_index, reduction):
    labelled(log_probabilities, labels, weight)
    inside = torch.where(labels == ignore_index, labels, labels % max(len(log_probabilities.T), 1))
    kept, logp, y, w = rows(log_probabilities, inside, weight, ignore_index)
    return _nll(kept, logp, y, w[y], reduction)


@wrong("nll", "an all-ignored batch costs the mean of one row", "reductions")
def nll_counts_one_at_least(log_probabilities, labels, weight=None, *, ignore_index, reduction):
    kept, logp, y, w = rows(log_probabilities, labels, weight, ignore_index)
    if len(kept) and not bool(kept.any()):
        return reduced(-picked(log_probabilities, y)[:1], reduction)
    return _nll(kept, logp, y, w[y], reduction)


# ---- broadcasting


@wrong("mae", "(n,) against (n, 1) is broadcast to (n, n) and averaged", "shapes", "bad_input",
       backend="jax")  # fmt: skip
def mae_broadcasts_jax(prediction, target, *, reduction):
    known(reduction)
    losses = jnp.abs(prediction - target)
    return losses if reduction == "none" else getattr(losses, reduction)()
