"""Keras on JAX and on torch, in one run.

Keras chooses its framework when it is first imported, for the whole process. The second of these
backends in a process, and either where somebody has imported Keras for another framework, makes its
calls in a process of its own.
"""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from multiprocessing.util import Finalize
from threading import Thread
from typing import Any, ClassVar

from lossproof.backends.base import Answer, BackendError
from lossproof.backends.jax_.backend import JaxBackend
from lossproof.backends.libraries.backend import Library
from lossproof.backends.process.server import end_with_parent
from lossproof.backends.registry import Implementation, Registry
from lossproof.backends.torch_.backend import TorchBackend

VARIABLE = "KERAS_BACKEND"


class Keras(Library):
    """`keras.losses` and `keras.ops`; mixed into the backend of the framework."""

    distribution = module = "keras"
    adapters = "keras_"
    framework: ClassVar[str]

    def version(self) -> str:
        return f"{super().version()} on {self.framework}"

    def implementations(self) -> Registry:
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = self.framework
        try:
            return super().implementations()
        finally:
            if before is None:
                del os.environ[VARIABLE]
            else:
                os.environ[VARIABLE] = before

    def call(
        self, implementation: Implementation, arguments: Any, options: Any, **how: Any
    ) -> Answer:
        """As `Backend.call`. BackendError for a foreign implementation where Keras runs on another
        framework in this process."""
        own = self.implementations().get(implementation.loss)
        if not self.elsewhere():
            return super().call(implementation, arguments, options, **how)  # type: ignore[safe-super]
        if implementation is not own:
            raise BackendError(f"keras does not run on {self.framework} in this process")
        asked = (type(self), implementation.loss, arguments, options, how)
        return _process(self.framework).submit(_called, *asked).result()

    def elsewhere(self) -> bool:
        """Whether Keras runs on another framework in this process."""
        return str(sys.modules["keras"].backend.backend()) != self.framework


class KerasJax(Keras, JaxBackend):
    """Keras on JAX."""

    name = "keras_jax"
    framework = "jax"


class KerasTorch(Keras, TorchBackend):
    """Keras on torch."""

    name = "keras_torch"
    framework = "torch"


@cache
def _process(framework: str) -> ProcessPoolExecutor:
    """The process of a framework, begun with its first call."""
    context = get_context("spawn")
    pool = ProcessPoolExecutor(
        max_workers=1, mp_context=context, initializer=_follow, initargs=(os.getpid(),)
    )
    # a worker waits at its end for what it began, which must be told before its queue closes (10)
    Finalize(None, pool.shutdown, exitpriority=20)
    return pool


def _follow(parent: int) -> None:
    """End with the process that began this one, however it ends; Ctrl-C is for that to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=end_with_parent, args=(parent,), daemon=True).start()


def _called(cls: type[Keras], loss: str, arguments: Any, options: Any, how: Any) -> Answer:
    """The call, in the process that was begun for it."""
    made = cls()
    implementation = made.implementations().get(loss)
    assert implementation is not None
    return made.call(implementation, arguments, options, **how)
