"""What keeps a loss finite, and whether it is computed in a narrower dtype."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("jax")

from test_diagnoses import said_of

NARROWED = """
class Loss(torch.autograd.Function):
    @staticmethod
    def forward(c, p, t):
        c.save_for_backward(p, t)
        return ((p.float() - t.float()) ** 2).double()
    @staticmethod
    def backward(c, g):
        p, t = c.saved_tensors
        return 2 * g * (p - t), -2 * g * (p - t)
def loss(prediction, target):
    return Loss.apply(prediction, target)
"""
TO_FLOAT32 = "right to the digits of float32 and no further: a constant, or an array on the way, is"


def test_what_is_computed_in_float32_says_so_in_and_beyond_its_range(tmp_path):
    said = said_of(tmp_path / "case.py", NARROWED, "mse", "value", dtype="float64")
    assert said == ["beyond the range of float32: it is computed in that"]
    clipped = NARROWED.replace("p.float() - t.float()", "(p - t).clamp(-1e9, 1e9).float()")
    said = said_of(tmp_path / "case.py", clipped, "mse", "value,scale", dtype="float64")
    assert not any("beyond the range" in s for s in said)


SMOOTH = """
def loss(prediction, target):
    p, t = torch.softmax(prediction, 1), torch.softmax(target, 1)
    return -(t * torch.log(p + {})).sum(1).mean()
"""


def test_an_error_that_is_as_small_as_a_rounding_of_float32_and_smooth_is_none(tmp_path):
    for guard in ("1e-10", "1e-9"):
        body = SMOOTH.format(guard)
        said = said_of(tmp_path / "case.py", body, "listnet", "layout", dtype="float64")
        assert not any("digits of float32" in s for s in said), guard
    cast = SMOOTH.replace("torch.softmax(prediction, 1)", "torch.softmax(prediction.float(), 1)")
    said = said_of(tmp_path / "case.py", cast.format("0"), "listnet", "value", dtype="float64")
    assert any(
        s.endswith("no further: prediction is rounded to it, and what is computed of that")
        for s in said
    ), said


REMEDIES = {
    "softplus": (
        "def loss(x):\n    return torch.log(1 + torch.exp(x))\n",
        "is beyond 88.7, where exp overflows: softplus(x) as logaddexp(x, 0)",
    ),
    "logsumexp": (
        "def loss(x):\n    return torch.log(torch.exp(x).sum(1))\n",
        "where exp overflows: subtract the maximum of the row first, as log_softmax does",
    ),
    "cross_entropy": (
        "def loss(logits, labels):\n"
        "    p = torch.softmax(logits, 1)\n"
        "    return -torch.log(p[torch.arange(len(labels)), labels])\n",
        "where exp vanishes: log_softmax, in the place of the logarithm of a softmax",
    ),
    "softmax": (
        "def loss(x):\n"
        "    e = torch.exp(x + x.max(1, keepdim=True).values)\n"
        "    return e / e.sum(1, keepdim=True)\n",
        "beyond 44.4, where exp overflows of twice that: the largest added, not subtracted, or a "
        "square of exp",
    ),
    "bpr": (
        "def loss(positive, negative):\n"
        "    return -torch.log(1 - torch.sigmoid(negative - positive))\n",
        "where a sigmoid rounds to 0 or 1: log(sigmoid(x)) as logsigmoid(x), or -logaddexp(-x, 0)",
    ),
    "sigmoid": (
        "def loss(x):\n    return torch.exp(x) / (1 + torch.exp(x))\n",
        "is beyond 88.7, where exp overflows",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REMEDIES)
def test_what_keeps_a_loss_finite_is_named_by_its_formulas(name, tmp_path):
    body, words = REMEDIES[name]
    said = said_of(tmp_path / "case.py", body, name, "overflow,value")
    assert any(s.endswith(words) for s in said), said
