"""A limit on the memory of a process, where the system has one to set."""

from __future__ import annotations

import contextlib


def limit(more: int | None, pid: int = 0) -> None:
    """Let a process (0: this one) have `more` bytes of data beyond what it has now; Linux only.

    Processes that it begins later are limited alike. Nothing happens where nothing can be limited.
    """
    if more is None:
        return
    with contextlib.suppress(ImportError, AttributeError, OSError, ValueError, StopIteration):
        import resource

        with open(f"/proc/{pid or 'self'}/status", encoding="ascii") as lines:
            now = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData"))
        resource.prlimit(pid, resource.RLIMIT_DATA, (now + more, now + more))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
