"""Backends by name: our own, and those that entry points add."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.metadata import entry_points

from lossproof.backends.base import Backend
from lossproof.backends.usage import choose

BUILT_IN = {
    "numpy": "lossproof.backends.numpy_.backend:NumpyBackend",
    "torch": "lossproof.backends.torch_.backend:TorchBackend",
    "jax": "lossproof.backends.jax_.backend:JaxBackend",
}
#: libraries that are examined where they are named: what a plain run covers must not depend on them
LIBRARIES = {
    "optax": "lossproof.backends.libraries.backend:Optax",
    "rax": "lossproof.backends.libraries.backend:Rax",
    "keras_jax": "lossproof.backends.libraries.keras_backend:KerasJax",
    "keras_torch": "lossproof.backends.libraries.keras_backend:KerasTorch",
    "sklearn": "lossproof.backends.libraries.backend:Sklearn",
    "torchmetrics": "lossproof.backends.libraries.backend:Torchmetrics",
    "kornia": "lossproof.backends.libraries.backend:Kornia",
    "monai": "lossproof.backends.libraries.backend:Monai",
    "pytorch_metric_learning": "lossproof.backends.libraries.backend:MetricLearning",
}
#: of a library on several frameworks, the variable that chooses one, and its backend on each
VARIANTS = {"keras": ("KERAS_BACKEND", {"jax": "keras_jax", "torch": "keras_torch"})}
_OWN = {**BUILT_IN, **LIBRARIES}


def backend_names() -> tuple[str, ...]:
    """The backends known here, installed or not: our own, libraries, then entry points."""
    found = [e.name for e in entry_points(group="lossproof.backends")]
    return (*_OWN, *sorted(set(found) - set(_OWN)))


def meant(name: str) -> str:
    """The backend that a name means here: of a library on several frameworks that which its own
    variable names, else the first that is installed. Raises UsageError for another framework."""
    if name not in VARIANTS or name in backend_names():
        return name
    variable, named = VARIANTS[name]
    framework = os.environ.get(variable)
    if framework:
        return named[choose(f"framework of {name} ({variable})", framework, tuple(named))]
    present = (n for n in named.values() if backend(n).missing() is None)
    return next(present, next(iter(named.values())))


def backend(name: str) -> Backend:
    """The backend of that name. Raises UsageError if there is none."""
    choose("backend", name, backend_names())
    for entry in entry_points(group="lossproof.backends"):
        if entry.name == name and name not in _OWN:
            found: Backend = entry.load()()
            return found
    module, _, attribute = _OWN[name].partition(":")
    made: Backend = getattr(import_module(module), attribute)()
    return made
