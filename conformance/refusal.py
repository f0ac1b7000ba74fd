"""What an exception says: that a value is not offered, that arrays do not fit, or neither.

A function that crashes offers what it crashes at: only what must have been raised on purpose is a
refusal. Of an exception in another process no more is known than the name of its class.
"""

from __future__ import annotations

import re
from typing import Any

from lossproof.backends.process.backend import GivenUp
from lossproof.backends.process.client import Died

#: what is raised to refuse; a program that replies with an error refuses, in its own words
_REFUSALS = ("ValueError", "NotImplementedError", "AssertionError", "ProgramError")
#: what no shape of an array brings about
_SLIPS = (
    "AttributeError", "ImportError", "MemoryError", "ModuleNotFoundError", "NameError",
    "RecursionError", "SyntaxError", "SystemError", "UnboundLocalError", "ZeroDivisionError",
)  # fmt: skip


def refuses(error: Exception, value: Any) -> bool:
    """Whether an exception refuses a value of an option rather than fails at computing with it.

    A `getattr(x, value)` or `choices[value]` that fails does, and so does what None cannot do.
    """
    if isinstance(error, (Died, GivenUp)):
        return False
    kind, words = type(error).__name__, str(error)
    if value is None and (kind == "TypeError" or "NoneType" in words):
        return True
    if kind == "AttributeError":
        return f"attribute '{value}'" in words
    if kind == "KeyError":
        return repr(value) in words
    return kind in _REFUSALS


def about(error: Exception, reduction: str) -> bool:
    """Whether the words of an exception are about a reduction."""
    words = str(error)
    return "reduction" in words.lower() or re.search(rf"\b{reduction}\b", words) is not None


def misfits(error: Exception) -> bool:
    """Whether an exception may be due to the shapes of arrays; a slip or a crash is not."""
    return not isinstance(error, (Died, GivenUp)) and type(error).__name__ not in _SLIPS


def in_words(error: Exception) -> str:
    """The name of an exception and the first line of what it says, no longer than a line."""
    return f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")[:160]
