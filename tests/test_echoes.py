"""A wrong plain call is told once, and not again by every check that calls it in some other way."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lossproof.conformance.cli import main
from lossproof.reports import verdict
from lossproof.reports.model import Result

FILE = """
import numpy as np

def _reduced(losses, reduction):
    return losses if reduction == "none" else getattr(losses, reduction)()

def _spread(cotangent, array, reduction):
    return cotangent / array.dtype.type(array.size) if reduction == "mean" else cotangent

def half(prediction, target, *, reduction="mean"):
    return _reduced((prediction - target) ** 2 / 2, reduction)

def half_backward(cotangent, prediction, target, *, reduction="mean"):
    slope = (prediction - target) * _spread(cotangent, prediction, reduction)
    return slope, -slope

def _strided(array):
    return array.ndim == 1 and array.size > 1 and array.strides[0] != array.itemsize

def rows(prediction, target, *, reduction="mean"):
    losses = (prediction - target) ** 2
    if _strided(prediction):
        losses = losses * 3
    return _reduced(losses, reduction)

def narrow(prediction, target, *, reduction="mean"):
    losses = (prediction - target) ** 2
    if prediction.shape == (2, 2, 1, 2):
        losses = losses + 1
    return _reduced(losses, reduction)

def both(prediction, target, *, reduction="mean"):
    losses = (prediction - target) ** 2 * 2
    if prediction.shape == (2, 0):
        raise ValueError("two rows of nothing")
    return _reduced(np.where(np.isnan(losses), 0, losses), reduction)

def softplus(x):
    return np.log(1 + np.exp(x))
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("echoes") / "plain_echoes.py"
    path.write_text(FILE)
    return path


def failed(file: Path, name: str, loss: str = "mse") -> dict[str, Result]:
    written = file.with_name(f"{name}.json")
    said(file, name, "--dtype", "float32", "--json", str(written), loss=loss)
    return {r.check: r for r in verdict.read(written).results if r.status == "failed"}


def said(file: Path, name: str, *more: str, loss: str = "mse") -> str:
    command = ["check", f"{file}:{name}", "--loss", loss, "--backend", "numpy", *more]
    return CliRunner().invoke(main, command).output


def test_what_is_wrong_in_a_plain_call_is_wrong_in_every_other(file: Path) -> None:
    found = failed(file, "half")
    assert found["value"].echo == ()
    assert found["gradient.prediction"].echo == ()
    assert found["layout"].echo == ("gradient.prediction",)
    assert "value" in found["scale"].echo


def test_it_is_told_once_and_the_others_are_named_in_a_line_each(file: Path) -> None:
    lines = said(file, "half").splitlines()
    blocks = [line for line in lines if line.startswith("failed: ")]
    assert [b.split(" ")[3] for b in blocks] == ["value", "shapes"]
    assert "broadcast silently" in blocks[1]
    head = lines.index(
        "echoes of value, gradient.prediction and gradient.target: a plain call is wrong there too"
    )
    assert lines[head + 1].split()[:3] == ["layout", "wrong", "for"]
    assert any(line.startswith("  scale ") for line in lines[head:])
    same = next(line for line in lines if line.startswith("the same in float32, float64, float16"))
    assert "gradient.target" in same
    assert "passed: overflow, bad_input, dtype, properties, purity" in lines


def test_a_fault_of_layout_alone_is_its_own(file: Path) -> None:
    found = failed(file, "rows")
    assert "value" not in found
    assert found["layout"].echo == ()
    assert "a plain call is wrong" not in said(file, "rows", "--dtype", "float32")


def test_a_fault_of_one_shape_is_its_own(file: Path) -> None:
    found = failed(file, "narrow")
    assert "value" not in found
    assert found["shapes"].echo == ()
    assert "(2, 2, 1, 2)" in str(found["shapes"].message)


def test_of_several_faults_of_a_check_the_one_that_is_no_echo_is_told(file: Path) -> None:
    found = failed(file, "both")
    assert "value" in found
    special = found["special_values"]
    assert special.echo == ()
    assert special.sentence in ("nan in prediction gives a number", "nan in target gives a number")


def test_a_number_that_is_wrong_is_told_beside_one_that_is_none(file: Path) -> None:
    """The value overflows, and where it does not it loses digits: two things to mend."""
    printed = said(file, "softplus", "--dtype", "float32", loss="softplus")
    assert "got      inf" in printed
    assert printed.count("log(1 + e) loses a small e") == 1
    assert "failed: softplus / overflow" not in printed
    assert "overflow" in printed


def test_an_echo_is_told_where_nothing_else_tells_why(file: Path) -> None:
    printed = said(file, "half", "--dtype", "float32", "--check", "layout")
    assert "failed: mse / layout" in printed
    assert "a plain call is wrong" not in printed


def test_an_echo_is_told_where_what_it_echoes_is_expected(file: Path, tmp_path: Path) -> None:
    expected = tmp_path / "expected.toml"
    expected.write_text(
        '[[deviation]]\nid = "mse/value[numpy,*,*]"\nreason = "half of it is meant"\n'
        'input = "prediction=1, target=0"\n'
    )
    printed = said(file, "half", "--dtype", "float32", "--check", "value", "--check", "layout",
                   "--expected", str(expected))  # fmt: skip
    assert "failed: mse / layout" in printed


SECOND = """
import numpy as np

def _reduced(losses, reduction):
    return losses if reduction == "none" else getattr(losses, reduction)()

def rows(prediction, target, *, reduction="mean"):
    losses = (prediction - target) ** 2 * prediction.dtype.type(1.1)
    one = prediction.ndim == 1 and prediction.size > 1
    if one and prediction.strides[0] != prediction.itemsize:
        losses = 7 * losses + 100
    return _reduced(losses, reduction)

def infinite(prediction, target, *, reduction="mean"):
    losses = (prediction - target) ** 2 * prediction.dtype.type(1.1)
    return _reduced(np.where(np.isinf(losses), 7, losses).astype(prediction.dtype), reduction)

def many(prediction, target, *, reduction="mean"):
    losses = (prediction - target) ** 2 * prediction.dtype.type(1.1)
    large = losses.size > 1000 and reduction == "mean"
    return losses.sum() if large else _reduced(losses, reduction)

def same(prediction, target, *, reduction="mean"):
    return _reduced((prediction - target) ** 2 * prediction.dtype.type(1.1), reduction)

def mean(prediction, target, *, reduction="mean"):
    losses = (prediction - target) ** 2 * prediction.dtype.type(1.1)
    return losses.sum() / 3 if reduction == "mean" else _reduced(losses, reduction)
"""


@pytest.mark.parametrize(
    ("name", "check"),
    [("rows", "layout"), ("infinite", "special_values"), ("many", "scale"), ("mean", "reductions")],
)
def test_a_second_fault_of_a_function_that_is_wrong_everywhere_is_its_own(tmp_path, name, check):
    file = tmp_path / "second.py"
    file.write_text(SECOND)
    found = failed(file, name)
    assert found["value"].echo == ()
    assert found[check].echo == (), found[check].message
    plain = failed(file, "same")
    assert check not in plain or plain[check].echo != ()


BY_ROWS = """
import torch
import torch.nn.functional as F

def loss(logits, labels, ignore_index=-100, *, reduction="mean"):
    losses = F.cross_entropy(logits, labels, ignore_index=ignore_index, reduction="none")
    return losses if reduction == "none" else getattr(losses, reduction)()
"""


def test_a_mean_that_is_wrong_at_every_size_is_told_once(tmp_path: Path) -> None:
    """Of the labels some are ignored: the small batch is wrong by the same factor as the large
    one, in every dtype, whatever question told of the denominator."""
    pytest.importorskip("torch")
    (tmp_path / "rows.py").write_text(BY_ROWS)
    asked = ["check", f"{tmp_path / 'rows.py'}:loss", "--loss", "cross_entropy"]
    asked += ["--backend", "torch", "--seed", "1", "--check", "value,gradient,scale"]
    printed = CliRunner().invoke(main, asked).output
    assert printed.count("failed: cross_entropy / value") == 1, printed
    assert printed.count("failed: cross_entropy / gradient") == 1, printed
    assert "failed: cross_entropy / scale" not in printed, printed
    assert "  scale  " in printed.partition("echoes of ")[2], printed
