"""Items: each check of one function in one dtype, as pytest runs them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from lossproof.backends.base import Backend
from lossproof.backends.registry import Implementation
from lossproof.conformance import inherited, naming, plan, runner
from lossproof.conformance.check import Check
from lossproof.conformance.once import sharing
from lossproof.conformance.registry import UsageError
from lossproof.conformance.registry import backend as backend_of
from lossproof.conformance.subject import Subject
from lossproof.reports.model import Result


class ConformanceWarning(UserWarning):
    """A requirement of level SHOULD or NOTE that does not hold."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One check of one function in one dtype. Called from a test, it passes or ends the test."""

    subject: Subject
    check: Check
    name: str
    seed: int = 0
    expected: str | None = None

    @property
    def id(self) -> str:
        """Its name in pytest: `value-float32`, and the device unless it is the CPU."""
        device = () if self.subject.device == "cpu" else (self.subject.device,)
        return "-".join((self.name, self.subject.dtype, *device))

    def result(self) -> Result:
        """The verdict; skipped, with the reason, where there is none."""
        reason = reason_to_skip(self.subject)
        if reason is None:
            named = [(sharing(self.check), self.name)]
            return next(
                iter(runner.examine(self.subject, named, seed=self.seed, excuses=inherited.excuse))
            )
        unit = plan.Unit.of(self.subject)
        return runner.blank(unit, self.check, self.name, "skipped", reason)

    def __call__(self) -> Result:
        """Judge, in a test: fails it with the message, skips it with the reason, or warns.

        What the framework's own function has alike, as a known deviation of it, is xfailed.
        """
        import pytest

        __tracebackhide__ = True
        result = self.result()
        if result.status == "skipped":
            pytest.skip(result.reason or "")
        if result.status == "xfailed":
            pytest.xfail(result.reason or "")
        text = result.message or result.reason or result.sentence
        if result.status == "warned" and self.expected is None:
            warnings.warn(text, ConformanceWarning, stacklevel=2)
        elif result.status in ("failed", "errored", "warned"):
            if result.snippet is not None:
                print(f"# shows it again\n{result.snippet}")
            pytest.fail(text + _again(), pytrace=False)
        return result

    def __repr__(self) -> str:
        return f"<{self.subject.loss.name}/{self.id}>"


def _again() -> str:
    """How to run the test that is running, as the last line of a message."""
    node = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    return f"\n  again    pytest '{node}'" if node else ""


def items(
    implementation: Implementation,
    *,
    dtypes: Sequence[str] | None,
    checks: Sequence[str] | None,
    device: str,
    profile: str,
    seed: int,
    expected_failed: Mapping[str, str] | None,
) -> list[Item]:
    """An item for each dtype and check, in that order. Raises UsageError for names unknown."""
    for kind, given in (("dtypes", dtypes), ("checks", checks)):
        if isinstance(given, str):
            raise UsageError(f"{kind} is a list of names, got {given!r}")
    found = _backend(implementation.backend)
    chosen = plan.Selection(
        losses=(implementation.loss,),
        backends=(implementation.backend,),
        dtypes=tuple(found.dtypes if dtypes is None else dtypes),
        devices=(device,),
        checks=tuple(checks or ()),
        profile=profile,
    ).resolved()
    made = []
    for unit in plan.units(chosen):
        subject = plan.subject(unit, found, profile, implementation)
        named = plan.names(unit, chosen.checks)
        wanted = naming.fitting([name for _, name in named], tuple(checks or ()))
        made += [
            Item(subject=subject, check=known, name=name, seed=seed)
            for known, name in named
            if name in wanted
        ]
    return _expecting(made, expected_failed or {})


def _expecting(made: list[Item], reasons: Mapping[str, str]) -> list[Item]:
    """The items, each with the reason why it is expected to fail, if there is one."""
    kind = "check to fail"
    for name, reason in reasons.items():
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError(f"expected_failed[{name!r}] must be a reason, got {reason!r}")
    known = [n for item in made for n in (item.name, item.id)]
    naming.fitting(known, tuple(reasons), kind)
    expecting = []
    for item in made:
        found = [r for n, r in reasons.items() if naming.fits(item.name, n) or item.id == n]
        expecting.append(replace(item, expected=found[0]) if found else item)
    return expecting


@cache
def _backend(name: str) -> Backend:
    return backend_of(name)


def reason_to_skip(subject: Subject) -> str | None:
    """Why the subject cannot be examined here, or None."""
    return plan.missing(plan.Unit.of(subject), subject.backend, subject.implementation)
