"""Global state that a function has no business to change."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

State = dict[str, Any]


def snapshot() -> State:
    """The state of everything imported so far, by a name that a reader knows."""
    found: State = {
        "numpy.seterr": tuple(sorted(np.geterr().items())),
        "numpy.random.seed": _bare(np.random.get_state(legacy=False)),  # noqa: NPY002
        "random": random.getstate(),
        "os.environ": dict(os.environ),
        "the working directory": _directory(),
    }
    for module, probe in _FRAMEWORKS.items():
        # a half-imported framework has nothing to tell yet
        if module in sys.modules:
            found |= probe(sys.modules[module])
    return found


def changed(before: State) -> tuple[str, ...]:
    """The names of what is not as it was."""
    now = snapshot()
    return tuple(name for name, value in before.items() if now.get(name) != value)


def _bare(state: Any) -> Any:
    """A state of NumPy's as what can be compared. To format its 624 numbers would take longer
    than most calls of a loss."""
    if isinstance(state, dict):
        return tuple((k, _bare(v)) for k, v in state.items())
    if isinstance(state, tuple):
        return tuple(map(_bare, state))
    return state.tobytes() if isinstance(state, np.ndarray) else state


def _directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _torch(torch: Any) -> State:
    return {
        "torch.set_default_dtype": str(torch.get_default_dtype()),
        "torch.manual_seed": torch.get_rng_state().numpy().tobytes(),
        "torch.set_grad_enabled": torch.is_grad_enabled(),
        "torch.use_deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "torch.set_num_threads": torch.get_num_threads(),
        "torch.set_float32_matmul_precision": torch.get_float32_matmul_precision(),
    }


def _jax(jax: Any) -> State:
    return {
        "jax.config.jax_enable_x64": jax.config.jax_enable_x64,
        "jax.config.jax_debug_nans": jax.config.jax_debug_nans,
        "jax.config.jax_disable_jit": jax.config.jax_disable_jit,
        "jax.config.jax_default_matmul_precision": str(jax.config.jax_default_matmul_precision),
    }


_FRAMEWORKS: dict[str, Callable[[Any], State]] = {"torch": _torch, "jax": _jax}
