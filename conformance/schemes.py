"""Ways to reduce losses to fewer numbers: those of the catalogue, and others that are met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lossproof.spec.loss import Arguments, Loss
from lossproof.spec.maths import mean, total
from lossproof.spec.tracked import Tracked

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """A way to reduce losses, in words: what becomes of their shape, and of them.

    `shape` is None where the loss has no such reduction. `apply` takes the loss, the same bound to
    an arithmetic, its losses and its arguments.
    """

    name: str
    words: str
    shape: Callable[[type[Loss], Arguments], Shape | None]
    apply: Callable[[type[Loss], Loss, Tracked, Arguments], Tracked]
    cost: float = 0.0


def _standard(name: str) -> Scheme:
    words = {"none": "not reduced", "batchmean": "reduction batchmean"}.get(name, name)

    def shape(loss: type[Loss], arguments: Arguments) -> Shape | None:
        return loss.output_shape(arguments, name) if name in loss.reductions else None

    def apply(loss: type[Loss], bound: Loss, losses: Tracked, arguments: Arguments) -> Tracked:
        return loss.reduce(bound, losses, name, **arguments)

    return Scheme(name=name, words=words, shape=shape, apply=apply)


def _along(
    axis: int, words: str, reduced: Callable[[Tracked, int], Tracked], cost: float
) -> Scheme:
    def shape(loss: type[Loss], arguments: Arguments) -> Shape | None:
        whole = loss.output_shape(arguments, "none")
        if len(loss.reductions) == 1 or len(whole) != 2:
            return None
        return whole[1:] if axis == 0 else whole[:1]

    def apply(loss: type[Loss], bound: Loss, losses: Tracked, arguments: Arguments) -> Tracked:
        return reduced(losses, axis)

    return Scheme(name=words, words=words, shape=shape, apply=apply, cost=cost)


def _divided(words: str, divisor: Callable[[type[Loss], Arguments], int | None]) -> Scheme:
    def shape(loss: type[Loss], arguments: Arguments) -> Shape | None:
        return () if len(loss.reductions) > 1 and divisor(loss, arguments) else None

    def apply(loss: type[Loss], bound: Loss, losses: Tracked, arguments: Arguments) -> Tracked:
        return total(losses, axis=None) / float(divisor(loss, arguments) or 1)

    return Scheme(name=words, words=words, shape=shape, apply=apply, cost=2.0)


def _rows(loss: type[Loss], arguments: Arguments) -> int | None:
    """The size of the batch."""
    whole = loss.output_shape(arguments, "none")
    return whole[0] if whole else None


def _columns(loss: type[Loss], arguments: Arguments) -> int | None:
    """The number of columns, where losses lie in a matrix."""
    whole = loss.output_shape(arguments, "none")
    return whole[1] if len(whole) == 2 else None


def _entries(loss: type[Loss], arguments: Arguments) -> int | None:
    """The number of entries of the first argument, where that is not the number of losses."""
    whole = loss.output_shape(arguments, "none")
    size = int(np.prod(np.shape(next(iter(arguments.values())))))
    return size if len(whole) == 1 and size != whole[0] else None


def _all_but_one(loss: type[Loss], arguments: Arguments) -> int | None:
    size = int(np.prod(loss.output_shape(arguments, "none")))
    return size - 1 if size > 1 else None


def _weighted_mean() -> Scheme:
    words = "sum divided by the sum of the weights"

    def shape(loss: type[Loss], arguments: Arguments) -> Shape | None:
        given = arguments.get("weight") is not None and len(loss.reductions) > 1
        return () if given else None

    def apply(loss: type[Loss], bound: Loss, losses: Tracked, arguments: Arguments) -> Tracked:
        return total(losses, axis=None) / total(arguments["weight"], axis=None)

    return Scheme(name=words, words=words, shape=shape, apply=apply, cost=2.0)


SCHEMES = (
    *(_standard(name) for name in ("none", "sum", "mean", "batchmean")),
    _along(-1, "mean over the last axis", mean, 1.0),
    _along(-1, "sum over the last axis", total, 1.0),
    _along(0, "mean over the first axis", mean, 1.5),
    _along(0, "sum over the first axis", total, 1.5),
    _divided("sum divided by the batch", _rows),
    _divided("sum divided by the last axis", _columns),
    _divided("sum divided by all entries of the input", _entries),
    _divided("sum divided by n - 1", _all_but_one),
    _weighted_mean(),
)
