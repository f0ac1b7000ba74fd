"""One table shows how backends differ in a loss, in accuracy and in every convention."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lossproof.conformance.cli import main
from lossproof.conformance.columns import of_backend
from lossproof.conformance.parity import UNKNOWN, Row, compare
from lossproof.conformance.registry import backend
from lossproof.spec.loss import get

FILE = """
import time
import numpy as np

def _reduced(losses, reduction):
    return losses if reduction == "none" else getattr(losses, reduction)()

def mine(prediction, target, *, delta=2.0, reduction="mean"):
    r = np.abs(prediction - target)
    near = np.minimum(r, delta)
    return _reduced(near * (r - near / 2), reduction)

def held(prediction, target, *, reduction="mean"):
    return mine(prediction, target, reduction=reduction)

def rows(prediction, target, *, delta=1.0, reduction="mean"):
    losses = mine(prediction, target, delta=delta, reduction="none")
    return losses.sum() / 2 / len(losses) if reduction == "mean" else _reduced(losses, reduction)

def half(prediction, target, *, delta, reduction="mean"):
    return mine(prediction, target, delta=delta, reduction=reduction) / 2

def quarter(prediction, target, *, delta=1.0, reduction="mean"):
    return half(prediction, target, delta=delta, reduction=reduction) / 2

def raises(prediction, target, *, delta=1.0, reduction="mean"):
    raise RuntimeError("no licence")

def hangs(prediction, target, *, delta=1.0, reduction="mean"):
    time.sleep(1e6)
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parity") / "mine.py"
    path.write_text(FILE)
    return path


def _parity(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["parity", *arguments])


def _rows(*arguments: str) -> dict[str, dict[str, Any]]:
    found = _parity(*arguments, "--dtype", "float32", "--format", "json")
    assert found.exit_code == 0, found.output
    return {row["what"]: row for row in json.loads(found.output)["rows"]}


@pytest.fixture(scope="module")
def classes() -> dict[str, dict[str, Any]]:
    pytest.importorskip("torch")
    return _rows("--loss", "cross_entropy", "--backend", "torch", "--backend", "numpy")


@pytest.mark.parametrize(
    ("what", "torch", "numpy"),
    [
        ("nan in logits", "nan; d logits nan", "nan; d logits nan"),
        ("an ignored row of nan", "0; d logits nan", "0; d logits 0"),
        ("empty batch, sum", "0; d logits nothing", "0; d logits nothing"),
        ("all rows ignored, mean", "nan; d logits 0", "nan; d logits 0"),
        ("labels (n, 1), not (n)", "error (RuntimeError)", "error (ValueError)"),
        ("mean, with weights", "as stated", "as stated"),
        ("label_smoothing = -1", "accepted", "error"),
        ("option label_smoothing", "taken", "taken, default 0.0"),
        ("option ignore_index", "taken", "taken, default -100"),
        ("argument weight", "offered", "offered"),
        ("reductions", "none, sum, mean", "none, sum, mean"),
        ("gradients", "logits", "logits"),
    ],
)
def test_two_backends_side_by_side(
    classes: dict[str, dict[str, Any]], what: str, torch: str, numpy: str
) -> None:
    assert classes[what]["cells"] == {"torch": torch, "numpy": numpy}
    assert classes[what]["differs"] == (torch.partition(" (")[0] != numpy.partition(" (")[0])


def test_accuracy_is_told_with_its_grade(classes: dict[str, dict[str, Any]]) -> None:
    for what in ("value, float32", "gradient.logits, float32"):
        for cell in classes[what]["cells"].values():
            ratio, grade = cell.split(" ")
            assert 0 < float(ratio) < 1
            assert grade in ("A", "B")


def test_a_kink_shows_the_slope_that_is_chosen() -> None:
    pytest.importorskip("jax")
    rows = _rows("--loss", "mae", "--backend", "numpy", "--backend", "jax")
    row = rows["slope in prediction at a kink"]
    assert row["cells"] == {"numpy": "-1, 0, 1", "jax": "-1, 1"}
    assert row["differs"]
    assert rows["prediction equal to target"]["cells"] == {
        "numpy": "0; d prediction 0; d target 0",
        "jax": "0; d prediction 1; d target -1",
    }


@pytest.fixture(scope="module")
def targets(file: Path) -> dict[str, dict[str, Any]]:
    return _rows(
        "--loss", "huber", "--backend", "numpy", "--target", f"{file}:mine@numpy",
        "--target", f"halved={file}:rows@numpy",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("what", "cells"),
    [
        ("mean is", ("as stated", "as stated", "something else")),
        ("option delta", ("taken, default 1.0", "taken, default 2.0", "taken, default 1.0")),
        ("gradients", ("prediction, target", "none", "none")),
        ("target (n, 1), not (n)",
         ("error (ValueError)", "broadcasts silently", "broadcasts silently")),
        ("delta = 0", ("error", "accepted", "accepted")),
        ("gradient.prediction, float32", ("graded", UNKNOWN, UNKNOWN)),
    ],
)  # fmt: skip
def test_functions_of_ones_own_are_columns(
    targets: dict[str, dict[str, Any]], what: str, cells: tuple[str, ...]
) -> None:
    found = targets[what]["cells"]
    assert list(found) == ["numpy", "mine", "halved"]
    for said, expected in zip(found.values(), cells, strict=True):
        assert re.sub(r"0\.\d+ [AB]", "graded", said) == expected


def test_the_default_of_a_function_is_found_though_it_is_another_loss(file: Path) -> None:
    rows = _rows(
        "--loss", "huber", "--target", f"{file}:half@numpy", "--target", f"{file}:quarter@numpy",
    )  # fmt: skip
    said = {"half": "taken, without a default", "quarter": "taken, default 1.0"}
    assert rows["option delta"]["cells"] == said


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("labels (n, 1), not (n)", "taken as (n)"),
        ("labels of one sample", "error (ValueError)"),
        ("empty batch, sum", "an empty array"),
        ("empty batch, mean", "an empty array"),
        ("mean is", "as stated"),
        ("mean, with weights", "weight not offered"),
        ("option label_smoothing", "held at 0.0"),
        ("option ignore_index", "taken"),
    ],
)
def test_what_keras_does_is_told_in_its_own_terms(
    keras: dict[str, dict[str, Any]], what: str, said: str
) -> None:
    assert keras[what]["cells"] == {"keras_jax": said}


@pytest.fixture(scope="module")
def keras() -> dict[str, dict[str, Any]]:
    absent = backend("keras_jax").missing()
    if absent is not None:
        pytest.skip(absent)
    return _rows("--loss", "cross_entropy", "--backend", "keras_jax")


def test_wrong_input_of_an_option_that_is_held_was_not_asked(file: Path) -> None:
    rows = _rows(
        "--loss", "huber", "--backend", "numpy", "--target", f"{file}:mine@numpy",
        "--target", f"held={file}:held@numpy",
    )  # fmt: skip
    assert rows["option delta"]["cells"]["held"] == "held at 2.0"
    said = {"numpy": "error", "mine": "accepted", "held": "not offered"}
    assert rows["delta = 0"]["cells"] == said


def test_numpy_without_a_gradient_says_why(file: Path) -> None:
    found = _parity(
        "--loss", "huber", "--target", f"{file}:mine@numpy", "--dtype", "float32",
        "--format", "json",
    )  # fmt: skip
    notes = json.loads(found.output)["notes"]
    assert (
        "mine: gradient.prediction, float32: the implementation has no gradient for prediction"
        in notes
    )


def test_a_target_that_always_raises_is_a_column_of_errors(file: Path) -> None:
    rows = _rows("--loss", "huber", "--target", f"{file}:raises@numpy")
    assert rows["value, float32"]["cells"]["raises"] == "raises (RuntimeError)"
    assert rows["nan in prediction"]["cells"]["raises"] == "error (RuntimeError)"
    assert rows["mean is"]["cells"]["raises"] == "error"


def test_a_target_that_hangs_is_a_column_of_errors(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lossproof.conformance.columns.PATIENCE", 0.3)
    rows = _rows("--loss", "huber", "--target", f"{file}:hangs@numpy")
    assert rows["nan in prediction"]["cells"]["hangs"] in ("error (timed out)", "error (given up)")


def test_a_table_for_the_terminal_and_in_markdown() -> None:
    terminal = _parity("--loss", "mse", "--backend", "numpy", "--dtype", "float32").output
    assert terminal.startswith(
        "mse; * where columns differ\n\nworst error / budget, grade    numpy"
    )
    markdown = _parity(
        "--loss", "mse", "--backend", "numpy", "--dtype", "float32", "--format", "md"
    ).output
    assert "| conventions " in markdown
    assert "\n| nan in prediction " in markdown


def test_only_differences_can_be_asked_for(file: Path) -> None:
    found = _parity(
        "--loss", "huber", "--backend", "numpy", "--target", f"{file}:mine@numpy",
        "--dtype", "float32", "--differences", "--format", "json",
    )  # fmt: skip
    rows = json.loads(found.output)["rows"]
    assert rows
    assert all(row["differs"] for row in rows)


def test_sizes_of_errors_and_names_of_exceptions_are_no_differences() -> None:
    group = "worst error / budget, grade"
    assert not Row(group=group, what="value", cells={"a": "0.1 A", "b": "0.2 A"}).differs
    assert Row(group=group, what="value", cells={"a": "0.1 A", "b": "0.2 B"}).differs
    assert not Row(
        group="conventions", what="x", cells={"a": "error (KeyError)", "b": "error (ValueError)"}
    ).differs
    assert not Row(group="conventions", what="x", cells={"a": "0", "b": UNKNOWN}).differs
    assert not Row(group="offers", what="known as", cells={"a": "l1_loss", "b": "abs"}).differs


def test_a_framework_that_is_absent_is_an_empty_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(backend("torch")), "missing", lambda self: "torch is not installed")
    columns = [of_backend("mse", "numpy"), of_backend("mse", "torch")]
    table = compare(get("mse"), columns, ("float32",), profile="smoke")
    assert "torch: torch is not installed" in table.notes
    assert all(row.cells["torch"] == UNKNOWN for row in table.rows)
    found = _parity("--loss", "mse", "--backend", "torch")
    assert found.exit_code == 3


MISUSE = {
    ("--loss", "hubr"): "no loss named 'hubr'; did you mean huber?",
    ("--loss", "mse", "--backend", "touch"): "no backend named 'touch'; did you mean torch?",
    ("--loss", "mse", "--dtype", "float8"): "no dtype named 'float8'; did you mean float64",
    ("--loss", "mse", "--profile", "quick"): "no profile named 'quick'; choose from smoke, ",
    ("--loss", "mse", "--target", "x.py:f"): "--target takes [NAME=]TARGET@BACKEND, got 'x.py:f'",
    ("--loss", "mse", "--target", "x.py:f@numpy"): "x.py: no such file",
    ("--loss", "mse", "--target", "x.py:f@nupmy"): "no backend named 'nupmy'; did you mean numpy?",
}


@pytest.mark.parametrize("arguments", MISUSE, ids=" ".join)
def test_misuse_ends_in_one_line(arguments: tuple[str, ...]) -> None:
    found = _parity(*arguments)
    assert found.exit_code == 2
    assert found.output.startswith(f"lossproof: {MISUSE[arguments]}")
    assert found.output.count("\n") == 1


def test_two_columns_of_one_name_are_refused(file: Path) -> None:
    twice = ("--target", f"{file}:mine@numpy") * 2
    found = _parity("--loss", "huber", *twice)
    assert found.exit_code == 2
    assert "two columns are named mine; write NAME=TARGET@BACKEND" in found.output
