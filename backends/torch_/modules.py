"""Modules in the dtype and on the device of what they are given, as their users put them there."""

from __future__ import annotations

import copy
import functools
import itertools
from typing import Any

import torch


class Placed:
    """A module with buffers or parameters of its own: a copy by `Module.to` for each dtype."""

    def __init__(self, module: torch.nn.Module, home: tuple[torch.dtype, torch.device]) -> None:
        self.module = module
        self.copies = {home: module}
        self.__name__ = type(module).__name__

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        given = (x for x in (*arguments, *named.values()) if isinstance(x, torch.Tensor))
        first = next((x for x in given if x.is_floating_point()), None)
        if first is None:
            return self.module(*arguments, **named)
        place = (first.dtype, first.device)
        if place not in self.copies:
            self.copies[place] = self._at(*place)
        return self.copies[place](*arguments, **named)

    def _at(self, dtype: torch.dtype, device: torch.device) -> torch.nn.Module:
        """A copy there; the module itself where it cannot be copied."""
        try:
            return copy.deepcopy(self.module).to(dtype=dtype, device=device)
        except Exception:
            return self.module


def placed(function: Any) -> Any:
    """The function; a module that has floats of its own, or a partial of one, for every dtype."""
    if isinstance(function, functools.partial):
        return functools.partial(placed(function.func), *function.args, **function.keywords)
    if not isinstance(function, torch.nn.Module):
        return function
    own = itertools.chain(function.buffers(), function.parameters())
    home = next(((t.dtype, t.device) for t in own if t.is_floating_point()), None)
    return function if home is None else Placed(function, home)
