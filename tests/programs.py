"""Programs to be checked over the protocol, and the command line that checks them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from click.testing import CliRunner

from lossproof.conformance.cli import main
from lossproof.reports import verdict


def checked(target: str, folder: Path, *more: str, loss: str = "huber") -> verdict.Check:
    """The verdict on a program, by the command line."""
    out = folder / "verdict.json"
    command = [
        "check", target, "--loss", loss, "--backend", "program", "--json", str(out),
        "--profile", "smoke", "--seed", "1", *more,
    ]  # fmt: skip
    result = CliRunner().invoke(main, command)
    assert out.is_file(), result.output + result.stderr
    document = verdict.read(out)
    assert result.exit_code == document.exit_code
    return document


def changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


GOOD = """
import json, os, sys, time
HELLO = {"protocol": 1, "name": "toy", "form": "hex", "losses": {"mse": {
    "dtypes": ["float64"], "reductions": ["none"], "gradient": []}}}
def say(message, end="\\n"):
    sys.stdout.write((message if isinstance(message, str) else json.dumps(message)) + end)
    sys.stdout.flush()
def mse(request):
    p, t = (request["arguments"][k] for k in ("prediction", "target"))
    pairs = zip(map(float.fromhex, p["hex"]), map(float.fromhex, t["hex"]))
    if p["shape"] != t["shape"] or request["options"]["reduction"] != "none":
        return {"error": "refused"}
    numbers = [(a - b) * (a - b) for a, b in pairs]
    return {"value": {"dtype": "float64", "shape": p["shape"], "hex": [x.hex() for x in numbers]}}
def reply(request):
    return mse(request)
for number, line in enumerate(sys.stdin):
    request = json.loads(line)
    say(HELLO) if request["op"] == "hello" else say(reply(request))
"""


def toy(folder: Path, *changes: tuple[str, str]) -> str:
    """A right program in Python, with changes to its text."""
    path = folder / "toy.py"
    path.write_text(changed(GOOD, changes))
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"
