"""Backends by name, with clear words for those that are unknown or not installed."""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points

from lossproof.backends.base import Backend

BUILT_IN = {
    "numpy": "lossproof.backends.numpy_.backend:NumpyBackend",
    "torch": "lossproof.backends.torch_.backend:TorchBackend",
    "jax": "lossproof.backends.jax_.backend:JaxBackend",
}


class UsageError(ValueError):
    """What was asked for cannot be done; one line names the rule, the value and the choices."""


def choose(kind: str, name: str, choices: tuple[str, ...]) -> str:
    """`name` if it is one of the choices. Raises UsageError with the nearest."""
    if name in choices:
        return name
    near = difflib.get_close_matches(name, choices, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(choices)}"
    raise UsageError(f"no {kind} named {name!r}; {hint}")


def backend_names() -> tuple[str, ...]:
    """The backends known here, installed or not: our own, then entry points."""
    found = [e.name for e in entry_points(group="lossproof.backends")]
    return (*BUILT_IN, *sorted(set(found) - set(BUILT_IN)))


def backend(name: str) -> Backend:
    """The backend of that name. Raises UsageError if there is none."""
    choose("backend", name, backend_names())
    for entry in entry_points(group="lossproof.backends"):
        if entry.name == name and name not in BUILT_IN:
            found: Backend = entry.load()()
            return found
    module, _, attribute = BUILT_IN[name].partition(":")
    cls = getattr(__import__(module, fromlist=[attribute]), attribute)
    made: Backend = cls()
    return made
