"""What a function says of itself that leaves something of its loss unexamined.

Nobody vouches for it: a function may say so to escape, and a reader of the verdict must see it.
What is found out by asking is told by `settle`; dtypes that are not offered are skipped cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lossproof.backends.registry import Implementation
from lossproof.spec.loss import Loss


def narrowings(
    claimed: Implementation, loss: type[Loss], fixed: Mapping[str, Any]
) -> Iterator[str]:
    """One line for each. `fixed` is what the user holds fixed, and need not be told."""
    for key, value in claimed.dialect.items():
        if value not in fixed.values():
            yield f"{key} is held at {value!r}: it says so of itself"
    for reduction in _left_out(loss.reductions, claimed.reductions):
        yield f"reduction {reduction!r} is not offered: it says so of itself"
    # without any gradient, `settle` says how it could have one
    for key in _left_out(loss.differentiable(), claimed.differentiable or None):
        yield f"{key} has no gradient: it says so of itself, and none is asked"
    optional = tuple(k for k, a in loss.arguments.items() if a.optional)
    offered = None if claimed.optional is None else (*claimed.optional, *claimed.held)
    for key in _left_out(optional, offered):
        yield f"{key}: it has no such parameter, and is not examined"
    given = (*(claimed.options or ()), *claimed.dialect)
    if "ignore_index" in loss.options and claimed.options is not None:
        label = loss.options["ignore_index"].default
        if "ignore_index" not in given:
            what = f"a label of {label} is to be refused, or ignored"
            yield f"ignore_index: it has no such parameter; {what}"


def _left_out(stated: tuple[str, ...], offered: tuple[str, ...] | None) -> tuple[str, ...]:
    return () if offered is None else tuple(k for k in stated if k not in offered)
