"""Losses of pairs and lists of scores."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lossproof.backends.registry import implementations_of
from lossproof.backends.torch_.checks import check_positive, dimensions, reduced, same_shape

implements = implementations_of("torch")


@implements("pairwise_hinge")
def pairwise_hinge(positive: Tensor, negative: Tensor, *, margin: float, reduction: str) -> Tensor:
    """max(0, margin - (positive - negative)), by `torch.nn.functional.relu`."""
    same_shape("pairwise_hinge", positive=positive, negative=negative)
    losses = F.relu(margin - (positive - negative))
    return reduced("pairwise_hinge", losses, reduction)


@implements("pairwise_logistic")
def pairwise_logistic(positive: Tensor, negative: Tensor, *, reduction: str) -> Tensor:
    """log(1 + exp(-(positive - negative))), by `torch.nn.functional.logsigmoid`.

    `softplus` would drop the exponential above its threshold of 20.
    """
    same_shape("pairwise_logistic", positive=positive, negative=negative)
    return reduced("pairwise_logistic", -F.logsigmoid(positive - negative), reduction)


@implements("bpr")
def bpr(positive: Tensor, negative: Tensor, *, reduction: str) -> Tensor:
    """-log σ(positive - negative), by `torch.nn.functional.logsigmoid`."""
    same_shape("bpr", positive=positive, negative=negative)
    return reduced("bpr", -F.logsigmoid(positive - negative), reduction)


@implements("margin_ranking")
def margin_ranking(
    first: Tensor, second: Tensor, target: Tensor, *, margin: float, reduction: str
) -> Tensor:
    """`torch.nn.functional.margin_ranking_loss`."""
    return F.margin_ranking_loss(first, second, target, margin=margin, reduction=reduction)


@implements("listnet")
def listnet(prediction: Tensor, target: Tensor, *, reduction: str) -> Tensor:
    """`torch.nn.functional.cross_entropy` against softmax(target)."""
    dimensions("listnet", 2, prediction=prediction)
    same_shape("listnet", prediction=prediction, target=target)
    return F.cross_entropy(prediction, F.softmax(target, dim=-1), reduction=reduction)


@implements("info_nce")
def info_nce(query: Tensor, key: Tensor, *, temperature: float, reduction: str) -> Tensor:
    """`torch.nn.functional.cross_entropy` of query·keyᵀ / temperature, the diagonal true."""
    dimensions("info_nce", 2, query=query)
    same_shape("info_nce", query=query, key=key)
    check_positive("info_nce", temperature=temperature)
    logits = query @ key.T / temperature
    labels = torch.arange(len(query), device=query.device)
    return F.cross_entropy(logits, labels, reduction=reduction)
