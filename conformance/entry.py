"""A cell as an entry of a file of expected deviations, in TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lossproof.conformance.check import checks
from lossproof.conformance.registry import UsageError
from lossproof.reports.model import Result


def entry(result: Result) -> str:
    """The entry that excuses a cell, with the question that shows why.

    TOML has no null: an option that is not there is None. Raises UsageError for a cell that stores
    no question.
    """
    if result.worst is None or result.worst.case is None:
        raise UsageError(f"{result.id} ({result.status}) stores no question to ask again")
    case = {"check": result.check, "backend": result.backend, "device": result.device}
    stored = result.worst.case
    if not checks()[result.check.partition(".")[0]].source.regimes:
        # the check makes its questions itself, and will ask them again
        named = {key: stored["question"][key] for key in ("loss", "dtype")}
        fault = result.sentence if result.violations else None
        stored = {**stored, "question": named, "fault": fault}
    facts: dict[str, Any] = {
        "id": result.id,
        "reason": result.reason or result.sentence,
        "input": ", ".join(f"{k}={v}" for k, v in result.worst.at.items()),
        "link": result.link,
        "status": "errored" if result.status == "errored" else None,
        "case": {**case, **stored},
    }
    return "\n".join(("[[deviation]]", *_lines("", facts))) + "\n"


def _lines(prefix: str, table: Mapping[str, Any]) -> Iterator[str]:
    """A dotted key a line; an array of numbers and the options stay tables in one line."""
    for key, value in table.items():
        name = f"{prefix}{_key(key)}"
        if isinstance(value, Mapping) and key in ("case", "question", "arguments"):
            yield from _lines(f"{name}.", value)
        elif value is not None and (value or not isinstance(value, Mapping) or key == "options"):
            yield f"{name} = {_value(value)}"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, float):
        return repr(value)
    text = json.dumps(value, ensure_ascii=False)
    # hexadecimal numbers without the zeros that Python pads with
    return re.sub(r"\.?0+p", "p", text) if text.startswith(('"0x', '"-0x')) else text
