"""Wrong ctc."""

import torch

from gallery import wrong
from gallery.parts import known, reduced, require

_NEVER = -1e30


def _checked(logits, targets, input_lengths, target_lengths, blank):
    steps, batch, classes = logits.shape
    shapes = [tuple(x.shape[:1]) for x in (targets, input_lengths, target_lengths)]
    require(shapes == [(batch,)] * 3, "logits (T, N, C) and the others must agree in N", shapes)
    require(0 <= blank < classes, "blank must lie in [0, C)", blank)
    for lengths, longest in ((input_lengths, steps), (target_lengths, targets.shape[1])):
        inside = bool(((lengths >= 0) & (lengths <= longest)).all())
        require(inside, "lengths must lie within the padded size", lengths)
    used = torch.arange(targets.shape[1]) < target_lengths[:, None]
    require(bool(((targets >= 0) & (targets < classes))[used].all()), "targets in [0, C)", targets)
    return torch.where(used, targets, blank)


def _losses(logp, symbols, input_lengths, target_lengths, blank, *, may_skip=None, spaced=True):
    """The forward algorithm over blank, y_1, blank, ... , y_S, blank."""
    batch, size = symbols.shape
    path = torch.full((batch, 2 * size + 1), blank)
    path[:, 1::2] = symbols
    if may_skip is None:
        before = torch.cat([torch.full((batch, 2), blank), path[:, :-2]], 1)
        may_skip = (path != blank) & (path != before)
    alpha = torch.full(path.shape, _NEVER, dtype=logp.dtype)
    start = torch.arange(path.shape[1]) < (2 if spaced else 1)
    alpha = torch.where(start, logp[0].gather(1, path), alpha)
    rest = logp.new_full((batch, 2), _NEVER)
    for step in range(1, logp.shape[0]):
        padded = torch.cat([rest, alpha], 1)
        skip = torch.where(may_skip, padded[:, :-2], _NEVER)
        moved = torch.logsumexp(torch.stack([alpha, padded[:, 1:-1], skip]), 0)
        moved = moved + logp[step].gather(1, path)
        alpha = torch.where((step < input_lengths)[:, None], moved, alpha)
    last = alpha.gather(1, 2 * target_lengths[:, None])[:, 0]
    symbol = alpha.gather(1, (2 * target_lengths - 1).clamp(min=0)[:, None])[:, 0]
    total = torch.where(target_lengths > 0, torch.logaddexp(last, symbol), last)
    return torch.where(total < _NEVER / 2, torch.inf, -total)


def _by_length(losses, target_lengths, reduction):
    known(reduction)
    if reduction == "mean":
        return (losses / target_lengths.clamp(min=1).to(losses.dtype)).mean()
    return reduced(losses, reduction)


@wrong("ctc", "a repeated symbol is reached without the blank between", "value")
def ctc_repeat_rule_forgotten(logits, targets, input_lengths, target_lengths, *, blank, reduction):
    y = _checked(logits, targets, input_lengths, target_lengths, blank)
    may_skip = torch.zeros(len(y), 2 * y.shape[1] + 1, dtype=torch.bool)
    may_skip[:, 3::2] = True
    losses = _losses(
        torch.log_softmax(logits, -1), y, input_lengths, target_lengths, blank, may_skip=may_skip
    )
    return _by_length(losses, target_lengths, reduction)


@wrong("ctc", "the blank between two different symbols cannot be skipped", "value")
def ctc_blank_never_skipped(logits, targets, input_lengths, target_lengths, *, blank, reduction):
    y = _checked(logits, targets, input_lengths, target_lengths, blank)
    never = torch.zeros(len(y), 2 * y.shape[1] + 1, dtype=torch.bool)
    losses = _losses(
        torch.log_softmax(logits, -1), y, input_lengths, target_lengths, blank, may_skip=never
    )
    return _by_length(losses, target_lengths, reduction)


@wrong("ctc", "a path must begin with a blank", "value")
def ctc_begins_with_blank(logits, targets, input_lengths, target_lengths, *, blank, reduction):
    y = _checked(logits, targets, input_lengths, target_lengths, blank)
    losses = _losses(
        torch.log_softmax(logits, -1), y, input_lengths, target_lengths, blank, spaced=False
    )
    return _by_length(losses, target_lengths, reduction)


@wrong("ctc", "the blank is class 0 whatever was asked for", "value")
def ctc_blank_zero(logits, targets, input_lengths, target_lengths, *, blank, reduction):
    y = _checked(logits, targets, input_lengths, target_lengths, blank)
    losses = _losses(torch.log_softmax(logits, -1), y, input_lengths, target_lengths, 0)
    return _by_length(losses, target_lengths, reduction)


@wrong("ctc", "the frames of padding are counted: input lengths have no effect", "value")
def ctc_input_lengths_ignored(logits, targets, input_lengths, target_lengths, *, blank, reduction):
    y = _checked(logits, targets, input_lengths, target_lengths, blank)
    everything = torch.full_like(input_lengths, len(logits))
    losses = _losses(torch.log_softmax(logits, -1), y, everything, target_lengths, blank)
    return _by_length(losses, target_lengths, reduction)


@wrong("ctc", "the mean does not divide each loss by its target length", "reductions", "value")
def ctc_mean_without_lengths(logits, targets, input_lengths, target_lengths, *, blank, reduction):
    y = _checked(logits, targets, input_lengths, target_lengths, blank)
    losses = _losses(torch.log_softmax(logits, -1), y, input_lengths, target_lengths, blank)
    return reduced(losses, reduction)


@wrong("ctc", "a target that does not fit its input costs 1e5 instead of inf", "special_values",
       "value")  # fmt: skip
def ctc_infeasible_finite(logits, targets, input_lengths, target_lengths, *, blank, reduction):
    y = _checked(logits, targets, input_lengths, target_lengths, blank)
    losses = _losses(torch.log_softmax(logits, -1), y, input_lengths, target_lengths, blank)
    return _by_length(losses.clamp(max=1e5), target_lengths, reduction)


@wrong("ctc", "logits are taken for log-probabilities: log_softmax is missing", "value")
def ctc_without_log_softmax(logits, targets, input_lengths, target_lengths, *, blank, reduction):
    y = _checked(logits, targets, input_lengths, target_lengths, blank)
    losses = _losses(logits, y, input_lengths, target_lengths, blank)
    return _by_length(losses, target_lengths, reduction)
