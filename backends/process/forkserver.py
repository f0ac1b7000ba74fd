"""A process that imports a framework once, and forks: each of its children serves one target.

Run as `python -m lossproof.backends.process.forkserver BACKEND`, with a socket as standard input.
Each message says where a new child is and what its environment is, and brings four files: the
child's standard input, output and error, and one to which this process writes the child's number,
and later its exit code. No target is run here, so each begins with the framework as imported.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any, NoReturn

from lossproof.backends.builtin import backend
from lossproof.backends.process import server

#: files in a message, and the most bytes
FILES = 4
LONGEST = 1 << 20


def main() -> None:
    """Serve until nobody is left who could ask."""
    asked = socket.socket(fileno=os.dup(0))
    os.dup2(1, 0)
    threading.Thread(target=server.end_with_parent, args=(os.getppid(),), daemon=True).start()
    with suppress(Exception):  # a child will say what it is
        backend(sys.argv[1]).preload()
    gc.freeze()
    _serve(asked)
    os._exit(0)


def _serve(asked: socket.socket) -> None:
    ended, wake = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    told: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([asked.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            _tell(told)
        if asked.fileno() in ready:
            message, files, _, _ = socket.recv_fds(asked, LONGEST, FILES)
            if not message:
                return
            *standard, telling = files
            pid = os.fork()
            if pid == 0:
                for file in (asked.fileno(), ended, wake, telling, *told.values()):
                    os.close(file)
                _become(standard, json.loads(message))
            for file in standard:
                os.close(file)
            told[pid] = telling
            _write(telling, f"{pid}\n")


def _tell(told: dict[int, int]) -> None:
    """Say of each child that has ended how it did."""
    while told:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        file = told.pop(pid)
        _write(file, f"{os.waitstatus_to_exitcode(status)}\n")
        os.close(file)


def _write(file: int, text: str) -> None:
    with suppress(OSError):  # who asked may be gone
        os.write(file, text.encode())


def _become(standard: list[int], place: dict[str, Any]) -> NoReturn:
    """Be a child: a server of one target, in a session of its own, as if it had been begun so."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for number, file in enumerate(standard):
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(place["environment"])
        os.chdir(place["folder"])
        sys.path[0] = place["folder"]  # as `python -m` has it
        server.main()
        code = 0
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)  # as Python ends
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
