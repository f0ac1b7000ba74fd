"""Points: arguments of a loss, made from the domains that it declares.

Everything is a function of a seed, a regime and a size, so that Hypothesis draws three small
things and NumPy makes the arrays. Sizes come from a short list: a compiler compiles once a shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.conformance.landmarks import numbers, step
from lossproof.spec.domain import Domain
from lossproof.spec.formats import Format
from lossproof.spec.loss import Argument, Loss, Parameter
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

Reals = npt.NDArray[np.float64]
Random = np.random.Generator

#: sizes of the axes of one question; the first is the plain one
SIZES: tuple[Mapping[str, int], ...] = (
    {"*": 8, "N": 4, "C": 5, "D": 4, "T": 6, "S": 2},
    {"*": 1, "N": 1, "C": 1, "D": 1, "T": 1, "S": 1},
    {"*": 33, "N": 9, "C": 2, "D": 3, "T": 5, "S": 2},
)
COTANGENTS = ("random", "ones", "negative", "zeros", "huge")


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Makes questions for one loss in one format."""

    loss: type[Loss]
    format: Format
    #: the optional arguments that may be given; None for all
    optional: tuple[str, ...] | None = None
    #: whether labels may be the one that is ignored
    ignores: bool = True
    #: axes of one size only, and optional arguments that are the same in every question
    sizes: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    #: entries of arrays of any shape come in multiples of this
    columns: int = 1

    def question(
        self,
        seed: int,
        regime: str = "moderate",
        sizes: Mapping[str, int] = SIZES[0],
        *,
        options: Mapping[str, Any] | None = None,
        reduction: str | None = None,
        cotangent: str = "random",
        optional: bool | None = None,
    ) -> Question:
        """A question whose every part follows from the seed where it is not given.

        `optional` says whether optional arguments are given; None leaves it to the seed.
        """
        rng = np.random.default_rng(seed)
        loss = self.loss
        sizes = {**sizes, **self.sizes}
        if self.columns > 1 and "*" in sizes:
            sizes["*"] = -(-sizes["*"] // self.columns) * self.columns
        sizes = loss.fitting_sizes(sizes, options or {})
        chosen = dict(loss.complete(options or {}))
        arguments: dict[str, Any] = {}
        for key, argument in loss.arguments.items():
            if key in self.held:
                arguments[key] = self._held(argument, sizes, key)
                continue
            given = bool(rng.integers(2)) if optional is None else optional
            taken = self.optional is None or key in self.optional
            if argument.optional and not (given and taken):
                arguments[key] = None
                continue
            # weights are hostile only by being 0: the mathematics to try is that of the loss
            kind = "weights" if argument.optional else regime
            arguments[key] = self._array(rng, argument, sizes, kind, chosen)
        self._tie(rng, arguments, regime)
        arguments = loss.repair(arguments, chosen)
        arguments = {k: self._stored(v) for k, v in arguments.items()}
        chosen_reduction = loss.reductions[0] if reduction is None else reduction
        question = Question(
            loss=loss, arguments=arguments, options=chosen, reduction=chosen_reduction
        )
        upstream = self.cotangent(rng, question.output_shape, cotangent)
        return Question(
            loss=loss,
            arguments=arguments,
            options=chosen,
            reduction=chosen_reduction,
            cotangent=upstream,
        )

    def _held(self, argument: Argument, sizes: Mapping[str, int], key: str) -> Reals:
        shape = tuple(sizes[a] for a in (argument.axes if argument.shape != "*" else "*"))
        return np.resize(np.asarray(self.held[key]), shape)

    def cotangent(self, rng: Random, shape: tuple[int, ...], kind: str) -> npt.NDArray[Any]:
        """An upstream cotangent: never ones alone."""
        normal = np.exp2(rng.uniform(-2, 2, shape)) * rng.choice([-1.0, 1.0], size=shape)
        made: dict[str, Callable[[], Any]] = {
            "random": lambda: np.where(rng.random(shape) < 0.05, 0.0, normal),
            "ones": lambda: np.ones(shape),
            "negative": lambda: -np.abs(normal) - 0.5,
            "zeros": lambda: np.zeros(shape),
            "huge": lambda: normal * 2.0 ** min(40, self.format.emax // 8),
        }
        return np.asarray(self.format.round(np.asarray(made[kind]())))

    def every_value(self) -> Question | None:
        """All finite numbers of a 16-bit format, for a loss of one argument of any shape."""
        (first, *others) = self.loss.arguments.items()
        if others or first[1].shape != "*" or self.format.dtype.itemsize != 2:
            return None
        bits = np.arange(2**16, dtype=np.uint32).astype(np.uint16)
        values = bits.view(self.format.dtype)
        with np.errstate(all="ignore"):
            finite = values[np.isfinite(values.astype(np.float64))]
        inside = [first[1].domain.contains(v) for v in finite.astype(np.float64)]
        chosen = finite[np.asarray(inside)]
        return Question(
            loss=self.loss,
            arguments={first[0]: chosen},
            options=self.loss.complete({}),
            cotangent=self.cotangent(np.random.default_rng(0), chosen.shape, "random"),
        )

    def option_sets(self) -> tuple[dict[str, Any], ...]:
        """The defaults, then each option at each of its landmarks, one at a time."""
        sets: list[dict[str, Any]] = [{}]
        for key, option in self.loss.options.items():
            values = option.choices or option.landmarks
            for value in (*values, None) if option.optional else values:
                same = value == option.default and type(value) is type(option.default)
                if not same and self._representable(option, value):
                    sets.append({key: value})
        return tuple(sets)

    def _representable(self, option: Any, value: Any) -> bool:
        """Whether a real option means something in the format; eps = 1e-12 has none in float16."""
        if not isinstance(option, Parameter) or value is None or value == 0:
            return True
        return bool(self.format.smallest_normal <= abs(value) <= self.format.largest)

    def _stored(self, array: Any) -> Any:
        if array is None or np.asarray(array).dtype.kind in "iu":
            return array
        return np.asarray(self.format.round(array))

    def _array(
        self,
        rng: Random,
        argument: Argument,
        sizes: Mapping[str, int],
        regime: str,
        options: Mapping[str, Any],
    ) -> Any:
        axes = ("*",) if argument.shape == "*" else argument.axes
        shape = tuple(sizes[a] for a in axes)
        domain = argument.domain
        if domain.kind == "values":
            return rng.choice(np.asarray(domain.values), size=shape)
        if domain.integer:
            return self._integers(rng, domain, shape, sizes, options)
        values = self._reals(rng, domain, shape, regime)
        if domain.kind == "real" and len(axes) > 1 and axes[-1] in ("C", "D"):
            values = self._row_patterns(rng, domain, values, regime)
            unbounded = not np.isfinite(domain.low) and not np.isfinite(domain.high)
            if regime == "moderate" and axes[-1] == "D" and unbounded and rng.random() < 0.5:
                values = self._embeddings(rng, values)
        return values

    def _integers(
        self,
        rng: Random,
        domain: Domain,
        shape: tuple[int, ...],
        sizes: Mapping[str, int],
        options: Mapping[str, Any],
    ) -> npt.NDArray[np.int64]:
        if domain.kind == "length":
            return rng.integers(int(domain.low), sizes[domain.axis] + 1, size=shape)
        if domain.kind == "symbol":
            blank = int(options.get("blank", 0))
            symbols = np.delete(np.arange(sizes["C"]), blank) if sizes["C"] > 1 else np.zeros(1)
            return rng.choice(symbols.astype(np.int64), size=shape)
        labels = rng.integers(0, sizes["C"], size=shape)
        if "ignore_index" in options and self.ignores:
            labels = np.where(rng.random(shape) < 0.15, options["ignore_index"], labels)
        return labels

    def _reals(self, rng: Random, domain: Domain, shape: tuple[int, ...], regime: str) -> Reals:
        fmt = self.format
        if regime == "landmarks":
            landmarks: Reals = rng.choice(np.asarray(numbers(fmt, domain)), size=shape)
            return landmarks
        if regime == "weights":
            weights: Reals = rng.choice(np.asarray([0.0, 0.25, 0.3, 1.0, 1.7, 5.0]), size=shape)
            return weights
        if regime == "coarse":
            return self._coarse(rng, domain, shape)
        if regime == "wide":
            exponents = rng.uniform(fmt.emin - 2, fmt.emax, size=shape)
            return self._inside(rng, domain, np.exp2(exponents))
        if regime == "huge":
            return self._inside(rng, domain, rng.uniform(0.1, 1.0, shape) * self._large(rng))
        if regime == "small":
            return self._inside(rng, domain, np.exp2(rng.uniform(fmt.emin, -3, size=shape)))
        if regime == "confident":
            edge = -np.log(fmt.unit_roundoff)
            return self._inside(rng, domain, rng.uniform(0.2, 2.5, shape) * edge)
        if np.isfinite(domain.low) and np.isfinite(domain.high):
            return domain.low + (domain.high - domain.low) * rng.random(shape)
        return self._inside(rng, domain, np.abs(rng.standard_normal(shape)) * 3)

    def _large(self, rng: Random) -> float:
        """A magnitude whose sum, square or fourth power comes near overflow."""
        ceiling = Arithmetic(format=self.format, reordered=4.0).ceiling
        return float(rng.choice([ceiling / 8, ceiling**0.5 / 4, ceiling**0.25]))

    def _coarse(self, rng: Random, domain: Domain, shape: tuple[int, ...]) -> Reals:
        """Multiples of 1/4 up to 2: exact in every format, and often exactly at a kink."""
        grid = np.arange(-8, 9) / 4.0
        inside = np.asarray([v for v in grid if domain.contains(v)])
        chosen: Reals = rng.choice(inside, size=shape)
        return chosen

    def _inside(self, rng: Random, domain: Domain, size: Reals) -> Reals:
        """Positive magnitudes moved into the domain, with random signs where it has both."""
        size = np.asarray(self.format.round(size)).astype(np.float64)
        size = np.minimum(size, self.format.largest)
        if np.isfinite(domain.low) and np.isfinite(domain.high):
            width = domain.high - domain.low
            folded = np.where(size > 1, 1 / np.maximum(size, 1), size) * width
            folded = np.where(rng.random(size.shape) < 0.3, 0.0, folded)  # the ends themselves
            ends = rng.random(size.shape) < 0.5
            return np.where(ends, domain.low + folded, domain.high - folded)
        if np.isfinite(domain.low):
            return domain.low + size
        return np.where(rng.random(size.shape) < 0.5, size, -size)

    def _embeddings(self, rng: Random, rows: Reals) -> Reals:
        """The rows at lengths near 1: what a temperature of 0.07 divides is then of the order 1."""
        lengths = np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
        scaled: Reals = rows / lengths * np.exp2(rng.uniform(-1, 1, size=lengths.shape))
        return scaled

    def _row_patterns(self, rng: Random, domain: Domain, rows: Reals, regime: str) -> Reals:
        """Rows whose entries know of each other: offsets, ties at the top, one far ahead."""
        if np.isfinite(domain.high) or np.isfinite(domain.low):
            return rows
        columns = rows.shape[-1]
        lead = rows.shape[:-1]
        if regime == "offset":
            scale = rng.choice([1e2, 1e4, 1 / self.format.unit_roundoff / 8], size=(*lead, 1))
            scale = np.minimum(scale, self.format.largest / 16)
            shifted: Reals = rows + scale * rng.choice([-1.0, 1.0], size=(*lead, 1))
            return shifted
        if regime == "confident":
            winner = np.arange(columns) == rng.integers(0, columns, size=(*lead, 1))
            height = rng.uniform(0.2, 2.5, size=(*lead, 1)) * -np.log(self.format.unit_roundoff)
            return rng.standard_normal(rows.shape) + np.where(winner, height, 0.0)
        if regime in ("near_tie", "equal"):
            top = rows.max(axis=-1, keepdims=True)
            places = rng.integers(-2, 3, size=rows.shape) if regime == "near_tie" else 0
            tied = step(self.format, np.broadcast_to(top, rows.shape), places)
            return np.where(rng.random(rows.shape) < 0.6, tied, rows)
        return rows

    def _tie(self, rng: Random, arguments: dict[str, Any], regime: str) -> None:
        """Make declared pairs of arguments equal, or a few places apart."""
        if regime not in ("near_tie", "equal"):
            return
        for first, second in self.loss.ties:
            shape = np.shape(arguments[second])
            base = np.broadcast_to(self.format.round(arguments[first]), shape).astype(np.float64)
            places = rng.integers(-4, 5, size=base.shape) if regime == "near_tie" else 0
            near = step(self.format, base, places)
            domain = self.loss.arguments[second].domain
            low = max(domain.low, -self.format.largest)
            arguments[second] = np.clip(near, low, min(domain.high, self.format.largest))
