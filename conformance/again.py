"""A function that was asked what it offers, loaded again as it was examined, without being asked.

What was found out is kept beside the question: in other shapes, or under other options, the same
numbers are another question.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lossproof.backends.loading import Source
from lossproof.backends.registry import Implementation
from lossproof.conformance.registry import choose

#: what is found out by asking, of the fields of an implementation
FIELDS = (
    "arranged", "dialect", "differentiable", "doubtful", "dtypes", "held", "optional", "options",
    "reducible", "reductions", "refused", "sizes",
)  # fmt: skip


def recorded(claimed: Implementation, settled: Implementation) -> Implementation:
    """The settled implementation, with what it was not claimed to be written down as `settled`."""
    pairs = {key: (getattr(claimed, key), getattr(settled, key)) for key in FIELDS}
    found = {key: _plain(new) for key, (old, new) in pairs.items() if new != old}
    return replace(settled, settled=found)


def applied(claimed: Implementation, settled: Mapping[str, Any]) -> Implementation:
    """The implementation with what was found out of it, as plain data. Raises UsageError."""
    for key in settled:
        choose("settled fact", key, FIELDS)
    return replace(claimed, settled=settled, **{k: _restored(k, v) for k, v in settled.items()})


def target(implementation: Implementation) -> str | dict[str, Any] | None:
    """A target that any process can load, its file's path absolute; None where there is none.

    With --map, --fix or --backward it is these by name, beside the target.
    """
    named = _located(implementation.label or "")
    source = implementation.source
    if named is None or not isinstance(source, Source):
        return named
    beside = {k: v for k, v in asdict(source).items() if v and k != "target"}
    return {"target": named, **beside} if beside else named


def _located(label: str) -> str | None:
    where, colon, attribute = label.rpartition(":")
    if where.endswith(".py"):
        path = Path(where).resolve()
        return f"{path}:{attribute}" if path.is_file() else None
    return f"{where}:{attribute}" if colon and where in sys.modules else None


def _plain(value: Any) -> Any:
    """As JSON gives it back: lists for tuples."""
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _restored(key: str, value: Any) -> Any:
    if key in ("refused", "held"):
        return {name: tuple(values) for name, values in value.items()}
    return tuple(value) if isinstance(value, list) else value
