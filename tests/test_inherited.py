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


def checked(
    loss: str,
    check: str,
    text: str,
    folder: Path,
    backend: str = "torch",
    dtype: str = "",
    *,
    apart: bool = False,
) -> Result:
    pytest.importorskip(backend)
    file = folder / "case.py"
    file.write_text(text, encoding="utf-8")
    asked = ["check", f"{file}:loss", "--loss", loss, "--backend", backend, "--check", check]
    asked += ["--seed", "1", *([] if apart else ["--no-isolation"]), "--dtype"]
    usual = "float32" if backend == "torch" else "bfloat16"
    return CliRunner().invoke(main, [*asked, dtype or usual])


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
    assert "; no fault of this function" in came.output
    assert "1 xfailed" in came.output


WEIGHED = """
pos_weight = torch.tensor([2.0, 2.0])

class Loss:
    def __init__(self):
        self.pos_weight = pos_weight

    def __call__(self, logits, target):
        losses = F.binary_cross_entropy_with_logits(
            logits, target, pos_weight=self.pos_weight.to(logits), reduction="none")
        return losses{more}

loss = Loss()
"""


@pytest.mark.parametrize("apart", [False, True], ids=["here", "apart"])
@pytest.mark.parametrize(
    ("more", "status"),
    [("", "xfailed"), (" + 1e-9 * (target == 0)", "failed")],
    ids=["theirs", "its own"],
)
def test_what_is_listed_of_a_value_is_inherited_however_it_is_asked(
    more: str, status: str, apart: bool, tmp_path: Path
) -> None:
    """No deviation is listed of this check in float64: without weights there is none."""
    text = HEAD + WEIGHED.format(more=more)
    name = "binary_cross_entropy_with_logits"
    came = checked(name, "special_values", text, tmp_path, dtype="float64", apart=apart)
    assert f"1 {status}" in came.output
    assert ("inherited from torch: (1 - t)" in came.output) == (status == "xfailed")


POISSON = """
def loss(prediction, target):
    return (torch.exp(prediction) - target * prediction).mean()
"""


def test_silent_broadcasting_is_charged_where_the_function_of_the_framework_does_not_run(
    tmp_path: Path,
) -> None:
    came = checked("poisson_nll", "shapes", HEAD + POISSON, tmp_path)
    assert came.exit_code == 1, came.output
    assert "shapes that do not fit are broadcast silently" in came.output


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


COMPOSED = """
import torch
import torch.nn.functional as F

def terms(logits, target):
    return target * F.softplus(-logits) + (1 - target) * F.softplus(logits)

def pairs(positive, negative):
    return F.softplus(negative - positive{more})

loss = {name}
"""


@pytest.mark.parametrize(
    ("loss", "check", "name"),
    [
        ("binary_cross_entropy_with_logits", "gradient.logits", "terms"),
        ("bpr", "value", "pairs"),
        ("pairwise_logistic", "value", "pairs"),
    ],
)
def test_what_is_composed_of_softplus_has_the_faults_of_softplus(
    loss: str, check: str, name: str, tmp_path: Path
) -> None:
    came = checked(loss, check, COMPOSED.format(name=name, more=""), tmp_path, dtype="float64")
    assert "inherited from torch: as composed of its own softplus; beyond its threshold of 20" in (
        came.output
    )
    assert came.exit_code == 0


def test_another_threshold_than_that_of_the_framework_is_charged(tmp_path: Path) -> None:
    text = COMPOSED.format(name="pairs", more=", threshold=15")
    came = checked("bpr", "value", text, tmp_path, dtype="float64")
    assert came.exit_code == 1
    assert "failed: bpr / value" in came.output


def test_the_shapes_of_what_is_composed_are_charged(tmp_path: Path) -> None:
    text = COMPOSED.format(name="pairs", more="")
    text = text.replace("return F.softplus(negative - positive)",
                        "return F.softplus(negative - positive).mean()")  # fmt: skip
    came = checked("bpr", "shapes", text, tmp_path)
    assert "failed: bpr / shapes" in came.output
    assert "shapes that do not fit are broadcast silently" in came.output


def test_what_is_composed_of_the_softplus_of_jax_has_its_faults(tmp_path: Path) -> None:
    text = """
import jax

def loss(logits, target):
    yes, no = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
    return -target * yes - (1 - target) * no
"""
    name = "binary_cross_entropy_with_logits"
    came = checked(name, "gradient.logits", text, tmp_path, "jax", "float64")
    assert "inherited from jax: as composed of its own softplus; the gradient is exp" in came.output
    assert came.exit_code == 0


def test_focal_loss_of_the_log_sigmoid_of_jax_has_its_faults(tmp_path: Path) -> None:
    text = """
import jax
import jax.numpy as jnp

def loss(logits, target, alpha=None, gamma=2.0):
    signed = (2 * target - 1) * logits
    losses = -jax.nn.log_sigmoid(signed) * jnp.exp(gamma * jax.nn.log_sigmoid(-signed))
    return losses if alpha is None else (alpha * target + (1 - alpha) * (1 - target)) * losses
"""
    came = checked("sigmoid_focal", "gradient.logits", text, tmp_path, "jax", "float64")
    assert "inherited from jax: as composed of its own softplus; the gradient is exp" in came.output
    assert came.exit_code == 0
