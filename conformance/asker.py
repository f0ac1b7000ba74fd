"""Asking a function that may be anything: what it answers, raises, or does instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.backends.process.backend import GivenUp
from lossproof.backends.process.client import Died
from lossproof.conformance.refusal import in_words
from lossproof.conformance.subject import Subject
from lossproof.spec.formats import FORMATS
from lossproof.spec.question import Question

#: deaths of its process before a function is no longer asked; twice that once it has answered
DEATHS = 2


class Hopeless(Exception):
    """The function does not answer; the message says what it does instead."""


@dataclass
class Patience:
    """What a function did instead of answering, over all that was asked of it."""

    answered: int = 0
    deaths: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    #: the dtypes that came back
    dtypes: set[str] = field(default_factory=set)

    def narrow(self, asked: str) -> str | None:
        """The one dtype that every answer has, where that is not the one asked for."""
        return (
            next(iter(self.dtypes)) if len(self.dtypes) == 1 and asked not in self.dtypes else None
        )

    def failed(self, error: Exception) -> None:
        """Note an error. Raises Hopeless once the function hung or crashed too often."""
        if isinstance(error, (Died, GivenUp)):
            self.deaths += 1
            if self.deaths >= DEATHS * (1 if not self.answered else 2):
                raise Hopeless(f"it {error}")
        words = in_words(error)
        self.errors[words] = self.errors.get(words, 0) + 1


@dataclass
class Asker:
    """Asks a function; the same arrays are asked once."""

    subject: Subject
    patience: Patience
    reduction: str
    options: Mapping[str, Any] = field(default_factory=dict)
    #: the argument of the function for each of the question's, where they go by other names
    names: Mapping[str, str] | None = None
    memo: dict[Any, npt.NDArray[Any] | None] = field(default_factory=dict)

    def __call__(self, question: Question) -> npt.NDArray[Any] | None:
        given = dict(question.arguments)
        if self.names is not None:
            given = {mine: given[theirs] for mine, theirs in self.names.items()}
        key = tuple((k, v.shape, v.tobytes()) for k, v in given.items() if v is not None)
        if key not in self.memo:
            self.memo[key] = self._called(given)
        return self.memo[key]

    def at(self, reduction: str, options: Mapping[str, Any]) -> Asker:
        """The same function asked for another reduction, or at other options."""
        return replace(self, reduction=reduction, options=options, memo={})

    def _called(self, given: dict[str, Any]) -> npt.NDArray[Any] | None:
        claim, fmt = self.subject.implementation, self.subject.format
        # what it carries is the same whatever it is compared with
        shape = np.shape(next(v for v in given.values() if v is not None))
        for key, numbers in claim.held.items():
            whole = shape if self.subject.loss.arguments[key].shape == "*" else len(numbers)
            given[key] = np.resize(fmt.round(np.asarray(numbers)), whole)
        asked = Question(
            loss=self.subject.loss,
            arguments={k: given.get(k) for k in self.subject.loss.arguments},
            options={**claim.dialect, **self.options},
            reduction=self.reduction,
        )
        try:
            value = np.asarray(self.subject.call(asked).value)
        except Exception as error:
            self.patience.failed(error)
            return None
        if value.dtype.kind not in "fV" and value.dtype.name not in FORMATS:
            self.patience.failed(TypeError(f"it returns {value.dtype}"))
            return None
        self.patience.answered += 1
        self.patience.dtypes.add(value.dtype.name)
        return value
