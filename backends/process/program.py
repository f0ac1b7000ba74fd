"""A program in any language as a backend: it is asked by the protocol of `docs/protocol.md`."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np

from lossproof.backends.base import Answer, Array, BackendError, NotAnArray
from lossproof.backends.loading import Source
from lossproof.backends.process.backend import Remote, RemoteError, elsewhere
from lossproof.backends.process.claim import known, offered
from lossproof.backends.process.client import Program
from lossproof.backends.process.launch import command
from lossproof.backends.process.memory import limit
from lossproof.backends.process.protocol import (
    PROTOCOL,
    ProtocolError,
    pack,
    pack_each,
    unpack,
    unpack_each,
)
from lossproof.backends.process.worker import Limits, Worker
from lossproof.backends.registry import Implementation
from lossproof.backends.usage import UsageError
from lossproof.spec.loss import Loss, get
from lossproof.spec.profile import IEEE, Profile

NAME = "program"


class Offer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a program says of one loss. `held` are options that it does not take, at its values."""

    dtypes: tuple[Literal["float64", "float32", "float16", "bfloat16"], ...]
    reductions: tuple[str, ...]
    gradient: tuple[str, ...]
    options: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    held: dict[str, bool | int | float | str | None] = {}


class Hello(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reply to `hello`: the program's name, the form of arrays that it wants, its losses."""

    protocol: int
    name: str
    losses: dict[str, Offer]
    form: Literal["base64", "hex"] = "base64"


class Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reply to `call`: a value and gradients, or an error in words."""

    value: dict[str, Any] | None = None
    gradients: dict[str, dict[str, Any] | None] = {}
    error: str | None = None


class ProgramError(RemoteError):
    """The program replied with an error."""


class ProgramBackend(Remote):
    """Calls a program; `constant` are options that it is always handed at one value."""

    name: ClassVar[str] = NAME

    def __init__(self, worker: Worker, loss: type[Loss], constant: Mapping[str, Any]) -> None:
        super().__init__(worker)
        self.loss = loss
        self.constant = dict(constant)
        self.hello = greeting(worker.start(), worker.name)

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        return self.hello.name

    def profile(self, dtype: str, device: str) -> Profile:
        return replace(IEEE, name=NAME)

    def call(
        self,
        implementation: Implementation,
        arguments: Mapping[str, Array | None],
        options: Mapping[str, Any],
        *,
        cotangent: Array | None = None,
        differentiate: tuple[str, ...] = (),
        device: str = "cpu",
        layout: str = "contiguous",
        transformation: str | None = None,
    ) -> Answer:
        """As `Backend.call`. Raises ProgramError, Died, GivenUp, BackendError or NotAnArray."""
        if (device, layout, transformation) != ("cpu", "contiguous", None):
            raise BackendError("a program has no devices, layouts or transformations")
        given = {"reduction": self.loss.reductions[0], **options, **self.constant}
        asked = differentiate if cotangent is not None else ()
        upstream = cotangent if asked else None
        reply = self.worker.ask(
            {
                "op": "call",
                "loss": self.loss.name,
                "dtype": _dtype(self.loss, arguments),
                "arguments": pack_each(arguments, self.hello.form),
                "options": {k: _option(k, v) for k, v in given.items()},
                "cotangent": None if upstream is None else pack(upstream, self.hello.form),
                "differentiate": asked,
            }
        )
        return answer(reply, asked)


def answer(reply: Mapping[str, Any], asked: Iterable[str]) -> Answer:
    """The answer that a reply holds. Raises ProgramError, or NotAnArray where it holds none."""
    try:
        read = msgspec.convert(reply, Reply)
        if (read.error is None) == (read.value is None):
            raise ProtocolError("a reply has a value or an error")
        if read.error is not None:
            raise ProgramError(read.error[:2000])
        unasked = sorted(set(read.gradients) - set(asked))
        if unasked:
            raise ProtocolError(f"no gradient was asked of {', '.join(unasked)}")
        return Answer(value=unpack(read.value), gradients=unpack_each(read.gradients))
    except (ProtocolError, msgspec.ValidationError) as error:
        raise NotAnArray(f"the reply breaks the protocol: {error}") from error


def greeting(reply: Mapping[str, Any], name: str) -> Hello:
    """What a program says of itself. Raises UsageError, in one line."""
    version = reply.get("protocol")
    if version != PROTOCOL or isinstance(version, bool):
        raise UsageError(f"{name} speaks protocol {version!r}, this lossproof speaks {PROTOCOL}")
    try:
        return msgspec.convert(reply, Hello)
    except msgspec.ValidationError as error:
        raise UsageError(f"{name}: its hello breaks the protocol: {error}") from error


def program(source: Source, loss: str, limits: Limits) -> tuple[ProgramBackend, Implementation]:
    """A command line as a backend, and its claim to be `loss`. Raises UsageError."""
    if source.map or source.backward is not None:
        raise UsageError("a program takes arguments by name; --map and --backward are for Python")
    stated = get(loss)
    stated.complete({k: v for k, v in source.fix.items() if v is not None})

    def opening(started: Program) -> dict[str, Any]:
        reply = started.ask({"op": "hello", "protocol": PROTOCOL}, limits.start)
        limit(limits.memory, started.pid)
        return reply

    worker = Worker(
        name=source.target, launch=command(_words(source.target)), limits=limits, opening=opening
    )
    try:
        backend = ProgramBackend(worker, stated, source.fix)
        offer = _offer(backend.hello, stated, source.target)
        backend.constant = {k: v for k, v in source.fix.items() if k in offer.options}
    except UsageError:
        worker.close()
        raise
    implementation = Implementation(
        loss=loss,
        backend=NAME,
        forward=elsewhere,
        label=source.target,
        source=source,
        dialect={**offer.held, **source.fix},
        differentiable=offer.gradient,
        options=tuple(k for k in offer.options if k not in source.fix),
        reductions=offer.reductions,
        dtypes=offer.dtypes,
        optional=offer.optional,
    )
    return backend, implementation


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line, posix=os.name != "nt")
    except ValueError as error:
        raise UsageError(f"{line!r} is no command line: {error}") from error
    if not words:
        raise UsageError("a program is named by its command line, got an empty one")
    return words


def _offer(hello: Hello, loss: type[Loss], target: str) -> Offer:
    """What a program offers of a loss, every name in it known. Raises UsageError."""
    if loss.name not in hello.losses:
        others = ", ".join(sorted(hello.losses)) or "no loss"
        raise UsageError(f"{target} does not implement {loss.name}; it offers {others}")
    offer = hello.losses[loss.name]
    known(
        target,
        loss,
        reductions=offer.reductions,
        gradient=offer.gradient,
        options=(*offer.options, *offer.held),
        optional=offer.optional,
    )
    offered(target, loss, dtypes=offer.dtypes, reductions=offer.reductions)
    both = sorted(set(offer.options) & set(offer.held))
    if both:
        raise UsageError(f"{target}: {', '.join(both)} is both held and an option")
    loss.complete(offer.held)
    return offer


def _dtype(loss: type[Loss], arguments: Mapping[str, Array | None]) -> str:
    """The dtype under test: that of all arguments but labels. Raises BackendError."""
    found = {
        k: np.asarray(v).dtype.name
        for k, v in arguments.items()
        if v is not None and not loss.arguments[k].domain.integer
    }
    dtypes = sorted(set(found.values()))
    if len(dtypes) != 1:
        raise BackendError(f"a program is asked in one dtype at a time, not in {dtypes}")
    return dtypes[0]


def _option(key: str, value: Any) -> Any:
    """JSON has no nan and no infinities, and no option has such a value."""
    if isinstance(value, float) and not math.isfinite(value):
        raise BackendError(f"{key} = {value} cannot be sent to a program")
    return value
