"""The whole suite as items of pytest: which cells there are, and what each of them does.

What it covers is said by environment variables (`plugin.OPTIONS`), so that a fuzzer which drives
Hypothesis tests without plugins can choose it too.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from lossproof.backends.base import Backend
from lossproof.conformance import deviations, naming, plan, runner
from lossproof.conformance.check import Check, checks
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.items import ConformanceWarning
from lossproof.conformance.once import sharing
from lossproof.conformance.plugin import OPTIONS, separator, variable
from lossproof.conformance.registry import choose
from lossproof.conformance.subject import Subject
from lossproof.reports.model import Result, cell_id
from lossproof.spec.question import Question

#: complaints of Hypothesis about what cannot be helped; HypoFuzz drives no test without the others
SLOWNESS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One check of one loss on one backend, dtype and device."""

    unit: plan.Unit
    name: str

    @property
    def id(self) -> str:
        """As reports name it: `huber/value[torch,float32,cpu]`."""
        u = self.unit
        return cell_id(u.loss, self.name, u.backend, u.dtype, u.device)

    @property
    def item(self) -> str:
        """As pytest names it: `huber-value-torch-float32-cpu`."""
        u = self.unit
        return "-".join((u.loss, self.name, u.backend, u.dtype, u.device))

    @property
    def check(self) -> Check:
        """The check, its landmark questions shared with the other cells of the unit."""
        return sharing(checks()[self.name.partition(".")[0]])

    def __repr__(self) -> str:
        return f"<{self.id}>"


class Unmet(pytest.fail.Exception):  # type: ignore[name-defined,misc]
    """Ends a test. The message is made when it is first shown: not while Hypothesis, which raises
    this many times, is shrinking."""

    def __init__(self, message: Callable[[], str]) -> None:
        super().__init__(pytrace=False)
        self._message = message

    @cached_property
    def _text(self) -> str:
        return self._message()

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__


class Violated(Unmet):
    """A requirement does not hold."""


class Raised(Unmet):
    """The implementation raised on input that the spec allows."""


#: what ends a test, by the status of the cell
_ENDS = {"failed": Violated, "errored": Raised}


def values(option: str) -> tuple[str, ...]:
    """What the environment says of an option."""
    parts = os.environ.get(variable(option), "").split(separator(option))
    return tuple(part.strip() for part in parts if part.strip())


def selection() -> plan.Selection:
    """What is selected, every name known. Raises UsageError."""
    for name in sorted(os.environ):
        if name.startswith("LOSSPROOF_"):
            choose("environment variable", name, tuple(variable(o) for o in OPTIONS))
    profiles = values("profile") or ("default",)
    chosen = plan.Selection(
        losses=values("loss"),
        backends=values("backend"),
        dtypes=values("dtype"),
        devices=values("device"),
        checks=values("check"),
        profile=profiles[-1],
    )
    return chosen.resolved()


def cells() -> list[tuple[Cell, deviations.Deviation | None]]:
    """The cells that are selected, each with the deviation that is expected of it.

    An entry that is not in force expects nothing. Raises UsageError for names unknown and for files
    that cannot be read.
    """
    chosen = selection()
    expected = [d for d in _deviations() if d.in_force()]
    every = [
        Cell(unit=unit, name=name)
        for unit in plan.units(chosen)
        for _, name in plan.names(unit, chosen.checks)
    ]
    wanted = set(naming.fitting([cell.name for cell in every], values("check")))
    return [
        (cell, next((d for d in expected if d.matches(cell.id)), None))
        for cell in every
        if cell.name in wanted
    ]


def _deviations() -> list[deviations.Deviation]:
    files = (*deviations.OWN, *map(Path, values("expected")))
    return [d for path in files for d in deviations.read(path)]


def parameters() -> list[object]:
    """The cells as parameters of a test; a usage error ends collection with one line."""
    try:
        found = cells()
    except ValueError as error:
        raise pytest.Collector.CollectError(f"lossproof: {error}") from None
    for old in _deviations():
        if old.expired() and any(old.matches(cell.id) for cell, _ in found):
            text = f"expected deviation expired on {old.expires}: {old.id}"
            warnings.warn(text, ConformanceWarning, stacklevel=2)
    return [
        pytest.param(
            cell,
            id=cell.item,
            marks=[] if deviation is None else [_xfail(deviation)],
        )
        for cell, deviation in found
    ]


def _xfail(deviation: deviations.Deviation) -> pytest.MarkDecorator:
    link = "" if deviation.link is None else f" ({deviation.link})"
    return pytest.mark.xfail(
        reason=deviation.reason + link, strict=False, raises=_ENDS[deviation.status]
    )


def settings() -> hypothesis.settings:
    """Hypothesis's settings for the selected profile, on top of the profile that is loaded."""
    effort = EFFORTS[(values("profile") or ("default",))[-1]]
    return hypothesis.settings(
        max_examples=max(1, effort.examples),
        deadline=None,
        phases=(Phase.reuse, Phase.generate, Phase.target, Phase.shrink),
        suppress_health_check=SLOWNESS,
        report_multiple_bugs=False,
        print_blob=False,
    )


def landmarks(cell: Cell) -> None:
    """Ask the landmark questions, once; end the test if they settle it, each time alike."""
    __tracebackhide__ = True
    reason = _missing(cell.unit)
    if reason is not None:
        pytest.skip(reason)
    result = _asked(cell)
    if result.status == "skipped":
        pytest.skip(result.reason or "")
    if result.status in _ENDS:
        raise _ENDS[result.status](lambda: (result.message or result.sentence) + _again(cell))
    if result.status == "warned":
        _warn_once(cell, lambda: result.message or result.sentence)


def searches(cell: Cell) -> bool:
    """Whether more is asked than the landmark questions."""
    return bool(cell.check.source.regimes) and _subject(cell.unit).effort.examples > 0


def questions(cell: Cell) -> st.SearchStrategy[Question]:
    """The questions of the search."""
    return _strategy(cell.check, _subject(cell.unit))


def ask(cell: Cell, question: Question) -> None:
    """Ask one question of the search, and tell Hypothesis how near it comes to a violation."""
    __tracebackhide__ = True
    subject = _subject(cell.unit)
    tally = runner.Tally(check=cell.check, name=cell.name)
    tally.observe(subject, question)
    ratio = 0.0 if tally.worst is None else tally.worst.ratio
    climbing = 0 < ratio < np.inf
    hypothesis.target(float(np.log2(ratio)) if climbing else -60.0, label="log2(error / budget)")
    hypothesis.event(f"grade {tally.grade or 'none'}")

    def message() -> str:
        result = runner.finish(subject, tally, "")
        return result.message or result.sentence

    status, _ = runner.judge(tally)
    if status in _ENDS:
        raise _ENDS[status](lambda: message() + _again(cell))
    if status == "warned":
        _warn_once(cell, message)


@cache
def _backend(name: str) -> Backend:
    return plan.backend(name)


@cache
def _missing(unit: plan.Unit) -> str | None:
    return plan.missing(unit, _backend(unit.backend))


@lru_cache(maxsize=16)
def _subject(unit: plan.Unit) -> Subject:
    return plan.subject(unit, _backend(unit.backend), selection().profile)


@lru_cache(maxsize=16)
def _without_search(unit: plan.Unit) -> Subject:
    subject = _subject(unit)
    return replace(subject, effort=replace(subject.effort, examples=0))


@cache
def _asked(cell: Cell) -> Result:
    """The verdict of the landmark questions alone."""
    named = [(cell.check, cell.name)]
    return next(iter(runner.examine(_without_search(cell.unit), named, seed=0)))


@lru_cache(maxsize=16)
def _strategy(check: Check, subject: Subject) -> st.SearchStrategy[Question]:
    return check.source.strategy(subject)


_WARNED: set[Cell] = set()


def _warn_once(cell: Cell, message: Callable[[], str]) -> None:
    if cell not in _WARNED:
        _WARNED.add(cell)
        warnings.warn(message(), ConformanceWarning, stacklevel=3)


def _again(cell: Cell) -> str:
    """How to run the cell alone, as the last line of a message."""
    profile = "".join(f" --lossproof-profile {p}" for p in values("profile"))
    return f"\n  again    pytest --pyargs lossproof.conformance{profile} -k {cell.item}"
