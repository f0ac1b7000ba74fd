"""A gallery of wrong losses: every one must be caught, by a check that is named for its fault.

Each is a right implementation with one change. What is right besides the fault is built from
`gallery.parts`, so that an entry shows its fault and little else. `backend` numpy entries carry a
hand-written vector-Jacobian product; the others are differentiated by their framework.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

Forward = Callable[..., Any]
Backward = Callable[..., dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """An implementation of `loss` with one fault.

    At least one check of `caught_by` must fail, in each of `dtypes`; the first is the one whose
    subject the fault is. `from_notebook` marks the mistakes of the reference notebooks.
    """

    id: str
    loss: str
    backend: str
    fault: str
    caught_by: tuple[str, ...]
    forward: Forward
    reverse: Backward | None = None
    dtypes: tuple[str, ...] = ("float32",)
    from_notebook: bool = False


class Entered:
    """What `@wrong(...)` leaves in place of the function; it calls like the function."""

    def __init__(self, collection: dict[str, Wrong], entry: Wrong) -> None:
        self._collection = collection
        self.entry = entry

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.entry.forward(*arguments, **keywords)

    def backward(self, function: Backward) -> Backward:
        """Enter `function(cotangent, *arguments, **options)` as the vector-Jacobian product."""
        self.entry = replace(self.entry, reverse=function)
        self._collection[self.entry.id] = self.entry
        return function


_GALLERY: dict[str, Wrong] = {}


def wrong(
    loss: str,
    fault: str,
    *caught_by: str,
    backend: str = "torch",
    collection: dict[str, Wrong] = _GALLERY,
    **facts: Any,
) -> Callable[[Forward], Entered]:
    """Enter a function; its name, with hyphens, is its id. Raises ValueError for one twice."""

    def enter(function: Forward) -> Entered:
        name = function.__name__.replace("_", "-")
        if name in collection:
            raise ValueError(f"{name} is in the gallery twice")
        collection[name] = Wrong(
            id=name, loss=loss, backend=backend, fault=fault, caught_by=caught_by,
            forward=function, **facts,
        )  # fmt: skip
        return Entered(collection, collection[name])

    return enter


def gallery() -> tuple[Wrong, ...]:
    """Every wrong implementation, by loss and id."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return tuple(sorted(_GALLERY.values(), key=lambda entry: (entry.loss, entry.id)))
