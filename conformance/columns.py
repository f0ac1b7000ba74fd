"""The columns of a parity table: what comes with a backend, and functions of the user's own."""

from __future__ import annotations

from lossproof.backends.loading import Source
from lossproof.backends.process.backend import Isolated, Limits, isolated
from lossproof.conformance.parity import Column
from lossproof.conformance.registry import UsageError, backend, backend_names, choose
from lossproof.conformance.settle import settle
from lossproof.spec.loss import get

#: seconds for one call of a target
PATIENCE = 5.0


def of_backend(loss: str, name: str) -> Column:
    """What comes with a backend; a column without an implementation where there is none."""
    found = backend(name)
    absent = found.missing()
    if absent is not None:
        return Column(name=name, backend=found, missing=absent)
    meant = found.implementations().get(loss)
    missing = None if meant else f"{name} has no implementation of {loss}"
    return Column(name=name, backend=found, implementation=meant, missing=missing)


def of_target(loss: str, text: str) -> Column:
    """A target, in a process of its own. Raises UsageError where it cannot be loaded."""
    rest, at, placed = text.rpartition("@")
    if not at or not rest or not placed:
        raise UsageError(f"--target takes [NAME=]TARGET@BACKEND, got {text!r}")
    choose("backend", placed, backend_names())
    name, equals, where = rest.partition("=")
    if not equals or not name.isidentifier():
        name, where = rest.rpartition(":")[2], rest
    inner = backend(placed)
    absent = inner.missing()
    if absent is not None:
        raise UsageError(absent)
    remote, claim = isolated(Source(target=where), loss, inner, Limits(call=PATIENCE))
    settled = settle(claim, get(loss), remote)
    return Column(name=name, backend=remote, implementation=settled.implementation)


def close(column: Column) -> None:
    """End the process of a target."""
    if isinstance(column.backend, Isolated):
        column.backend.worker.close()
