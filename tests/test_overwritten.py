"""What a function wrote into an argument: told by its first entry, and as a whole where that is
borne out twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lossproof.conformance import overwritten
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.origin import implementation
from lossproof.conformance.registry import backend
from lossproof.conformance.sources import plain
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import get


def _softmax(x: Any) -> Any:
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


def _shifted(x: Any) -> Any:
    x -= x.max(-1, keepdims=True)
    return _softmax(x)


def _as_the_answer(x: Any) -> Any:
    x[...] = _softmax(x)
    return x.copy()


def _shifted_by_one(x: Any) -> Any:
    x -= 1
    return _softmax(x)


def _shifted_where_small(x: Any) -> Any:
    """Of the first question alone each row is left less its maximum."""
    found = _softmax(x)
    x -= x.max(-1, keepdims=True) if x[0, 0] == FIRST else 1
    return found


def _made(function: Callable[..., Any]) -> tuple[Subject, Any]:
    claim = implementation(function, loss="softmax", backend="numpy")
    subject = Subject(
        loss=get("softmax"), implementation=claim, backend=backend("numpy"), dtype="float64",
        device="cpu", effort=EFFORTS["default"],
    )  # fmt: skip
    return subject, plain(subject, seed=1)


FIRST = float(_made(_softmax)[1].arguments["x"][0, 0])


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (_shifted, "x holds each row less its maximum afterwards"),
        (_as_the_answer, "x holds the softmax of each row afterwards"),
        (_shifted_by_one, None),
        (_shifted_where_small, None),
    ],
)
def test_what_is_written_is_named_where_two_questions_bear_it_out(
    function: Callable[..., Any], said: str | None
) -> None:
    subject, question = _made(function)
    assert overwritten.account(subject, question, subject.ask(question)) == said


def test_the_first_entry_that_changed_is_told() -> None:
    def second(x: Any) -> Any:
        found = _softmax(x)
        x[0, 1] = -0.5
        return found

    subject, question = _made(second)
    before = float(question.arguments["x"][0, 1])
    answer = subject.ask(question)
    assert overwritten.facts(question, answer) == {
        "truth": "inputs unchanged",
        "got": f"x[0, 1] was {before!r}, is -0.5 after the call",
    }
    # a backend need not say what they hold afterwards
    assert overwritten.facts(question, replace(answer, after={})) == {
        "truth": "inputs unchanged",
        "got": "inputs changed",
    }
