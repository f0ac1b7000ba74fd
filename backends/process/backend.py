"""A backend whose implementation runs in another process: the parent sends and gets arrays only."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lossproof.backends.base import Answer, Array, Backend, BackendError, NotAnArray
from lossproof.backends.loading import Source
from lossproof.backends.process.client import Died, Program
from lossproof.backends.process.protocol import ProtocolError, pack, unpack
from lossproof.backends.registry import Implementation, Registry
from lossproof.backends.usage import UsageError
from lossproof.spec.profile import Profile

SERVER = (sys.executable, "-m", "lossproof.backends.process.server")
#: deaths without an answer in between, after which a target is not started again
PATIENCE = 3


class RemoteError(RuntimeError):
    """What a target raised in its own process; `where` the line of its file, if known."""

    where: str | None = None


class GivenUp(RuntimeError):
    """The target died too often to be asked again."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds for a call, seconds to start and import, and bytes beyond those of the imports."""

    call: float = 20.0
    start: float = 120.0
    memory: int | None = 4 << 30


@dataclass(kw_only=True)
class Worker:
    """One target in one process, started when it is first asked and again after it died."""

    source: Source
    loss: str
    backend: str
    limits: Limits
    command: Sequence[str] = SERVER
    deaths: int = 0
    last: str = ""
    _program: Program | None = field(default=None, repr=False)

    def load(self) -> dict[str, Any]:
        """Start the process and load the target: its claim. Raises UsageError where it cannot."""
        self.close()
        try:
            self._program = Program(self.command)
            self._program.ask({"op": "hello"}, self.limits.start)
            reply = self._program.ask(
                {
                    "op": "load",
                    "source": asdict(self.source),
                    "loss": self.loss,
                    "backend": self.backend,
                    "memory": self.limits.memory,
                },
                self.limits.start,
            )
        except Died as error:
            words = f"{self.source.target} {error}, while it was imported"
            raise UsageError(words) from error
        if "claim" not in reply:
            self.close()
            raise UsageError(str(reply.get("refused") or reply.get("error")))
        return reply

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a call. Raises Died, then GivenUp once it died too often."""
        if self.deaths >= PATIENCE:
            raise GivenUp(f"not asked any more: it {self.last}, {self.deaths} times in a row")
        if self._program is None:
            self.load()
        assert self._program is not None
        try:
            reply = self._program.ask(request, self.limits.call)
        except Died as error:
            self._program = None
            self.deaths += 1
            self.last = str(error)
            raise
        self.deaths = 0
        return reply

    def close(self) -> None:
        """End the process, if there is one."""
        if self._program is not None:
            self._program.close()
            self._program = None


class Remote(Backend):
    """The backend `inner`, its calls made by a worker."""

    name = ""

    def __init__(self, inner: Backend, worker: Worker) -> None:
        self.inner = inner
        self.worker = worker
        self.name = inner.name  # type: ignore[misc]
        self.dtypes = inner.dtypes  # type: ignore[misc]
        self.layouts = inner.layouts  # type: ignore[misc]
        self.transformations = inner.transformations  # type: ignore[misc]
        reply = worker.load()
        self._devices = tuple(reply["devices"])
        self.claim: dict[str, Any] = reply["claim"]

    def missing(self) -> str | None:
        return self.inner.missing()

    def version(self) -> str:
        return self.inner.version()

    def devices(self) -> tuple[str, ...]:
        return self._devices

    def implementations(self) -> Registry:
        return Registry(self.name)

    def profile(self, dtype: str, device: str) -> Profile:
        return self.inner.profile(dtype, device)

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
                "arguments": {
                    k: None if v is None else pack(np.asarray(v)) for k, v in arguments.items()
                },
                "options": dict(options),
                "cotangent": None if cotangent is None else pack(cotangent),
                "differentiate": differentiate,
                "how": {"device": device, "layout": layout, "transformation": transformation},
            }
        )
        if "answer" in reply:
            return _answer(reply["answer"])
        raise _error(reply)


def _answer(data: Any) -> Answer:
    try:
        return Answer(
            value=unpack(data["value"]),
            gradients={k: None if v is None else unpack(v) for k, v in data["gradients"].items()},
            warnings=tuple(map(str, data["warnings"])),
            mutated=tuple(map(str, data["mutated"])),
            changed=tuple(map(str, data["changed"])),
        )
    except (ProtocolError, KeyError, TypeError, AttributeError) as error:
        raise NotAnArray(f"the answer breaks the protocol: {error}") from error


def _error(reply: Mapping[str, Any]) -> Exception:
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
    # the class bears the name of what was raised there, for messages
    raised: RemoteError = type(kind, (RemoteError,), {})(words)
    raised.where = error.get("where")
    return raised


def isolated(
    source: Source, loss: str, inner: Backend, limits: Limits
) -> tuple[Remote, Implementation]:
    """A target in a process of its own, and its claim. Raises UsageError where it cannot load."""
    remote = Remote(inner, Worker(source=source, loss=loss, backend=inner.name, limits=limits))
    claim = remote.claim

    def names(key: str) -> tuple[str, ...] | None:
        return None if claim[key] is None else tuple(claim[key])

    implementation = Implementation(
        loss=loss,
        backend=inner.name,
        forward=_elsewhere,
        dialect=claim["dialect"],
        reducible=claim["reducible"],
        bound=claim["bound"],
        label=source.target,
        source=source,
        differentiable=names("differentiable"),
        options=names("options"),
        reductions=names("reductions"),
        dtypes=names("dtypes"),
        optional=names("optional"),
    )
    return remote, implementation


def _elsewhere(*_: Any, **__: Any) -> Any:
    raise AssertionError("the function lives in another process")
