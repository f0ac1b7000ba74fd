"""A function in memory as an implementation: what it claims, and how to find it again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from lossproof.backends import loading
from lossproof.backends.loading import Source
from lossproof.backends.registry import Backward, Implementation, Registered
from lossproof.conformance.again import recorded
from lossproof.conformance.registry import UsageError, backend_names, choose
from lossproof.conformance.registry import backend as backend_of
from lossproof.conformance.settle import settle
from lossproof.spec.loss import catalogue, get

Function = Callable[..., Any] | Implementation | Registered


def implementation(
    function: Function,
    *,
    loss: str,
    backend: str,
    backward: Backward | None = None,
    map: Mapping[str, str] | None = None,
    fix: Mapping[str, Any] | None = None,
    reductions: Sequence[str] | None = None,
    collecting: bool = False,
) -> Implementation:
    """The claim of `function` to be `loss` on `backend`.

    What `@implements(...)` registered keeps its facts; any other function is asked moderate
    questions about what it offers, where its framework is installed; while `collecting`, only where
    it is imported already. Raises UsageError for names unknown.
    """
    choose("loss", loss, tuple(catalogue()))
    choose("backend", backend, backend_names())
    if isinstance(function, Registered):
        function = function.implementation
    if isinstance(function, Implementation):
        if (function.loss, function.backend) != (loss, backend):
            raise UsageError(
                f"{function.name} is registered as {function.loss} on {function.backend}, "
                f"not as {loss} on {backend}"
            )
        if backward is not None or map or fix or reductions is not None:
            raise UsageError(f"{function.name} is registered with its facts; state them there")
        return function if function.label is not None else replace(function, label=_name(function))
    if not callable(function):
        raise UsageError(f"a function is wanted, got {function!r}")
    stated = get(loss)
    for name in reductions or ():
        choose(f"reduction of {loss}", name, stated.reductions)
    reverse = backward if backward is not None else _beside(function)
    claim = loading.claim(function, stated, backend, backward=reverse, mapping=map, fixed=fix)
    found = target(function) if reverse is _beside(function) else None
    source = None if found is None else Source(target=found, map=map or {}, fix=fix or {})
    loaded = replace(claim, label=found or _name(function), source=source)
    stating = loaded if reductions is None else replace(loaded, reductions=tuple(reductions))
    placed = backend_of(backend)
    if placed.missing() or (collecting and backend not in sys.modules):
        return recorded(loaded, stating)
    return recorded(loaded, settle(stating, stated, placed).implementation)


def _name(function: Callable[..., Any]) -> str:
    if isinstance(function, Implementation):
        return _name(function.forward)
    name: str = getattr(function, "__qualname__", type(function).__name__)
    return name


def _beside(function: Callable[..., Any]) -> Backward | None:
    """The function named `<function>_backward` in the same module."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    name = getattr(function, "__name__", None)
    if module is None or getattr(module, str(name), None) is not function:
        return None
    return loading.beside(module, str(name))


def target(function: Callable[..., Any]) -> str | None:
    """`path/to/file.py:function` or `package.module:function`, None if it lives in memory only.

    A module of a package is named by import, any other by its file: only that is found again by a
    process with another path.
    """
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    name = getattr(function, "__name__", None)
    if module is None or getattr(module, str(name), None) is not function:
        return None
    if module.__name__ != "__main__" and "." in module.__name__:
        return f"{module.__name__}:{name}"
    path = _file(module)
    return None if path is None else f"{path}:{name}"


def _file(module: ModuleType) -> Path | None:
    """Its source file, relative to the working directory if it lies beneath it."""
    path = Path(getattr(module, "__file__", None) or "")
    if path.suffix != ".py" or not path.is_file():
        return None
    path = path.resolve()
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
