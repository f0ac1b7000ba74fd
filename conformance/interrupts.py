"""Ctrl-C, which a terminal sends to every process of a command: one of them says that it came."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

INTERRUPTED = 130  # as a shell says it of SIGINT
_MASKS = hasattr(signal, "pthread_sigmask")


@contextmanager
def held_back() -> Iterator[None]:
    """Begin processes within: Ctrl-C waits, for them until `quietly`, for this one till the end.

    They would print a traceback while they import.
    """
    if not _MASKS:
        yield
        return
    resource_tracker.ensure_running()  # it would let the signal through as it begins
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def quietly() -> None:
    """In a process that was begun so: end at Ctrl-C without a word."""
    signal.signal(signal.SIGINT, _end)
    if _MASKS:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _end(*_: Any) -> None:
    os._exit(INTERRUPTED)
