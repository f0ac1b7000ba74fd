"""Connectionist temporal classification (CTC): sequences whose alignment is unknown.

A path is a class for each frame. It spells what is left of it when repeats are merged and blanks
dropped. The loss is -log of the total probability of the paths that spell the target. (Graves et
al. 2006.) Paths are walked over the target with blanks around its labels, b y1 b y2 b: the states.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lossproof.backends.numpy_.maths import Softmax, softmax_of, times
from lossproof.backends.numpy_.support import (
    REDUCTIONS,
    Array,
    has_axes,
    has_length,
    in_working_precision,
    one_of,
    reduce,
    spread,
    whole,
)
from lossproof.backends.registry import implementations_of

implements = implementations_of("numpy")


class _Problem(NamedTuple):
    softmax: Softmax  # of the logits (T, N, C), padding blanked
    frames: Array  # (T, N): false in the padding
    frame_count: Array  # (N)
    symbols: Array  # (N, K): the class of each state, K = 2 S + 1
    skips: Array  # (N, K): the state may be entered from two before it
    label_count: Array  # (N)


@implements("ctc")
@in_working_precision("targets", "input_lengths", "target_lengths")
def ctc(
    logits: Array,
    targets: Array,
    input_lengths: Array,
    target_lengths: Array,
    *,
    blank: int = 0,
    reduction: str = "mean",
) -> Array:
    """-log Σ_paths Π_t p_t(path_t), p_t = softmax(logits_t); logits (T, N, C), targets (N, S); (N).

    Frames past the input length and targets past the target length are ignored, whatever they
    hold; a target that the frames cannot spell costs +∞. The mean over N is of
    loss / max(1, target length). Probabilities are kept as logarithms: one of 1e-400 still counts.
    """
    one_of(REDUCTIONS, reduction=reduction)
    problem = _pose(logits, targets, input_lengths, target_lengths, blank)
    _, log_likelihood = _forward(problem)
    loss = -log_likelihood
    if reduction == "mean":
        loss = loss / np.maximum(problem.label_count, 1).astype(loss.dtype)
    return reduce(loss, reduction)


@ctc.backward
@in_working_precision("targets", "input_lengths", "target_lengths")
def ctc_backward(
    cotangent: Array,
    logits: Array,
    targets: Array,
    input_lengths: Array,
    target_lengths: Array,
    *,
    blank: int = 0,
    reduction: str = "mean",
) -> dict[str, Array]:
    """u (p - γ), γ_tk the probability of class k at frame t among the paths that spell the target.

    0 in the padding, nan where no path exists. Each frame sums to 0: where p_k > 1/2, so that p_k
    and γ_k may both be nearly 1, the entry is minus the sum of the others.
    """
    one_of(REDUCTIONS, reduction=reduction)
    problem = _pose(logits, targets, input_lengths, target_lengths, blank)
    u, n = spread(cotangent, input_lengths.shape, reduction)
    gamma = _occupancy(problem)
    slope = problem.softmax.p - gamma
    # logits so large that their rounding exceeds 1 leave γ no distribution to sum
    known = np.abs(gamma.sum(axis=-1, keepdims=True) - 1) < 0.5
    sure = (problem.softmax.p > 0.5) & known
    rest = -np.where(sure, 0, slope).sum(axis=-1, keepdims=True)
    slope = np.where(sure, rest, slope)
    length = np.maximum(problem.label_count, 1) if reduction == "mean" else np.ones(1, int)
    pulled = times(u[..., None], slope, over=(length.astype(slope.dtype)[:, None], n))
    return {"logits": np.where(problem.frames[..., None], pulled, 0)}


def _pose(
    logits: Array, targets: Array, input_lengths: Array, target_lengths: Array, blank: int
) -> _Problem:
    """Check everything, and lay out the states."""
    has_axes("T, N, C", logits=logits)
    has_axes("N, S", targets=targets)
    t, n, classes = logits.shape
    if targets.shape[0] != n:
        raise ValueError(f"targets must have shape ({n}, S), got {targets.shape}")
    has_length(n, input_lengths=input_lengths, target_lengths=target_lengths)
    frame_count = whole(t + 1, input_lengths=input_lengths)
    label_count = whole(targets.shape[1] + 1, target_lengths=target_lengths)
    if not 0 <= blank < classes:
        raise ValueError(f"blank must be in [0, {classes}), got {blank}")
    used = np.arange(targets.shape[1]) < label_count[:, None]
    labels = whole(classes, targets=np.where(used, targets, 0))
    if (used & (labels == blank)).any():
        raise ValueError(f"targets must not contain the blank, {blank}")
    symbols = np.full((n, 2 * targets.shape[1] + 1), blank)
    symbols[:, 1::2] = labels
    skips = np.zeros(symbols.shape, bool)
    skips[:, 3::2] = labels[:, 1:] != labels[:, :-1]
    frames = np.arange(t)[:, None] < frame_count
    softmax = softmax_of(np.where(frames[..., None], logits, 0))
    return _Problem(softmax, frames, frame_count, symbols, skips, label_count)


def _emissions(problem: _Problem) -> Array:
    """log p of each state's symbol at each frame, (T, N, K); -∞ in states past the target."""
    symbols = np.broadcast_to(problem.symbols, (len(problem.frames), *problem.symbols.shape))
    emissions = np.take_along_axis(problem.softmax.log_p, symbols, axis=-1)
    inside = np.arange(problem.symbols.shape[1]) <= 2 * problem.label_count[:, None]
    return np.where(inside, emissions, -np.inf)


def _shifted(states: Array, by: int) -> Array:
    """Each state's value moved `by` states on (back if negative), -∞ coming in."""
    out = np.full_like(states, -np.inf)
    if by > 0:
        out[:, by:] = states[:, :-by]
    else:
        out[:, :by] = states[:, -by:]
    return out


def _forward(problem: _Problem) -> tuple[Array, Array]:
    """α (T, N, K), the log-probability of being in a state after a frame; the log-likelihood."""
    emissions = _emissions(problem)
    alpha = np.full_like(emissions, -np.inf)
    for t, emission in enumerate(emissions):
        if t == 0:
            alpha[0, :, :2] = emission[:, :2]
            continue
        before = alpha[t - 1]
        skipped = np.where(problem.skips, _shifted(before, 2), -np.inf)
        arrived = np.logaddexp(np.logaddexp(before, _shifted(before, 1)), skipped)
        alpha[t] = arrived + emission
    rows, last = np.arange(len(problem.frame_count)), 2 * problem.label_count
    if not len(alpha):
        return alpha, np.where(problem.label_count == 0, 0.0, -np.inf).astype(alpha.dtype)
    end = alpha[problem.frame_count - 1, rows]
    spoken = np.where(last > 0, end[rows, np.maximum(last, 1) - 1], -np.inf)
    likelihood = np.logaddexp(end[rows, last], spoken)
    nothing = np.where(problem.label_count == 0, 0, -np.inf)
    return alpha, np.where(problem.frame_count == 0, nothing, likelihood)


def _occupancy(problem: _Problem) -> Array:
    """γ (T, N, C): the posterior probability of each class at each frame."""
    alpha, likelihood = _forward(problem)
    emissions = _emissions(problem)
    states = np.arange(problem.symbols.shape[1])
    last = 2 * problem.label_count[:, None]
    final = np.where((states == last) | (states == last - 1), 0.0, -np.inf).astype(alpha.dtype)
    gamma = np.zeros_like(problem.softmax.p)
    rows = np.arange(len(likelihood))
    beta = final  # the log-probability of finishing from a state, what it emits now not counted
    for t in range(len(alpha) - 1, -1, -1):
        if t < len(alpha) - 1:
            ahead = beta + emissions[t + 1]
            skipped = _shifted(np.where(problem.skips, ahead, -np.inf), -2)
            stepped = np.logaddexp(np.logaddexp(ahead, _shifted(ahead, -1)), skipped)
            beta = np.where((problem.frame_count == t + 1)[:, None], final, stepped)
        share = np.exp(alpha[t] + beta - likelihood[:, None])
        for state in states:
            gamma[t, rows, problem.symbols[:, state]] += share[:, state]
    return gamma
