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
    """1 - (2 Σ p t + s) / (Σ p + Σ t + s).

    The sum of p (1 - t) + t (1 - p) in the numerator would make a better value where the loss is
    small, but its automatic gradient is a difference of nearly equal numbers.
    """
    p, t = wide(prediction), wide(target)
    ratio = (2 * (p * t).sum() + smooth) / (p.sum() + t.sum() + smooth)
    return (1 - ratio).astype(prediction.dtype)
