"""How many threads the libraries of a process may use."""

from __future__ import annotations

import os

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def single_threaded() -> None:
    """One thread for each library that is loaded from now on, here and in processes begun here:
    those processes are what uses the cores."""
    for name in THREADS:
        os.environ.setdefault(name, "1")
