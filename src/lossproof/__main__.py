"""The command `lossproof`, and `python -m lossproof`."""

from __future__ import annotations

import os
import signal
import sys
from itertools import pairwise
from typing import Any

from lossproof.backends.process import forked
from lossproof.backends.process.threads import single_threaded
from lossproof.conformance.interrupts import INTERRUPTED


def main() -> None:
    """Load the command line, and be it. Ctrl-C while it is loading ends this at once, in a line."""
    before = signal.signal(signal.SIGINT, _leave)
    _ahead(sys.argv[1:])
    from lossproof.conformance.cli import main as command  # most of a second

    signal.signal(signal.SIGINT, before)
    command()


def _ahead(words: list[str]) -> None:
    """Have the framework of a target imported while the command line is loaded."""
    if words[:1] not in (["check"], ["identify"]) or "--no-isolation" in words or not forked.SAFE:
        return
    single_threaded()
    for option, backend in pairwise(words):
        if option == "--backend" and backend != "program":
            forked.server(backend)


def _leave(*_: Any) -> None:
    os.write(2, b"lossproof: interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
