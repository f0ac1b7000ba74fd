"""The example programs in other languages conform, and wrong variants of them are told."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from programs import changed, checked

EXAMPLES = Path(__file__).parent.parent / "examples"
NODE = shutil.which("node")
CC = shutil.which("cc")
FLAGS = ("-O2", "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror")


def node(folder: Path, *changes: tuple[str, str]) -> str:
    """The example in Node.js, with changes to its text."""
    if NODE is None:
        pytest.skip("node is not installed")
    text = (EXAMPLES / "node" / "huber.js").read_text(encoding="utf-8")
    shutil.copy(EXAMPLES / "node" / "protocol.js", folder)
    (folder / "huber.js").write_text(changed(text, changes), encoding="utf-8")
    return f"node {shlex.quote(str(folder / 'huber.js'))}"


def compiled(folder: Path, *changes: tuple[str, str]) -> str:
    """The example in C, with changes to its text, compiled."""
    if CC is None:
        pytest.skip("cc is not installed")
    text = (EXAMPLES / "c" / "huber.c").read_text(encoding="utf-8")
    shutil.copy(EXAMPLES / "c" / "json.h", folder)
    (folder / "huber.c").write_text(changed(text, changes), encoding="utf-8")
    program = folder / "huber"
    subprocess.run([CC, *FLAGS, "-o", program, folder / "huber.c", "-lm"], check=True)
    return shlex.quote(str(program))


MAKERS = {"node": node, "c": compiled}


@pytest.mark.parametrize("language", MAKERS)
def test_the_examples_conform(language: str, tmp_path: Path) -> None:
    document = checked(MAKERS[language](tmp_path), tmp_path, "--profile", "default")
    bad = [r.message or r.reason for r in document.results if r.status in ("failed", "errored")]
    assert not bad, "\n".join(map(str, bad))
    assert document.verdict == "conforms"
    assert document.framework == {"node": "huber.js", "c": "huber.c"}[language]
    passed = {(r.check, r.dtype) for r in document.results if r.status == "passed"}
    assert {
        (check, dtype)
        for check in ("value", "gradient.prediction", "gradient.target", "reductions", "scale",
                      "overflow", "special_values", "purity", "properties")
        for dtype in ("float64", "float32")
    } <= passed  # fmt: skip
    # what is refused, and of which kind the skips are
    assert ("bad_input", "float32") in passed
    reasons = {r.reason for r in document.results if r.dtype in ("float16", "bfloat16")}
    assert reasons == {f"{document.target} does not support {d}" for d in ("float16", "bfloat16")}


#: wrong variants of the examples: the quantities that are wrong, and another check that says so
WRONG = {
    "node, the linear branch is missing": (
        ("const near = Math.min(size, delta);", "const near = size;"),
        {"value"},
        "reductions",
    ),
    "node, the gradient is not clipped": (
        ("r > delta ? delta : r < -delta ? -delta : r;", "r;"),
        {"gradient.prediction", "gradient.target"},
        "special_values",
    ),
    "node, the gradient of the target has the wrong sign": (
        ("slopes.map((s) => -s)", "slopes"),
        {"gradient.target"},
        "special_values",
    ),
    "node, a sum in place of a mean": (
        ('options.reduction === "mean" ? losses.length : 1', "1"),
        {"value"},
        "reductions",
    ),
    "c, the linear branch lacks a half": (
        ("near * (size - near / 2);", "near * (size - (size > delta ? delta : near / 2));"),
        {"value"},
        "reductions",
    ),
    "c, a residual of eleven bits": (
        ("ABS(prediction - target);", "ABS((prediction - target) * (1 + 1.0f / 2048));"),
        {"value"},
        "properties",
    ),
    "c, the cotangent is left out": (
        ("double share = mean ? c[0] / (double)n : c[each ? i : 0];", "double share = 1;"),
        {"gradient.prediction", "gradient.target"},
        "reductions",
    ),
    "c, nan is lost": (
        ("return near * (size", "return size != size ? 0 : near * (size"),
        set(),
        "special_values",
    ),
}  # fmt: skip
SMALL = ("--dtype", "float64", "--check", "value")
NUMBERS = {"value", "gradient.prediction", "gradient.target"}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_variant_is_failed_for_its_fault(name: str, tmp_path: Path) -> None:
    change, quantities, also = WRONG[name]
    target = MAKERS[name.partition(",")[0]](tmp_path, change)
    document = checked(target, tmp_path, "--dtype", "float32")
    assert document.exit_code == 1
    failed = {r.check for r in document.results if r.status == "failed"}
    assert failed & NUMBERS == quantities
    assert also in failed
    assert not [r for r in document.results if r.status == "errored"]


def test_options_are_held_by_the_program_or_from_outside(tmp_path: Path) -> None:
    held = ('options: ["delta"],', "held: { delta: 2 },")
    two = ("round(options.delta)", "round(2)")
    text = (EXAMPLES / "node" / "huber.js").read_text(encoding="utf-8")
    assert text.count(two[0]) == 2
    target = node(tmp_path, held, ("if (!(delta > 0))", "if (false)"))
    path = tmp_path / "huber.js"
    path.write_text(path.read_text(encoding="utf-8").replace(*two), encoding="utf-8")
    document = checked(target, tmp_path, *SMALL)
    assert (document.exit_code, document.held) == (0, {"delta": 2})
    # not stated, it is found out
    path.write_text(path.read_text(encoding="utf-8").replace("held: { delta: 2 },", ""))
    document = checked(target, tmp_path, *SMALL)
    assert (document.exit_code, document.held) == (0, {"delta": 2.0})
    document = checked(node(tmp_path), tmp_path, *SMALL, "--fix", "delta=0.5")
    assert (document.exit_code, document.held) == (0, {"delta": 0.5})
