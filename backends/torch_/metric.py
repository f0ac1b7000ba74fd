"""Losses of distances and angles between embeddings."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from lossproof.backends.registry import implementations_of
from lossproof.backends.torch_.constants import HELD

implements = implementations_of("torch")


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


@implements("cosine_embedding", dialect=HELD["cosine_embedding"], options=("margin",))
def cosine_embedding(
    first: Tensor, second: Tensor, target: Tensor, *, margin: float, reduction: str
) -> Tensor:
    """`torch.nn.functional.cosine_embedding_loss`, which adds 1e-12, as a float32, to each
    squared norm in every dtype."""
    return F.cosine_embedding_loss(first, second, target, margin=margin, reduction=reduction)
