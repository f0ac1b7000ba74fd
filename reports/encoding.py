"""Records as lines of JSON, and back, without loss.

JSON has no nan and no infinity. The numbers of a record (`ratio`, `ulps`, `seconds`, those of
curves) are then the strings "nan", "inf", "-inf"; within a `case`, where a string may be meant as
one, they are {"$float": "nan"}. A lone surrogate, which UTF-8 cannot hold, is written as its
escape, `\\udc80`.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from lossproof.reports.model import READABLE, Record, ReportError, Result

NOT_FINITE = ("nan", "inf", "-inf")
TAG = "$float"


class NotJSON(ReportError):
    """The line is no JSON at all, as a line cut short is."""


def encode(record: Record) -> bytes:
    """One line, without its newline. Raises ReportError for a `case` that is not JSON."""
    try:
        data = msgspec.to_builtins(record, str_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        name = record.id if isinstance(record, Result) else record.__struct_config__.tag
        raise ReportError(f"{name}: cannot be written as JSON: {error}") from error
    _numbers(data, _name)
    worst = data.get("worst")
    if worst and worst["case"] is not None:
        worst["case"] = _tag(worst["case"])
    try:
        return msgspec.json.encode(data)
    except UnicodeEncodeError:
        return msgspec.json.encode(_utf8(data))


def decode(line: bytes) -> Record:
    """The record of a line. Raises ReportError, which says why, for all that is none."""
    try:
        data = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJSON(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ReportError("not an object")
    version = data.get("schema_version")
    if data.get("kind") == "header" and (type(version) is not int or version not in READABLE):
        known = f"{', '.join(map(str, READABLE[:-1]))} and {READABLE[-1]}"
        raise ReportError(f"schema_version {version!r} is unknown; this lossproof reads {known}")
    _numbers(data, _float)
    worst = data.get("worst")
    if isinstance(worst, dict) and "case" in worst and b'"$float"' in line:
        worst["case"] = _untag(worst["case"])
    try:
        record: Record = msgspec.convert(data, Record)
    except msgspec.ValidationError as error:
        raise ReportError(str(error)) from error
    return record


def _numbers(data: dict[str, Any], change: Any) -> None:
    """Apply `change` to every number of a record that a float can be, in place."""
    if "seconds" in data:
        data["seconds"] = change(data["seconds"])
    worst = data.get("worst")
    if isinstance(worst, dict):
        for name in ("ratio", "ulps"):
            if name in worst:
                worst[name] = change(worst[name])
    if data.get("kind") == "curve":
        for trace in (data.get("value"), data.get("gradient")):
            if isinstance(trace, dict):
                for name, numbers in trace.items():
                    if isinstance(numbers, list | tuple):
                        trace[name] = [change(number) for number in numbers]


def _name(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _float(value: Any) -> Any:
    return float(value) if isinstance(value, str) and value in NOT_FINITE else value


def document(value: Any) -> str:
    """A file that is one JSON document: what is not finite by name, "nan", "inf" or "-inf"."""
    data = _spelled(msgspec.to_builtins(value, str_keys=True))
    try:
        line = msgspec.json.encode(data)
    except UnicodeEncodeError:
        line = msgspec.json.encode(_utf8(data))
    return msgspec.json.format(line, indent=1).decode() + "\n"


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelled(item) for item in value]
    return _name(value)


def _tag(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tag(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tag(item) for item in value]
    name = _name(value)
    return value if name is value else {TAG: name}


def _untag(value: Any) -> Any:
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(name := value.get(TAG), str) and name in NOT_FINITE:
            return float(name)
        return {key: _untag(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_untag(item) for item in value]
    return value


def _utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_utf8(key): _utf8(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_utf8(item) for item in value]
    return value
