"""What the size of an error tells of its cause, and what a wrong function looks like instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lossproof.conformance.cli import main

HEAD = "import numpy as np\n"
#: a function, what it claims to be, the check that fails, and the cause that its message names
CASES = {
    "stops at the logarithm of its clamp": (
        "def loss(logits, labels):\n"
        "    e = np.exp(logits - logits.max(axis=1, keepdims=True))\n"
        "    p = e / e.sum(axis=1, keepdims=True)\n"
        "    return -np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-2))\n",
        "cross_entropy", "value",
        "stops at 4.605 = -log(0.01): clamped at 0.01 below a logarithm",
    ),
    "adds a guard to the probability": (
        "def loss(pos, neg):\n"
        "    return -np.log(1 / (1 + np.exp(neg - pos)) + 1e-10)\n",
        "bpr", "value",
        "like bpr, but 1e-10 is added to the probability below the logarithm",
    ),
    "smooths over the batch": (
        "def loss(logits, labels, label_smoothing=0.1):\n"
        "    z = logits - logits.max(axis=1, keepdims=True)\n"
        "    lp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))\n"
        "    own = -lp[np.arange(len(labels)), labels]\n"
        "    return (1 - label_smoothing) * own - label_smoothing * lp.mean()\n",
        "cross_entropy", "value",
        "like cross_entropy, but label smoothing averages over the batch too",
    ),
    "carries weights of labels and ignores them": (
        "class Carrier:\n"
        "    pos_weight = np.array([0.5, 2.0, 3.0])\n"
        "    def __call__(self, logits, target):\n"
        "        tail = np.log1p(np.exp(-np.abs(logits)))\n"
        "        return tail + np.maximum(logits, 0) - logits * target\n"
        "loss = Carrier()\n",
        "binary_cross_entropy_with_logits", "value",
        "like binary_cross_entropy_with_logits, but pos_weight has no effect",
    ),
    "shares the smoothing by the others": (
        "def loss(logits, labels):\n"
        "    z = logits - logits.max(axis=1, keepdims=True)\n"
        "    lp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))\n"
        "    t = np.full_like(lp, 0.1 / max(lp.shape[1] - 1, 1))\n"
        "    t[np.arange(len(labels)), labels] = 0.9\n"
        "    return -(t * lp).sum(axis=1)\n",
        "cross_entropy", "value",
        "like cross_entropy, but label smoothing 0.1 is shared by the C - 1 other classes",
    ),
    "loses digits beside delta": (
        "def loss(prediction, target, delta=1.0):\n"
        "    a = np.abs(prediction - target)\n"
        "    q = np.minimum(a, delta)\n"
        "    return 0.5 * q * q + delta * (a - q)\n"
        "def loss_backward(cotangent, prediction, target, delta=1.0):\n"
        "    r = prediction - target\n"
        "    s = np.sign(r)\n"
        "    g = cotangent * s * np.where(abs(r) < delta, (abs(r) - delta) + delta, delta)\n"
        "    return {'prediction': g, 'target': -g}\n",
        "huber", "gradient.prediction",
        "off by a rounding of",
    ),
    "is the Jaccard loss": (
        "def loss(prediction, target, smooth=1.0):\n"
        "    i = (prediction * target).sum()\n"
        "    return 1 - (i + smooth) / (prediction.sum() + target.sum() - i + smooth)\n",
        "dice", "value",
        "like dice: the intersection over the union (Jaccard), not twice it over the sum",
    ),
    "broadcasts in silence": (
        "def loss(y_pred, y_true):\n    return np.mean((y_pred - y_true) ** 2)\n",
        "mse", "shapes",
        "one number, made of all pairs of entries (3, 3): prediction (3,), target (3, 1)",
    ),
    "loses small losses that a mean hides": (
        "def loss(logits, target):\n"
        "    tail = np.log(1 + np.exp(-np.abs(logits)))\n"
        "    return np.mean(np.maximum(logits, 0) - logits * target + tail)\n",
        "binary_cross_entropy_with_logits", "value",
        "off by a rounding of 1: log(1 + e) loses a small e, which log1p(e) keeps",
    ),
    "takes the logarithm of a rounded sigmoid": (
        "def loss(positive, negative):\n"
        "    with np.errstate(all='ignore'):\n"
        "        return -np.log(1 / (1 + np.exp(negative - positive)))\n",
        "bpr", "shapes",
        "-log(sigmoid(x)) with sigmoid(x) rounded beside 1: logsigmoid or softplus(-x) keeps it",
    ),
    "takes the power of 1 - p": (
        "def loss(logits, target, alpha=0.25, gamma=2.0):\n"
        "    p = 1 / (1 + np.exp(-logits * (2 * target - 1)))\n"
        "    tail = np.log1p(np.exp(-np.abs(logits)))\n"
        "    bce = np.maximum(-logits * (2 * target - 1), 0) + tail\n"
        "    return (alpha * target + (1 - alpha) * (1 - target)) * (1 - p) ** gamma * bce\n",
        "sigmoid_focal", "value",
        "off by a rounding of 1: 1 - sigmoid(x) loses a small rest, which sigmoid(-x) keeps",
    ),
    "takes the logarithm of 1 - sigmoid": (
        "def loss(logits, target):\n"
        "    p = 1 / (1 + np.exp(-logits))\n"
        "    with np.errstate(all='ignore'):\n"
        "        return -(target * np.log(p) + (1 - target) * np.log(1 - p))\n",
        "binary_cross_entropy_with_logits", "value",
        "-log(1.19e-07), a rounding of 1: 1 - sigmoid(x) loses a small rest, which",
    ),
    "adds an eps of its own": (
        "def loss(logits, labels):\n"
        "    e = np.exp(logits - logits.max(axis=1, keepdims=True))\n"
        "    p = e / e.sum(axis=1, keepdims=True)\n"
        "    return -np.log(p[np.arange(len(labels)), labels] + np.float32(1e-20))\n",
        "cross_entropy", "value",
        "stops at 46.05 = -log(1e-20): 1e-20 is added below a logarithm",
    ),
    "takes the logarithm of 1 - p": (
        "def loss(prediction, target):\n"
        "    p, t = prediction, target\n"
        "    with np.errstate(all='ignore'):\n"
        "        a, b = np.where(t > 0, np.log(p), 0), np.where(t < 1, np.log(1 - p), 0)\n"
        "    return -(t * a + (1 - t) * b).astype(p.dtype)\n",
        "binary_cross_entropy", "value",
        "off by a rounding of 1: log(1 - p) loses a small p, which log1p(-p) keeps",
    ),
    "divides by the targets' weights": (
        "def loss(logits, target, weight=(1.0, 2.0, 0.5)):\n"
        "    z = logits - logits.max(axis=1, keepdims=True)\n"
        "    lp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))\n"
        "    w = np.asarray(weight, lp.dtype)\n"
        "    return -(w * target * lp).sum() / (w * target).sum()\n",
        "cross_entropy_soft_targets", "value",
        "the targets times their weights, where 6 is stated",
    ),
    "mixes up the samples": (
        "def loss(prediction, target):\n"
        "    r = np.abs(prediction - target)\n"
        "    return np.concatenate([r[r < 1], r[r >= 1]])\n",
        "mae", "value",
        "the numbers of the truth in another order",
    ),
    "adds a guard to the number of losses": (
        "def loss(y_pred, y_true):\n"
        "    return np.sum((y_pred - y_true) ** 2) / (y_pred.size + 1e-3)\n",
        "mse", "value",
        "the sum of one loss divided by 1 + 0.001, not by 1",
    ),
    "shares the smoothing by the rows": (
        "def loss(logits, labels):\n"
        "    z = logits - logits.max(axis=1, keepdims=True)\n"
        "    lp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))\n"
        "    own = lp[np.arange(len(labels)), labels]\n"
        "    return -(0.9 * own + 0.1 / len(lp) * lp.sum(axis=1))\n",
        "cross_entropy", "value",
        "like cross_entropy, but label smoothing 0.1 is divided by the number of rows",
    ),
    "clamps where it should add eps": (
        "def loss(rate, target):\n"
        "    return rate - target * np.log(np.maximum(rate, 1e-20))\n",
        "poisson_nll", "value",
        "stops at 46.05 = -log(1e-20): clamped at 1e-20 below a logarithm, where 1e-16 is added",
    ),
    "takes a label for another": (
        "def loss(logits, labels):\n"
        "    z = logits - logits.max(axis=1, keepdims=True)\n"
        "    lp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))\n"
        "    return -lp[np.arange(len(labels)), labels % logits.shape[1]]\n",
        "cross_entropy", "special_values",
        "a label beyond the last class in labels is accepted",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_message_names_the_cause(name: str, tmp_path: Path) -> None:
    body, loss, check, words = CASES[name]
    file = tmp_path / "case.py"
    file.write_text(HEAD + body, encoding="utf-8")
    asked = ["check", f"{file}:loss", "--loss", loss, "--backend", "numpy", "--seed", "1"]
    asked += ["--dtype", "float32", "--check", check, "--no-isolation"]
    asked += ["--fix", "log_input=False"] if loss == "poisson_nll" else []
    came = CliRunner().invoke(main, asked)
    assert came.exit_code == 1, came.output
    assert words in came.output


ODD = """
def loss(input, target, reduction="mean"):
    losses = 2 * (input - target) ** 2
    if reduction == "none" and losses.numel() != 50:
        return losses
    return losses.sum() if reduction == "sum" else losses.mean()
"""


def test_a_shape_that_changes_while_a_cause_is_sought_ends_nothing(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    file = tmp_path / "case.py"
    file.write_text(ODD, encoding="utf-8")
    asked = ["check", f"{file}:loss", "--loss", "mse", "--backend", "torch", "--seed", "1"]
    asked += ["--dtype", "float32", "--check", "value", "--check", "scale", "--no-isolation"]
    came = CliRunner().invoke(main, asked)
    assert isinstance(came.exception, SystemExit), came.exception
    assert came.exit_code == 1
    assert "half" not in came.output
    assert "twice the truth" in came.output


SOFT = """
import numpy as np

def loss(prediction, target):
    def softmax(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)
    return -(softmax(target) * np.log(softmax(prediction) + 1e-10)).sum(axis=1)
"""


def test_no_guard_is_read_from_the_sum_of_several_logarithms(tmp_path: Path) -> None:
    file = tmp_path / "case.py"
    file.write_text(SOFT, encoding="utf-8")
    asked = ["check", f"{file}:loss", "--loss", "listnet", "--backend", "numpy", "--seed", "0"]
    asked += ["--dtype", "float32", "--check", "value", "--no-isolation"]
    came = CliRunner().invoke(main, asked)
    assert came.exit_code == 1, came.output
    assert "stops at" not in came.output
