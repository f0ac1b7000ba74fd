"""The environment of a run: versions, processor, devices, and properties that are probed."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from lossproof.backends.base import Backend
from lossproof.backends.process.threads import THREADS

LIBRARIES = ("numpy", "torch", "jax", "jaxlib", "ml_dtypes", "python-flint", "hypothesis")
VARIABLES = (*THREADS, "XLA_FLAGS", "JAX_ENABLE_X64", "NVIDIA_TF32_OVERRIDE")


def versions(backends: Iterable[Backend]) -> dict[str, str | None]:
    """The version of each library that matters, those under test included; None: not installed."""
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    for backend in backends:
        name, _, number = backend.version().partition(" ")
        found.setdefault(name, number.partition(" ")[0] or None)
    return found


def processor() -> str:
    """The processor's model, as its operating system calls it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.lower().startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def flags() -> dict[str, bool | int | str | None]:
    """Environment variables that change results."""
    return {name: os.environ.get(name) for name in VARIABLES}


def probes(backends: Iterable[Backend]) -> dict[str, bool | int | str | None]:
    """What each backend does with subnormal numbers and wide dtypes, measured and not assumed."""
    found: dict[str, bool | int | str | None] = {
        "numpy.flush_to_zero": bool(np.float32(1e-40) * np.float32(1.5) == 0.0)
    }
    for backend in backends:
        for name, value in backend.probe().items():
            found[f"{backend.name}.{name}"] = value
    return found
