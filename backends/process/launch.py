"""How a worker's process begins: by a command line, or forked where its framework is imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import IO, Protocol

from lossproof.backends.process import forked

SERVER = (sys.executable, "-m", "lossproof.backends.process.server")


class Process(Protocol):
    """A process that is asked through its standard input, as a `subprocess.Popen`."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    @property
    def pid(self) -> int | None:
        """The process's number; None where it has not begun."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal, once it has ended. Raises TimeoutExpired."""

    def end(self) -> None:
        """End it, and every process that it began."""


class Begun(subprocess.Popen[bytes]):
    """A process of a command line, in a session of its own."""

    def __init__(self, words: Sequence[str]) -> None:
        pipe = subprocess.PIPE
        super().__init__(words, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)

    def end(self) -> None:
        """End it, and every process that it began."""
        with suppress(OSError):
            if sys.platform == "win32":
                self.kill()
            else:
                os.killpg(self.pid, signal.SIGKILL)
        self.wait()


Launch = Callable[[], Process]


def command(words: Sequence[str]) -> Launch:
    """Begins a command line. Raises OSError where it cannot be run."""
    return partial(Begun, tuple(words))


def python(backend: str) -> Launch:
    """Begins a process that serves a target of a backend, whose framework is imported already."""
    return partial(_served, backend)


#: begins a process that serves a target, and imports all it needs itself
ALONE = command(SERVER)


def _served(backend: str) -> Process:
    if forked.SAFE:
        with suppress(OSError):
            return forked.forked(backend)
    return ALONE()
