"""What is given on the command line, read: lists, pairs and values."""

from __future__ import annotations

import ast
from typing import Any

from lossproof.conformance.registry import UsageError


def split(values: tuple[str, ...]) -> tuple[str, ...]:
    """`--dtype a,b` and `--dtype a --dtype b` mean the same. Raises UsageError."""
    parts = tuple(part.strip() for v in values for part in v.split(","))
    if not all(parts):
        raise UsageError(f"an empty name in {','.join(values)!r}")
    return parts


def pair(text: str, option: str) -> tuple[str, str]:
    """The two sides of NAME=VALUE. Raises UsageError."""
    name, equals, found = text.partition("=")
    if not equals or not name.strip() or not found.strip():
        raise UsageError(f"{option} takes NAME=VALUE, got {text!r}")
    return name.strip(), found.strip()


def value(text: str) -> Any:
    """A Python literal, else the text itself; none, true and false in any spelling."""
    known = {"none": None, "true": True, "false": False}
    if text.lower() in known:
        return known[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
