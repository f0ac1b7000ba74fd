"""The documented protocol is the one that is spoken, and what breaks it is told in words."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from lossproof.backends.loading import Source
from lossproof.backends.process import program
from lossproof.backends.process.protocol import (
    DTYPES,
    ProtocolError,
    decode,
    encode,
    pack,
    unpack,
)
from lossproof.backends.process.worker import Limits
from lossproof.conformance.effort import EFFORTS
from lossproof.spec.tracked import summation_growth

DOCUMENT = Path(__file__).parent.parent / "docs" / "protocol.md"
CONVERSATIONS = [
    [line for line in block.splitlines() if line]
    for block in re.findall(r"```jsonl\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
]
#: replies with the written lines if it hears the written lines, byte for byte
PLAYER = """
import json, sys
for heard, said in json.load(open(sys.argv[1], encoding="utf-8")):
    line = sys.stdin.readline()
    if line != heard + "\\n":
        sys.exit(f"error: heard {line!r}")
    print(said, flush=True)
"""


def exchanges(lines: list[str]) -> list[tuple[str, str]]:
    assert all(line.startswith("> ") for line in lines[::2])
    assert all(line.startswith("< ") for line in lines[1::2])
    return [(a[2:], b[2:]) for a, b in zip(lines[::2], lines[1::2], strict=True)]


def played(lines: list[str], loss: str, folder: Path) -> program.ProgramBackend:
    """A program that plays the part of the program in a documented conversation."""
    (folder / "player.py").write_text(PLAYER)
    (folder / "lines.json").write_text(json.dumps(exchanges(lines)), encoding="utf-8")
    target = f"{sys.executable} {folder / 'player.py'} {folder / 'lines.json'}"
    return program.program(Source(target=target), loss, Limits(call=20.0))[0]


def test_the_document_has_an_exchange_of_every_message() -> None:
    heard = [json.loads(a) for lines in CONVERSATIONS for a, _ in exchanges(lines)]
    assert [sum(m["op"] == op for m in heard) for op in ("hello", "call")] == [3, 4]
    assert {k for m in heard for k in m} == {
        "op", "protocol", "loss", "dtype", "arguments", "options", "cotangent", "differentiate",
    }  # fmt: skip


@pytest.mark.parametrize("lines", CONVERSATIONS, ids=lambda lines: str(len(lines)))
def test_the_documented_exchanges_are_what_is_spoken(lines: list[str], tmp_path: Path) -> None:
    """The requests are made by the real backend, and the replies read by it."""
    loss = next(iter(json.loads(exchanges(lines)[0][1])["losses"]))
    backend = played(lines, loss, tmp_path)
    try:
        for heard, said in exchanges(lines)[1:]:
            request, reply = json.loads(heard), json.loads(said)
            given = {k: None if v is None else unpack(v) for k, v in request["arguments"].items()}
            cotangent = request["cotangent"] and unpack(request["cotangent"])
            asked = {"cotangent": cotangent, "differentiate": tuple(request["differentiate"])}
            options = request["options"]
            if "error" in reply:
                with pytest.raises(program.ProgramError, match=re.escape(reply["error"])):
                    backend.call(None, given, options, **asked)
                continue
            answer = backend.call(None, given, options, **asked)
            same(answer.value, reply["value"])
            assert set(answer.gradients) == set(reply.get("gradients", {}))
            for key, array in answer.gradients.items():
                same(array, reply["gradients"][key])
    finally:
        backend.worker.close()


def same(array: Any, written: dict[str, Any]) -> None:
    assert array.dtype.name == written["dtype"]
    assert list(array.shape) == written["shape"]
    form = "hex" if "hex" in written else "base64"
    assert pack(array, form) == written


def test_the_numbers_of_the_document_are_right() -> None:
    """bfloat16 is the upper half of float32, and the replies are the losses."""
    one = unpack({"dtype": "bfloat16", "shape": [], "base64": "gD8="})
    assert one == 1
    assert np.float32(1).view(np.uint32) >> 16 == 0x3F80 == one[()].view(np.uint16)
    call = json.loads(exchanges(CONVERSATIONS[1])[1][1])
    assert unpack(call["value"]) == (2.5 + 0.25**2 / 2) / 2
    assert unpack(call["gradients"]["prediction"]).tolist() == [-1 / 2, 0.25 / 2]
    entropy = json.loads(exchanges(CONVERSATIONS[2])[1][1])
    rounded = np.float64(np.log1p(np.exp(3.5))).astype(ml_dtypes.bfloat16)
    assert unpack(entropy["value"])[0] == rounded


@pytest.mark.parametrize("form", ["base64", "hex"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_every_number_comes_back_as_it_went(form: str, dtype: str) -> None:
    kind = DTYPES[dtype]
    bits = np.arange(3, 1 << 16, 8, dtype=np.uint64) << np.uint64(8 * kind.itemsize - 16)
    bits |= bits >> np.uint64(3)
    array = bits.astype(f"u{kind.itemsize}").view(kind).reshape(2, -1)
    back = unpack(json.loads(json.dumps(pack(array, form))))
    with np.errstate(invalid="ignore"):  # signalling nans
        wide, again = array.astype(np.float64), back.astype(np.float64)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(again, wide)
    np.testing.assert_array_equal(np.signbit(again[wide == 0]), np.signbit(wide[wide == 0]))


@pytest.mark.parametrize("form", ["base64", "hex"])
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (3, 1)])
def test_every_shape_comes_back_as_it_went(form: str, shape: tuple[int, ...]) -> None:
    for dtype in (np.float32, np.int64, np.bool_):
        array = np.arange(np.prod(shape)).astype(dtype).reshape(shape)
        back = unpack(json.loads(json.dumps(pack(array, form))))
        assert back.dtype == array.dtype
        assert back.shape == shape
        assert back.tolist() == array.tolist()


BROKEN = {
    "an array is an object with dtype and shape, got [1.5]": [1.5],
    "no dtype 'float8'; choose from": {"dtype": "float8", "shape": [1], "hex": ["0x1p+0"]},
    "a shape is a list of sizes, got [-1]": {"dtype": "float32", "shape": [-1], "hex": []},
    "a shape is a list of sizes, got 2": {"dtype": "float32", "shape": 2, "hex": []},
    "one of base64, hex, values; no more": {"dtype": "float32", "shape": [1]},
    "'1.5' is no hexadecimal float": {"dtype": "float32", "shape": [1], "hex": ["1.5"]},
    "0x1.0000001p+0 is no number of float32": {
        "dtype": "float32", "shape": [2], "hex": ["0x1p+0", "0x1.0000001p+0"],
    },
    "0x1p+128 is no number of float32": {"dtype": "float32", "shape": [1], "hex": ["0x1p+128"]},
    "those of float32 are not written as values": {"dtype": "float32", "shape": [1], "values": [1]},
    "those of int64 are not written as hex": {"dtype": "int64", "shape": [1], "hex": ["0x1p+0"]},
    "1.5 is no int64": {"dtype": "int64", "shape": [1], "values": [1.5]},
    "True is no int64": {"dtype": "int64", "shape": [1], "values": [True]},
    "an array of shape [2] has 2 numbers, got 1": {"dtype": "int8", "shape": [2], "values": [1]},
    "no array has shape [0, 1180591620717411303424]": {
        "dtype": "int8", "shape": [0, 2**70], "values": [],
    },
    "no array has shape [1, 1, 1, 1": {"dtype": "int8", "shape": [1] * 100, "values": [1]},
    "buffer size must be a multiple": {"dtype": "float32", "shape": [1], "base64": "AAAA"},
    "cannot be read": {"dtype": "float32", "shape": [1], "base64": "****"},
    "expected string": {"dtype": "float32", "shape": [1], "hex": [1.0]},
}  # fmt: skip


@pytest.mark.parametrize("words", BROKEN)
def test_an_array_that_breaks_the_protocol_is_refused_in_words(words: str) -> None:
    with pytest.raises(ProtocolError, match=re.escape(words)):
        unpack(BROKEN[words])


def test_a_message_is_one_line_of_json() -> None:
    assert encode({"op": "hello"}) == b'{"op":"hello"}\n'
    for line in (b"hello\n", b"[1]\n", b'{"a":\n', b"\xff\n", b"[" * 100_000 + b"\n", b"\n"):
        with pytest.raises(ProtocolError, match="a reply is"):
            decode(line)
    with pytest.raises(ProtocolError, match="cannot be sent"):
        pack(np.array(["text"]))


def test_the_document_states_the_budget_of_sums() -> None:
    text = " ".join(DOCUMENT.read_text(encoding="utf-8").split())
    assert "8 + 2·⌈log₂ n⌉ roundings, 36 for n = 10,000" in text
    assert summation_growth(10_000) == 8 + 2 * math.ceil(math.log2(10_000)) == 36
    assert tuple(EFFORTS["default"].scale) == (10_000,)
    assert tuple(EFFORTS["thorough"].scale) == (10_000, 1_000_000)


def added(row: np.ndarray[Any, Any], naive: bool) -> float:
    """The sum of float32 one term after another, or of halves."""
    if naive or len(row) <= 8:
        total = np.float32(0)
        for x in row:
            total += x
        return float(total)
    middle = len(row) // 2
    return float(np.float32(added(row[:middle], False)) + np.float32(added(row[middle:], False)))


def test_a_sum_of_halves_stays_within_the_budget_where_a_loop_does_not() -> None:
    row = np.random.default_rng(0).uniform(0.5, 1.0, 10_000).astype(np.float32)
    exact = math.fsum(row.tolist())
    allowed = summation_growth(len(row)) * 2.0**-24 * exact
    assert abs(added(row, naive=False) - exact) <= allowed < abs(added(row, naive=True) - exact)
