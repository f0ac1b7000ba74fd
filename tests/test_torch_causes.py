"""Causes that messages give of torch functions, and what they do not say of others like them."""

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("jax")

from test_diagnoses import said_of

from lossproof.conformance.cli import main


def test_a_mean_over_one_axis_is_told_from_other_shapes(tmp_path):
    rows = "def loss(prediction, target):\n    return ((prediction - target) ** 2).mean(0)\n"
    said = said_of(tmp_path / "case.py", rows, "mse", "layout")
    assert said == ["the mean over the first axis alone"]
    odd = rows.replace("mean(0)", "amax(0)")
    assert not any("axis alone" in s for s in said_of(tmp_path / "case.py", odd, "mse", "layout"))


SOFT = """
def loss(prediction, target):
    hard = (target > 0.5).to(prediction.dtype)
    return torch.nn.functional.binary_cross_entropy(prediction, hard, reduction="none")
"""


def test_what_is_right_for_hard_targets_alone_says_so(tmp_path):
    said = said_of(tmp_path / "case.py", SOFT, "binary_cross_entropy", "value")
    assert "right for targets of 0 and 1, and wrong for those between" in said, said
    whole = SOFT.replace("    return ", "    return 2 * ")
    said = said_of(tmp_path / "case.py", whole, "binary_cross_entropy", "value")
    assert not any("right for targets" in s for s in said), said


OF_TORCH = """
def loss(logits, target, alpha=0.25, gamma=2.0):
    p = torch.sigmoid(logits)
    ce = {}
    weight = (alpha * target + (1 - alpha) * (1 - target)) * (p + target - 2 * p * target) ** gamma
    return weight * ce
"""


def test_digits_that_torch_loses_beside_a_logit_are_told_with_what_keeps_them(tmp_path):
    body = OF_TORCH.format(
        "torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction='none')"
    )
    said = said_of(tmp_path / "case.py", body, "sigmoid_focal", "value")
    assert any("as torch has it in binary_cross_entropy_with_logits, cancels" in s for s in said)
    body = OF_TORCH.format("(logits + 2 * torch.nn.functional.softplus(-logits)) - logits * target")
    said = said_of(tmp_path / "case.py", body, "sigmoid_focal", "value")
    assert not any("as torch has it" in s for s in said), said


def test_what_is_off_by_little_in_16_bits_is_no_multiple(tmp_path):
    body = OF_TORCH.format(
        "torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction='none')"
    )
    said = said_of(tmp_path / "case.py", body, "sigmoid_focal", "value", dtype="float16")
    assert not any("the truth" in s for s in said), said


def test_a_clamp_of_the_loss_is_none_of_a_logarithm(tmp_path):
    body = (
        "def loss(logits, target):\n"
        "    f = torch.nn.functional.binary_cross_entropy_with_logits\n"
        "    return f(logits, target, reduction='none').clamp(max=100)\n"
    )
    name = "binary_cross_entropy_with_logits"
    said = said_of(tmp_path / "case.py", body, name, "value", dtype="float64")
    assert not any("a logarithm is clamped" in s for s in said), said


def test_a_square_of_a_mean_is_told_beside_pairs_that_are_broadcast(tmp_path):
    body = "def loss(prediction, target):\n    return (prediction - target).mean() ** 2\n"
    said = said_of(tmp_path / "case.py", body, "mse", "value", dtype="float64")
    assert any("or of the square of a mean" in s for s in said), said


def test_a_label_that_is_ignored_is_not_blamed_for_a_value_that_is_wrong(tmp_path):
    (tmp_path / "case.py").write_text(
        "import torch.nn.functional as F\n"
        "def loss(logits, labels):\n    return F.cross_entropy(logits, labels) / 2\n"
    )
    asked = ["check", f"{tmp_path / 'case.py'}:loss", "--loss", "cross_entropy"]
    asked += ["--backend", "torch", "--dtype", "float32", "--seed", "1", "--no-isolation"]
    printed = CliRunner().invoke(main, asked).output
    assert "failed: cross_entropy / value" in printed
    assert "neither refused nor ignored" not in printed.partition("echoes of")[0], printed


def test_a_logarithm_that_torch_clamps_is_told_by_its_floor(tmp_path):
    body = (
        "def loss(logits, target):\n"
        "    return torch.nn.functional.binary_cross_entropy(\n"
        "        torch.sigmoid(logits), target, reduction='none')\n"
    )
    name = "binary_cross_entropy_with_logits"
    said = said_of(tmp_path / "case.py", body, name, "value", dtype="float64")
    floor = "stops at 100: a logarithm is clamped at -100, as in binary_cross_entropy of torch"
    assert floor in said, said


def test_an_error_that_moves_with_the_inputs_is_no_rounding(tmp_path):
    """1e-10 below a logarithm shows in a gradient beside a probability of 1e-5."""
    body = (
        "def loss(prediction, target):\n"
        "    p, t = torch.softmax(prediction, 1), torch.softmax(target, 1)\n"
        "    return -(t * torch.log(p + 1e-10)).sum(1).mean()\n"
    )
    said = said_of(tmp_path / "case.py", body, "listnet", "scale")
    assert not any("rounding" in s for s in said), said


def test_a_denominator_and_what_is_no_number_here_are_told_together(tmp_path):
    body = (
        "def loss(prediction, target):\n"
        "    each = -(target * torch.log(prediction) + (1 - target) * torch.log(1 - prediction))\n"
        "    return each.sum() / len(each)\n"
    )
    said = said_of(tmp_path / "case.py", body, "binary_cross_entropy", "value")
    assert any(
        "the size of the first axis" in s and "; not finite where prediction and target" in s
        for s in said
    ), said


def test_in_16_bits_no_gradient_is_that_of_another_formula(tmp_path):
    body = (
        "def loss(logits, labels):\n"
        "    p = torch.softmax(logits, 1).clamp(min=0.01)\n"
        "    return -torch.log(p[torch.arange(len(labels)), labels])\n"
    )
    said = said_of(tmp_path / "case.py", body, "cross_entropy", "gradient", dtype="bfloat16")
    assert said
    assert not any(s.startswith("the gradient is") for s in said), said


def test_digits_lost_in_16_bits_are_no_gradient_of_another_function(tmp_path):
    body = (
        "def loss(prediction, target, delta=1.0):\n"
        "    r = abs(prediction - target)\n"
        "    q = torch.clamp(r, max=delta)\n"
        "    return 0.5 * q ** 2 + delta * (r - q)\n"
    )
    said = said_of(tmp_path / "case.py", body, "huber", "gradient.prediction", dtype="float16")
    assert not any("the gradient at neither" in s for s in said), said
    detached = body.replace("max=delta)", "max=delta).detach()")
    said = said_of(tmp_path / "case.py", detached, "huber", "gradient.prediction")
    assert any("the gradient at neither" in s for s in said), said


RATIO = """
def loss(prediction, target, smooth=1.0):
    whole = prediction.sum() + target.sum() + smooth
    return 1 - (2 * (prediction * target).sum() + smooth) {}
"""


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_a_denominator_whose_square_underflows_is_met_with_every_seed(seed, tmp_path):
    file = tmp_path / f"case_{seed}.py"
    file.write_text(f"import torch\n{RATIO.format('* (1 / whole)')}")
    asked = ["check", f"{file}:loss", "--loss", "dice", "--backend", "torch", "--seed", seed]
    asked += ["--check", "gradient.prediction", "--no-isolation"]
    came = CliRunner().invoke(main, [*asked, "--dtype", "float32"])
    assert came.exit_code == 1
    assert "below 5.4e-20, whose square underflows, and finite above" in came.output
    came = CliRunner().invoke(main, [*asked, "--dtype", "float16", "--check", "value"])
    assert "below 1.5e-05, whose reciprocal overflows, and finite above" in came.output
    file = tmp_path / f"right_{seed}.py"
    file.write_text(f"import torch\n{RATIO.format('/ whole')}")
    came = CliRunner().invoke(main, ["check", f"{file}:loss", *asked[2:]])
    assert came.exit_code == 0, came.output


def test_what_is_nan_whatever_an_argument_is_does_not_name_it(tmp_path):
    body = (
        "def loss(logits, target, weight=None, reduction='mean'):\n"
        "    f = torch.nn.functional.binary_cross_entropy_with_logits\n"
        "    a = f(logits, target, weight, reduction='none')\n"
        "    a = a.sum() if reduction == 'sum' else a\n"
        "    return a.sum() / weight.sum() if weight is not None and reduction == 'mean' else (\n"
        "        a.mean() if reduction == 'mean' else a)\n"
    )
    said = said_of(tmp_path / "case.py", body, "binary_cross_entropy_with_logits", "value")
    assert any("not finite where weight is 0" in s for s in said), said
    assert not any("target" in s and "not finite" in s for s in said), said


NAIVE = """
def loss(positive, negative):
    return torch.log(1 + torch.exp(negative - positive))
"""


def test_an_exponential_of_a_difference_is_not_told_as_a_sigmoid_of_one_argument(tmp_path):
    said = said_of(tmp_path / "case.py", NAIVE, "pairwise_logistic", "value", dtype="float16")
    assert any("not finite" in s for s in said), said
    assert not any("a sigmoid rounds" in s for s in said), said
    said = said_of(tmp_path / "case.py", NAIVE, "pairwise_logistic", "value")
    assert any("beyond 88.7, where exp overflows" in s for s in said), said
    assert not any("exp vanishes" in s for s in said), said


def test_a_square_that_overflows_is_no_rounding(tmp_path):
    body = (
        "def loss(prediction, target, reduction='mean'):\n"
        "    a = ((prediction - target) ** 2).sqrt()\n"
        "    return a if reduction == 'none' else getattr(a, reduction)()\n"
    )
    said = said_of(tmp_path / "case.py", body, "mae", "value,gradient.prediction")
    assert not any("off by a rounding" in s for s in said), said


CLAMPED = """
def loss(prediction, target, var, eps=1e-6, full=False, reduction="mean"):
    v = jnp.maximum(var, eps)
    a = (jnp.log(v) + (prediction - target) ** 2 / v) / 2 + full * 0.9189385332046727
    return a if reduction == "none" else getattr(a, reduction)()
"""


def test_a_gradient_that_is_0_in_places_is_not_another_loss(tmp_path):
    file = tmp_path / "case.py"
    file.write_text(f"import jax.numpy as jnp\n{CLAMPED}")
    asked = ["check", f"{file}:loss", "--loss", "gaussian_nll", "--backend", "jax"]
    asked += ["--dtype", "float32", "--check", "gradient.var", "--seed", "1", "--no-isolation"]
    came = CliRunner().invoke(main, asked)
    assert came.exit_code == 1
    assert "the gradient is that of" not in came.output


def test_a_denominator_that_is_one_more_than_another_count_is_not_told_as_that_of_all(tmp_path):
    body = (
        "def loss(prediction, target):\n    return (prediction - target).abs().sum() / ({} + 1)\n"
    )
    said = said_of(tmp_path / "case.py", body.format("prediction.numel()"), "mae", "value")
    assert any("one more than the number of losses" in s for s in said), said
    said = said_of(tmp_path / "case.py", body.format("(target != 0).sum()"), "mae", "value")
    assert not any("one more than" in s for s in said), said


def test_what_saturates_by_and_by_is_not_clamped(tmp_path):
    body = (
        "def loss(prediction, target):\n"
        "    p = prediction.double()\n"
        "    p = p / (1 + abs(p / 1e4) ** 20) ** (1 / 20)\n"
        "    return ((p - target.double()) ** 2).mean().to(prediction.dtype)\n"
    )
    file = tmp_path / "case.py"
    file.write_text(f"import torch\n{body}")
    asked = ["check", f"{file}:loss", "--loss", "mse", "--backend", "torch", "--dtype", "float32"]
    came = CliRunner().invoke(main, [*asked, "--check", "value", "--seed", "1", "--no-isolation"])
    assert came.exit_code == 1
    assert "clamped there" not in came.output
