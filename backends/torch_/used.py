"""Which functions of torch.nn.functional a call runs, as the interpreter sees them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

import torch.nn.functional as F


def functions(run: Callable[[], Any]) -> frozenset[str]:
    """Names of the functions of torch.nn.functional, and of losses in C, entered by `run`.

    What a scripted or compiled function runs has no frame, and is not among them.
    """
    found: set[str] = set()

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename == F.__file__:
            found.add(frame.f_code.co_name)
        elif event == "c_call" and str(getattr(argument, "__name__", "")).endswith("_loss"):
            found.add(argument.__name__)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        with contextlib.suppress(Exception):
            run()
    finally:
        sys.setprofile(before)
    return frozenset(found)
