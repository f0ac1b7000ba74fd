"""What a function takes, read off its signature: it is asked nothing that it cannot answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lossproof.backends.registry import Implementation
from lossproof.conformance.registry import UsageError
from lossproof.spec.loss import Loss


def fitted(implementation: Implementation, loss: type[Loss]) -> Implementation:
    """The implementation, restricted to the options and arguments that its function names.

    Raises UsageError if the function cannot take the arguments that the loss always has.
    """
    parameters = _parameters(implementation.forward)
    if parameters is None:
        return implementation
    required = [k for k, a in loss.arguments.items() if not a.optional]
    # NumPy functions are called by position, so that their names are their own affair
    by_position = implementation.backend == "numpy" and len(parameters) >= len(required)
    if not by_position and not set(required) <= set(parameters):
        found = ", ".join(parameters) or "none"
        raise UsageError(
            f"{implementation.name}: {loss.name} has the arguments {', '.join(required)}; "
            f"the function has the parameters {found}"
        )
    options = tuple(k for k in loss.options if k in parameters and k not in implementation.dialect)
    optional = tuple(k for k, a in loss.arguments.items() if a.optional and k in parameters)
    return replace(
        implementation,
        options=options if implementation.options is None else implementation.options,
        optional=optional if implementation.optional is None else implementation.optional,
        reducible="reduction" in parameters,
    )


def _parameters(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """The names that may be given by keyword; None where that cannot be known."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD or p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return tuple(p.name for p in parameters)
