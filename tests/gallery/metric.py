"""Wrong info_nce, triplet_margin, cosine_embedding and multi_margin."""

import numpy as np
import torch

from gallery import wrong
from gallery.parts import (
    labelled,
    norm,
    np_logsumexp,
    np_softmax,
    np_spread,
    picked,
    reduced,
    require,
    same_shape,
)

# ---- info_nce


def _pairs(query, key, temperature):
    same_shape(query, key, ndim=2)
    require(temperature > 0, "temperature must be positive", temperature)


@wrong("info_nce", "similarities are multiplied by the temperature", "value")
def info_nce_temperature_multiplied(query, key, *, temperature, reduction):
    _pairs(query, key, temperature)
    z = query @ key.T * temperature
    return reduced(-torch.log_softmax(z, -1).diagonal(), reduction)


@wrong("info_nce", "the denominator runs over the queries: key · queryᵀ", "value")
def info_nce_transposed(query, key, *, temperature, reduction):
    _pairs(query, key, temperature)
    z = key @ query.T / temperature
    return reduced(-torch.log_softmax(z, -1).diagonal(), reduction)


@wrong("info_nce", "rows are divided by their norms: cosines for inner products", "value")
def info_nce_normalised(query, key, *, temperature, reduction):
    _pairs(query, key, temperature)
    q, k = (torch.nn.functional.normalize(x, dim=-1) for x in (query, key))
    return reduced(-torch.log_softmax(q @ k.T / temperature, -1).diagonal(), reduction)


@wrong("info_nce", "the positive is left out of the denominator", "value")
def info_nce_positive_left_out(query, key, *, temperature, reduction):
    _pairs(query, key, temperature)
    z = query @ key.T / temperature
    others = z.masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return reduced(torch.logsumexp(others, -1) - z.diagonal(), reduction)


@wrong("info_nce", "exp without shift: 1/0.07 takes similarities of 7 beyond overflow", "overflow",
       "value", from_notebook=True)  # fmt: skip
def info_nce_naive(query, key, *, temperature, reduction):
    _pairs(query, key, temperature)
    e = (query @ key.T / temperature).exp()
    return reduced(-(e.diagonal() / e.sum(-1)).log(), reduction)


@wrong("info_nce", "the gradient in the key leaves out the temperature", "gradient.key",
       backend="numpy")  # fmt: skip
def info_nce_key_gradient(query, key, *, temperature, reduction):
    _pairs(query, key, temperature)
    z = query @ key.T / temperature
    return reduced(np_logsumexp(z) - np.diagonal(z), reduction)


@info_nce_key_gradient.backward
def _(cotangent, query, key, *, temperature, reduction):
    p = np_softmax(query @ key.T / temperature)
    upstream = np_spread(cotangent, p.shape[:1], reduction)[:, None]
    slope = upstream * (p - np.eye(len(p), dtype=p.dtype))
    return {"query": slope @ key / temperature, "key": slope.T @ query}


# ---- triplet_margin


def _triplets(anchor, positive, negative, margin, p, eps):
    same_shape(anchor, positive, negative, ndim=2)
    require(margin > 0, "margin must be positive", margin)
    require(p in (1, 2), "p must be 1 or 2", p)
    require(eps >= 0, "eps must be at least 0", eps)


@wrong("triplet_margin", "swap is accepted and has no effect", "value")
def triplet_swap_ignored(anchor, positive, negative, *, margin, p, eps, swap, reduction):
    _triplets(anchor, positive, negative, margin, p, eps)
    near, far = norm(anchor - positive + eps, p), norm(anchor - negative + eps, p)
    return reduced(torch.relu(margin + near - far), reduction)


@wrong("triplet_margin", "p is accepted and the distance always Euclidean", "value")
def triplet_p_ignored(anchor, positive, negative, *, margin, p, eps, swap, reduction):
    _triplets(anchor, positive, negative, margin, p, eps)
    near, far = norm(anchor - positive + eps, 2), norm(anchor - negative + eps, 2)
    if swap:
        far = torch.minimum(far, norm(positive - negative + eps, 2))
    return reduced(torch.relu(margin + near - far), reduction)


@wrong("triplet_margin", "distances are squared", "value")
def triplet_squared(anchor, positive, negative, *, margin, p, eps, swap, reduction):
    _triplets(anchor, positive, negative, margin, p, eps)
    near, far = norm(anchor - positive + eps, p), norm(anchor - negative + eps, p)
    if swap:
        far = torch.minimum(far, norm(positive - negative + eps, p))
    return reduced(torch.relu(margin + near**2 - far**2), reduction)


@wrong("triplet_margin", "swap takes the farther of the two negatives' distances", "value")
def triplet_swap_maximum(anchor, positive, negative, *, margin, p, eps, swap, reduction):
    _triplets(anchor, positive, negative, margin, p, eps)
    near, far = norm(anchor - positive + eps, p), norm(anchor - negative + eps, p)
    if swap:
        far = torch.maximum(far, norm(positive - negative + eps, p))
    return reduced(torch.relu(margin + near - far), reduction)


@wrong("triplet_margin", "√Σd² has gradient 0/0 = nan where two rows are equal and eps is 0",
       "kink", "gradient.anchor")  # fmt: skip
def triplet_gradient_nan_at_zero(anchor, positive, negative, *, margin, p, eps, swap, reduction):
    _triplets(anchor, positive, negative, margin, p, eps)

    def distance(d):
        return d.abs().sum(-1) if p == 1 else (d * d).sum(-1).sqrt()

    near, far = distance(anchor - positive + eps), distance(anchor - negative + eps)
    if swap:
        far = torch.minimum(far, distance(positive - negative + eps))
    return reduced(torch.relu(margin + near - far), reduction)


# ---- cosine_embedding


def _angles(first, second, target, margin, eps):
    same_shape(first, second, ndim=2)
    same_shape(target, first[:, 0])
    require(-1 <= margin <= 1, "margin must lie in [-1, 1]", margin)
    require(eps > 0, "eps must be positive", eps)


def _cosine(a, b, eps):
    return (a * b).sum(-1) / ((a * a).sum(-1) + eps).sqrt() / ((b * b).sum(-1) + eps).sqrt()


@wrong("cosine_embedding", "the margin is left out", "value")
def cosine_margin_ignored(first, second, target, *, margin, eps, reduction):
    _angles(first, second, target, margin, eps)
    c = _cosine(first, second, eps)
    return reduced(torch.where(target == 1, 1 - c, torch.relu(c)), reduction)


@wrong("cosine_embedding", "the negative pairs are not clamped at 0", "value")
def cosine_negatives_unclamped(first, second, target, *, margin, eps, reduction):
    _angles(first, second, target, margin, eps)
    c = _cosine(first, second, eps)
    return reduced(torch.where(target == 1, 1 - c, c - margin), reduction)


@wrong("cosine_embedding", "eps is missing: 0/0 for a row of zeros", "special_values", "value",
       "overflow")  # fmt: skip
def cosine_without_eps(first, second, target, *, margin, eps, reduction):
    _angles(first, second, target, margin, eps)
    c = _cosine(first, second, 0.0)
    return reduced(torch.where(target == 1, 1 - c, torch.relu(c - margin)), reduction)


@wrong("cosine_embedding", "the norm of the second is left out", "value")
def cosine_half_normalised(first, second, target, *, margin, eps, reduction):
    _angles(first, second, target, margin, eps)
    c = (first * second).sum(-1) / ((first * first).sum(-1) + eps).sqrt()
    return reduced(torch.where(target == 1, 1 - c, torch.relu(c - margin)), reduction)


@wrong("cosine_embedding", "the norms are detached: the gradient is not orthogonal to the row",
       "gradient.first", "properties")  # fmt: skip
def cosine_norms_detached(first, second, target, *, margin, eps, reduction):
    _angles(first, second, target, margin, eps)
    lengths = [((x * x).sum(-1) + eps).sqrt().detach() for x in (first, second)]
    c = (first * second).sum(-1) / lengths[0] / lengths[1]
    return reduced(torch.where(target == 1, 1 - c, torch.relu(c - margin)), reduction)


# ---- multi_margin


def _margins(logits, labels, weight, p, margin):
    """margin - z_y + z_k, and the mask k = y."""
    labelled(logits, labels, weight)
    require(p in (1, 2), "p must be 1 or 2", p)
    own = torch.arange(logits.shape[-1]) == labels[:, None]
    return torch.relu(margin - picked(logits, labels)[:, None] + logits), own


def _of_labels(weight, labels):
    return 1.0 if weight is None else weight[labels]


@wrong("multi_margin", "p is accepted and has no effect", "value")
def multi_margin_p_ignored(logits, labels, weight=None, *, p, margin, reduction):
    h, own = _margins(logits, labels, weight, p, margin)
    losses = _of_labels(weight, labels) * torch.where(own, 0.0, h).mean(-1)
    return reduced(losses, reduction)


@wrong("multi_margin", "the class of the label is counted too: the margin more", "value")
def multi_margin_label_counted(logits, labels, weight=None, *, p, margin, reduction):
    h, _ = _margins(logits, labels, weight, p, margin)
    return reduced(_of_labels(weight, labels) * (h**p).mean(-1), reduction)


@wrong("multi_margin", "the sum over classes is not divided by C", "value")
def multi_margin_not_divided(logits, labels, weight=None, *, p, margin, reduction):
    h, own = _margins(logits, labels, weight, p, margin)
    losses = _of_labels(weight, labels) * (torch.where(own, 0.0, h) ** p).sum(-1)
    return reduced(losses, reduction)


@wrong("multi_margin", "divided by the C - 1 other classes", "value")
def multi_margin_divided_by_others(logits, labels, weight=None, *, p, margin, reduction):
    h, own = _margins(logits, labels, weight, p, margin)
    total = (torch.where(own, 0.0, h) ** p).sum(-1)
    losses = _of_labels(weight, labels) * total / max(logits.shape[-1] - 1, 1)
    return reduced(losses, reduction)


@wrong("multi_margin", "the weight is inside the power", "value")
def multi_margin_weight_squared(logits, labels, weight=None, *, p, margin, reduction):
    h, own = _margins(logits, labels, weight, p, margin)
    losses = _of_labels(weight, labels) ** p * (torch.where(own, 0.0, h) ** p).mean(-1)
    return reduced(losses, reduction)
