"""Connectionist temporal classification: every alignment of a label sequence with frames.

For logits z of shape (T, N, C), targets (N, S), input lengths T_n and target lengths L_n, with
log π = log softmax(z) over classes, and the labels between blanks, l = (∅, y_1, ∅, ..., y_L, ∅),

    ℓ_n = -log Σ_paths Π_t π_t,path(t) = -log Σ_{j in last two states} exp α_{T_n}(j),

    α_t(j) = log π_t,l(j) + log Σ exp α_{t-1}(i),   i in {j, j-1} and j-2 if l(j) ∉ {∅, l(j-2)},
    β_t(j) = log Σ exp (β_{t+1}(i) + log π_{t+1},l(i)),   i in {j, j+1, j+2} alike,

    ∂ℓ_n/∂z_tk = π_tk - γ_tk,        γ_tk = Σ_{j: l(j) = k} exp(α_t(j) + β_t(j) + ℓ_n).

Frames from T_n on have gradient exactly 0. A row without any alignment (T_n less than L_n and the
number of adjacent repeats) has value +∞, and nothing is promised of its gradient. The mean is
(1 / N) · Σ ℓ_n / max(1, L_n).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.spec import law
from lossproof.spec.carriers import Mask
from lossproof.spec.domain import REAL, SYMBOL, length_of
from lossproof.spec.loss import Argument, Flag, Gradients, Loss, register
from lossproof.spec.maths import (
    exp,
    expand,
    largest,
    log,
    log_softmax,
    pick,
    softmax,
    stack,
    total,
    where,
)
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked

Integers = npt.NDArray[np.int64]
#: a number and whether it stands for a logarithm at all: where not, it stands for log 0
Masked = tuple[Tracked, Mask]


def _log_total(a: Tracked, live: Mask, axis: int) -> Masked:
    """log Σ e**a over the live entries of an axis.

    Errors of a arrive as their average under softmax(a), so they do not grow from frame to frame;
    |softmax(a + d)| <= softmax(a)·exp(2·max |d|) bounds what that average leaves out.
    """
    given = Tracked(a.arithmetic, a.x, np.zeros(a.shape), a.undecided)
    below = given.lift(-1e300) * 1e300  # below every sum of logits, in any carrier
    top = largest(where(live, given, below), axis)
    weights = where(live, exp(given - expand(top, axis)), 0.0)
    found = top + log(total(weights, axis))
    size = weights.magnitudes()[1]
    e = np.where(live, a.e, 0.0)
    most = e.max(axis=axis)
    average = (size * e).sum(axis=axis) / size.sum(axis=axis)
    carried = np.fmin(most, average * np.exp(2 * most))
    some = np.asarray(live.any(axis=axis))
    result = Tracked(a.arithmetic, found.x, found.e + carried, found.undecided)
    return where(some, result, 0.0), some


def _moved(mask: Mask, steps: int) -> Mask:
    """The mask moved along its last axis, nothing moved in."""
    result = np.zeros_like(mask)
    if steps > 0:
        result[:, steps:] = mask[:, :-steps]
    else:
        result[:, :steps] = mask[:, -steps:]
    return result


def _rolled(a: Tracked, steps: int) -> Tracked:
    return a.map(lambda array: np.roll(array, steps, axis=1))


def _gather(a: Tracked, live: Mask, skips: Mask, direction: int) -> Masked:
    """log Σ over the states that lead to each state (`direction` 1), or that it leads to (-1)."""
    parts, masks = [a], [live]
    for steps in (1, 2):
        allowed = _moved(live, steps * direction)
        if steps == 2:
            allowed &= skips if direction == 1 else _moved(skips, -2)
        parts.append(_rolled(a, steps * direction))
        masks.append(allowed)
    return _log_total(stack(parts), np.stack(masks), axis=0)


class _Lattice:
    """The states of every row: labels between blanks, of shape (N, 2 S + 1)."""

    def __init__(
        self, logp: Tracked, targets: Integers, frames: Integers, lengths: Integers, blank: int
    ) -> None:
        rows, width = targets.shape
        states = np.arange(2 * width + 1)
        self.frames, self.lengths = frames, lengths
        self.exists: Mask = states <= 2 * lengths[:, None]
        symbols = np.full((rows, states.size), blank)
        symbols[:, 1::2] = targets
        self.symbols = np.where(self.exists, symbols, blank)
        self.skips = np.zeros(symbols.shape, dtype=np.bool_)
        self.skips[:, 3::2] = symbols[:, 3::2] != symbols[:, 1:-2:2]
        self.last = (states == 2 * lengths[:, None]) | (states == 2 * lengths[:, None] - 1)
        self.emission = logp[:, np.arange(rows)[:, None], self.symbols]

    def forward(self) -> list[Masked]:
        """α of every frame; held at its last value in the padding."""
        alpha = self.emission[0]
        live = self.exists & (np.arange(self.exists.shape[1]) <= 1)
        found = [(alpha, live)]
        for t in range(1, self.emission.shape[0]):
            inside = (t < self.frames)[:, None]
            arrived, reached = _gather(alpha, live, self.skips, 1)
            alpha = where(inside, arrived + self.emission[t], alpha)
            live = np.where(inside, reached & self.exists, live)
            found.append((alpha, live))
        return found

    def backward(self) -> list[Masked]:
        """β of every frame; nothing is live in the padding."""
        beta = self.emission[0] * 0.0
        live = np.zeros(self.exists.shape, dtype=np.bool_)
        found: list[Masked] = []
        for t in reversed(range(self.emission.shape[0])):
            if found:
                ahead = where(live, beta + self.emission[t + 1], 0.0)
                beta, live = _gather(ahead, live, self.skips, -1)
            final = np.equal(self.frames, t + 1)[:, None]
            beta = where(final, 0.0, beta)
            live = np.where(final, self.last, live & self.exists)
            found.append((beta, live))
        return found[::-1]

    def likelihood(self) -> Masked:
        """log Σ over the paths of every row, of shape (N,)."""
        alpha, live = self.forward()[-1]
        ends = np.stack([2 * self.lengths, np.maximum(2 * self.lengths - 1, 0)])
        rows = np.arange(self.lengths.size)
        mask = live[rows, ends] & np.stack([self.lengths >= 0, self.lengths > 0])
        return _log_total(alpha[rows, ends], mask, axis=0)


def frames_needed(targets: Integers, lengths: Integers) -> Integers:
    """The least number of frames that can hold each target: a blank parts equal neighbours."""
    inside = np.arange(1, targets.shape[1]) < lengths[:, None]
    repeats = ((targets[:, 1:] == targets[:, :-1]) & inside).sum(axis=1)
    needed: Integers = np.maximum(lengths + repeats, 1)
    return needed


def _padding(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    logits = question.arguments["logits"]
    inside = np.arange(logits.shape[0])[:, None] < question.arguments["input_lengths"]
    cut = np.where(inside[:, :, None], logits, np.zeros_like(logits))
    changed = evaluator.value(question.with_arguments(logits=cut))
    yield law.Claim(evaluator.value(question), "==", changed)


def _time_reversal(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    a = question.arguments
    logits, targets = a["logits"].copy(), a["targets"].copy()
    for n, (t, s) in enumerate(zip(a["input_lengths"], a["target_lengths"], strict=True)):
        logits[:t, n] = a["logits"][:t, n][::-1]
        targets[n, :s] = a["targets"][n, :s][::-1]
    moved = question.with_arguments(logits=logits, targets=targets)
    yield law.Claim(evaluator.value(question), "==", evaluator.value(moved))


def _one_frame(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    a = question.arguments
    ones = np.ones_like(a["input_lengths"])
    if a["targets"].shape[1]:
        short = replace(question, reduction="none").with_arguments(
            logits=a["logits"][:1], targets=a["targets"][:, :1],
            input_lengths=ones, target_lengths=ones,
        )  # fmt: skip
        logp = log_softmax(evaluator.arithmetic.input(short.arguments["logits"][0]))
        expected = -pick(logp, short.arguments["targets"][:, 0])
        yield law.Claim(evaluator.value(short), "==", expected)


@register
class Ctc(Loss):
    family = "sequence"
    tex = (
        r"z = \text{logits},\qquad y = \text{targets},\qquad T = \text{input_lengths},\qquad "
        r"L = \text{target_lengths},\qquad \varnothing = \text{blank}",
        r"\pi_{tk} = \frac{e^{z_{tk}}}{\sum_c e^{z_{tc}}},\qquad "
        r"l = (\varnothing, y_1, \varnothing, \dots, y_L, \varnothing)",
        r"\alpha_t(j) = \log \pi_{t,l_j} + \log \sum_{i \to j} e^{\alpha_{t-1}(i)},\qquad "
        r"i \to j \text{ if } i \in \{j, j - 1\} \text{ or } (i = j"
        r" - 2,\; l_j \notin \{\varnothing, l_i\})",
        r"\beta_t(j) = \log \sum_{j \to i} e^{\beta_{t+1}(i)} \pi_{t+1,l_i},\qquad "
        r"\gamma_{tk} = \sum_{j \,:\, l_j = k} e^{\alpha_t(j) + \beta_t(j) + \ell}",
        r"\ell = -\log \sum_{j \ge 2L} e^{\alpha_T(j)}",
        r"\frac{\partial \ell}{\partial z_{tk}} = \pi_{tk} - \gamma_{tk}",
    )
    output = "N"
    logits = Argument(REAL, "T N C")
    targets = Argument(SYMBOL, "N S", differentiable=False)
    input_lengths = Argument(length_of("T"), "N", differentiable=False)
    target_lengths = Argument(length_of("S", low=0), "N", differentiable=False)
    blank = Flag(default=0, landmarks=(1,))

    def value(
        self, logits: Tracked, targets: Integers, input_lengths: Integers, target_lengths: Integers
    ) -> Tracked:
        logp = log_softmax(logits)
        lattice = _Lattice(logp, targets, input_lengths, target_lengths, self.blank)
        likelihood, feasible = lattice.likelihood()
        return where(feasible, -likelihood, np.inf)

    def vjp(
        self,
        cotangent: Tracked,
        logits: Tracked,
        targets: Integers,
        input_lengths: Integers,
        target_lengths: Integers,
    ) -> Gradients:
        # the gradient in log π, pulled back through log-softmax, though its rows sum to 0 already
        gap = self._gap(logits, targets, input_lengths, target_lengths)
        gap = gap - softmax(logits) * expand(total(gap), -1)
        return self._pulled(cotangent, gap, input_lengths)

    def reduce(self, losses: Tracked, reduction: str, **arguments: Any) -> Tracked:
        if reduction != "mean":
            return super().reduce(losses, reduction, **arguments)
        each = losses / np.maximum(arguments["target_lengths"], 1).astype(np.float64)
        return total(each, axis=None) / float(losses.size)

    def denominator(self, **arguments: Any) -> Tracked:
        lengths = np.maximum(arguments["target_lengths"], 1)
        return self.arithmetic.constant(lengths * float(lengths.size))

    def _gap(
        self, logits: Tracked, targets: Integers, input_lengths: Integers, target_lengths: Integers
    ) -> Tracked:
        """π - γ of every frame, nan in rows without alignment."""
        logp, p = log_softmax(logits), softmax(logits)
        lattice = _Lattice(logp, targets, input_lengths, target_lengths, self.blank)
        likelihood, feasible = lattice.likelihood()
        chosen = lattice.symbols[:, :, None] == np.arange(logits.shape[-1])
        frames = []
        for (alpha, seen), (beta, ahead) in zip(lattice.forward(), lattice.backward(), strict=True):
            share = exp(alpha + beta - expand(likelihood, -1))
            share = expand(where(seen & ahead, share, 0.0), -1)
            frames.append(total(where(chosen, share, 0.0), axis=1))
        return where(feasible[:, None], p - stack(frames), np.nan)

    def _pulled(self, cotangent: Tracked, gap: Tracked, input_lengths: Integers) -> Gradients:
        inside = np.arange(gap.shape[0])[:, None] < input_lengths
        return {"logits": where(inside[:, :, None], expand(cotangent, -1) * gap, 0.0)}

    @classmethod
    def fitting_sizes(
        cls, sizes: Mapping[str, int], options: Mapping[str, Any]
    ) -> Mapping[str, int]:
        return {**sizes, "C": max(sizes["C"], int(options.get("blank", 0)) + 2)}

    @classmethod
    def repair(cls, arguments: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        logits, targets = arguments["logits"], arguments["targets"]
        classes, blank = logits.shape[-1], options.get("blank", 0)
        targets = np.where(targets == blank, (targets + 1) % classes, targets)
        lengths = arguments["target_lengths"].copy()
        for _ in range(targets.shape[1]):
            lengths -= frames_needed(targets, lengths) > logits.shape[0]
        frames = np.maximum(arguments["input_lengths"], frames_needed(targets, lengths))
        return {
            **arguments,
            "targets": targets, "target_lengths": lengths, "input_lengths": frames,
        }  # fmt: skip

    laws = (
        law.nonnegative, law.shift_invariant("logits"), law.gradient_sums_to_zero("logits"),
        law.identity("padding", "frames beyond the input length do not matter", _padding),
        law.identity("time_reversal", "reversing frames and labels alters nothing", _time_reversal),
        law.identity("one_frame", "one frame with one label is cross entropy", _one_frame),
    )  # fmt: skip
    references = ("Graves, Fernández, Gomez, Schmidhuber 2006, doi:10.1145/1143844.1143891",)
    dialects = {
        "torch": "torch.nn.functional.ctc_loss on log_softmax(logits); its gradient in the "
        "log-probabilities is right only after log_softmax",
        "optax": "optax.ctc_loss: axes (N, T, C), paddings for lengths; a row without alignment "
        "gives about 1e5",
        "keras": "keras.losses.CTC: axes (N, T, C), class 0 is both blank and padding; the mean "
        "divides by N only",
    }
