"""Losses of sequences."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from lossproof.backends.registry import implementations_of

implements = implementations_of("torch")


@implements("ctc", dtypes=("float64", "float32"))
def ctc(
    logits: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int,
    reduction: str,
) -> Tensor:
    """`torch.nn.functional.ctc_loss` of `log_softmax`; it has no kernel for 16-bit floats."""
    return F.ctc_loss(
        F.log_softmax(logits, dim=-1),
        targets,
        input_lengths,
        target_lengths,
        blank=blank,
        reduction=reduction,
    )
