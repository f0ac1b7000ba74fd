"""What a function crashes at is asked of it: only a refusal leaves anything out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from lossproof.backends import loading
from lossproof.backends.process.client import Died
from lossproof.conformance.cli import main
from lossproof.conformance.refusal import misfits, refuses
from lossproof.conformance.registry import backend
from lossproof.conformance.settle import Settled, settle
from lossproof.spec.loss import get


def settled(function: Any, loss: str) -> Settled:
    claim = loading.claim(function, get(loss), "numpy")
    return settle(claim, get(loss), backend("numpy"))


@pytest.mark.parametrize(
    ("error", "value", "refused"),
    [
        (ValueError("unknown"), "sum", True),
        (NotImplementedError(), "sum", True),
        (AssertionError(), 2, True),
        (KeyError("sum"), "sum", True),
        (KeyError("some"), "sum", False),
        (AttributeError("'ndarray' object has no attribute 'none'"), "none", True),
        (AttributeError("'ndarray' object has no attribute 'nanmeanx'"), "mean", False),
        (TypeError("'>' not supported between 'NoneType' and 'int'"), None, True),
        (TypeError("bug"), 2, False),
        (NameError("name 'p' is not defined"), 2, False),
        (Died("crashed", "died of SIGKILL", ""), None, False),
    ],
)
def test_a_refusal_is_told_from_a_crash(error: Exception, value: Any, refused: bool) -> None:
    assert refuses(error, value) is refused


def test_neither_a_slip_nor_a_crash_is_due_to_a_shape() -> None:
    assert misfits(RuntimeError("the size of tensor a must match the size of tensor b"))
    assert not misfits(NameError("name 'shap' is not defined"))
    assert not misfits(Died("crashed", "died of SIGKILL", ""))


def cross_entropy(logits: Any, labels: Any) -> Any:
    z = logits - logits.max(axis=1, keepdims=True)
    logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -np.take_along_axis(logs, labels[:, None], axis=1)[:, 0]


def misspelt(logits: Any, labels: Any, weight: Any = None) -> Any:
    losses = cross_entropy(logits, labels)
    return losses if weight is None else losses * weigth[labels]  # type: ignore[name-defined]  # noqa: F821


def mistyped(logits: Any, labels: Any, class_weights: Any = None) -> Any:
    losses = cross_entropy(logits, labels)
    return losses if class_weights is None else losses * (class_weights["labels"] + 1)


@pytest.mark.parametrize("function", [misspelt, mistyped])
def test_a_weight_that_crashes_is_asked(function: Any) -> None:
    found = settled(function, "cross_entropy")
    assert found.implementation.optional == ("weight",)
    assert not any("something else" in note for note in found.notes)


DIES = """
import os
import numpy as np


def loss(logits, labels, weight=None):
    if weight is not None:
        os._exit(7)
    z = logits - logits.max(axis=1, keepdims=True)
    logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -np.take_along_axis(logs, labels[:, None], axis=1)[:, 0]
"""


def test_a_target_that_dies_of_a_weight_does_not_conform(tmp_path: Path) -> None:
    file = tmp_path / "dies.py"
    file.write_text(DIES, encoding="utf-8")
    command = ["check", f"{file}:loss", "--loss", "cross_entropy", "--backend", "numpy"]
    command += ["--dtype", "float32", "--check", "value", "--seed", "1"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "crashed: ended the process with exit code 7" in result.output
    assert "something else" not in result.output


def squares(logits: Any, labels: Any, p: int = 1, margin: float = 1.0) -> Any:
    if p == 2:
        raise TypeError("bug")
    own = np.take_along_axis(logits, labels[:, None], axis=1)
    losses = np.maximum(0, margin - own + logits)
    np.put_along_axis(losses, labels[:, None], 0.0, axis=1)
    return losses.sum(axis=1) / logits.shape[1]


def test_a_choice_that_crashes_is_asked() -> None:
    assert settled(squares, "multi_margin").implementation.refused == {}


def averages(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    losses = np.abs(prediction - target)
    if reduction == "mean":
        return losses.nanmeanx()
    return losses.sum() if reduction == "sum" else losses


def reduces(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    return getattr(np.abs(prediction - target), reduction)()


def test_a_reduction_that_crashes_is_asked() -> None:
    assert settled(averages, "mae").implementation.reductions is None
    assert settled(reduces, "mae").implementation.reductions == ("sum", "mean")


def gathers(logits: Any, labels: Any, ignore_index: int = -100) -> Any:
    return np.where(labels == ignore_index, 0.0, cross_entropy(logits, labels))


def no_class(logits: Any, labels: Any, ignore_index: int = 0) -> Any:
    if ignore_index < 0:
        raise ValueError("ignore_index is a class")
    return gathers(logits, labels, ignore_index)


def last(logits: Any, labels: Any, ignore_index: int = -1) -> Any:
    return gathers(logits, labels, ignore_index)


def test_a_function_that_fails_at_its_own_ignored_label_is_asked() -> None:
    found = settled(gathers, "cross_entropy")
    assert "ignore_index" not in found.implementation.dialect
    assert not any("ignore_index" in note for note in found.notes)


@pytest.mark.parametrize("function", [no_class, last])
def test_a_function_that_is_meant_to_ignore_a_class_is_asked_for_one(function: Any) -> None:
    assert settled(function, "cross_entropy").implementation.dialect["ignore_index"] == 1


def slips(prediction: Any, target: Any) -> Any:
    if prediction.ndim == 2:
        return np.abs(prediction - target)[shap]  # type: ignore[name-defined]  # noqa: F821
    return np.abs(prediction - target)


def test_a_shape_that_crashes_is_asked() -> None:
    assert settled(slips, "mae").implementation.arranged is None


IGNORING = """
import numpy as np


def log_softmax(logits):
    z = logits - logits.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def refusing(logits, labels):
    return -log_softmax(logits)[np.arange(len(labels)), labels].mean()


def ignoring(logits, labels):
    kept = labels != -100
    chosen = log_softmax(logits)[np.arange(len(labels)), np.where(kept, labels, 0)]
    return -chosen[kept].sum() / kept.sum()


def counting(logits, labels):
    kept = labels != -100
    chosen = log_softmax(logits)[np.arange(len(labels)), np.where(kept, labels, 0)]
    return -chosen[kept].sum() / len(labels)
"""


@pytest.mark.parametrize(("name", "code"), [("refusing", 0), ("ignoring", 0), ("counting", 1)])
def test_a_label_that_is_ignored_is_ignored_wholly(name: str, code: int, tmp_path: Path) -> None:
    path = tmp_path / "ignore.py"
    path.write_text(IGNORING)
    asked = ["check", f"{path}:{name}", "--loss", "cross_entropy", "--backend", "numpy"]
    came = CliRunner().invoke(main, [*asked, "--dtype", "float32", "--check", "special_values"])
    assert came.exit_code == code, came.output
    said = "ignore_index: it has no such parameter; a label of -100 is to be refused, or ignored"
    assert said in came.output
    half = "a label of -100 is neither refused nor ignored: value"
    assert (half in came.output) is (code == 1)
