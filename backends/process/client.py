"""The parent's end: a program that is asked one thing at a time, within a time limit."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from lossproof.backends.process.launch import Launch
from lossproof.backends.process.protocol import LONGEST, ProtocolError, decode, encode

#: bytes of standard error that are kept to show what a program said last
TAIL = 16_384


class Died(RuntimeError):
    """The program gave no answer: it crashed, ran out of time, or broke the protocol.

    `kind` is "crashed", "timed out" or "protocol"; `said` the last it wrote on standard error;
    `begun` whether there was a program at all.
    """

    def __init__(self, kind: str, words: str, said: str, *, begun: bool = True) -> None:
        super().__init__(words)
        self.begun = begun
        self.kind = kind
        self.said = said


class Program:
    """A running program. Not safe for threads: one question at a time."""

    def __init__(self, launch: Launch, *, tells: bool = False) -> None:
        """Start it. Raises Died where it cannot be run.

        `tells` says that it writes where it is to standard error when it is sent SIGUSR1.
        """
        try:
            self._process = launch()
        except OSError as error:
            words = f"cannot be run: {error.strerror}"
            raise Died("crashed", words, "") from error
        self._tells = tells and hasattr(signal, "SIGUSR1")
        self._replies: queue.Queue[bytes] = queue.Queue()
        self._said: deque[bytes] = deque()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._drain = threading.Thread(target=self._keep_tail, daemon=True)
        self._listener.start()
        self._drain.start()

    @property
    def pid(self) -> int:
        """The process's number. Raises Died where it never began."""
        found = self._process.pid
        if found is None:
            raise self._lost("crashed", "")
        return found

    def ask(self, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The reply. Raises Died, and the program is gone then, in every case but a reply."""
        if not self._replies.empty():
            early = self._replies.get()
            words = f"wrote what nobody asked for: {early[:60]!r}"
            raise self._lost("protocol" if early else "crashed", words)
        sender = threading.Thread(target=self._send, args=(encode(message),), daemon=True)
        sender.start()  # a program that does not read must not block us
        try:
            line = self._replies.get(timeout=seconds)
        except queue.Empty:
            raise self._lost("timed out", f"gave no answer within {seconds:g} s") from None
        if not line:
            raise self._lost("crashed", "")
        try:
            if not line.endswith(b"\n"):
                raise ProtocolError(f"a reply ends with a newline and has at most {LONGEST} bytes")
            return decode(line)
        except ProtocolError as error:
            raise self._lost("protocol", f"wrote what is no reply: {error}") from error

    def close(self) -> None:
        """End it, and every process that it began."""
        self._process.end()
        # what it said last is read before its pipes are closed; one that is read still, as somebody
        # else has it open, cannot be
        for pipe, reader in (
            (self._process.stdin, None),
            (self._process.stdout, self._listener),
            (self._process.stderr, self._drain),
        ):
            if reader is not None:
                reader.join(timeout=1)
            if pipe is not None and (reader is None or not reader.is_alive()):
                with contextlib.suppress(OSError):
                    pipe.close()

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        while True:
            try:
                line = self._process.stdout.readline(LONGEST)
            except (OSError, ValueError):
                line = b""
            self._replies.put(line)
            if not line.endswith(b"\n"):
                return

    def _keep_tail(self) -> None:
        assert self._process.stderr is not None
        size = 0
        with contextlib.suppress(OSError, ValueError):
            while piece := os.read(self._process.stderr.fileno(), 4096):
                self._said.append(piece)
                size += len(piece)
                while size - len(self._said[0]) > TAIL:
                    size -= len(self._said.popleft())

    def _lost(self, kind: str, words: str) -> Died:
        """What happened; the program is ended."""
        pid = self._process.pid
        if kind == "timed out" and self._tells and pid is not None:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGUSR1)
            time.sleep(0.3)
        if kind == "crashed":
            code = None
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(timeout=5)
            words = _ended(code)
        self.close()
        said = b"".join(self._said).decode(errors="replace")
        return Died(kind, words, said, begun=pid is not None)


def _ended(code: int | None) -> str:
    if code is None:
        return "closed its standard output"
    if code >= 0:
        return f"ended the process with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    words = {"SIGSEGV": "a segmentation fault", "SIGKILL": "SIGKILL, as when memory runs out"}
    return f"died of {words.get(name, name)}"
