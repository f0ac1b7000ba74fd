"""Losses of sequences."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossproof.backends.jax_.arithmetic import reduced, wide
from lossproof.backends.jax_.rules import (
    REDUCTION,
    Values,
    integers,
    one_each,
    requires,
    shaped,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("jax")


def lengths_and_labels(loss: str, values: Values) -> None:
    """Lengths within their axes; the labels within them classes other than the blank."""
    steps, batch, classes = np.shape(values["logits"])
    if np.shape(values["targets"])[0] != batch:
        raise ValueError(
            f"{loss}: targets must have {batch} rows for logits of shape "
            f"{(steps, batch, classes)}, got {np.shape(values['targets'])}"
        )
    if not 0 <= values["blank"] < classes:
        raise ValueError(f"{loss}: blank must lie in [0, {classes}), got {values['blank']}")
    names = ("targets", "input_lengths", "target_lengths")
    if any(isinstance(values[name], jax.core.Tracer) for name in names):
        return
    targets, inputs, lengths = (np.asarray(values[name]) for name in names)
    for name, found, most in (
        ("input_lengths", inputs, steps),
        ("target_lengths", lengths, targets.shape[1]),
    ):
        if ((found < 0) | (found > most)).any():
            raise ValueError(f"{loss}: {name} must lie in [0, {most}], got {found.tolist()}")
    used = targets[np.arange(targets.shape[1]) < lengths[:, None]]
    bad = used[(used < 0) | (used >= classes) | (used == values["blank"])]
    if bad.size:
        raise ValueError(
            f"{loss}: targets must lie in [0, {classes}) and not be the blank, got {bad[0]}"
        )


@implements("ctc")
@requires(
    shaped("logits", "(T, N, C)"),
    shaped("targets", "(N, S)"),
    integers("targets", "input_lengths", "target_lengths"),
    one_each("input_lengths", "logits", 1),
    one_each("target_lengths", "logits", 1),
    lengths_and_labels,
    REDUCTION,
)
def ctc(
    logits: Array,
    targets: Array,
    input_lengths: Array,
    target_lengths: Array,
    *,
    blank: int,
    reduction: str,
) -> Array:
    """The forward algorithm in log space (Graves 2006), by `jax.lax.scan` over `log_softmax`.

    A row whose target does not fit its input is +inf with gradient 0.
    """
    steps, batch, _ = logits.shape
    valid = jnp.arange(steps)[:, None] < input_lengths
    scores = jax.nn.log_softmax(jnp.where(valid[..., None], wide(logits), 0), axis=-1)

    # blank, first label, blank, second label ... blank
    used = jnp.arange(targets.shape[1]) < target_lengths[:, None]
    path = jnp.full((batch, 2 * targets.shape[1] + 1), blank, targets.dtype)
    path = path.at[:, 1::2].set(jnp.where(used, targets, blank))
    places = jnp.arange(path.shape[1])
    two_back = jnp.pad(path, ((0, 0), (2, 0)), constant_values=-1)[:, :-2]
    may_skip = (places > 1) & (path != blank) & (path != two_back)

    def step(alpha: Array, frame: tuple[Array, Array]) -> tuple[Array, None]:
        score, here = frame
        below = jnp.pad(alpha, ((0, 0), (2, 0)), constant_values=-jnp.inf)
        skipped = jnp.where(may_skip, below[:, :-2], -jnp.inf)
        emitted = jnp.take_along_axis(score, path, axis=1)
        moved = _log_sum_exp(alpha, below[:, 1:-1], skipped) + emitted
        return jnp.where(here[:, None], moved, alpha), None

    start = jnp.where(places == 0, jnp.zeros((batch, 1), scores.dtype), -jnp.inf)
    alpha, _ = jax.lax.scan(step, start, (scores, valid))
    last = 2 * target_lengths[:, None]
    ends = jnp.take_along_axis(alpha, jnp.maximum(last - jnp.array([0, 1]), 0), axis=1)
    losses = -_log_sum_exp(ends[:, 0], jnp.where(target_lengths > 0, ends[:, 1], -jnp.inf))
    if reduction == "mean":
        losses = losses / jnp.maximum(target_lengths, 1)
    return reduced(losses, reduction).astype(logits.dtype)


def _log_sum_exp(*terms: Any) -> Array:
    """log Σ exp, -inf with gradient 0 where all terms are -inf."""
    top = jax.lax.stop_gradient(jnp.max(jnp.stack(terms), axis=0))
    top = jnp.where(jnp.isneginf(top), 0, top)
    total = sum((jnp.exp(term - top) for term in terms), start=jnp.zeros_like(top))
    nothing = total == 0
    return jnp.where(nothing, -jnp.inf, jnp.log(jnp.where(nothing, 1, total)) + top)
