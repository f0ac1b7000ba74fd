"""Backends whose implementation runs in another process: the parent sends and gets arrays only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lossproof.backends.base import Answer, Array, Backend, BackendError, NotAnArray
from lossproof.backends.loading import Source, shadowing
from lossproof.backends.process.claim import Claim, loaded
from lossproof.backends.process.client import Program
from lossproof.backends.process.launch import ALONE, python
from lossproof.backends.process.memory import remark
from lossproof.backends.process.protocol import (
    ProtocolError,
    pack,
    pack_each,
    unpack,
    unpack_each,
)
from lossproof.backends.process.worker import Alone, Worker
from lossproof.backends.process.worker import GivenUp as GivenUp
from lossproof.backends.process.worker import Limits as Limits
from lossproof.backends.registry import Implementation, Registry
from lossproof.backends.usage import UsageError
from lossproof.spec.loss import get
from lossproof.spec.profile import Profile


class RemoteError(RuntimeError):
    """What a target raised in its own process; `where` the line of its file, if known."""

    where: str | None = None


class Remote(Backend):
    """A backend whose calls are made by a worker. It has no implementations of its own."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    def implementations(self) -> Registry:
        return Registry(self.name)


class Isolated(Remote):
    """The backend `inner`, its calls made by a worker in Python."""

    name = ""

    def __init__(self, inner: Backend, worker: Worker, devices: tuple[str, ...]) -> None:
        super().__init__(worker)
        self.inner = inner
        self.name = inner.name  # type: ignore[misc]
        self.dtypes = inner.dtypes  # type: ignore[misc]
        self.layouts = inner.layouts  # type: ignore[misc]
        self.transformations = inner.transformations  # type: ignore[misc]
        self.compiles = inner.compiles  # type: ignore[misc]
        self.promotes = inner.promotes  # type: ignore[misc]
        self.differentiates = inner.differentiates  # type: ignore[misc]
        self._devices = devices

    def missing(self) -> str | None:
        return self.inner.missing()

    def version(self) -> str:
        return self.inner.version()

    def devices(self) -> tuple[str, ...]:
        return self._devices

    def profile(self, dtype: str, device: str) -> Profile:
        return self.inner.profile(dtype, device)

    def calls_own(
        self,
        implementation: Implementation,
        arguments: Mapping[str, Array | None],
        options: Mapping[str, Any],
    ) -> bool:
        reply = self.worker.ask(
            {"op": "calls_own", "arguments": pack_each(arguments), "options": dict(options)}
        )
        return reply.get("calls_own") is True

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
        """As `Backend.call`. Raises RemoteError, Died, GivenUp, BackendError or NotAnArray."""
        reply = self.worker.ask(
            {
                "op": "call",
                "arguments": pack_each(arguments),
                "options": dict(options),
                "cotangent": None if cotangent is None else pack(cotangent),
                "differentiate": differentiate,
                "how": {"device": device, "layout": layout, "transformation": transformation},
            }
        )
        if "answer" in reply:
            return _answer(reply["answer"])
        raise _error(reply, self.worker.limits)


def _answer(data: Any) -> Answer:
    try:
        return Answer(
            value=unpack(data["value"]),
            gradients=unpack_each(data["gradients"]),
            warnings=tuple(map(str, data["warnings"])),
            mutated=tuple(map(str, data["mutated"])),
            after=unpack_each(data.get("after", {})),
            changed=tuple(map(str, data["changed"])),
            picked=str(data.get("picked", "")),
        )
    except (ProtocolError, KeyError, TypeError, AttributeError) as error:
        raise NotAnArray(f"the answer breaks the protocol: {error}") from error


def _error(reply: Mapping[str, Any], limits: Limits) -> Exception:
    if "refused" in reply:
        return UsageError(str(reply["refused"]))
    error = reply.get("error")
    if not isinstance(error, dict):
        return NotAnArray(f"the answer breaks the protocol: {str(reply)[:200]}")
    words = str(error.get("message", ""))
    if error.get("kind") == "backend":
        return BackendError(words)
    if error.get("kind") == "answer":
        return NotAnArray(words)
    kind = str(error.get("type", "Exception"))
    words = f"{words}{remark(f'{kind}: {words}', limits.memory)}".removeprefix("; ")
    # the class bears the name of what was raised there, for messages
    raised: RemoteError = type(kind, (RemoteError,), {})(words)
    raised.where = error.get("where")
    return raised


def refused(reply: Mapping[str, Any], target: str) -> Exception:
    """Why a target was not loaded, by the reply."""
    if reply.get("alone") is True:
        return Alone()
    error = reply.get("error")
    if isinstance(error, dict):
        words = f"{error.get('type')}: {error.get('message')}"[:2000]
        return UsageError(f"{words}{shadowing(target.rpartition(':')[0], words)}")
    return UsageError(str(reply.get("refused"))[:2000])


def isolated(
    source: Source, loss: str, inner: Backend, limits: Limits
) -> tuple[Isolated, Implementation]:
    """A target in a process of its own, and its claim. Raises UsageError where it cannot load."""
    load = {
        "op": "load",
        "source": asdict(source),
        "loss": loss,
        "backend": inner.name,
        "memory": limits.memory,
    }

    def opening(program: Program) -> dict[str, Any]:
        program.ask({"op": "hello"}, limits.start)
        reply = program.ask(load, limits.start)
        if "claim" not in reply:
            raise refused(reply, source.target)
        return reply

    worker = Worker(
        name=source.target,
        launch=python(inner.name),
        alone=ALONE,
        limits=limits,
        opening=opening,
        begun="imported",
        tells=True,
    )
    try:
        found = loaded(worker.start(), get(loss), source.target)
    except UsageError:
        worker.close()
        raise
    remote = Isolated(inner, worker, found.devices)
    return remote, claimed(found.claim, source, loss, inner.name)


def claimed(claim: Claim, source: Source, loss: str, backend: str) -> Implementation:
    """What a worker's target claims to be, as an implementation that a worker calls."""
    return Implementation(
        loss=loss,
        backend=backend,
        forward=elsewhere,
        label=source.target,
        source=source,
        **claim.facts(),
    )


def elsewhere(*_: Any, **__: Any) -> Any:
    """What stands in the place of a function that lives in another process."""
    raise AssertionError("the function lives in another process")
