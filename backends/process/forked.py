"""Processes that a fork server begins, and the fork servers of this process, by backend."""

from __future__ import annotations

import atexit
import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from typing import IO

#: elsewhere a fork is not safe once a framework is imported
SAFE = sys.platform == "linux"
FORKSERVER = (sys.executable, "-m", "lossproof.backends.process.forkserver")
#: seconds that a fork server may take to say that a child is gone
PATIENCE = 5.0
#: what sending meets where the fork server is gone
GONE = (errno.EPIPE, errno.ECONNRESET, errno.ECONNREFUSED, errno.ENOTCONN, errno.EBADF)


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
        """End it, and all that its children began, if it is this process's own."""
        self.channel.close()
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(1.0)  # it ends when nobody can ask any more
            self.process.kill()
            self.process.wait()

    def ended(self) -> int:
        """The exit code of one that is gone, as far as it is known here."""
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(1.0)
        return 1


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


def forked(backend: str) -> Forked:
    """A child of the fork server of a backend, or of a new one where that is gone. Raises OSError
    where it cannot be asked for one."""
    try:
        return Forked(server(backend))
    except OSError as error:
        if error.errno not in GONE:
            raise
        forget(backend)
    return Forked(server(backend))


class Forked:
    """A child of a fork server, to be used as a `launch.Process`.

    It is asked through sockets. A pipe that another process has open can be opened through /proc,
    by a target that would answer in its place; a socket cannot.
    """

    def __init__(self, parent: ForkServer) -> None:
        """Ask for one, which begins once the framework is imported. Raises OSError."""
        place = {"folder": os.getcwd(), "environment": dict(os.environ)}
        message = json.dumps(place).encode()
        with ExitStack() as sent, ExitStack() as kept:
            to, its_in = _pair(sent)
            out, its_out = _pair(sent)
            told, telling = _pair(sent)
            err, its_err = os.pipe()  # one that is opened by its name, as /dev/stderr, is no socket
            sent.callback(os.close, its_err)
            self.stdin: IO[bytes] | None = kept.enter_context(os.fdopen(to, "wb"))
            self.stdout: IO[bytes] | None = kept.enter_context(os.fdopen(out, "rb"))
            self.stderr: IO[bytes] | None = kept.enter_context(os.fdopen(err, "rb"))
            self._telling = kept.enter_context(os.fdopen(told, "rb", 0))
            socket.send_fds(parent.channel, [message], [its_in, its_out, its_err, telling])
            kept.pop_all()  # not to be closed
        self._parent = parent
        self._told = b""
        self._over = False

    @property
    def pid(self) -> int | None:
        """The process's number; None where it has not begun."""
        return self._said("began", 0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal, once it has ended. Raises TimeoutExpired."""
        code = self._said("ended", timeout)
        if code is None and not self._over:
            raise subprocess.TimeoutExpired(FORKSERVER, timeout or 0)
        return self._parent.ended() if code is None else code

    def end(self) -> None:
        """End it, and every process that it began; nothing is asked of it any more."""
        pid = self.pid
        if pid is not None:
            with suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
            try:
                self.wait(PATIENCE)
            except subprocess.TimeoutExpired:  # what would tell of it does not run
                _abandon(self._parent)
        self._telling.close()

    def _said(self, word: str, seconds: float | None) -> int | None:
        """The number that is told with a word, which is awaited for so long at most."""
        late = None if seconds is None else time.monotonic() + seconds
        while True:
            for line in self._told.decode(errors="replace").splitlines():
                said, _, number = line.partition(" ")
                if said == word and number.lstrip("-").isdecimal():
                    return int(number)
            left = None if late is None else max(0.0, late - time.monotonic()) * 1000
            if self._over or not _readable(self._telling.fileno(), left):
                return None
            piece = self._telling.read(256)
            self._told += piece or b""
            self._over = not piece


def _pair(sent: ExitStack) -> tuple[int, int]:
    """The ends of a socket: ours, and one that is closed here when it is sent."""
    ours, theirs = socket.socketpair()
    sent.enter_context(theirs)
    return ours.detach(), theirs.fileno()


def _readable(file: int, milliseconds: float | None) -> bool:
    ready = select.poll()
    ready.register(file, select.POLLIN)
    return bool(ready.poll(milliseconds))


def _abandon(parent: ForkServer) -> None:
    """End a fork server that does not answer."""
    for backend, known in tuple(_SERVERS.items()):
        if known is parent:
            del _SERVERS[backend]
    parent.close()
