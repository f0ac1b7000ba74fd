"""Where a function comes from: as an implementation, and as a target that can be loaded again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from lossproof.backends.registry import Backward, Implementation, Registered
from lossproof.conformance.registry import UsageError, backend_names, choose
from lossproof.conformance.signature import fitted
from lossproof.spec.loss import catalogue, get

Function = Callable[..., Any] | Implementation | Registered


def implementation(
    function: Function,
    *,
    loss: str,
    backend: str,
    backward: Backward | None = None,
    dialect: Mapping[str, Any] | None = None,
    reductions: Sequence[str] | None = None,
) -> Implementation:
    """The claim of `function` to be `loss` on `backend`.

    What `@implements(...)` registered keeps its facts. Raises UsageError for names unknown.
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
        if backward is not None or dialect is not None or reductions is not None:
            raise UsageError(f"{function.name} is registered with its facts; state them there")
        return function if function.label is not None else replace(function, label=_name(function))
    if not callable(function):
        raise UsageError(f"a function is wanted, got {function!r}")
    stated = get(loss)
    for key in dialect or {}:
        choose(f"option of {loss}", key, tuple(stated.options))
    for name in reductions or ():
        choose(f"reduction of {loss}", name, stated.reductions)
    reverse = backward if backward is not None else _beside(function)
    plain = reverse is _beside(function) and not dialect and reductions is None
    claim = Implementation(
        loss=loss,
        backend=backend,
        forward=function,
        reverse=reverse,
        dialect=dict(dialect or {}),
        differentiable=() if backend == "numpy" and reverse is None else None,
        reductions=None if reductions is None else tuple(reductions),
        label=(target(function) if plain else None) or _name(function),
    )
    return fitted(claim, stated)


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
    found: Backward | None = getattr(module, f"{name}_backward", None)
    return found


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
