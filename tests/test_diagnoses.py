"""What messages guess of a cause: only where the numbers bear it out, and in these words."""

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("jax")

from gallery import gallery
from test_gallery import examined, subject_of

from lossproof.conformance.check import compared
from lossproof.conformance.cli import main
from lossproof.conformance.diagnose import looks
from lossproof.conformance.sources import plain


def message_of(name, check):
    (entry,) = (e for e in gallery() if e.id == name)
    (found,) = examined(entry, entry.dtypes[0], (check,))
    return found.message


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("mse-cotangent-ignored", "gradient.prediction",
         "the gradient does not depend on the cotangent"),
        ("mse-first-cotangent", "gradient.prediction",
         "the gradient depends on the first entry of the cotangent only"),
        ("mse-half", "value", "half the truth"),
        ("nll-without-minus", "value", "the truth with the other sign"),
        ("mse-mean-twice", "value", "the sum of 8 losses divided by 8 · 8, where 8 is stated"),
        ("ce-mean-over-ignored", "value",
         "asked with 6 rows: the sum of 6 losses divided by 6, the size of N, where 4 (those that "
         "are kept) is stated"),
        ("ce-mean-over-ignored", "reductions",
         "the gradient of the sum of 4 losses divided by 3.65, weights of ignored samples "
         "included, where 0.25 (the weights of the labels) is stated"),
        ("bcel-mean-by-weights", "reductions",
         "the gradient of the sum of 8 losses divided by 18.5, the sum of the weights given, "
         "where 8 is stated"),
        ("mae-gradient-nan-at-tie", "kink",
         "not finite where prediction = target and a kink of the loss: 0 / 0 in the backward"),
        ("bce-where-hides-the-value-only", "gradient.prediction",
         "not finite where prediction and target are both 1: the value is finite there, its "
         "gradient is 0 · inf: where() on the value masks no gradient, if not its argument is "
         "masked too"),
        ("sigmoid-one-sided", "overflow",
         "not finite where x is beyond 88.7, where exp overflows"),
    ],
)  # fmt: skip
def test_a_cause_that_the_numbers_bear_out_is_named(name, check, words):
    lines = message_of(name, check).splitlines()
    assert [line for line in lines if line.startswith("  looks")] == [f"  looks    {words}"]


def test_a_gradient_that_is_not_0_for_a_cotangent_of_0_ignores_it():
    (entry,) = (e for e in gallery() if e.id == "mse-cotangent-ignored")
    subject = subject_of(entry, entry.dtypes[0])
    question = plain(subject, seed=1).with_cotangent(0.0)
    judgement = subject.judge(question, "gradient.prediction")
    said = looks(subject, compared(question, judgement, what="wrong"))
    assert said == "not 0 for a cotangent of 0: the cotangent is ignored"


@pytest.mark.parametrize(
    ("name", "check"),
    [("gaussian-full-ignored", "value"), ("poisson-stirling-without-two", "value")],
)
def test_nothing_is_guessed_otherwise(name, check):
    assert "  looks " not in message_of(name, check)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("mse-gradient-scrubbed",
         ["inf in prediction gives a wrong number for the gradient in prediction",
          "  quantity gradient.prediction", "  truth    -inf, or nan", "  got      0 at [0]"]),
        ("mse-gradients-share-nan",
         ["nan in prediction reaches samples that it is no part of",
          "  quantity gradient.prediction", "  truth    1.2945010819", "  got      nan at [1]"]),
        ("huber-inputs-scrubbed",
         ["inf in prediction gives a wrong number",
          "  quantity value", "  truth    inf, or nan", "  got      3.40282347e+38 at [0]"]),
    ],
)  # fmt: skip
def test_special_values_show_the_one_entry_that_is_wrong(name, lines):
    found = message_of(name, "special_values").splitlines()
    assert found[0].endswith(f": {lines[0]}")
    assert found[2:5] == lines[1:]


def test_a_gradient_that_is_missing_says_so():
    found = message_of("mse-target-detached", "gradient.target").splitlines()
    assert found[2:4] == [
        "  truth    a gradient of shape (1,)",
        "  got      none: nothing of the result depends on target, as far as was recorded",
    ]


LEAKS = """
import numpy as np

def loss(logits, labels, ignore_index=-100, reduction="mean"):
    kept = labels != ignore_index
    z = logits - logits.max(axis=1, keepdims=True)
    lp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    losses = np.where(kept, -lp[np.arange(len(labels)), np.where(kept, labels, 0)], 0)
    return losses.sum() / kept.sum().astype(lp.dtype) if reduction == "mean" else losses

def loss_backward(cotangent, logits, labels, ignore_index=-100, reduction="mean"):
    kept = labels != ignore_index
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[np.arange(len(labels)), np.where(kept, labels, 0)] -= 1
    share = cotangent / kept.sum().astype(p.dtype) if reduction == "mean" else cotangent
    return np.where(kept[:, None], p * np.reshape(share, (-1, 1)), 0.25).astype(p.dtype)
"""


def test_a_gradient_that_is_right_elsewhere_has_no_other_denominator(tmp_path):
    (tmp_path / "case.py").write_text(LEAKS)
    asked = ["check", f"{tmp_path / 'case.py'}:loss", "--loss", "cross_entropy", "--backend"]
    asked += ["numpy", "--check", "gradient.logits,reductions", "--seed", "1", "--no-isolation"]
    came = CliRunner().invoke(main, asked)
    assert came.exit_code == 1, came.output
    assert "divided by" not in came.output


FOURFOLD = """
import numpy as np

def far(x):
    return np.float32(4) * np.logaddexp(x.dtype.type(0), x) / np.float32(4)

def near(x):
    return np.log(1 + np.exp(x))
"""


@pytest.mark.parametrize(("name", "told"), [("far", False), ("near", True)])
def test_an_exponential_is_named_only_where_it_overflows(name, told, tmp_path):
    (tmp_path / "case.py").write_text(FOURFOLD)
    asked = ["check", f"{tmp_path / 'case.py'}:{name}", "--loss", "softplus", "--backend", "numpy"]
    asked += ["--dtype", "float32", "--check", "overflow", "--no-isolation"]
    came = CliRunner().invoke(main, asked)
    assert "the value is not finite" in came.output
    assert ("exp overflows" in came.output) == told


SLOPES = """
import torch

def tied(logits, target):
    return torch.clamp(logits, min=0) - logits * target + torch.log1p(torch.exp(-abs(logits))) * 0

def clamped(logits, target):
    p = torch.sigmoid(logits).clamp(1e-3, 1 - 1e-3)
    return -(target * torch.log(p) + (1 - target) * torch.log(1 - p))
"""


@pytest.mark.parametrize(("name", "told"), [("tied", False), ("clamped", True)])
def test_a_clamp_is_named_only_where_it_is_flat_around(name, told, tmp_path):
    (tmp_path / "case.py").write_text(SLOPES)
    asked = ["check", f"{tmp_path / 'case.py'}:{name}", "--backend", "torch", "--no-isolation"]
    asked += ["--loss", "binary_cross_entropy_with_logits"]
    asked += ["--check", "gradient.logits,gradient.target"]
    came = CliRunner().invoke(main, [*asked, "--dtype", "float16"])
    assert came.exit_code == 1
    assert ("as beyond a clamp" in came.output) == told
    came = CliRunner().invoke(main, [*asked, "--dtype", "float32"])
    assert came.exit_code == 1
    assert "as beyond a clamp" not in came.output
    assert (
        "the value is the same for all logits above 6.907: clamped there" in came.output
    ) == told


def said_of(file, body, loss, check, *, dtype="float32", fix=()):
    """The lines of guesses that a torch function is given, each once."""
    file = file.with_name(f"case{len(list(file.parent.iterdir()))}.py")  # none is imported twice
    file.write_text(f"import torch\n{body}")
    asked = ["check", f"{file}:loss", "--loss", loss, "--backend", "torch", "--dtype", dtype]
    asked += ["--no-isolation", "--seed", "1", "--check", check]
    came = CliRunner().invoke(main, [*asked, *(f"--fix={f}" for f in fix)])
    assert came.exit_code == 1, came.output
    found = [line[9:].strip() for line in came.output.splitlines() if line.startswith("  looks")]
    return list(dict.fromkeys(found))


#: functions that are no clamp, whose gradient is 0 where the message is about
NO_CLAMPS = {
    "dice with smooth below only": (
        "def loss(prediction, target, smooth=1.0):\n"
        "    i, u = (prediction * target).sum(), prediction.sum() + target.sum()\n"
        "    return 1 - 2 * i / (u + smooth)\n",
        "dice", "gradient.prediction,gradient.target",
    ),
    "huber whose arms are joined": (
        "def loss(prediction, target, delta=1.0):\n"
        "    r = (prediction - target).abs()\n"
        "    near = r < delta\n"
        "    return torch.cat([0.5 * r[near] ** 2, delta * (r[~near] - 0.5 * delta)])\n",
        "huber", "gradient.prediction,gradient.target",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_CLAMPS)
def test_a_gradient_of_0_is_no_clamp_where_the_value_moves(name, tmp_path):
    assert not any("clamp" in s for s in said_of(tmp_path / "case.py", *NO_CLAMPS[name]))


ORDERED = """
def loss(prediction, target, delta=1.0):
    r = (prediction - target).abs()
    near = r < delta
    return torch.cat([0.5 * r[near] ** 2, delta * (r[~near] - 0.5 * delta)])
"""
SHUFFLED = "asked with 24 samples, their losses come back in another order"


def test_an_infinity_of_another_entry_is_told_by_the_order_of_a_plain_batch(tmp_path):
    file = tmp_path / "case.py"
    assert said_of(file, ORDERED, "huber", "overflow", dtype="float16") == [SHUFFLED]
    assert said_of(file, ORDERED, "huber", "gradient.target") == [SHUFFLED]
    inf = "def loss(prediction, target):\n    return (prediction - target) ** 4 / 4"
    assert SHUFFLED not in said_of(file, inf, "mse", "value")


def test_an_error_far_below_a_rounding_of_a_huge_number_is_not_put_down_to_it(tmp_path):
    sloped = (
        "class Loss(torch.autograd.Function):\n"
        "    @staticmethod\n"
        "    def forward(c, z, t):\n"
        "        c.save_for_backward(z, t)\n"
        "        return -(t * torch.log_softmax(z, 1)).nan_to_num(0.0).sum(1)\n"
        "    @staticmethod\n"
        "    def backward(c, g):\n"
        "        z, t = c.saved_tensors\n"
        "        g = g[:, None]\n"
        "        return g * (torch.softmax(z, 1) - t), -g * torch.log_softmax(z, 1)\n"
        "def loss(logits, target):\n"
        "    return Loss.apply(logits, target)\n"
    )  # fmt: skip
    said = said_of(tmp_path / "case.py", sloped, "cross_entropy_soft_targets", "gradient.logits")
    assert not any("(logits)" in s for s in said)


GUARDED = """
def loss(logits, target):
    found = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return found.sum() / (found.numel() + {})
"""


def test_a_guard_of_a_mean_that_float32_hides_is_named_in_float64(tmp_path):
    said = said_of(
        tmp_path / "case.py", GUARDED.format("1e-6"), "binary_cross_entropy_with_logits", "value"
    )
    assert said == ["in float64: the sum of one loss divided by 1 + 1e-06, not by 1"]
    told = "def loss(prediction, target):\n    return ((prediction - target) ** 2 * 1.00001).mean()"
    assert not any("float64" in s for s in said_of(tmp_path / "case.py", told, "mse", "value"))


ROOT = "def loss(prediction, target):\n    return ((prediction - target) ** 2).mean() ** 0.5\n"
ROOTED = (
    "not finite where prediction = target and a kink of the loss: the slope of a root at 0, "
    "times 0: mask its argument, or add eps below it"
)
PLAIN = """
def loss(prediction, target):
    return -(target * torch.log(prediction) + (1 - target) * torch.log1p(-prediction))
"""


def test_a_root_is_named_where_the_value_is_finite_at_a_tie(tmp_path):
    assert said_of(tmp_path / "case.py", ROOT, "rmse", "kink,special_values") == [ROOTED]


def test_a_product_with_a_logarithm_of_0_is_named_and_no_root(tmp_path):
    said = said_of(tmp_path / "case.py", PLAIN, "binary_cross_entropy", "special_values,value")
    assert said
    assert all("are both" in s for s in said)
    assert all(
        s.endswith(
            ": 0 · log 0 is nan: where() with a safe argument inside, as xlogy alone leaves 0 / 0 "
            "in the gradient"
        )
        for s in said
        if "value is" not in s and ", as the" not in s
    )


def test_a_gradient_that_is_infinite_where_prediction_and_target_sum_to_1_is_no_tie(tmp_path):
    (tmp_path / "case.py").write_text(
        "import numpy as np\n"
        "def loss(prediction, target):\n"
        "    return -target * np.log(prediction) - (1 - target) * np.log1p(-prediction)\n"
        "def loss_backward(cotangent, prediction, target):\n"
        "    return {'prediction': -cotangent / (prediction + target - 1)}\n"
    )
    asked = ["check", f"{tmp_path / 'case.py'}:loss", "--loss", "binary_cross_entropy"]
    asked += ["--backend", "numpy", "--no-isolation", "--seed", "1"]
    came = CliRunner().invoke(main, [*asked, "--check", "gradient.prediction,overflow"])
    assert "prediction = target" not in came.output


FOCAL = """
def loss(logits, target, alpha=0.25, gamma=2.0):
    p = torch.sigmoid(logits)
    q = (1 - p) * target + p * (1 - target)
    a = alpha * target + (1 - alpha) * (1 - target)
    bce = torch.nn.functional.softplus(logits * (1 - 2 * target))
    return a * q ** gamma * bce
"""


def test_the_slope_of_a_power_below_1_is_named_where_a_larger_one_is_finite(tmp_path):
    said = said_of(tmp_path / "case.py", FOCAL, "sigmoid_focal", "overflow")
    assert said == [
        "not finite for gamma = 0.5, and finite for gamma = 2: the slope of a power below 1 at 0"
    ]
    always = FOCAL.replace("* bce", "* bce + torch.sqrt(q * 0)")
    said = said_of(tmp_path / "case.py", always, "sigmoid_focal", "overflow")
    assert not any("power" in s for s in said)


LOGS = "def loss(positive, negative):\n    return torch.log(1 + torch.exp(negative - positive))\n"


KEPT = ": log(sigmoid(x)) as logsigmoid(x), or -logaddexp(-x, 0)"


def test_an_exponential_that_overflows_is_told_from_one_that_vanishes(tmp_path):
    vanishes = (
        "def loss(positive, negative):\n"
        "    d = positive - negative\n"
        "    return -torch.log(torch.exp(d.clamp(max=0)) / (1 + torch.exp(-d.abs())))\n"
    )
    said = said_of(tmp_path / "case.py", vanishes, "bpr", "overflow")
    assert any(s.endswith(f"is beyond 104, where exp vanishes{KEPT}") for s in said), said
    said = said_of(tmp_path / "case.py", LOGS, "bpr", "overflow")
    assert any(s.endswith(f"is beyond 88.7, where exp overflows{KEPT}") for s in said), said


def test_numbers_that_are_merely_near_to_each_other_are_in_no_other_order(tmp_path):
    """The logarithm of a mixture is of the size of the truth, and in float16 most are near one."""
    mixture = (
        "def loss(prediction, target):\n"
        "    return -torch.log(prediction * target + (1 - prediction) * (1 - target))\n"
    )
    for check in ("value", "gradient.prediction", "overflow"):
        said = said_of(
            tmp_path / "case.py", mixture, "binary_cross_entropy", check, dtype="float16"
        )
        assert not any("order" in s for s in said), said
