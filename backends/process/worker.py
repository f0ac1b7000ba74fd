"""A worker: one target in one process, started when it is asked and again after it died."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lossproof.backends.process.client import Died, Program
from lossproof.backends.process.launch import Launch
from lossproof.backends.process.memory import remark, wanting
from lossproof.backends.usage import UsageError

#: deaths without an answer in between, after which a target is not started again
PATIENCE = 2
#: calls in a row that end for want of memory, each of which took what there was
FILLED = 4
#: what Python's fault handler begins with
FAULT = "Fatal Python error: "


class Alone(Exception):
    """The target cannot be served where its framework is imported already."""


class GivenUp(RuntimeError):
    """The target died too often to be asked again; `said` is what it said the last time."""

    kind = "given up"

    def __init__(self, words: str, said: str) -> None:
        super().__init__(words)
        self.said = said


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds for a call, seconds to start and import, and bytes beyond those of the imports."""

    call: float = 20.0
    start: float = 120.0
    memory: int | None = 4 << 30


@dataclass(kw_only=True)
class Worker:
    """A process and the limits that it runs under.

    `opening` is said to it first; its reply tells what the target offers. `begun` is the word for
    that in messages, `tells` whether it writes where it is when it is sent SIGUSR1. Where it does
    not begin, or its opening raises Alone, it is launched `alone`, if that is another way.
    """

    name: str
    launch: Launch
    limits: Limits
    opening: Callable[[Program], dict[str, Any]]
    begun: str = "started"
    tells: bool = False
    alone: Launch | None = None
    deaths: int = 0
    filled: int = 0
    wanted: str = ""
    last: Died | None = None
    _program: Program | None = field(default=None, repr=False)

    def start(self) -> dict[str, Any]:
        """Start the process: the reply to its opening. Raises UsageError where there is none."""
        reply = self._opened()
        if reply is None and self.alone is not None:
            self.launch, self.alone = self.alone, None
            reply = self._opened()
        if reply is None:
            raise UsageError(f"{self.name} cannot be {self.begun}")
        return reply

    def _opened(self) -> dict[str, Any] | None:
        """The reply to the opening; None where it is to be launched alone."""
        self.close()
        try:
            self._program = Program(self.launch, tells=self.tells)
            return self.opening(self._program)
        except Alone:
            self.close()
            return None
        except Died as error:
            self._program = None
            if self.alone is not None and not error.begun:
                return None
            reason = _stuck(error.said) if error.kind == "timed out" else _reason(error.said)
            words = f"{self.name} {error}, while it was {self.begun}{reason}"
            raise UsageError(words) from error
        except UsageError:
            self.close()
            raise

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a call. Raises Died, then GivenUp once it died, or wanted more memory than
        there is, too often."""
        if self.last is not None and self.deaths >= PATIENCE:
            words = f"it {self.last}, {self.deaths} times in a row{self._why(self.last)}"
            raise GivenUp(words, self.last.said)
        if self.filled >= FILLED:
            self.close()
            words = f"{self.wanted[:200]}{remark(self.wanted, self.limits.memory)}"
            raise GivenUp(f"it wanted more memory, {self.filled} times in a row: {words}", "")
        if self._program is None:
            self.start()
        assert self._program is not None
        try:
            reply = self._program.ask(request, self.limits.call)
        except Died as error:
            self._program = None
            self.deaths += 1
            self.last = error
            raise Died(error.kind, f"{error}{self._why(error)}", error.said) from error
        self.deaths = 0
        self.wanted = _raised(reply)
        self.filled = self.filled + 1 if wanting(self.wanted) else 0
        return reply

    def _why(self, death: Died) -> str:
        """What standard error says of it; one that was asked where it is has said only that."""
        if self.tells and death.kind == "timed out":
            return ""
        reason = _reason(death.said)
        return f"{reason}{remark(reason, self.limits.memory)}"

    def close(self) -> None:
        """End the process, if there is one."""
        if self._program is not None:
            self._program.close()
            self._program = None


def _raised(reply: Mapping[str, Any]) -> str:
    """The error that a reply tells of, in words."""
    error = reply.get("error")
    return f"{error.get('type')}: {error.get('message')}" if isinstance(error, dict) else ""


def _stuck(said: str) -> str:
    """Where it was, by the fault handler: in the innermost line that is neither Python's nor
    ours."""
    stack = re.findall(r'File "(.+?)", line (\d+)', said)
    own = [(f, n) for f, n in stack if not f.startswith("<") and "lossproof" not in f]
    return f": in {own[0][0]}:{own[0][1]}" if own else ""


def _reason(said: str) -> str:
    """The line of standard error that says most: the last that names an error, else the last.

    What Python's fault handler adds, a stack, is read by others.
    """
    own = said.partition(FAULT)[0]
    lines = [line.strip() for line in own.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error\b", line, re.IGNORECASE)] or lines
    return f": {telling[-1][:200]}" if telling else ""
