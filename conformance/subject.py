"""A subject: one implementation on one backend, dtype and device, under examination."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lossproof.backends.base import Answer, Backend, BackendError, NotAnArray
from lossproof.backends.process.backend import GivenUp
from lossproof.backends.process.client import Died
from lossproof.backends.registry import Implementation
from lossproof.conformance import oracle
from lossproof.conformance.arrangement import (
    CHANNELS,
    IMAGE,
    LABELS,
    LOGS,
    Arranged,
    Asked,
    Normalised,
    arranged,
    normalised,
)
from lossproof.conformance.effort import Effort
from lossproof.conformance.points import Maker
from lossproof.spec.formats import FORMATS, Format
from lossproof.spec.loss import Loss, SpecError
from lossproof.spec.profile import Profile
from lossproof.spec.question import Question


def _kind(error: BaseException) -> str:
    """The name of an exception; of a target that died, how."""
    return str(getattr(error, "kind", None) or type(error).__name__)


def _last_line(error: BaseException, target: str) -> str | None:
    """The line of the target that a process wrote down when it died, or that raised here."""
    path = target.partition(".py:")[0] + ".py"
    said = getattr(error, "said", None)
    if said is not None:
        lines = re.findall(r'File "([^"]+)", line (\d+)', said)
        own = [(f, n) for f, n in lines if f.endswith(path.removeprefix(".")) or path in f]
        return f"{Path(own[0][0]).name}:{own[0][1]}" if own else None
    frames = traceback.extract_tb(error.__traceback__)
    own_frames = [f for f in frames if Path(f.filename).name == Path(path).name]
    return f"{Path(own_frames[-1].filename).name}:{own_frames[-1].lineno}" if own_frames else None


#: what is raised where the target's process is gone: it crashed, hung, or broke the protocol
GONE = (Died, GivenUp)


class TargetError(Exception):
    """The implementation raised on a question that lies within its domain."""

    def __init__(self, question: Question, error: BaseException, target: str = "") -> None:
        super().__init__(f"{_kind(error)}: {error}".strip())
        self.question = question
        self.error = error
        #: the line of the target's file where it happened, if that is known
        self.where: str | None = getattr(error, "where", None) or _last_line(error, target)

    @property
    def died(self) -> bool:
        """Whether the target's process is gone, which is no refusal of a question."""
        return isinstance(self.error, GONE)

    def refusal(self) -> str:
        """How a question was refused, as a convention. Raises itself where the target died."""
        if self.died:
            raise self
        return f"raises {type(self.error).__name__}"


class Incomparable(Exception):
    """An answer that is not even an array of the stated shape: the value, or a gradient."""

    def __init__(self, question: Question, problem: str, quantity: str = "value") -> None:
        super().__init__(problem)
        self.question = question
        self.quantity = quantity


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """What is judged, and what it is judged against."""

    loss: type[Loss]
    implementation: Implementation
    backend: Backend
    dtype: str
    device: str
    effort: Effort
    #: whether this is the dtype in which checks that do not depend on it are made
    primary: bool = True

    @property
    def format(self) -> Format:
        """The format of the dtype under test."""
        return FORMATS[self.dtype]

    @cached_property
    def profile(self) -> Profile:
        """The accuracy claimed for the backend's elementary functions."""
        return self.backend.profile(self.dtype, self.device)

    @cached_property
    def maker(self) -> Maker:
        """Makes questions in the dtype under test."""
        held = {*self.taken, *self.implementation.dialect}
        return Maker(
            loss=self.loss,
            format=self.format,
            optional=self.implementation.optional,
            ignores="ignore_index" in held,
            sizes=self.sizes,
            held=self.implementation.held,
            columns=self.columns * (IMAGE if self.implementation.arranged in CHANNELS else 1),
        )

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The axes of one size only: those stated, and those of the arrays that it holds."""
        held = {
            axis: len(numbers)
            for key, numbers in self.implementation.held.items()
            for axis in self.loss.arguments[key].axes
            if axis != "*"
        }
        return {**self.implementation.sizes, **held}

    @cached_property
    def columns(self) -> int:
        """The numbers that it holds for each row of an argument of any shape; 1 for one for all."""
        stated, held = self.loss.arguments, self.implementation.held
        return max((len(v) for k, v in held.items() if stated[k].shape == "*"), default=1)

    def whole(self, samples: Iterable[int]) -> npt.NDArray[np.intp]:
        """The samples that can be asked with these: an entry of a row with the rest of it, where
        the function holds numbers for each entry of a row."""
        rows = np.unique(np.asarray(list(samples), dtype=np.intp) // self.columns)
        return (rows[:, None] * self.columns + np.arange(self.columns)).reshape(-1)

    def held_otherwise(self, question: Question) -> str | None:
        """An argument that the question has otherwise than the implementation holds it, if any."""
        for key, numbers in self.implementation.held.items():
            given = question.arguments.get(key)
            held = self.format.round(np.asarray(numbers))
            if given is None or np.size(given) % len(held):
                return key
            if not np.array_equal(given, np.resize(held, np.shape(given))):
                return key
        return None

    @cached_property
    def differentiable(self) -> tuple[str, ...]:
        """The arguments that the implementation has a gradient for."""
        stated = self.loss.differentiable()
        if self.implementation.differentiable is None:
            return stated
        return tuple(k for k in stated if k in self.implementation.differentiable)

    @cached_property
    def reductions(self) -> tuple[str, ...]:
        """The reductions that the implementation offers."""
        if self.implementation.reductions is not None:
            return tuple(r for r in self.loss.reductions if r in self.implementation.reductions)
        if not self.implementation.reducible and len(self.loss.reductions) > 1:
            return self.loss.reductions[:1]
        return self.loss.reductions

    @cached_property
    def taken(self) -> tuple[str, ...]:
        """The options that the implementation takes."""
        if self.implementation.options is not None:
            return self.implementation.options
        return tuple(k for k in self.loss.options if k not in self.implementation.dialect)

    @cached_property
    def option_sets(self) -> tuple[dict[str, Any], ...]:
        """Settings of the options to try, each with the dialect's fixed ones."""
        fixed, refused = dict(self.implementation.dialect), self.implementation.refused
        sets = self.maker.option_sets()
        return tuple(
            {**s, **fixed}
            for s in sets
            if all(k in self.taken and v not in refused.get(k, ()) for k, v in s.items())
        )

    def ask(self, question: Question, **how: Any) -> Answer:
        """The answer to a question, asked once. Raises TargetError if the target raises."""
        key = ("answer", self, *sorted(how.items()))
        if key not in question.memo:
            try:
                question.memo[key] = self.ask_again(question, **how)
            except TargetError as error:
                question.memo[key] = error
        found: Answer | TargetError = question.memo[key]
        if isinstance(found, TargetError):
            raise found
        return found

    def ask_again(self, question: Question, **how: Any) -> Answer:
        """A fresh answer to a question. Raises TargetError if the target raises, and Incomparable
        if it returns no array."""
        try:
            return self.call(question, **how)
        except NotAnArray as error:
            raise Incomparable(question, str(error)) from error
        except SpecError:
            raise  # our own refusal, not the target's
        except Exception as error:
            raise TargetError(question, error, self.implementation.name) from error

    def call(self, question: Question, **how: Any) -> Answer:
        """Call the implementation, letting through what it raises."""
        shaped = self._given(question, how)
        try:
            answer = self.backend.call(
                self.implementation,
                shaped.arguments,
                self._options(question),
                cotangent=shaped.cotangent,
                differentiate=() if shaped.cotangent is None else self.differentiable,
                device=self.device,
                **how,
            )
            return shaped.back(answer)
        except SystemExit as error:  # a target may not end the examination of itself
            raise RuntimeError(f"the target called sys.exit({error.code!r})") from error

    def calls_own(self, question: Question) -> bool:
        """Whether the implementation is seen to run the framework's own function of its loss; a
        target that does not answer is not. It is asked in the target's process."""
        try:
            given = self._given(question, {}).arguments
            return self.backend.calls_own(self.implementation, given, self._options(question))
        except (Exception, SystemExit):
            return False

    def _options(self, question: Question) -> dict[str, Any]:
        """The options as the implementation takes them, the reduction among them."""
        # not checked here: a question outside the domain is the target's to refuse
        complete = {**self.loss.complete({}), **question.options}
        options: dict[str, Any] = {k: complete[k] for k in self.taken}
        if len(self.loss.reductions) > 1 and self.implementation.reducible:
            options["reduction"] = question.reduction
        return options

    def _given(self, question: Question, how: Mapping[str, Any]) -> Asked | Arranged | Normalised:
        """The arrays in the form that the function takes. Raises SpecError where it carries other
        numbers than the question has."""
        key = self.held_otherwise(question)
        if key is not None:
            raise SpecError(f"{self.implementation.name} holds {key}, and is asked for another")
        cotangent = question.cotangent
        if cotangent is not None:
            cotangent = np.asarray(self.format.round(np.asarray(cotangent, dtype=np.float64)))
        optional = self.implementation.optional
        arguments = {
            k: v
            for k, v in question.arguments.items()
            if optional is None or k in optional or not self.loss.arguments[k].optional
        }
        shaped = self._arranged(arguments, cotangent, question.reduction, how)
        return shaped or Asked(arguments=arguments, cotangent=cotangent)

    def _arranged(
        self, arguments: Mapping[str, Any], cotangent: Any, reduction: str, how: Mapping[str, Any]
    ) -> Arranged | Normalised | None:
        """The arrays in the form that the function takes, None where it takes them as they are."""
        claimed = self.implementation
        kind = claimed.arranged
        if kind is None and self.columns > 1:
            shapes = {np.shape(v) for v in arguments.values() if v is not None}
            fit = all(len(s) > 1 and s[-1] == self.columns for s in shapes)
            kind = None if fit else LABELS
        if kind is None:
            return None
        if kind == LOGS:
            return normalised("logits", arguments, cotangent)
        if how.get("transformation") == "vmap":
            raise BackendError("the function takes no arrays of one axis less")
        if how.get("transformation") == "double_backward" and kind in CHANNELS:
            raise BackendError("its entries come in another order, and the direction does not")
        reduced = self.loss.output != "*" or reduction != "none"
        whole = reduced and not claimed.reducible
        return arranged(
            kind, arguments, cotangent, reduced=reduced, whole=whole, columns=self.columns
        )

    def judge(self, question: Question, quantity: str, **how: Any) -> oracle.Judgement:
        """The answer's value or one gradient, compared with the specification."""
        key = ("judgement", self, quantity, *sorted(how.items()))
        if key not in question.memo:
            answer = self.ask(question, **how)
            if quantity == "value":
                got = answer.value
            else:
                got = answer.gradients.get(quantity.removeprefix("gradient."))
            question.memo[key] = oracle.judge(question, quantity, got, self.format, self.profile)
        judgement: oracle.Judgement = question.memo[key]
        return judgement

    @property
    def quantities(self) -> tuple[str, ...]:
        """The value, and the gradient of each argument that has one."""
        return ("value", *(f"gradient.{k}" for k in self.differentiable))
