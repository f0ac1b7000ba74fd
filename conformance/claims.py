"""A target bound to one loss after another, in one process of its own or in this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lossproof.backends import loading
from lossproof.backends.base import Answer, Backend
from lossproof.backends.loading import Source
from lossproof.backends.process.backend import Isolated, Limits, claimed, refused
from lossproof.backends.process.claim import Claim, loaded
from lossproof.backends.process.client import Program
from lossproof.backends.process.launch import ALONE, python
from lossproof.backends.process.worker import Alone, Worker
from lossproof.backends.registry import Implementation
from lossproof.conformance.registry import UsageError
from lossproof.spec.loss import SpecError, catalogue, get


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What a target may be, each with the backend that calls it, and why it cannot be the rest."""

    backend: Backend
    implementations: tuple[Implementation, ...]
    refusals: Mapping[str, str]

    def close(self) -> None:
        """End the process of the target, if it has one."""
        if isinstance(self.backend, Isolated):
            self.backend.worker.close()


def local(source: Source, inner: Backend) -> Claims:
    """A target in this process, as every loss of the catalogue that takes its arguments."""
    found, refusals = [], {}
    for loss in catalogue():
        try:
            found.append(loading.load(source, loss, inner.name))
        except (UsageError, SpecError) as error:
            refusals[loss] = str(error)
    _usable(found, refusals)
    return Claims(backend=inner, implementations=tuple(found), refusals=refusals)


def isolated(source: Source, inner: Backend, limits: Limits) -> Claims:
    """The same in one process of its own. Raises UsageError where the target cannot be loaded."""
    loader = _Loader(source=source, backend=inner.name, limits=limits)
    worker = Worker(
        name=source.target,
        launch=python(inner.name),
        alone=ALONE,
        limits=limits,
        opening=loader.open,
        begun="imported",
    )
    worker.start()
    remote = _Rebound(inner, worker, loader)
    found = tuple(claimed(c, source, loss, inner.name) for loss, c in loader.claims.items())
    return Claims(backend=remote, implementations=found, refusals=loader.refusals)


def _usable(found: Any, refusals: Mapping[str, str]) -> None:
    """Raises UsageError with the commonest reason where nothing can be bound."""
    if found:
        return
    if len(set(refusals.values())) == 1:
        raise UsageError(next(iter(refusals.values())))
    reasons = [r for name, r in refusals.items() if "needs" in r] or list(refusals.values())
    raise UsageError(f"it takes the arguments of no loss of the catalogue: {reasons[0]}")


class _Loader:
    """Loads the target in a fresh process, as one loss after another."""

    def __init__(self, *, source: Source, backend: str, limits: Limits) -> None:
        self.source = source
        self.backend = backend
        self.limits = limits
        self.claims: dict[str, Claim] = {}
        self.devices: tuple[str, ...] = ()
        self.refusals: dict[str, str] = {}
        self.current: str | None = None

    def request(self, loss: str, memory: int | None) -> dict[str, Any]:
        """What loads the target as `loss`."""
        return {
            "op": "load",
            "source": asdict(self.source),
            "loss": loss,
            "backend": self.backend,
            "memory": memory,
        }

    def open(self, program: Program) -> dict[str, Any]:
        """The reply for the last loss that it can be; all claims are kept. Raises UsageError."""
        program.ask({"op": "hello"}, self.limits.start)
        answer: dict[str, Any] | None = None
        memory = self.limits.memory
        for loss in self.claims or catalogue():
            reply = program.ask(self.request(loss, memory), self.limits.start)
            if "claim" in reply:
                found = loaded(reply, get(loss), self.source.target)
                self.claims[loss], self.devices = found.claim, found.devices
                self.current, answer, memory = loss, reply, None
                continue
            error = refused(reply, self.source.target)
            if isinstance(error, Alone):
                raise error
            self.refusals[loss] = str(error)
            if len(self.refusals) == 2 and len(set(self.refusals.values())) == 1:
                break  # a reason that has nothing to do with the loss
        _usable(self.claims, self.refusals)
        assert answer is not None
        return answer


class _Rebound(Isolated):
    """Calls the target as the loss of the implementation that is called."""

    def __init__(self, inner: Backend, worker: Worker, loader: _Loader) -> None:
        super().__init__(inner, worker, loader.devices)
        self._loader = loader

    def call(self, implementation: Implementation, *arguments: Any, **named: Any) -> Answer:
        if self._loader.current != implementation.loss:
            self.worker.ask(self._loader.request(implementation.loss, None))
            self._loader.current = implementation.loss
        return super().call(implementation, *arguments, **named)
