"""How a worker's process begins: by a command line, or forked where its framework is imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import IO, Protocol

from lossproof.backends.process import forked

SERVER = (sys.executable, "-m", "lossproof.backends.process.server")


class Process(Protocol):
    """What is used of `subprocess.Popen`. Its number is None where it did not begin."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    @property
    def pid(self) -> int | None:
        """The process's number."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal, once it has ended. Raises TimeoutExpired."""


Launch = Callable[[], Process]


def command(words: Sequence[str]) -> Launch:
    """Begins a command line. Raises OSError where it cannot be run."""
    return partial(_begun, tuple(words))


def python(backend: str) -> Launch:
    """Begins a process that serves a target of a backend."""
    return partial(_served, backend)


def _served(backend: str) -> Process:
    if forked.SAFE:
        try:
            return forked.Forked(forked.server(backend))
        except OSError:  # it is gone, or the environment is too large to be sent
            forked.forget(backend)
    return _begun(SERVER)


def _begun(words: tuple[str, ...]) -> Process:
    return subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
