"""Curves: a subject's answers while one argument is swept, for the plots of reports.

Swept is the first argument that has a gradient; of an array, its first entry. All else is held at
typical values of its domain, chosen by one rule for every loss, and nothing is drawn at random.
Samples that are separable are asked in one call, of a shape that the run has asked already, so that
a compiler has nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.conformance import oracle
from lossproof.conformance.points import SIZES
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.conformance.sweeps import points
from lossproof.conformance.swept import axes, digits, pattern, told
from lossproof.reports.curve import Curve, Numbers, Sweep, Trace
from lossproof.spec.carriers import entry
from lossproof.spec.domain import Domain
from lossproof.spec.formats import Format
from lossproof.spec.question import Question

Reals = npt.NDArray[np.float64]
Place = tuple[Any, ...]

#: points of a sweep: where samples are separable, where each point is a question of its own, and
#: where that question is dear: its array is larger than LARGE
PACKED, COUPLED, FEW = 81, 41, 21
LARGE = 50
#: no more entries of what is held are written out
ENTRIES = 4


def curves(subject: Subject) -> Iterator[Curve]:
    """Both sweeps, `shape` in one dtype only; none where the target raises: a cell tells that.

    A thin effort leaves out what costs a question for each point.
    """
    sweeps: tuple[Sweep, ...] = ("shape", "range") if subject.primary else ("range",)
    for sweep in sweeps:
        sweeper = Sweeper(subject=subject, sweep=sweep)
        if subject.effort.thin and not sweeper.packed:
            return
        try:
            with np.errstate(all="ignore"):
                yield sweeper.curve()
        except (TargetError, Incomparable):
            return


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """Asks a subject along one sweep."""

    subject: Subject
    sweep: Sweep

    @cached_property
    def key(self) -> str:
        """The argument that is swept."""
        return self.subject.loss.differentiable()[0]

    @cached_property
    def packed(self) -> bool:
        """Whether many points fit in one question."""
        return bool(self.subject.loss.samples) and self.subject.reductions[0] == "none"

    @cached_property
    def options(self) -> dict[str, Any]:
        """The options that the implementation is called with."""
        return self.subject.loss.complete(self.subject.option_sets[0])

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """The sizes of a question, which the run has asked of too."""
        sizes = self.subject.effort.packed if self.packed else SIZES[0]
        return self.subject.loss.fitting_sizes(sizes, self.options)

    @cached_property
    def count(self) -> int:
        """About how many points are asked."""
        if self.packed:
            return PACKED
        argument = self.subject.loss.arguments[self.key]
        size = np.prod([self.sizes[a] for a in axes(argument)])
        return COUPLED if self.sweep == "shape" and size <= LARGE else FEW

    def curve(self) -> Curve:
        """The whole sweep. Raises TargetError and Incomparable."""
        loss, subject = self.subject.loss, self.subject
        domain = loss.arguments[self.key].domain
        x = subject.format.round(points(domain, subject.format, self.sweep, self.count))
        width = self.sizes["*" if loss.samples == "*" else "N"] if self.packed else 1
        parts = [self._asked(x[i : i + width], width) for i in range(0, len(x), width)]
        arrays = [part.arguments[self.key] for part in parts]
        asked = np.concatenate([np.atleast_1d(a[self._entry(a.ndim)]) for a in arrays])
        # what repairs a question may have moved a point: ascending again, and each once
        numbers, order = np.unique(asked.astype(np.float64), return_index=True)
        gradient = None
        if self.key in subject.differentiable:
            gradient = self._trace(parts, f"gradient.{self.key}", order)
        return Curve(
            loss=loss.name,
            backend=subject.backend.name,
            dtype=subject.dtype,
            device=subject.device,
            sweep=self.sweep,
            argument=self.key,
            held=self._held(parts[0]),
            x=tuple(_shortest(v, subject.format) for v in numbers),
            value=self._trace(parts, "value", order),
            gradient=gradient,
        )

    def _asked(self, x: npt.NDArray[Any], width: int) -> Question:
        """The question about some points, answered; the samples beyond them taken off again."""
        filled = np.concatenate([x, np.repeat(x[-1:], width - len(x))])
        question = self._question(filled)
        answer = self.subject.ask(question)
        if not self.packed or len(x) == width:
            return question
        kept = np.arange(len(x))
        part = question.take(kept)
        gradients = {k: question.take_from(v, kept) for k, v in answer.gradients.items()}
        # the answer of the whole is that of the part
        part.memo["answer", self.subject] = type(answer)(
            value=question.take_from(answer.value, kept),
            gradients=gradients,
            warnings=answer.warnings,
        )
        return part

    def _question(self, x: npt.NDArray[Any]) -> Question:
        loss, fmt = self.subject.loss, self.subject.format
        arguments: dict[str, Any] = {}
        for place, (key, argument) in enumerate(loss.arguments.items()):
            if argument.optional:
                arguments[key] = None
                continue
            array = self._typical(argument.domain, axes(argument), place)
            if key == self.key:
                array[self._entry(array.ndim)] = x if self.packed else x[0]
            arguments[key] = array
        arguments = loss.repair(arguments, self.options)
        arguments = {
            k: v if v is None or v.dtype.kind in "iu" else np.asarray(fmt.round(v))
            for k, v in arguments.items()
        }
        question = Question(
            loss=loss,
            arguments=arguments,
            options=self.options,
            reduction=self.subject.reductions[0],
            cotangent=0.0,
        )
        cotangent = np.zeros(question.output_shape)
        cotangent[self._entry(cotangent.ndim)] = 1.0
        return Question(
            loss=loss,
            arguments=arguments,
            options=self.options,
            reduction=question.reduction,
            cotangent=np.asarray(fmt.round(cotangent)),
        )

    def _entry(self, ndim: int) -> Place:
        """Where the swept entry of an array is, and the entry of a result that is plotted."""
        first = (0,) * ndim
        return (slice(None), *first[1:]) if self.packed and ndim else first

    def _typical(self, domain: Domain, axes: Sequence[str], place: int) -> npt.NDArray[Any]:
        """An array to hold, all samples alike if they are separable."""
        shape = tuple(self.sizes[a] for a in axes)
        if domain.kind == "length":
            return np.full(shape, self.sizes[domain.axis], dtype=np.int64)
        if domain.kind == "symbol":
            symbols = np.delete(np.arange(self.sizes["C"]), int(self.options.get("blank", 0)))
            return np.resize(symbols.astype(np.int64), shape)
        if domain.kind == "label":
            return np.zeros(shape, dtype=np.int64)
        row = shape[1:] if self.packed and shape else shape
        plain = axes in ((), ("*",)) or not row
        if domain.kind == "values":
            return np.full(shape, domain.values[-1])
        if np.isinf(domain.low) and np.isinf(domain.high):
            numbers = pattern(int(np.prod(row)), place).reshape(row)
            return np.zeros(shape) if plain else np.broadcast_to(numbers, shape).copy()
        if np.isfinite(domain.low) and np.isfinite(domain.high):
            if plain:
                return np.full(shape, domain.low)
            shares = 0.5 ** np.arange(1, row[-1] + 1)
            shares[-1] *= 2  # they add up to 1
            within = domain.low + (domain.high - domain.low) * shares
            return np.broadcast_to(within, shape).copy()
        inside = domain.low + 1.0 if np.isfinite(domain.low) else domain.high - 1.0
        return np.full(shape, inside)

    def _trace(self, parts: list[Question], quantity: str, order: npt.NDArray[Any]) -> Trace:
        error: list[float | None] = []
        got: list[float | None] = []
        truth: list[float | None] = []
        for part in parts:
            judgement = self.subject.judge(part, quantity)
            if judgement.problem is not None or judgement.got is None:
                raise Incomparable(part, judgement.problem or "nothing came back")
            at = self._entry(judgement.ratios.ndim)
            ratios, excused = (np.atleast_1d(a[at]) for a in (judgement.ratios, judgement.excused))
            error += [None if e else digits(r, 3) for r, e in zip(ratios, excused, strict=True)]
            if self.sweep == "shape":
                numbers = np.atleast_1d(judgement.got.astype(np.float64)[at])
                got += [digits(v, 5) for v in numbers]
                truth += self._truth(part, quantity, at)
        chosen = [tuple(a[i] for i in order) if a else () for a in (error, got, truth)]
        return Trace(error=chosen[0], got=chosen[1], truth=chosen[2])

    def _truth(self, part: Question, quantity: str, at: Place) -> Numbers:
        fmt, profile = self.subject.format, self.subject.profile
        found = oracle.truth(part, quantity, fmt, profile)
        places = np.ndindex(found.exact.shape)
        inside = np.zeros(found.exact.shape, dtype=np.bool_)
        inside[at] = True
        balls = [(entry(found.exact, i), bool(found.wide[i])) for i in places if inside[i]]
        return tuple(
            digits(float(x.mid()), 5)
            if x.is_finite() and not (wide and float(x.rad()) > 0.0)
            else None
            for x, wide in balls
        )

    def _held(self, question: Question) -> str:
        """The first sample of a question in words."""
        arrays = {k: np.asarray(v) for k, v in question.arguments.items() if v is not None}
        samples = {k: a[0] if self.packed and a.ndim else a for k, a in arrays.items()}
        return told(samples, self.options, self.key, ENTRIES)


def _shortest(value: float, fmt: Format) -> float:
    """The decimal with the fewest digits that the format rounds to `value`."""
    return float(str(fmt.dtype.type(value)))
