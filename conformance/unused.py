"""Entries of expected deviations that are of no use: they fit no cell, or have expired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lossproof.backends.base import DTYPES
from lossproof.conformance.check import checks
from lossproof.conformance.deviations import FORM, Deviation, like
from lossproof.conformance.plan import DEVICES
from lossproof.conformance.registry import backend_names
from lossproof.reports.model import Result
from lossproof.spec.loss import catalogue


def warnings(unmatched: Sequence[Deviation], expired: Sequence[Deviation]) -> Iterator[str]:
    """A line for each."""
    for entry in unmatched:
        whole = "/" in entry.id and "[" in entry.id
        hint = "" if whole else f"; an id is like {FORM}"
        yield f"warning: expected deviation matches no cell: {entry.id}{hint}"
    for entry in expired:
        yield f"warning: expected deviation expired on {entry.expires}: {entry.id}"


def expired(results: Sequence[Result], deviations: Sequence[Deviation]) -> tuple[Deviation, ...]:
    """Entries that fit a cell of the run, and excuse it no longer."""
    old = [d for d in deviations if d.expired()]
    return tuple(d for d in old if any(d.matches(r.id) for r in results))


def unmatched(results: Sequence[Result], deviations: Sequence[Deviation]) -> list[Deviation]:
    """Entries that fit no cell of the run, though their backend and loss were part of it."""
    ids = [r.id for r in results]
    return [d for d in deviations if not any(d.matches(i) for i in ids)]


def impossible(deviations: Sequence[Deviation]) -> tuple[Deviation, ...]:
    """Those that fit no cell of any run: a name in their pattern is not one that there is."""
    if not deviations:
        return ()
    axes = [
        f"[{backend},{dtype},{device}]"
        for backend in backend_names()
        for dtype in DTYPES
        for device in DEVICES
    ]
    cells = [
        f"{loss}/{name}"
        for loss, cls in catalogue().items()
        for check in checks().values()
        for name in check.names(cls)
    ]
    return tuple(d for d in deviations if not _possible(d.id, cells, axes))


def _possible(pattern: str, cells: Sequence[str], axes: Sequence[str]) -> bool:
    head, bracket, tail = pattern.partition("[")
    if bracket:
        return any(like(c, head) for c in cells) and any(like(a, bracket + tail) for a in axes)
    return any(like(c + a, pattern) for c in cells for a in axes)
