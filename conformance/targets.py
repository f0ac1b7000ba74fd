"""Targets: anybody's function, named on the command line, as an implementation to examine."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from lossproof.backends.registry import Implementation, Registered
from lossproof.conformance import deviations, plan, runner
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.registry import UsageError, backend, backend_names, choose
from lossproof.conformance.session import exit_code
from lossproof.conformance.signature import fitted
from lossproof.conformance.subject import Subject
from lossproof.reports import summary
from lossproof.reports.model import Result
from lossproof.spec.loss import catalogue, get


def load(target: str, loss: str, name: str) -> Implementation:
    """The implementation that `path.py:function` or `module:function` names.

    A NumPy target with gradients is `@implements(...)`-decorated, or has beside it a function named
    `<function>_backward`. Raises UsageError if it cannot be imported or is not there.
    """
    where, colon, attribute = target.rpartition(":")
    if not colon or not where or not attribute:
        raise UsageError(f"{target!r} is not a target; write path/to/file.py:function")
    module = _module(where)
    if not hasattr(module, attribute):
        functions = tuple(
            k for k, v in vars(module).items() if callable(v) and not k.startswith("_")
        )
        if not functions:
            raise UsageError(f"{where} holds no function")
        choose(f"function in {where}", attribute, functions)
    found = getattr(module, attribute)
    if isinstance(found, Registered):
        return replace(found.implementation, label=target)
    if not callable(found):
        raise UsageError(f"{target} is not a function but of type {type(found).__name__}")
    reverse: Callable[..., dict[str, Any]] | None = getattr(module, f"{attribute}_backward", None)
    claim = Implementation(
        loss=loss,
        backend=name,
        forward=found,
        reverse=reverse,
        differentiable=() if name == "numpy" and reverse is None else None,
        label=target,
    )
    return fitted(claim, get(loss))


def _module(where: str) -> ModuleType:
    try:
        if not where.endswith(".py"):
            return importlib.import_module(where)
        path = Path(where)
        if not path.is_file():
            raise UsageError(f"{where}: no such file")
        # a name of its own: the file must neither hide nor be hidden by a module of that name
        name = f"lossproof_target_{zlib.crc32(str(path.resolve()).encode()):08x}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise UsageError(f"{where}: not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    except UsageError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise UsageError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error


def subjects(implementation: Implementation, selection: plan.Selection) -> list[Subject]:
    """The subjects of one target: its dtypes and devices. Raises UsageError if none can be."""
    found = backend(selection.backends[0])
    absent = found.missing()
    if absent is not None:
        raise UsageError(absent)
    for device in selection.devices:
        choose("device", device, found.devices())
    return [
        Subject(
            loss=get(unit.loss),
            implementation=implementation,
            backend=found,
            dtype=unit.dtype,
            device=unit.device,
            effort=EFFORTS[selection.profile],
            primary=unit.primary,
        )
        for unit in plan.units(selection)
    ]


def examine(implementation: Implementation, selection: plan.Selection, seed: int) -> list[Result]:
    """All results of a target."""
    results: list[Result] = []
    for subject in subjects(implementation, selection):
        unit = plan.Unit(
            loss=subject.loss.name,
            backend=subject.backend.name,
            dtype=subject.dtype,
            device=subject.device,
        )
        named = plan.names(unit, selection.checks)
        results.extend(runner.examine(subject, named, seed=seed))
    return results


def check(target: str, selection: plan.Selection, *, seed: int, expected: tuple[Path, ...]) -> int:
    """Examine a target, print what fails and one closing line; the exit code."""
    choose("loss", selection.losses[0], tuple(catalogue()))
    choose("backend", selection.backends[0], backend_names())
    chosen = selection.resolved()
    implementation = load(target, chosen.losses[0], chosen.backends[0])
    known = tuple(d for path in expected for d in deviations.read(path))
    results = deviations.apply(examine(implementation, chosen, seed), known)
    for result in results:
        if result.status in ("failed", "errored", "warned"):
            click.echo(f"{result.status}: {result.message or result.reason}\n")
    for reason, number in Counter(r.reason for r in results if r.status == "skipped").items():
        click.echo(f"skipped {number}: {reason}")
    if not EFFORTS[chosen.profile].sufficient:
        click.echo(f"This {chosen.profile} run is not sufficient evidence of conformance.")
    counts = summary.tally(r.status for r in results)
    click.echo(", ".join(f"{n} {status}" for status, n in counts.items() if n))
    return exit_code(counts)
