"""pytorch-metric-learning: distances of rows that are not normalised, every pair named by index."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_metric_learning import distances, losses, reducers
from torch import Tensor

from lossproof.backends.registry import implementations_of

implements = implementations_of("pytorch_metric_learning")
REDUCERS: dict[str, Any] = {
    "none": reducers.DoNothingReducer,
    "sum": reducers.SumReducer,
    "mean": reducers.MeanReducer,
}


@implements("info_nce")
def info_nce(query: Tensor, key: Tensor, *, temperature: float, reduction: str) -> Any:
    """`NTXentLoss` of dot products: row n of the queries matches row n of the keys."""
    loss = losses.NTXentLoss(
        temperature=temperature,
        distance=distances.DotProductSimilarity(normalize_embeddings=False),
        reducer=REDUCERS[reduction](),
    )
    rows = torch.arange(len(query), device=query.device)
    # a copy: labels that are the same object say that the embeddings are the same too
    found = loss(query, rows, ref_emb=key, ref_labels=rows.clone())
    return found["loss"]["losses"] if reduction == "none" else found


@implements("triplet_margin", dialect={"eps": 0.0}, reducible=False, reductions=("none",))
def triplet_margin(
    anchor: Tensor, positive: Tensor, negative: Tensor, *, margin: float, p: int, swap: bool
) -> Any:
    """`TripletMarginLoss`, the triplets given: row n of each.

    Not reduced: it holds the distances of all rows from all, too many for the sum of a large batch.
    """
    loss = losses.TripletMarginLoss(
        margin=margin,
        swap=swap,
        distance=distances.LpDistance(normalize_embeddings=False, p=p),
        reducer=reducers.DoNothingReducer(),
    )
    n = torch.arange(len(anchor), device=anchor.device)
    rows = torch.cat([anchor, positive, negative])
    found = loss(rows, indices_tuple=(n, n + len(anchor), n + 2 * len(anchor)))
    return found["loss"]["losses"]
