"""Anybody's function under examination, from Python and from pytest.

    @lossproof.parametrize(my_huber, loss="huber", backend="torch")
    def test_huber(check):
        check()

gives one item of pytest for each check and dtype, named like `gradient.prediction-float32`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from lossproof.backends.registry import Backward
from lossproof.conformance import inherited, origin, runner
from lossproof.conformance.items import ConformanceWarning, items, reason_to_skip
from lossproof.conformance.origin import Function
from lossproof.reports.model import Result, Status

Test = TypeVar("Test", bound=Callable[..., Any])


def check(
    function: Function,
    *,
    loss: str,
    backend: str,
    backward: Backward | None = None,
    map: Mapping[str, str] | None = None,
    fix: Mapping[str, Any] | None = None,
    reductions: Sequence[str] | None = None,
    dtypes: Sequence[str] | None = None,
    checks: Sequence[str] | None = None,
    device: str = "cpu",
    profile: str = "default",
    seed: int = 0,
    expected_failed: Mapping[str, str] | None = None,
) -> tuple[Result, ...]:
    """The results of every check in every dtype, for a function that claims to be `loss`.

    Its parameters are found by name, by the names that libraries use, then by position; `map` binds
    names of the loss to parameters, and `fix` holds parameters, or options and optional arguments
    that the function does not take, at constants. What it neither takes nor is told is found out by
    asking it.
    `backward(cotangent, *arguments, **options)` is a gradient written by hand, the only kind that
    NumPy has; left out, it is the function named `<function>_backward` beside `function`.
    `reductions` are those it offers. The function runs in this process.
    `expected_failed` gives, for names of checks or of items, the reason why they fail; those
    results are xfailed or xpassed. Violations that the framework's own function has alike are
    xfailed too, where they are listed as known deviations of it.

    A result's `snippet` shows its violation again; there is none for a function that no file holds
    under its own name. Raises UsageError, in one line, for names that are not known.
    """
    found = items(
        origin.implementation(
            function,
            loss=loss,
            backend=backend,
            backward=backward,
            map=map,
            fix=fix,
            reductions=reductions,
        ),
        dtypes=dtypes,
        checks=checks,
        device=device,
        profile=profile,
        seed=seed,
        expected_failed=expected_failed,
    )
    results = []
    subjects = dict.fromkeys(item.subject for item in found)
    for subject in subjects:
        of_subject = [item for item in found if item.subject is subject]
        if reason_to_skip(subject) is not None:
            answers = [item.result() for item in of_subject]
        else:
            named = [(item.check, item.name) for item in of_subject]
            answers = list(runner.examine(subject, named, seed=seed, excuses=inherited.excuse))
        by_name = {result.check: result for result in answers}
        results += [_marked(by_name[item.name], item.expected) for item in of_subject]
    return tuple(results)


def _marked(result: Result, expected: str | None) -> Result:
    if expected is None or result.status == "skipped":
        return result
    status: Status = "xpassed" if result.status == "passed" else "xfailed"
    return replace(result, status=status, reason=expected)


def parametrize(
    function: Function,
    *,
    loss: str,
    backend: str,
    backward: Backward | None = None,
    map: Mapping[str, str] | None = None,
    fix: Mapping[str, Any] | None = None,
    reductions: Sequence[str] | None = None,
    dtypes: Sequence[str] | None = None,
    checks: Sequence[str] | None = None,
    device: str = "cpu",
    profile: str = "default",
    seed: int = 0,
    expected_failed: Mapping[str, str] | None = None,
    strict: bool | None = None,
) -> Callable[[Test], Test]:
    """Decorate a test of one argument, `check`: one item of pytest for each check and dtype.

    The arguments are those of `lossproof.check`. An item fails with the message of the violation
    and nothing else, is skipped with its reason, and warns with ConformanceWarning where a
    requirement of level SHOULD does not hold. The items of `expected_failed` are xfailed;
    `strict` says whether one of them that passes fails, and is left to pytest's `xfail_strict`
    where it is None. Misuse ends collection with one line.
    """
    import pytest

    try:
        found = items(
            origin.implementation(
                function,
                loss=loss,
                backend=backend,
                backward=backward,
                map=map,
                fix=fix,
                reductions=reductions,
                collecting=True,
            ),
            dtypes=dtypes,
            checks=checks,
            device=device,
            profile=profile,
            seed=seed,
            expected_failed=expected_failed,
        )
    except ValueError as error:
        raise pytest.Collector.CollectError(f"lossproof.parametrize: {error}") from None
    strictly: dict[str, Any] = {} if strict is None else {"strict": strict}
    parameters = []
    for item in found:
        marks = [pytest.mark.xfail(reason=item.expected, **strictly)] if item.expected else []
        parameters.append(pytest.param(item, id=item.id, marks=marks))

    def decorate(test: Test) -> Test:
        if "check" not in inspect.signature(test).parameters:
            name = getattr(test, "__name__", repr(test))
            raise pytest.Collector.CollectError(
                f"lossproof.parametrize: {name} must take an argument named 'check'"
            )
        decorated: Test = pytest.mark.parametrize("check", parameters)(test)
        return decorated

    return decorate


__all__ = ["ConformanceWarning", "check", "parametrize"]
