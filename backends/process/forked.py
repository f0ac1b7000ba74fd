"""Processes that a fork server begins, and the fork servers of this process, by backend."""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import IO

#: elsewhere a fork is not safe once a framework is imported
SAFE = sys.platform == "linux"
FORKSERVER = (sys.executable, "-m", "lossproof.backends.process.forkserver")


class ForkServer:
    """A process that imports the framework of a backend, and is asked through `channel` to fork.

    `process` is None where another process began it, and ends it.
    """

    def __init__(self, channel: socket.socket, process: subprocess.Popen[bytes] | None) -> None:
        self.channel = channel
        self.process = process

    @classmethod
    def begun(cls, backend: str) -> ForkServer:
        """A new one; it imports the framework while this process goes on."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            process = subprocess.Popen(
                (*FORKSERVER, backend),
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        return cls(ours, process)

    def close(self) -> None:
        """End it, and so its children, if it is this process's own."""
        self.channel.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def ended(self) -> int:
        """The exit code of one that is gone, as far as it is known here."""
        return 1 if self.process is None else self.process.wait()


_SERVERS: dict[str, ForkServer] = {}


def server(backend: str) -> ForkServer:
    """The fork server of a backend, begun where there is none yet."""
    if backend not in _SERVERS:
        _SERVERS[backend] = ForkServer.begun(backend)
    return _SERVERS[backend]


def share(backend: str, channel: socket.socket) -> None:
    """Use the fork server of the process that began this one."""
    _SERVERS[backend] = ForkServer(channel, None)


def forget(backend: str) -> None:
    """End the fork server of a backend, if there is one."""
    if backend in _SERVERS:
        _SERVERS.pop(backend).close()


@atexit.register
def _close() -> None:
    for backend in tuple(_SERVERS):
        forget(backend)


class Forked:
    """A child of a fork server, used as a `subprocess.Popen`."""

    def __init__(self, parent: ForkServer) -> None:
        """Ask for one, which begins once the framework is imported. Raises OSError."""
        place = {"folder": os.getcwd(), "environment": dict(os.environ)}
        with ExitStack() as sent:
            its_in, to = os.pipe()
            out, its_out = os.pipe()
            err, its_err = os.pipe()
            told, telling = os.pipe()
            for file in (its_in, its_out, its_err, telling):
                sent.callback(os.close, file)
            self.stdin: IO[bytes] | None = os.fdopen(to, "wb")
            self.stdout: IO[bytes] | None = os.fdopen(out, "rb")
            self.stderr: IO[bytes] | None = os.fdopen(err, "rb")
            self._telling = os.fdopen(told, "rb", 0)
            message = json.dumps(place).encode()
            socket.send_fds(parent.channel, [message], [its_in, its_out, its_err, telling])
        self._parent = parent
        self._told = b""

    @property
    def pid(self) -> int | None:
        """The process's number; None where it has not begun."""
        said = self._said(1, 0)
        return said[0] if said else None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal, once it has ended. Raises TimeoutExpired."""
        said = self._said(2, timeout)
        if not self._telling.closed:
            raise subprocess.TimeoutExpired(FORKSERVER, timeout or 0)
        return said[1] if len(said) == 2 else self._parent.ended()

    def _said(self, count: int, seconds: float | None) -> list[int]:
        """What is told of it: its number, then its exit code; so many, after so long at most."""
        late = None if seconds is None else time.monotonic() + seconds
        while not self._telling.closed and self._told.count(b"\n") < count:
            left = None if late is None else max(0.0, late - time.monotonic())
            if not select.select([self._telling], [], [], left)[0]:
                break
            piece = self._telling.read(64) or b""
            self._told += piece
            if not piece or self._told.count(b"\n") == 2:
                self._telling.close()
        return [int(line) for line in self._told.splitlines()]
