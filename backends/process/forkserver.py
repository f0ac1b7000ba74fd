"""A process that imports a framework once, and forks: each of its children serves one target.

Run as `python -m lossproof.backends.process.forkserver BACKEND`, with a socket as standard input.
Each message says where a new child is and what its environment is, and brings four files: the
child's standard input, output and error, and a socket that is told the child's number by itself and
its exit code by this process. A child that has ended is waited for when that socket is closed at
the other end, so that its number is nobody else's as long as it may be used.

What a child's processes leave behind becomes a child of this process, and is ended with it.

No target is run here: each begins with the framework as it was imported. Strings hash alike in all.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from lossproof.backends.builtin import backend
from lossproof.backends.process import server

#: files in a message, and the most bytes
FILES = 4
LONGEST = 1 << 20
#: the option of `prctl` that makes a process the parent of its descendants' orphans
SUBREAPER = 36
#: where `python -m` looks for modules first, if it does
FIRST = None if getattr(sys.flags, "safe_path", False) else sys.path[0]


@dataclass
class Child:
    """A child, and the file that is told how it ended."""

    pid: int
    telling: int
    ended: bool = False

    def tell(self) -> None:
        """Say how it ended, if it has and that was not said; it is kept until it is forgotten."""
        with suppress(OSError):  # who asked may be gone
            found = None
            if not self.ended:
                found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is not None:
                self.ended = True
                exited = found.si_code == os.CLD_EXITED
                code = found.si_status if exited else -found.si_status
                os.write(self.telling, f"ended {code}\n".encode())

    def forget(self) -> None:
        """End it: nobody asks it any more."""
        os.close(self.telling)
        _end([self.pid])


def main() -> None:
    """Serve until nobody is left who could ask."""
    asked = socket.socket(fileno=os.dup(0))
    os.dup2(1, 0)
    threading.Thread(target=server.end_with_parent, args=(os.getppid(),), daemon=True).start()
    before = _threads()
    backend(sys.argv[1]).preload()
    if _threads() > before:
        sys.exit("what has threads of its own cannot be forked")
    sys.argv[:] = [str(server.__file__)]
    gc.freeze()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    spared = _children()
    _serve(asked)
    while left := _children() - spared:
        _end(left)
    os._exit(0)


def _threads() -> int:
    with suppress(OSError):
        return len(os.listdir("/proc/self/task"))
    return threading.active_count()


def _children() -> set[int]:
    """The children of this process, with those that others left behind."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as listed:
            return set(map(int, listed.read().split()))
    except OSError:  # a kernel may not tell
        return set()


def _end(children: Iterable[int]) -> None:
    for pid in children:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _serve(asked: socket.socket) -> None:
    ended, wake = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    ready = select.poll()
    ready.register(asked, select.POLLIN)
    ready.register(ended, select.POLLIN)
    children: dict[int, Child] = {}  # by the file that is told of them
    while True:
        for file, _ in ready.poll():
            if file == ended:
                os.read(ended, 4096)
                for child in children.values():
                    child.tell()
            elif file in children:
                ready.unregister(file)
                children.pop(file).forget()
            else:
                message, files, _, _ = socket.recv_fds(asked, LONGEST, FILES)
                if not message:
                    return
                others = (asked.fileno(), ended, wake, *children)
                pid = _forked(message, files, others)
                if pid is not None:
                    children[files[-1]] = Child(pid, files[-1])
                    ready.register(files[-1], select.POLLHUP | select.POLLIN)


def _forked(message: bytes, files: list[int], others: tuple[int, ...]) -> int | None:
    """A new child, None where there is none: whoever asked for it finds its files closed."""
    pid = None
    if len(files) == FILES:  # the system may have no room for more
        with suppress(OSError):
            pid = os.fork()
    if pid == 0:
        for file in others:
            os.close(file)
        _become(files, json.loads(message))
    for file in files[:3] if pid is not None else files:
        os.close(file)
    return pid


def _become(files: list[int], place: dict[str, Any]) -> NoReturn:
    """Be a child: a server of one target, in a session of its own, as if it had been begun so."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        *standard, telling = files
        for number, file in enumerate(standard):
            os.dup2(file, number)
            os.close(file)
        os.write(telling, f"began {os.getpid()}\n".encode())
        os.close(telling)
        os.environ.clear()
        os.environ.update(place["environment"])
        os.chdir(place["folder"])
        if FIRST is not None and sys.path[0] == FIRST:
            sys.path[0] = place["folder"]
        np.random.seed()  # noqa: NPY002 (what a target draws should not be what its twin draws)
        server.main(preloaded=True)
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
