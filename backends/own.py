"""A framework's own function of a loss, and what callers compose of its parts, as targets."""

from __future__ import annotations

from lossproof.backends import composed
from lossproof.backends.builtin import backend
from lossproof.backends.registry import Registered, Registry
from lossproof.backends.usage import UsageError


def function(name: str, loss: str) -> Registered:
    """The function of a loss that comes with a backend. Raises UsageError where there is none."""
    registry = backend(name).implementations()
    found = registry.get(loss)
    if found is None:
        raise UsageError(f"{name} has no implementation of {loss}")
    return Registered(registry, found)


def composition(name: str, loss: str, which: int) -> Registered:
    """One of the compositions of a loss. Raises UsageError where the framework has no parts."""
    found = composed.implementations(loss, backend(name))
    if not found:
        raise UsageError(f"{name} has no softplus of its own")
    return Registered(Registry(name), found[which])
