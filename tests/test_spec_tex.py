"""The formulas of `Loss.tex` say what `value` and `gradient` compute, and are rendered whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from xml.etree import ElementTree

import flint
import numpy as np
import pytest
from flint import arb
from latex2mathml.converter import convert
from spec_points import questions
from tex import entries, read
from tex_scope import Definition, Scope, TexError, told

from lossproof.spec import evaluate
from lossproof.spec.loss import Loss, catalogue
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

EXACT = Arithmetic(exact=True)
#: a recursion over frames, tested against the sum over all paths in `test_spec_definitions.py`
TOLD_ONLY = {"ctc"}
EVALUATED = [loss for name, loss in catalogue().items() if name not in TOLD_ONLY]
#: log 2π is stated as the nearest float64
CONSTANT = arb(2) ** -50


@pytest.fixture(autouse=True)
def _precision() -> Iterator[None]:
    with flint.ctx.workprec(1200):
        yield


def names_of(loss: type[Loss]) -> dict[str, str]:
    """The symbols of the arguments of a loss."""
    pairs = re.findall(r"(\\?[A-Za-z]+) = \\text\{(\w+)\}", " ".join(loss.tex))
    return {name: symbol for symbol, name in pairs}


def scopes(question: Question, definitions: dict[str, Definition]) -> Iterator[Scope]:
    """A scope for each independent sample: a number, a row, or everything at once."""
    loss = question.loss
    options = loss.complete(question.options)
    sizes = loss.axes_of(question.arguments)
    for sample in range(question.samples):
        values: dict[str, Any] = {"e": arb(1).exp(), r"\pi": arb.pi()}
        for key, option in options.items():
            plain = option is None or isinstance(option, bool)
            values[told(key)] = option if plain else arb(option)
        local = {k: v for k, v in sizes.items() if k != "*"}
        for key, argument in loss.arguments.items():
            array = question.arguments[key]
            if array is None:
                shape = (sizes[axis] for axis in argument.axes)
                array = np.ones(sizes["*"] if argument.shape == "*" else tuple(shape))
            if loss.samples == "*":
                array = np.ravel(array)[sample]
            elif loss.samples == "N" and "N" in argument.axes:
                array = array[sample]
            elif loss.output == "" and len(np.shape(array)) > 1 or argument.shape == "*":
                array = np.ravel(array)
                local = {"M": array.size}
            values[told(key)] = balls(array)
        u = np.asarray(question.cotangent)
        if loss.samples:
            u = u.ravel()[sample] if loss.samples == "*" else u[sample]
        values["u"] = balls(u)
        labelled = any(a.domain.integer for a in loss.arguments.values())
        values |= {axis: arb(int(size)) for axis, size in local.items()}
        yield Scope({**values, **definitions}, local, first=0 if labelled else 1)


def balls(array: Any) -> Any:
    """The numbers as exact balls."""
    lifted = np.frompyfunc(lambda v: arb(float(v)), 1, 1)(np.asarray(array))
    return lifted if np.ndim(lifted) else arb(float(np.asarray(array)))


def sides(question: Question, tex: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
    """The formula's entry and the specification's, where the latter promises one."""
    loss, definitions = question.loss, read(tex)
    name = next(n for n in (r"\ell", "L", "f") if n in definitions)
    symbols = names_of(loss)
    values = evaluate.value(question, EXACT).x
    (method, *_) = loss.algorithms("gradient").values()
    gradients = evaluate.gradients(question, EXACT, method)
    for sample, scope in enumerate(scopes(question, definitions)):
        yield from pairs(question, "value", values, sample, entries(definitions[name], scope))
        for key in loss.differentiable():
            pulled = definitions.get(rf"\bar{{{symbols[key]}}}")
            if pulled is None:
                partial = definitions[f"d{name}/d{symbols[key]}"]
                found = entries(partial, scope) * scope.values["u"]
            else:
                found = entries(pulled, scope)
            yield from pairs(question, f"gradient.{key}", gradients[key].x, sample, found)


def pairs(
    question: Question, quantity: str, stated: Any, sample: int, found: Any
) -> Iterator[tuple[Any, Any]]:
    """Those of one sample where the specification promises something."""
    loss = question.loss
    outside = loss.outside(question.arguments, question.options, quantity)
    if outside is not None and np.broadcast_to(outside, stated.shape).ravel()[sample]:
        return
    if loss.samples == "*":
        stated = stated.ravel()[sample]
    elif loss.samples == "N":
        stated = stated[sample]
    for a, b in zip(np.ravel(found), np.ravel(stated), strict=True):
        if b.is_finite():
            yield a, b


def comparisons(
    loss: type[Loss], tex: tuple[str, ...], kinds: tuple[str, ...], samples: int
) -> Iterator[tuple[bool, bool]]:
    """For each entry whether both agree, and whether both are known to 30 digits."""
    for kind in kinds:
        for question in questions(loss, kind, samples=samples):
            few = question.take(np.arange(20)) if question.separable else question
            constant = bool(question.options.get("full"))
            for a, b in sides(few, tex):
                slack = CONSTANT * (1 + abs(b)) if constant else arb(0)
                agree = a.is_finite() and (a + arb(0, slack.upper())).overlaps(b)
                yield bool(agree), bool(a.rad() + b.rad() <= abs(b) * arb(2) ** -100)


@pytest.mark.parametrize("loss", EVALUATED, ids=lambda loss: loss.name)
def test_formula_evaluates_to_the_specification(loss: type[Loss]) -> None:
    found = list(comparisons(loss, loss.tex, ("moderate", "hostile", "coarse"), 40))
    assert all(agree for agree, _ in found)
    assert sum(sharp for _, sharp in found) >= 30


EXCHANGED = {
    "+": "-", "-": "+", "<": ">", ">": "<", r"\max": r"\min", r"\min": r"\max", "2": "3",
}  # fmt: skip


def mutants(tex: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The formula with one sign flipped, or one comparison, number or function changed."""
    for number, line in enumerate(tex):
        for match in re.finditer(r"[-+<>2]|\\max|\\min", line):
            before, after = line[: match.start()], line[match.end() :]
            unary = match[0] == "-" and before.rstrip().endswith(
                ("=", "{", "(", "&", "\\", "{cases}")
            )
            changed = before + ("" if unary else EXCHANGED[match[0]]) + after
            yield (*tex[:number], changed, *tex[number + 1 :])


@pytest.mark.parametrize("loss", EVALUATED, ids=lambda loss: loss.name)
def test_formula_with_one_mistake_does_not(loss: type[Loss]) -> None:
    for tex in mutants(loss.tex):
        with suppress(TexError):
            assert not all(a for a, _ in comparisons(loss, tex, ("moderate", "coarse"), 600)), tex


@pytest.mark.parametrize("loss", catalogue().values(), ids=lambda loss: loss.name)
def test_formula_names_every_argument_option_and_gradient(loss: type[Loss]) -> None:
    words = set(re.findall(r"\w+", " ".join(re.findall(r"\\text\{([^}]*)\}", " ".join(loss.tex)))))
    assert {*loss.arguments, *loss.options} <= words
    symbols = names_of(loss)
    for key in loss.differentiable():
        slope = re.compile(
            rf"\\partial {re.escape(symbols[key])}(_\w|_\{{\w+\}})?\}}|\\bar\{{{symbols[key]}\}}"
        )
        assert slope.search(" ".join(loss.tex)), key


@pytest.mark.parametrize("loss", catalogue().values(), ids=lambda loss: loss.name)
def test_formula_is_rendered_whole(loss: type[Loss]) -> None:
    for line in loss.tex:
        rendered = convert(line)
        ElementTree.fromstring(rendered)
        assert "\\" not in rendered, f"a command that is not known: {line}"
