"""Questions about any loss, made from its arguments and options alone, the same in every run.

Three kinds of numbers: `moderate` (a normal distribution), `hostile` (zeros, ties, halves, numbers
tiny and large, in between moderate ones) and `coarse` (multiples of 1/4 up to 8).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.spec.domain import Domain
from lossproof.spec.loss import Argument, Loss, Parameter
from lossproof.spec.question import Question

Arrays = dict[str, Any]

HOSTILE = (
    0.0,
    1e-300,
    1e-30,
    1e-8,
    2.0**-24,
    0.25,
    0.5,
    1.0,
    1.0 + 2.0**-52,
    2.0,
    17.0,
    90.0,
    400.0,
)
SIZES = {"N": 20, "C": 4, "D": 3, "T": 4, "S": 2}
#: samples that depend on each other are asked about in small groups
COUPLED = {"N": 10, "C": 3, "D": 3, "T": 4, "S": 2}
ELEMENTS = 60


def questions(
    loss: type[Loss], kind: str, *, samples: int, reduction: str = "none"
) -> Iterator[Question]:
    """Questions that cover at least so many samples, over values of every option in turn."""
    rng = np.random.default_rng(zlib.crc32(f"{loss.name} {kind} {reduction}".encode()))
    covered = index = 0
    while covered < samples:
        question = _question(loss, kind, reduction, index, rng)
        covered += samples_of(question)
        index += 1
        yield question


def samples_of(question: Question) -> int:
    """How many samples a question is about: entries, or rows."""
    loss = question.loss
    for key, argument in loss.arguments.items():
        if argument.shape == "*":
            return int(np.size(question.arguments[key]))
        if "N" in argument.axes:
            return int(np.shape(question.arguments[key])[argument.axes.index("N")])
    raise AssertionError(f"{loss.name} has no samples")


def _question(
    loss: type[Loss], kind: str, reduction: str, index: int, rng: np.random.Generator
) -> Question:
    sizes = {**(SIZES if loss.samples else COUPLED)}
    options = _options(loss, index, rng)
    arguments: Arrays = {}
    for key, argument in loss.arguments.items():
        if argument.optional and rng.random() < 0.5:
            arguments[key] = None
        else:
            arguments[key] = _array(argument, sizes, kind, rng)
    for first, second in loss.ties:
        if kind != "moderate" and arguments[first].shape == arguments[second].shape:
            tied = rng.random(arguments[first].shape) < 0.1
            arguments[first] = np.where(tied, arguments[second], arguments[first])
    if "ignore_index" in options:
        label = next(k for k, a in loss.arguments.items() if a.domain.kind == "label")
        ignored = rng.random(arguments[label].shape) < 0.1
        arguments[label] = np.where(ignored, options["ignore_index"], arguments[label])
    arguments = loss.repair(arguments, options)
    shape = loss.output_shape(arguments, reduction)
    return Question(
        loss=loss,
        arguments=arguments,
        options=options,
        reduction=reduction,
        cotangent=rng.normal(size=shape),
    )


def _options(loss: type[Loss], index: int, rng: np.random.Generator) -> Arrays:
    """Defaults first, then a value of each option in turn with random values of the others."""
    values = {k: [o.default, *o.choices, *o.landmarks] for k, o in loss.options.items()}
    if index == 0 or not values:
        return {k: v[0] for k, v in values.items()}
    chosen = {k: v[int(rng.integers(len(v)))] for k, v in values.items()}
    turn = list(values)[index % len(values)]
    chosen[turn] = values[turn][(index // len(values)) % len(values[turn])]
    if isinstance(loss.options[turn], Parameter) and index % 3 == 0 and chosen[turn] is not None:
        scaled = chosen[turn] * 0.75  # a number that is no landmark
        chosen[turn] = scaled if loss.options[turn].accepts(scaled) else chosen[turn]
    return chosen


def _array(
    argument: Argument, sizes: dict[str, int], kind: str, rng: np.random.Generator
) -> npt.NDArray[Any]:
    if argument.shape == "*":
        shape: tuple[int, ...] = (ELEMENTS,) if kind != "coarse" else (ELEMENTS // 10, 10)
    else:
        shape = tuple(sizes[axis] for axis in argument.axes)
    domain = argument.domain
    if domain.kind == "values":
        return rng.choice(np.asarray(domain.values), size=shape)
    if domain.kind in ("label", "symbol"):
        return rng.integers(0, sizes[domain.axis], size=shape)
    if domain.kind == "length":
        return rng.integers(int(domain.low), sizes[domain.axis] + 1, size=shape)
    return _reals(domain, kind, shape, rng)


def _reals(
    domain: Domain, kind: str, shape: tuple[int, ...], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    unit = domain.low == 0.0 and domain.high == 1.0
    if kind == "coarse":
        x = rng.integers(0, 5, size=shape) / 4 if unit else rng.integers(-32, 33, size=shape) / 4
    else:
        x = rng.random(shape) if unit else rng.normal(scale=3.0, size=shape)
    if kind == "hostile":
        landmarks = np.asarray(HOSTILE)
        hostile = rng.choice(landmarks, size=shape) * rng.choice([-1.0, 1.0], size=shape)
        if unit:
            near = rng.choice(landmarks[landmarks <= 1.0], size=shape)
            hostile = np.where(rng.random(shape) < 0.3, 1.0 - near * 2.0**-20, near)
        x = np.where(rng.random(shape) < 0.4, hostile, x)
    if domain.low == 0.0 and not unit:
        x = np.abs(x)
    return np.asarray(np.clip(x, domain.low, domain.high), dtype=np.float64)
