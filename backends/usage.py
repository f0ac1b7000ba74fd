"""What was asked for and cannot be done, in one line with the choices."""

from __future__ import annotations

import difflib


class UsageError(ValueError):
    """What was asked for cannot be done; one line names the rule, the value and the choices."""


def choose(kind: str, name: str, choices: tuple[str, ...]) -> str:
    """`name` if it is one of the choices. Raises UsageError with the nearest."""
    if name in choices:
        return name
    near = difflib.get_close_matches(name, choices, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(choices)}"
    raise UsageError(f"no {kind} named {name!r}; {hint}")
