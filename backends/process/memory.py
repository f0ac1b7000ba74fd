"""A limit on the memory of a process, where the system has one to set."""

from __future__ import annotations

import contextlib
import os
import re

#: where Linux says what a process has; elsewhere nothing is limited
STATUS = "/proc/{}/status"
#: how languages and frameworks say that the system has given no more; not of a device's memory
_WANTING = re.compile(r"MemoryError|can't allocate memory|memory allocation .* failed|bad_alloc")


def wanting(words: str) -> bool:
    """Whether words speak of memory that was not given."""
    return bool(_WANTING.search(words))


def remark(words: str, more: int | None) -> str:
    """The limit, to be added to words that speak of memory that was not given; else nothing."""
    if more is None or not os.path.exists(STATUS.format("self")) or not wanting(words):
        return ""
    return f"; the limit is {more >> 20} MiB (--memory-limit)"


def limit(more: int | None, pid: int = 0) -> None:
    """Let a process (0: this one) have `more` bytes of data beyond what it has now; Linux only.

    Processes that it begins later are limited alike. Nothing happens where nothing can be limited.
    """
    if more is None:
        return
    with contextlib.suppress(ImportError, AttributeError, OSError, ValueError, StopIteration):
        import resource

        with open(STATUS.format(pid or "self"), encoding="ascii") as lines:
            now = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData"))
        resource.prlimit(pid, resource.RLIMIT_DATA, (now + more, now + more))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
