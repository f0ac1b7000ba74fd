"""How arrays of any shape reach a function that takes fewer shapes than its loss allows.

`flat` is for functions of one axis, `matrix` for those of two, `column` for those of two of which
the last has one entry, `rows` for those that reduce the last axis and leave the others, as the
functions of Keras do, `labels` for those that carry a number for each entry of the last of two
axes, and `sequences`, `images` and `volumes` for those that carry one for each channel, before as
many axes. A question is asked of such a function in the shapes that it takes, and its answer put
back into the shape of the question: no number changes on the way.

`logs` is for functions of log-probabilities in the place of logits: they are given the logarithm of
the softmax, and their gradient is pulled back through it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lossproof.backends.base import Answer
from lossproof.spec.loss import Loss

FLAT, MATRIX, COLUMN, ROWS, LOGS = "flat", "matrix", "column", "rows", "logs"
LABELS = "labels"
#: by the names of what has channels before its other axes, how many those are
CHANNELS = {"sequences": 1, "images": 2, "volumes": 3}
#: sizes of these axes, the first of which the question has enough entries for, and how many entries
#: of each channel are enough for the first
SPREADS = ((1, 2, 3), (1, 1, 2), (1, 1, 1))
IMAGE = math.prod(SPREADS[0])
#: columns of a matrix, the first of these that divides the number of entries
COLUMNS = (4, 3, 2, 1)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question's arrays as they are."""

    arguments: Mapping[str, Any]
    cotangent: Any

    def back(self, answer: Answer) -> Answer:
        """The answer as it is."""
        return answer


@dataclass(frozen=True, kw_only=True)
class Arranged:
    """A question's arrays in other shapes, and the shape that they came in."""

    arguments: Mapping[str, Any]
    cotangent: Any
    shape: tuple[int, ...]
    reduced: bool

    def back(self, answer: Answer) -> Answer:
        """The answer in the shapes of the question, as far as it has as many entries."""
        whole = () if self.reduced else self.shape
        return replace(
            answer,
            value=_shaped(answer.value, whole),
            gradients={k: _shaped(v, self.shape) for k, v in answer.gradients.items()},
        )


def fits(loss: type[Loss]) -> bool:
    """Whether the loss takes arrays of any shape, all of one."""
    return all(a.shape == "*" for a in loss.arguments.values()) and len(loss.arguments) > 1


def arranged(
    kind: str,
    arguments: Mapping[str, Any],
    cotangent: Any,
    *,
    reduced: bool,
    whole: bool,
    columns: int = 1,
) -> Arranged | None:
    """The arrays as the function takes them; None where they have no shape in common.

    Of `reduced` questions the answer is one number. With `whole` all entries are one row, for a
    function that reduces rows and nothing else. `columns` are the labels or channels.
    """
    shapes = {np.shape(v) for v in arguments.values() if v is not None}
    if len(shapes) != 1:
        return None
    shape = shapes.pop()
    size = int(np.prod(shape))
    taken: tuple[int, ...] = (size,)
    upstream = taken
    if kind == MATRIX:
        columns = next(c for c in COLUMNS if size % c == 0 and (size > c or c == 1))
        taken = upstream = (size // columns, columns)
    elif kind == LABELS:
        taken = upstream = (size // columns, columns)
    elif kind in CHANNELS:
        return _by_channels(CHANNELS[kind], arguments, cotangent, shape, columns, reduced=reduced)
    elif kind == COLUMN:
        taken = upstream = (size, 1)
    elif kind == ROWS:
        taken, upstream = ((1, size), (1,)) if whole else ((size, 1), (size,))
    if reduced and not (kind == ROWS and whole):
        upstream = ()
    return Arranged(
        arguments={k: None if v is None else np.reshape(v, taken) for k, v in arguments.items()},
        cotangent=None if cotangent is None else np.reshape(cotangent, upstream),
        shape=shape,
        reduced=reduced,
    )


@dataclass(frozen=True, kw_only=True)
class Channelled(Arranged):
    """A question's arrays with their last axis, the channels, before others."""

    spread: tuple[int, ...]

    def back(self, answer: Answer) -> Answer:
        """The answer with the channels last, and in the shapes of the question."""
        return super().back(
            replace(
                answer,
                value=self._last(answer.value),
                gradients={k: self._last(v) for k, v in answer.gradients.items()},
            )
        )

    def _last(self, array: Any) -> Any:
        if array is None or np.shape(array) != self.spread:
            return array
        return np.moveaxis(np.asarray(array), 1, -1)


def _by_channels(
    axes: int,
    arguments: Mapping[str, Any],
    cotangent: Any,
    shape: tuple[int, ...],
    channels: int,
    *,
    reduced: bool,
) -> Channelled:
    rows = int(np.prod(shape)) // channels
    found = next(s[-axes:] for s in SPREADS if rows % int(np.prod(s[-axes:])) == 0)
    last = (rows // int(np.prod(found)), *found, channels)

    def placed(array: Any) -> Any:
        return np.moveaxis(np.reshape(array, last), -1, 1)

    upstream = cotangent if cotangent is None or reduced else placed(cotangent)
    return Channelled(
        arguments={k: None if v is None else placed(v) for k, v in arguments.items()},
        cotangent=upstream,
        shape=shape,
        reduced=reduced,
        spread=(last[0], channels, *found),
    )


@dataclass(frozen=True, kw_only=True)
class Normalised:
    """A question's logits made log-probabilities."""

    arguments: Mapping[str, Any]
    cotangent: Any
    name: str

    def back(self, answer: Answer) -> Answer:
        """The answer, with the gradient in log-probabilities pulled back to logits."""
        gradient = answer.gradients.get(self.name)
        given = self.arguments[self.name]
        if gradient is None or np.shape(gradient) != np.shape(given):
            return answer
        with np.errstate(all="ignore"):
            wide, p = gradient.astype(np.float64), np.exp(np.asarray(given, dtype=np.float64))
            pulled = wide - p * wide.sum(axis=-1, keepdims=True)
        gradients = {**answer.gradients, self.name: pulled.astype(gradient.dtype)}
        return replace(answer, gradients=gradients)


def normalised(name: str, arguments: Mapping[str, Any], cotangent: Any) -> Normalised:
    """The arrays with the logarithm of the softmax of `name`, rounded once."""
    given = np.asarray(arguments[name])
    with np.errstate(all="ignore"):
        z = given.astype(np.float64)
        shifted = z - z.max(axis=-1, keepdims=True, initial=-np.inf)
        logs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return Normalised(
        arguments={**arguments, name: logs.astype(given.dtype)}, cotangent=cotangent, name=name
    )


def _shaped(array: Any, shape: tuple[int, ...]) -> Any:
    """An array in another shape, if it has as many entries; any other as it is."""
    if array is None or np.size(array) != int(np.prod(shape)):
        return array
    return np.reshape(array, shape)
