"""Worked examples: a loss evaluated in tracked arithmetic with every operation written down.

The arithmetic here is that of the oracle; it also remembers what it did, and does the same in the
format itself, so that the error of each operation can be set beside its budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import ctx

from lossproof.conformance.describe import show, ulp, ulps
from lossproof.reports.site.model import Comparison, Step, Tie, Worked
from lossproof.spec import evaluate
from lossproof.spec.carriers import boxed, entry
from lossproof.spec.formats import Format
from lossproof.spec.loss import Loss, Parameter, get
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic, Condition, Operand, Tracked

PRECISION = 128
DIGITS = 20
ROUNDED = "u·|x| + η"
RULES = {
    "+": f"e₁ + e₂ + {ROUNDED}",
    "-": f"e₁ + e₂ + {ROUNDED}",
    "·": f"e₁·|x₂| + |x₁|·e₂ + e₁·e₂ + {ROUNDED}",
    "/": f"(e₁·|x₂| + |x₁|·e₂) / (|x₂|·(|x₂| - e₂)) + {ROUNDED}",
    "| |": "e₁",
    "input": ROUNDED,
    "branch": "that of the branch taken",
}
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add, "-": np.subtract, "·": np.multiply, "/": np.divide,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Note:
    """An operation: what it is called, what it was made from, and what the format made of it."""

    expression: str
    rule: str
    parents: tuple[int, ...]
    result: Tracked
    got: npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Notebook(Arithmetic):
    """Tracked arithmetic that writes down every operation; `names` are those of its inputs."""

    names: tuple[str, ...] = ()
    notes: list[Note] = field(default_factory=list, compare=False)
    comparisons: list[Comparison] = field(default_factory=list, compare=False)
    named: list[str] = field(default_factory=list, compare=False)

    def input(self, value: npt.ArrayLike) -> Tracked:
        return self._given(super().input(value), value)

    def parameter(self, value: float) -> Tracked:
        return self._given(super().parameter(value), value)

    def _given(self, number: Tracked, value: npt.ArrayLike) -> Tracked:
        name = self.names[len(self.named)]
        self.named.append(name)
        return self.write(name, "input", (), number, self.format.round(value))

    def write(
        self, expression: str, rule: str, parents: tuple[int, ...], result: Tracked, got: Any
    ) -> Written:
        """Note a result down, and give it back with its place."""
        rounded = self.format.round(got)
        note = Note(
            expression=expression, rule=RULES[rule], parents=parents, result=result, got=rounded
        )
        self.notes.append(note)
        return Written(result, len(self.notes), rounded)


class Written(Tracked):
    """A number that stands in a notebook."""

    __slots__ = ("got", "place")

    def __init__(self, number: Tracked, place: int, got: npt.NDArray[Any]) -> None:
        super().__init__(number.arithmetic, number.x, number.e, number.undecided)
        self.place = place
        self.got = got

    def __abs__(self) -> Tracked:
        return self._noted(f"|({self.place})|", "| |", (self,), super().__abs__(), np.abs(self.got))

    def __add__(self, other: Operand) -> Tracked:
        return self._operated("+", self, other, super().__add__(other))

    def __sub__(self, other: Operand) -> Tracked:
        return self._operated("-", self, other, super().__sub__(other))

    def __mul__(self, other: Operand) -> Tracked:
        return self._operated("·", self, other, super().__mul__(other))

    def __truediv__(self, other: Operand) -> Tracked:
        return self._operated("/", self, other, super().__truediv__(other))

    def __le__(self, other: Operand) -> Condition:
        condition = super().__le__(other)
        right = self.lift(other)
        difference = entry(boxed(self.x - right.x), ())
        self._notebook.comparisons.append(
            Comparison(
                expression=f"{_name(self)} ≤ {_name(other)}",
                difference=float(difference),
                budget=float(self.e + right.e),
                decided=bool(condition.surely == condition.possibly),
            )
        )
        return condition

    @property
    def _notebook(self) -> Notebook:
        notebook = self.arithmetic
        assert isinstance(notebook, Notebook)
        return notebook

    def _operated(self, symbol: str, a: Operand, b: Operand, result: Tracked) -> Tracked:
        kind = self.arithmetic.format.dtype.type
        got = OPERATIONS[symbol](*(kind(_got(operand)) for operand in (a, b)))
        sign = "−" if symbol == "-" else symbol
        return self._noted(f"{_name(a)} {sign} {_name(b)}", symbol, (a, b), result, got)

    def _noted(
        self, expression: str, rule: str, operands: tuple[Operand, ...], result: Tracked, got: Any
    ) -> Tracked:
        parents = tuple(o.place for o in operands if isinstance(o, Written))
        return self._notebook.write(expression, rule, parents, result, got)


def _name(operand: Operand) -> str:
    return f"({operand.place})" if isinstance(operand, Written) else f"{operand}"


def _got(operand: Operand) -> Any:
    return operand.got if isinstance(operand, Written) else operand


def worked(name: str, fmt: Format, arguments: Mapping[str, float], **options: float) -> Worked:
    """The value of a loss at one point of the format, operation by operation."""
    loss = get(name)
    question = _question(loss, fmt, arguments, options)
    with ctx.workprec(PRECISION):
        notebook = Notebook(format=fmt, names=(*_parameters(loss, options), *arguments))
        result = evaluate.value(question, notebook)
        last = next(
            i
            for i, note in enumerate(notebook.notes, 1)
            if entry(note.result.x, ()) == entry(result.x, ()) and note.result.e == result.e
        )
        got = notebook.notes[last - 1].got
        notebook.write(f"the loss: ({last})", "branch", (last,), result, got)
        used = _ancestors(notebook.notes)
        steps = tuple(_step(i, note, i in used, fmt) for i, note in enumerate(notebook.notes, 1))
    return Worked(
        loss=name,
        dtype=fmt.name,
        question=_words(arguments, options, fmt),
        steps=steps,
        comparisons=tuple(notebook.comparisons),
        exact=steps[-1].exact,
        computed=steps[-1].computed,
        ratio=steps[-1].error / steps[-1].budget,
    )


def tie(name: str, fmt: Format, arguments: Mapping[str, float], argument: str) -> Tie:
    """The gradient in an argument at one point, an interval if that is a kink."""
    question = _question(get(name), fmt, arguments, {}).with_cotangent(1.0)
    with ctx.workprec(PRECISION):
        slope = evaluate.gradients(question, Arithmetic(format=fmt), "gradient")[argument].x
    return Tie(
        loss=name,
        question=_words(arguments, {}, fmt),
        low=float(entry(slope, ()).lower()),
        high=float(entry(slope, ()).upper()),
    )


def _question(
    loss: type[Loss], fmt: Format, arguments: Mapping[str, float], options: Mapping[str, float]
) -> Question:
    return Question(
        loss=loss,
        arguments={k: fmt.round(v) for k, v in arguments.items()},
        options=dict(options),
    )


def _parameters(loss: type[Loss], options: Mapping[str, float]) -> list[str]:
    values = loss.complete(options)
    return [
        k for k, o in loss.options.items() if isinstance(o, Parameter) and values[k] is not None
    ]


def _ancestors(notes: list[Note]) -> set[int]:
    """The places that the last note depends on."""
    found, open_ = set(), [len(notes)]
    while open_:
        place = open_.pop()
        if place not in found:
            found.add(place)
            open_ += notes[place - 1].parents
    return found


def _step(number: int, note: Note, used: bool, fmt: Format) -> Step:
    x, e, got = entry(note.result.x, ()), float(note.result.e), float(note.got)
    return Step(
        number=number,
        expression=note.expression,
        rule=note.rule,
        exact=str(x.mid().str(DIGITS, radius=False)),
        radius="0" if x.is_exact() else f"{float(x.rad()):.0e}",
        computed=show(got, fmt),
        error=ulps(x, got, fmt),
        budget=e / ulp(x, fmt),
        used=used,
    )


def _words(arguments: Mapping[str, float], options: Mapping[str, float], fmt: Format) -> str:
    given = {**arguments, **options}
    return ", ".join(f"{k} = {show(float(fmt.round(v)), fmt)}" for k, v in given.items())
