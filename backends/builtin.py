"""Backends by name: our own, and those that entry points add."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points

from lossproof.backends.base import Backend
from lossproof.backends.usage import choose

BUILT_IN = {
    "numpy": "lossproof.backends.numpy_.backend:NumpyBackend",
    "torch": "lossproof.backends.torch_.backend:TorchBackend",
    "jax": "lossproof.backends.jax_.backend:JaxBackend",
}


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
    made: Backend = getattr(import_module(module), attribute)()
    return made
