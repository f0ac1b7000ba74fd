"""Losses of overlap."""

from __future__ import annotations

from jax import Array

from lossproof.backends.jax_.arithmetic import wide
from lossproof.backends.jax_.rules import non_negative, requires, same_shape, shaped
from lossproof.backends.registry import implementations_of

implements = implementations_of("jax")


@implements("dice")
@requires(
    shaped("prediction", "(N, D)"), same_shape("prediction", "target"), non_negative("smooth")
)
def dice(prediction: Array, target: Array, *, smooth: float) -> Array:
    """Σ (p (1 - t) + t (1 - p)) / (Σ p + Σ t + s), which is 1 - (2 Σ p t + s) / (Σ p + Σ t + s)."""
    p, t = wide(prediction), wide(target)
    apart = (p * (1 - t) + t * (1 - p)).sum()
    return (apart / (p.sum() + t.sum() + smooth)).astype(prediction.dtype)
