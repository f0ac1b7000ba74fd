"""A framework's own faults are not charged to who calls it; each violation is decided by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lossproof.conformance.cli import main

HEAD = """
import torch
import torch.nn.functional as F

def reduced(losses, reduction):
    return {"none": lambda x: x, "mean": torch.mean, "sum": torch.sum}[reduction](losses)
"""
OWN = {
    # torch's known fault is where the logits are far below 0; this one is in both tails
    "binary_cross_entropy_with_logits": (
        "value",
        """
def loss(logits, target, weight=None, pos_weight=None, reduction="mean"):
    losses = F.binary_cross_entropy_with_logits(
        logits, target, weight=weight, pos_weight=pos_weight, reduction="none")
    if pos_weight is not None:
        far = torch.where(logits.abs() > 12, losses / 2, torch.zeros_like(losses))
        losses = losses + far.detach()
    return reduced(losses, reduction)
""",
    ),
    # the second derivative is lost altogether, where torch's is off by some hundred ulps
    "bpr": (
        "transformations",
        """
class Flat(torch.autograd.Function):
    @staticmethod
    def forward(ctx, difference):
        ctx.save_for_backward(difference)
        return F.softplus(-difference)

    @staticmethod
    def backward(ctx, cotangent):
        (difference,) = ctx.saved_tensors
        return -cotangent * torch.sigmoid(-difference).detach()

def loss(positive, negative, reduction="mean"):
    return reduced(Flat.apply(positive - negative), reduction)
""",
    ),
    # torch returns memory that nobody has written; this is always 7
    "multi_margin": (
        "reductions",
        """
def loss(logits, labels, p=1, margin=1.0, weight=None, reduction="mean"):
    if logits.shape[0] == 0 and reduction != "none":
        return logits.sum() + 7.0
    return F.multi_margin_loss(
        logits, labels, p=p, margin=margin, weight=weight, reduction=reduction)
""",
    ),
}
THEIRS = {
    "binary_cross_entropy_with_logits": (
        "value",
        """
def loss(logits, target, weight=None, pos_weight=None, reduction="mean"):
    return F.binary_cross_entropy_with_logits(
        logits, target, weight=weight, pos_weight=pos_weight, reduction=reduction)
""",
    ),
    "bpr": (
        "transformations",
        """
def loss(positive, negative, reduction="mean"):
    return reduced(-F.logsigmoid(positive - negative), reduction)
""",
    ),
    "poisson_nll": (
        "shapes",
        """
def loss(prediction, target, log_input=True, full=False, eps=1e-8, reduction="mean"):
    return F.poisson_nll_loss(
        prediction, target, log_input=log_input, full=full, eps=eps, reduction=reduction)
""",
    ),
}


def checked(loss: str, check: str, text: str, folder: Path, backend: str = "torch") -> Result:
    pytest.importorskip(backend)
    file = folder / "case.py"
    file.write_text(text, encoding="utf-8")
    asked = ["check", f"{file}:loss", "--loss", loss, "--backend", backend, "--check", check]
    asked += ["--seed", "1", "--no-isolation", "--dtype"]
    return CliRunner().invoke(main, [*asked, "float32" if backend == "torch" else "bfloat16"])


@pytest.mark.parametrize("loss", OWN)
def test_a_fault_beside_those_of_the_framework_is_charged(loss: str, tmp_path: Path) -> None:
    check, text = OWN[loss]
    came = checked(loss, check, HEAD + text, tmp_path)
    assert came.exit_code == 1, came.output
    assert f"failed: {loss} / {check}" in came.output
    assert "inherited" not in came.output


@pytest.mark.parametrize("loss", THEIRS)
def test_a_fault_of_the_framework_is_not_charged_to_who_calls_it(loss: str, tmp_path: Path) -> None:
    check, text = THEIRS[loss]
    came = checked(loss, check, HEAD + text, tmp_path)
    assert "1: inherited from torch: " in came.output
    assert "1 xfailed" in came.output


SUMS = """
import numpy as np

def loss(prediction, target, reduction="mean"):
    losses = (prediction - target) ** 2
    return {{"none": lambda x: x, "mean": {mean}, "sum": np.sum}}[reduction](losses)
"""


def test_a_sum_of_numpy_in_bfloat16_is_charged_where_it_is_another(tmp_path: Path) -> None:
    right = checked("mse", "scale", SUMS.format(mean="np.mean"), tmp_path, "numpy")
    assert "1: inherited from numpy: " in right.output
    tenfold = SUMS.format(mean="lambda x: 10 * np.mean(x)")
    (tmp_path / "other").mkdir()
    wrong = checked("mse", "scale", tenfold, tmp_path / "other", "numpy")
    assert wrong.exit_code == 1
    assert "the mean of" in wrong.output
