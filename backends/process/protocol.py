"""The protocol: JSON, one message a line, requests on stdin and replies on stdout.

An array is an object with `dtype`, `shape` and its numbers in row-major order, as `base64` of
little-endian bytes, as `hex` (C99 hexadecimal floats, `nan`, `inf`, `-inf`), or as `values` (JSON
integers). A program answers in the form that it likes. `docs/protocol.md` states every message.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import msgspec
import numpy as np
import numpy.typing as npt

PROTOCOL = 1
#: no reply may be longer than this, in bytes
LONGEST = 1 << 28
#: what may come back; an answer of a wrong dtype must arrive to be told so
DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(name)
    for name in (
        "float64", "float32", "float16", "int64", "int32", "int16", "int8",
        "uint64", "uint32", "uint16", "uint8", "bool", "complex64", "complex128",
    )
} | {"bfloat16": np.dtype(ml_dtypes.bfloat16)}  # fmt: skip
#: what a hexadecimal float looks like; a decimal would be read as another number
_HEX = re.compile(
    r"[+-]?(0x[0-9a-f]+(\.[0-9a-f]*)?(p[+-]?[0-9]+)?|nan|inf|infinity)", re.IGNORECASE
)


class ProtocolError(ValueError):
    """A message that breaks the protocol; the text says which rule, and what was there."""


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as one line."""
    return msgspec.json.encode(message) + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The message of one line. Raises ProtocolError."""
    try:
        message = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"a reply is one line of JSON, got {line[:60]!r}: {error}") from error
    if not isinstance(message, dict):
        raise ProtocolError(f"a reply is a JSON object, got {line[:60]!r}")
    return message


def pack(array: npt.NDArray[Any], form: str = "base64") -> dict[str, Any]:
    """An array as plain data, its numbers in the form "base64", or "hex" (integers: "values").

    Raises ProtocolError for a dtype that the protocol does not have.
    """
    name = array.dtype.name
    if name not in DTYPES:
        raise ProtocolError(f"an array of {array.dtype} cannot be sent")
    head = {"dtype": name, "shape": list(array.shape)}
    if form == "base64":
        little = array.astype(array.dtype.newbyteorder("<")) if array.dtype.kind != "V" else array
        return {**head, "base64": base64.b64encode(little.tobytes()).decode()}
    if array.dtype.kind in "iub":
        return {**head, "values": array.reshape(-1).tolist()}
    with np.errstate(invalid="ignore"):  # a signalling nan
        wide = array.astype(np.float64).reshape(-1)
    return {**head, "hex": [hexadecimal(v) for v in wide.tolist()]}


def unpack(data: Any) -> npt.NDArray[Any]:
    """The array that `pack` made, or a program wrote. Raises ProtocolError."""
    if not isinstance(data, dict):
        raise ProtocolError(f"an array is an object with dtype and shape, got {str(data)[:60]}")
    name, shape = data.get("dtype"), data.get("shape")
    if name not in DTYPES:
        raise ProtocolError(f"no dtype {name!r}; choose from {', '.join(DTYPES)}")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ProtocolError(f"a shape is a list of sizes, got {shape!r}")
    dtype, size = DTYPES[name], math.prod(shape)
    flat = _numbers(data, dtype)
    if flat.size != size:
        raise ProtocolError(f"an array of shape {shape} has {size} numbers, got {flat.size}")
    try:
        return flat.reshape(shape)
    except (ValueError, OverflowError) as error:
        raise ProtocolError(f"no array has shape {str(shape)[:60]}: {error}") from error


def pack_each(
    arrays: Mapping[str, npt.NDArray[Any] | None], form: str = "base64"
) -> dict[str, Any]:
    """Arrays by name as plain data; None is null. Raises ProtocolError."""
    return {k: None if v is None else pack(np.asarray(v), form) for k, v in arrays.items()}


def unpack_each(arrays: Mapping[str, Any]) -> dict[str, npt.NDArray[Any] | None]:
    """Arrays by name from plain data. Raises ProtocolError."""
    return {k: None if v is None else unpack(v) for k, v in arrays.items()}


def _numbers(data: Mapping[str, Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    forms = [k for k in ("base64", "hex", "values") if k in data]
    if len(forms) != 1 or len(data) != 3:
        raise ProtocolError("an array has dtype, shape, and one of base64, hex, values; no more")
    given, integral = data[forms[0]], dtype.kind in "iub"
    readable = {"base64", "values" if integral else "base64" if dtype.kind == "c" else "hex"}
    try:
        if forms[0] == "base64":
            raw = base64.b64decode(given, validate=True)
            little = dtype.newbyteorder("<") if dtype.kind != "V" else dtype
            return np.frombuffer(raw, dtype=little).astype(dtype)
        if forms[0] not in readable:
            raise ValueError(f"those of {dtype.name} are not written as {forms[0]}")
        if integral:
            return _integers(given, dtype)
        return _floats(given, dtype)
    except (TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise ProtocolError(f"the numbers of an array cannot be read: {error}") from error


def _integers(given: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    kind = bool if dtype.kind == "b" else int
    for value in given:
        if type(value) is not kind:
            raise ValueError(f"{value!r} is no {dtype.name}")
    return np.array(given, dtype=dtype)


def _floats(given: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Hexadecimal floats: exact in float64, and so is every narrower dtype's number."""
    for text in given:
        if not _HEX.fullmatch(text):
            raise ValueError(f"{text!r} is no hexadecimal float, such as 0x1.8p+1")
    wide = np.array([float.fromhex(text) for text in given], np.float64)
    with np.errstate(all="ignore"):
        narrow = wide.astype(dtype)
    changed = ~np.isnan(wide) & (narrow.astype(np.float64) != wide)
    if changed.any():
        raise ValueError(f"{given[int(np.argmax(changed))]} is no number of {dtype.name}")
    return narrow


def hexadecimal(value: float) -> str:
    """A number as `%a` of C writes it, without the zeros that Python pads with: 0x1.8p+1."""
    if not math.isfinite(value):
        return str(value)
    mantissa, _, exponent = value.hex().partition("p")
    digits = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{digits}p{exponent}"
