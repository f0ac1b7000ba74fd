"""Losses of distances and angles between embeddings."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from lossproof.backends.registry import implementations_of

implements = implementations_of("torch")

#: 1e-12 rounded to float32: the kernel holds its epsilon so, in every dtype
_EPS = 9.999999960041972e-13


@implements("triplet_margin")
def triplet_margin(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float,
    p: int,
    eps: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    """`torch.nn.functional.triplet_margin_loss`."""
    return F.triplet_margin_loss(
        anchor, positive, negative, margin=margin, p=p, eps=eps, swap=swap, reduction=reduction
    )


@implements("cosine_embedding", dialect={"eps": _EPS}, options=("margin",))
def cosine_embedding(
    first: Tensor, second: Tensor, target: Tensor, *, margin: float, reduction: str
) -> Tensor:
    """`torch.nn.functional.cosine_embedding_loss`, which adds 1e-12, as a float32, to each
    squared norm in every dtype."""
    return F.cosine_embedding_loss(first, second, target, margin=margin, reduction=reduction)
