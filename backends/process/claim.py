"""What a worker says of the target that it loaded, read and checked: a target may have written it.

The target shares the worker's process, so this is no more to be trusted than any reply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from lossproof.backends.base import DTYPES
from lossproof.backends.carried import numbers
from lossproof.backends.registry import Implementation
from lossproof.backends.usage import UsageError
from lossproof.spec.loss import Loss, SpecError

Value = bool | int | float | str | None


#: the fields that are tables
TABLES = ("dialect", "held")


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of an `Implementation` that are data."""

    dialect: dict[str, Value]
    differentiable: tuple[str, ...] | None
    options: tuple[str, ...] | None
    reductions: tuple[str, ...] | None
    dtypes: tuple[str, ...] | None
    optional: tuple[str, ...] | None
    held: dict[str, tuple[float, ...]]
    doubtful: tuple[str, ...]
    reducible: bool
    open: tuple[str, ...]
    bound: str

    @staticmethod
    def of(implementation: Implementation) -> Claim:
        """What an implementation says of itself."""
        fields: dict[str, Any] = {k: getattr(implementation, k) for k in Claim.__struct_fields__}
        return Claim(**{**fields, **{k: dict(fields[k]) for k in TABLES}})

    def facts(self) -> dict[str, Any]:
        """The fields by name, as `Implementation` takes them."""
        return {k: getattr(self, k) for k in self.__struct_fields__}


class Loaded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reply to `load`."""

    claim: Claim
    devices: tuple[str, ...]


def loaded(reply: Mapping[str, Any], loss: type[Loss], target: str) -> Loaded:
    """The reply to `load`, every name in it known. Raises UsageError, in one line."""
    try:
        found = msgspec.convert(reply, Loaded)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{target}: what it says of itself breaks the protocol: {error}"
        ) from error
    claim = found.claim
    known(
        target,
        loss,
        gradient=claim.differentiable or (),
        options=(*(claim.options or ()), *claim.dialect),
        reductions=claim.reductions or (),
        dtypes=claim.dtypes or (),
        optional=(*(claim.optional or ()), *claim.held),
    )
    for key, given in claim.held.items():
        if numbers(given, key, loss) is None:
            words = loss.arguments[key].domain
            raise UsageError(f"{target}: {key} of {loss.name} is {words}, it holds {given}"[:200])
    offered(target, loss, dtypes=claim.dtypes, reductions=claim.reductions)
    try:
        loss.complete(claim.dialect)
    except SpecError as error:
        raise UsageError(f"{target}: {error}") from error
    return found


def known(target: str, loss: type[Loss], **named: Iterable[str]) -> None:
    """Raises UsageError for a name that the loss does not have."""
    choices = {
        "reductions": loss.reductions,
        "gradient": loss.differentiable(),
        "options": tuple(loss.options),
        "optional": tuple(k for k, a in loss.arguments.items() if a.optional),
        "dtypes": DTYPES,
    }
    for key, names in named.items():
        for name in names:
            if name not in choices[key]:
                listed = ", ".join(choices[key]) or "none"
                raise UsageError(
                    f"{target}: {loss.name} has no {name!r} among its {key}; choose from {listed}"
                )


def offered(target: str, loss: type[Loss], **named: tuple[str, ...] | None) -> None:
    """Raises UsageError for what is offered in no form at all; None means in every one."""
    for key, given in named.items():
        if given is not None and not given:
            raise UsageError(f"{target}: its {key} of {loss.name} are empty")
