"""The plan of a run: which subjects, and which checks of each, from what was asked for."""

from __future__ import annotations

import fnmatch
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lossproof.backends.base import DTYPES, Backend
from lossproof.backends.registry import Implementation
from lossproof.conformance.check import Check, checks
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.lost import lost
from lossproof.conformance.registry import BUILT_IN, UsageError, backend, backend_names, choose
from lossproof.conformance.subject import Subject
from lossproof.reports.model import cell_id
from lossproof.spec.loss import catalogue, get


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a run covers; an empty tuple means everything there is.

    Of backends it means those of `BUILT_IN`: a plain run must not depend on what else is installed.
    """

    losses: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    profile: str = "default"

    def resolved(self) -> Selection:
        """The same with every name checked and patterns expanded. Raises UsageError."""
        losses = tuple(catalogue())
        choose("profile", self.profile, tuple(EFFORTS))
        return replace(
            self,
            losses=_expand("loss", self.losses, losses),
            backends=_expand("backend", self.backends or tuple(BUILT_IN), backend_names()),
            dtypes=_expand("dtype", self.dtypes, DTYPES),
            devices=tuple(choose("device", d, DEVICES) for d in self.devices) or ("cpu",),
            checks=_expand("check", self.checks, tuple(checks())),
        )


@dataclass(frozen=True, kw_only=True, order=True)
class Unit:
    """One implementation in one dtype on one device: what a worker examines at a time."""

    loss: str
    backend: str
    dtype: str
    device: str
    primary: bool = True

    @staticmethod
    def of(subject: Subject) -> Unit:
        """The unit that a subject was made for."""
        return Unit(
            loss=subject.loss.name,
            backend=subject.backend.name,
            dtype=subject.dtype,
            device=subject.device,
            primary=subject.primary,
        )

    def id(self, name: str) -> str:
        """The id of its cell of the check called `name`."""
        return cell_id(self.loss, name, self.backend, self.dtype, self.device)


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The part `number` of a run in `count` parts, counted from 1."""

    number: int
    count: int

    @property
    def text(self) -> str:
        """As on the command line and in headers: `2/3`."""
        return f"{self.number}/{self.count}"

    @staticmethod
    def read(text: str) -> Shard:
        """The shard of a text such as `2/3`. Raises UsageError."""
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        number, count = map(int, found.groups()) if found else (0, 0)
        if not 1 <= number <= count:
            raise UsageError(f"--shard takes I/N with 1 <= I <= N, such as 2/3, got {text!r}")
        return Shard(number=number, count=count)

    def of(self, units: Sequence[Unit]) -> list[Unit]:
        """Its units, in order. Raises UsageError where there are fewer units than shards.

        Dealt out in the order of a hash: neighbours, which cost alike, go to different shards.
        """
        if self.count > len(units):
            raise UsageError(f"--shard {self.text}: more shards than units, {len(units)}")
        dealt = sorted(range(len(units)), key=lambda i: (zlib.crc32(units[i].id("").encode()), i))
        return [units[i] for i in sorted(dealt[self.number - 1 :: self.count])]


#: devices by the names of the frameworks; whether one is present is each backend's to say
DEVICES = ("cpu", "cuda", "gpu", "mps", "rocm", "tpu", "xpu")

#: dtypes by preference for checks that are made in one dtype only
_PREFERENCE = ("float32", "float64", "bfloat16", "float16")


def _expand(kind: str, asked: Sequence[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Names, and patterns with `*`, in the order of the known ones."""
    if not asked:
        return known
    found: set[str] = set()
    arguments = {a for loss in catalogue().values() for a in loss.differentiable()}
    for name in asked:
        if "*" in name:
            matched = fnmatch.filter(known, name)
            if kind == "check" and not matched:
                parts = (f"{k}.{a}" for k in known if checks()[k].per_argument for a in arguments)
                matched = fnmatch.filter(parts, name)
            if not matched:
                raise UsageError(f"no {kind} matches {name!r}; choose from {', '.join(known)}")
            found.update(matched)
        elif kind == "check" and "." in name:
            # `gradient.prediction` is the check `gradient` of one argument
            stem, _, argument = name.partition(".")
            choose(kind, stem, known)
            choose("argument with a gradient", argument, tuple(sorted(arguments)))
            found.add(name)
        else:
            found.add(choose(kind, name, known))
    order = {name: place for place, name in enumerate(known)}
    return tuple(sorted(found, key=lambda name: (order[name.partition(".")[0]], name)))


def units(selection: Selection) -> list[Unit]:
    """Every unit of a resolved selection, grouped by loss."""
    first = next(d for d in _PREFERENCE if d in selection.dtypes)
    return [
        Unit(loss=loss, backend=name, dtype=dtype, device=device, primary=dtype == first)
        for loss in selection.losses
        for name in selection.backends
        for dtype in selection.dtypes
        for device in selection.devices
    ]


def missing(unit: Unit, found: Backend, implementation: Implementation | None = None) -> str | None:
    """Why a unit cannot be examined here, or None.

    Without `implementation`, the one that the backend has of the loss is meant.
    """
    absent = found.missing()
    if absent is not None:
        return absent
    if unit.device not in found.devices():
        return f"{unit.backend} has no device {unit.device} here"
    meant = implementation or found.implementations().get(unit.loss)
    if meant is None:
        return f"{unit.backend} has no implementation of {unit.loss}"
    if unit.dtype not in found.dtypes:
        return f"{unit.backend} has no {unit.dtype}"
    if meant.dtypes is not None and unit.dtype not in meant.dtypes:
        why = lost(get(unit.loss), meant, unit.dtype)
        if why is not None:
            return f"{unit.dtype} is not asked of {meant.name}: {why}"
        return f"{meant.name} does not support {unit.dtype}"
    return None


def subject(
    unit: Unit, found: Backend, profile: str, implementation: Implementation | None = None
) -> Subject:
    """The subject of a unit: the backend's own implementation, or the one given.

    Raises UsageError if none is given and the backend has none.
    """
    meant = implementation or found.implementations().get(unit.loss)
    if meant is None:
        raise UsageError(f"{unit.backend} has no implementation of {unit.loss}")
    return Subject(
        loss=get(unit.loss),
        implementation=meant,
        backend=found,
        dtype=unit.dtype,
        device=unit.device,
        effort=EFFORTS[profile],
        primary=unit.primary,
    )


def names(unit: Unit, selected: Sequence[str]) -> list[tuple[Check, str]]:
    """The checks of a unit by id, known without importing any framework."""
    known = checks()
    loss = get(unit.loss)
    return [
        (known[stem], name)
        for stem, _, argument in (c.partition(".") for c in selected)
        for name in known[stem].names(loss)
        if not argument or name == f"{stem}.{argument}"
    ]


__all__ = ["Selection", "Unit", "backend", "backend_names", "missing", "names", "subject", "units"]
