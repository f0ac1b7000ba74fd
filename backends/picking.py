"""The loss in what a function returns: many return it first, or by name, beside other things."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

#: under one of these a dict holds its loss
NAMES = ("loss", "total_loss", "value")


class Picking:
    """A function whose loss is taken out of the tuple or dict that it returns.

    `picked` says in words what was taken, and is empty for one that returns the loss itself.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.picked = ""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        came = self.function(*arguments, **named)
        if isinstance(came, Mapping):
            key = next((k for k in (*NAMES, *came) if k in came), None)
            if key is not None and (key in NAMES or len(came) == 1):
                self.picked = f"it returns a {type(came).__name__}: {key!r} is examined"
                return came[key]
        elif isinstance(came, (tuple, list)) and came:
            self.picked = (
                f"it returns a {type(came).__name__} of {len(came)}: the first is examined"
            )
            return came[0]
        return came
