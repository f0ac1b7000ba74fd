"""The worker's end for Python: loads one target, and answers what it is asked of it.

Run as `python -m lossproof.backends.process.server`. It knows how to call and to differentiate, and
nothing of what the right answer is.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lossproof.backends import loading, state
from lossproof.backends.base import Answer, Backend, BackendError, NotAnArray
from lossproof.backends.builtin import backend
from lossproof.backends.process.claim import Claim
from lossproof.backends.process.memory import limit
from lossproof.backends.process.protocol import (
    DTYPES,
    PROTOCOL,
    decode,
    encode,
    pack,
    pack_each,
    unpack,
    unpack_each,
)
from lossproof.backends.registry import Implementation
from lossproof.backends.usage import UsageError
from lossproof.spec.loss import SpecError


class TooLate(Exception):
    """The target set environment variables, which the framework that is imported has not read."""


class Server:
    """One target, and the state it began with."""

    def __init__(self, *, preloaded: bool = False) -> None:
        self.set_variables = False
        if preloaded:
            sys.addaudithook(self._watch)
        self.backend: Backend | None = None
        self.implementation: Implementation | None = None
        self.changed: dict[str, None] = {}

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to one request; what the target raises is data."""
        try:
            return {
                "hello": self.hello,
                "load": self.load,
                "call": self.call,
                "calls_own": self.calls_own,
            }[request["op"]](request)
        except TooLate:
            return {"alone": True}
        except (UsageError, SpecError) as error:
            return {"refused": str(error)}
        except BackendError as error:
            return {"error": {"kind": "backend", "type": "BackendError", "message": str(error)}}
        except NotAnArray as error:
            return {"error": {"kind": "answer", "type": "NotAnArray", "message": str(error)}}
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return {"error": self._raised(error)}

    def _watch(self, event: str, _: Any) -> None:
        self.set_variables |= event in ("os.putenv", "os.unsetenv")

    def hello(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The protocol, and what serves it."""
        return {"protocol": PROTOCOL, "name": "lossproof python worker"}

    def load(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Load the target; its claim as data."""
        self.backend = backend(request["backend"])
        absent = self.backend.missing()
        if absent is not None:
            raise UsageError(absent)
        source = loading.Source(**request["source"])
        self.set_variables = False
        try:
            claim = loading.load(source, request["loss"], request["backend"])
        finally:
            if self.set_variables:
                raise TooLate
        self.implementation = claim
        limit(request.get("memory"))
        return {"claim": Claim.of(claim), "devices": self.backend.devices()}

    def call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Call the target, and pull the cotangent back."""
        if self.backend is None or self.implementation is None:
            raise UsageError("load comes before call")
        given = request["arguments"]
        cotangent = request["cotangent"]
        before = state.snapshot()
        try:
            with np.errstate(all="ignore"):
                answer = self.backend.call(
                    self.implementation,
                    unpack_each(given),
                    dict(request["options"]),
                    cotangent=None if cotangent is None else unpack(cotangent),
                    differentiate=tuple(request["differentiate"]),
                    **request["how"],
                )
            self.changed |= dict.fromkeys(answer.changed)
            answer = replace(answer, picked=getattr(self.implementation.forward, "picked", ""))
        finally:
            # what one call has changed stays so, and would not be seen in a later one; what a
            # transformation changes is the framework's own doing
            if request["how"]["transformation"] is None:
                self.changed |= dict.fromkeys(state.changed(before))
        return {"answer": vars(packed(replace(answer, changed=tuple(self.changed))))}

    def calls_own(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Whether the target runs the framework's own function of its loss."""
        if self.backend is None or self.implementation is None:
            raise UsageError("load comes before calls_own")
        arguments, options = unpack_each(request["arguments"]), dict(request["options"])
        return {"calls_own": self.backend.calls_own(self.implementation, arguments, options)}

    def _raised(self, error: BaseException) -> dict[str, Any]:
        """An exception as data, with the last line of the target's own files that it came by."""
        target = self.implementation.source.target if self.implementation is not None else ""
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if target.startswith(_shown(f.filename))]
        words = str(error)
        if isinstance(error, SystemExit):
            words = f"the target called sys.exit({error.code!r})"
        return {
            "kind": "raised",
            "type": type(error).__name__,
            "message": words[:2000],
            "where": f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else None,
        }


def _shown(path: str) -> str:
    with contextlib.suppress(ValueError, OSError):
        return os.path.relpath(path)
    return path


def packed(answer: Answer) -> Answer:
    """The same answer, its arrays as plain data."""
    return replace(
        answer,
        value=pack(np.asarray(answer.value)),
        gradients=pack_each(answer.gradients),
        # what it made of them may be no array that can be sent
        after=pack_each({k: v for k, v in answer.after.items() if v.dtype.name in DTYPES}),
        warnings=tuple(w[:500] for w in answer.warnings[:20]),
    )


def main(*, preloaded: bool = False) -> None:
    """Serve until standard input ends. What the target prints goes nowhere.

    With the framework `preloaded`, a target that sets environment variables for it is not served.
    """
    with os.fdopen(os.dup(0), "rb") as requests, os.fdopen(os.dup(1), "wb") as replies:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        faulthandler.enable()
        if hasattr(signal, "SIGUSR1"):
            faulthandler.register(signal.SIGUSR1, all_threads=False)
        threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
        server = Server(preloaded=preloaded)
        for line in requests:
            replies.write(encode(server.answer(decode(line))))
            replies.flush()


def end_with_parent(parent: int) -> None:
    """Wait until this process has another parent, and end it; for a thread of its own."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


if __name__ == "__main__":
    main()
