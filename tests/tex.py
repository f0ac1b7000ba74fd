"""Evaluates the equations of `Loss.tex` in balls: a formula that is shown is a formula that runs.

An equation defines its left-hand side from the equations before it, from arguments and options
(`\\text{name}`), and from N, C, D, M (sizes), e, π and the cotangent u. Where it has several right-
hand sides, all must be equal. Understood: sums and maxima over indices, cases, brackets
`\\mathbf{1}[...]`, functions of one's own, order statistics x_{(k)}; 0 times anything is 0.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from flint import arb
from tex_scope import (
    AXES,
    Compute,
    Definition,
    Number,
    Scope,
    TexError,
    log,
    over,
    power,
    sign,
    times,
    told,
)

RELATIONS = {
    "<": operator.lt, ">": operator.gt, r"\le": operator.le, r"\ge": operator.ge,
    "=": operator.eq, r"\ne": operator.ne,
}  # fmt: skip
_TOKEN = re.compile(r"\\text\{[^}]*\}|\\operatorname\{\w+\}|\\[A-Za-z]+|\\\\|\d+|[^\s]")
_BLANK = re.compile(r"(?<!\\)\\[,;:! ]")
UNARY: dict[str, Callable[[arb], arb]] = {r"\log": log, r"\operatorname{sign}": sign}
PAIRED: dict[str, Callable[[arb, arb], arb]] = {r"\min": arb.min, r"\max": arb.max}


class Parser:
    """One equation after another, read into definitions."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.functions: set[str] = set()
        self.bars = False

    # ---- equations

    def equations(self, line: str) -> list[tuple[str, Definition]]:
        """The definitions of a line; equations are parted by \\qquad."""
        found: list[tuple[str, Definition]] = []
        for equation in _BLANK.sub(" ", line).split(r"\qquad"):
            sides = _sides(_TOKEN.findall(equation.strip().rstrip(",")))
            heads: list[tuple[bool, str, tuple[str, ...], tuple[str, ...]]] = []
            while len(sides) > 1:
                head = self.head(sides[0], len(heads) == 0)
                if head is None:
                    break
                heads.append(head)
                sides = sides[1:]
            bodies = tuple(self.whole(side) for side in sides)
            for negative, name, indices, parameters in heads:
                signed = tuple(map(_negated, bodies)) if negative else bodies
                found.append((name, Definition(indices, parameters, signed)))
        return found

    def head(
        self, side: list[str], first: bool
    ) -> tuple[bool, str, tuple[str, ...], tuple[str, ...]] | None:
        """What a side defines: minus?, name, indices, parameters. After the first, only slopes."""
        text = "".join(side)
        parts = re.fullmatch(
            r"(-?)(\\frac\{\\partial(?P<of>.+)\}\{\\partial(?P<by>.+)\}|(?P<symbol>.+))", text
        )
        assert parts is not None
        symbol = parts["symbol"]
        if symbol is None:
            (of, _), (by, indices) = _split_indices(parts["of"]), _split_indices(parts["by"])
            return bool(parts[1]), f"d{of}/d{by}", indices, ()
        shape = re.fullmatch(
            r"((?:\\bar\{\w\}|\\?[A-Za-z]+?)(?:_(?:[^{}()]|\{[a-z]+\}))?)(?:\((\w(?:,\w)*)\))?",
            symbol,
        )
        if not first:
            return None
        if shape is None:
            raise TexError(f"{text} defines nothing")
        name, indices = _split_indices(shape[1])
        parameters = tuple(shape[2].split(",")) if shape[2] else ()
        if parameters:
            self.functions.add(name)
        return bool(parts[1]), name, indices, parameters

    def whole(self, tokens: list[str]) -> Compute:
        """A side, all of it."""
        self.tokens, self.bars = list(tokens), False
        result = self.sum()
        if self.tokens:
            raise TexError(f"not understood from {' '.join(self.tokens)}")
        return result

    # ---- expressions

    def next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, expected: str = "") -> str:
        if not self.tokens or (expected and self.tokens[0] != expected):
            raise TexError(f"{expected or 'more'} expected at {' '.join(self.tokens)!r}")
        return self.tokens.pop(0)

    def sum(self) -> Compute:
        minus = self.next() == "-" and bool(self.take())
        first = self.product()
        result = _negated(first) if minus else first
        while self.next() in ("+", "-"):
            symbol = self.take()
            result = _joined(
                operator.add if symbol == "+" else operator.sub, result, self.product()
            )
        return result

    def product(self) -> Compute:
        result = self.factor()
        while True:
            token = self.next()
            if token in (r"\cdot", "/"):
                self.take()
                result = _joined(times if token == r"\cdot" else over, result, self.factor())
            elif self.begins(token):
                result = _joined(times, result, self.factor())
            else:
                return result

    def begins(self, token: str) -> bool:
        """Whether a factor begins with the token."""
        if token in ("|", r"\left"):
            return not self.bars or token != "|"
        if token.startswith("\\"):
            return token not in ("\\\\", r"\end", r"\right", r"\le", r"\ge", r"\ne")
        return bool(re.fullmatch(r"\w+|\(", token))

    def factor(self) -> Compute:
        result = self.atom()
        if self.next() == "^":
            self.take()
            return _joined(power, result, self.group())
        return result

    def group(self) -> Compute:
        """What stands in braces, or one token."""
        if self.next() != "{":
            return self.atom()
        self.take("{")
        result = self.apart(self.sum)
        self.take("}")
        return result

    def apart(self, parse: Callable[[], Any]) -> Any:
        """Parse where an outer | does not count."""
        bars, self.bars = self.bars, False
        result = parse()
        self.bars = bars
        return result

    def atom(self) -> Compute:
        token = self.take()
        if token == r"\left":
            return self.atom()
        if token == "(":
            result: Compute = self.apart(self.sum)
            if self.next() == r"\right":
                self.take()
            self.take(")")
            return result
        if token == "|":
            self.bars = True
            inner = self.sum()
            self.bars = False
            self.take("|")
            return lambda scope: abs(inner(scope))
        if token.isdigit():
            return lambda scope: arb(int(token))
        if token.startswith(r"\text"):
            return lambda scope: scope.look(token)
        if token == r"\infty":
            return lambda scope: arb("inf")
        if token == r"\frac":
            return _joined(over, self.group(), self.group())
        if token == r"\sqrt":
            inner = self.group()
            return lambda scope: inner(scope).sqrt()
        if token == r"\begin":
            return self.cases()
        if token == r"\mathbf":
            for part in "{1}[":
                self.take(part)
            condition = self.apart(self.condition)
            self.take("]")
            return lambda scope: arb(int(condition(scope)))
        if token in (r"\sum", r"\max") and self.next() == "_":
            return self.over_index(token)
        if token in PAIRED:
            first, second = self.arguments()
            return _joined(PAIRED[token], first, second)
        if token in UNARY:
            inner, function = self.factor(), UNARY[token]
            return lambda scope: function(inner(scope))
        return self.symbol(token)

    def arguments(self) -> list[Compute]:
        self.take("(")
        found = [self.apart(self.sum)]
        while self.next() == ",":
            self.take()
            found.append(self.apart(self.sum))
        self.take(")")
        return found

    def over_index(self, token: str) -> Compute:
        self.take("_")
        condition: Compute | None = None
        if self.next() == "{":
            self.take("{")
            index = self.next()
            if self.tokens[1] == "}":
                self.take()
            else:
                condition = self.apart(self.condition)
            self.take("}")
        else:
            index = self.take()
        body = self.product()

        def compute(scope: Scope) -> Number:
            places = [scope.at(**{index: i}) for i in range(scope.size(index))]
            terms = [body(p) for p in places if condition is None or condition(p)]
            return sum(terms, arb(0)) if token == r"\sum" else reduce(arb.max, terms)

        return compute

    def symbol(self, token: str) -> Compute:
        if token == r"\bar":
            token = "".join([token, self.take("{"), self.take(), self.take("}")])
        subscript: list[str] = []
        if self.next() == "_":
            self.take()
            if self.next() == "{":
                end = self.tokens.index("}")
                subscript, self.tokens = self.tokens[1:end], self.tokens[end + 1 :]
            else:
                subscript = [self.take()]
        full = f"{token}_{''.join(subscript)}" if subscript else token
        if token in self.functions and self.next() == "(":
            given = self.arguments()
            return lambda scope: scope.values[token].of(
                scope, tuple(_place(scope, i) for i in subscript), tuple(g(scope) for g in given)
            )

        def compute(scope: Scope) -> Number:
            if full in scope.values or not subscript:
                return scope.look(full)
            found = scope.values.get(token)
            if isinstance(found, Definition) and found.indices:
                return found.of(scope, tuple(_place(scope, i) for i in subscript), ())
            array = scope.look(token)
            if subscript[0] == "(":
                return sorted(array, key=float, reverse=True)[_place(scope, subscript[1])]
            return array[tuple(_place(scope, i) for i in subscript)]

        return compute

    # ---- conditions

    def cases(self) -> Compute:
        for part in ("{", *"cases", "}"):
            self.take(part)
        branches: list[tuple[Compute, Compute]] = []
        while True:
            body = self.apart(self.sum)
            self.take("&")
            branches.append((body, self.apart(self.condition)))
            if self.take() == r"\end":
                break
        for part in ("{", *"cases", "}"):
            self.take(part)

        def compute(scope: Scope) -> Number:
            for body, condition in branches:
                if condition(scope):
                    return body(scope)
            raise TexError("no case applies")

        return compute

    def condition(self) -> Compute:
        """Comparisons, and words: otherwise, if, if NAME, if NAME is None, NAME and."""
        parts: list[Compute] = []
        while self.next() not in ("\\\\", r"\end", "]", "}", ""):
            if self.next().startswith(r"\text"):
                words = self.take()[6:-1].split()
                words = [word for word in words if word not in ("if", "and")]
                if words and words != ["otherwise"]:
                    parts.append(_told(words))
            else:
                left, relation = self.sum(), RELATIONS[self.take()]
                parts.append(_joined(relation, left, self.sum()))
        return lambda scope: all(part(scope) for part in parts)


def _told(words: list[str]) -> Compute:
    if words[1:] == ["is", "None"]:
        return lambda scope: scope.look(told(words[0])) is None
    if len(words) != 1:
        raise TexError(f"not a condition: {' '.join(words)}")
    return lambda scope: bool(scope.look(told(words[0])))


def _negated(side: Compute) -> Compute:
    return lambda scope: -side(scope)


def _joined(operation: Callable[[Any, Any], Any], a: Compute, b: Compute) -> Compute:
    return lambda scope: operation(a(scope), b(scope))


def _place(scope: Scope, letter: str) -> int:
    """An index as a position, bound here or given as a label."""
    return (
        scope.indices[letter] if letter in scope.indices else int(scope.look(letter).unique_fmpz())
    )


def _sides(tokens: list[str]) -> list[list[str]]:
    """The tokens parted at the equals signs that stand in no bracket."""
    sides: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += token in ("{", "(", "[", r"\begin")
        depth -= token in ("}", ")", "]", r"\end")
        if token == "=" and depth == 0:
            sides.append([])
        else:
            sides[-1].append(token)
    return sides


def _split_indices(symbol: str) -> tuple[str, tuple[str, ...]]:
    """A symbol without its indices, and those; a subscript of another kind belongs to the name."""
    name, _, subscript = symbol.partition("_")
    letters = subscript.strip("{}")
    if letters and set(letters) <= set(AXES):
        return name, tuple(letters)
    return (f"{name}_{letters}" if letters else name), ()


def read(tex: tuple[str, ...]) -> dict[str, Definition]:
    """The definitions that the lines of a formula make. Raises TexError where not understood."""
    parser, found = Parser(), {}
    for line in tex:
        for name, definition in parser.equations(line):
            if name in found:
                raise TexError(f"{name} is defined twice")
            found[name] = definition
    return found


def entries(definition: Definition, scope: Scope) -> Any:
    """The values of a definition at all of its indices, as an object array."""
    shape = tuple(scope.size(index) for index in definition.indices)
    result = np.empty(shape, dtype=object)
    for place in np.ndindex(*shape):
        result[place] = definition.of(scope, place, ())
    return result
