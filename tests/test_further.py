"""A message of one violation names violations of other kinds beside it, each with its own cause."""

from importlib.util import find_spec

import numpy as np
import pytest
from click.testing import CliRunner

from lossproof.conformance.cli import main
from lossproof.conformance.further import Seen, further
from lossproof.conformance.items import items
from lossproof.conformance.origin import implementation

HEAD = """
import numpy as np

def reduced(losses, reduction):
    return losses if reduction == "none" else getattr(losses, reduction)()

def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
"""
#: 1 - sigmoid above, and a ceiling below
CLIPPED = """
def loss(prediction, target{options}):
    p = np.clip(prediction, 1e-15, 1 - 1e-15)
    with np.errstate(all="ignore"):
        losses = -(target * np.log(p) + (1 - target) * np.log(1 - p))
    return {answer}
"""
AT_0 = "also     at prediction=0.0, target=0.0: not finite where prediction and target are both 0"
CEILING = "target=1.0: stops at 34.54 = -log(1e-15): clamped at 1e-15 below a logarithm"


def said(tmp_path, text, loss, *, backend="numpy", dtype="float32", checks="value"):
    (tmp_path / "case.py").write_text(HEAD + text)
    target = f"{tmp_path / 'case.py'}:loss"
    asked = ["check", target, "--loss", loss, "--backend", backend, "--dtype", dtype]
    came = CliRunner().invoke(main, [*asked, "--check", checks, "--seed", "1", "--no-isolation"])
    assert came.exit_code in (0, 1), came.output
    return came.output


@pytest.mark.parametrize(
    ("options", "answer"),
    [(', *, reduction="mean"', "reduced(losses, reduction)"), ("", "losses.mean()")],
)
def test_faults_of_several_kinds_are_told_in_one_message(tmp_path, options, answer):
    """One sample of each kind is found among many, and in batches that are reduced to a number."""
    text = CLIPPED.format(options=options, answer=answer)
    printed = said(tmp_path, text, "binary_cross_entropy")
    assert printed.count("failed: ") == 1
    also = [line for line in printed.splitlines() if line.startswith("  also ")]
    assert any(line.endswith(CEILING) for line in also), printed
    assert any("log(1 - p) loses a small p" in line for line in printed.splitlines())
    kinds = [line.partition(": ")[2] for line in also]
    assert len(set(kinds)) == len(kinds) <= 2


def test_a_fault_of_one_kind_is_told_once(tmp_path):
    text = """
def loss(x):
    with np.errstate(all="ignore"):
        return np.log1p(np.exp(x))
"""
    printed = said(tmp_path, text, "softplus")
    assert "not finite where x is beyond 88.7" in printed
    assert "  also " not in printed


def test_of_what_is_wrong_everywhere_no_kinds_are_told(tmp_path):
    """It is twice the truth as a whole: that is told of the function, not of another kind."""
    text = """
def loss(x):
    with np.errstate(all="ignore"):
        return np.log(1 + np.exp(x)) * 2
"""
    printed = said(tmp_path, text, "softplus")
    assert "looks    the function is like softplus times 2" in printed
    assert "  also " not in printed


def test_what_was_told_beside_one_message_is_not_told_in_another(tmp_path):
    """It is named in the last lines, and so is what is the same in another check."""
    text = """
def loss(x):
    with np.errstate(all="ignore"):
        return np.log(1 + np.exp(x))
"""
    printed = said(tmp_path, text, "softplus", checks="value,layout,overflow")
    assert printed.count("log(1 + e) loses a small e") == 1
    assert "echoes of value" in printed
    assert "layout" in printed.partition("echoes of value")[2]


def test_a_cause_told_beside_another_is_not_told_again(tmp_path):
    """In one dtype it stands with what makes no number there, in another alone."""
    text = """
def loss(prediction, target):
    with np.errstate(all="ignore"):
        losses = -(target * np.log(prediction) + (1 - target) * np.log(1 - prediction))
    return losses.sum() / losses.dtype.type(len(losses))
"""
    (tmp_path / "case.py").write_text(HEAD + text)
    asked = ["check", f"{tmp_path / 'case.py'}:loss", "--loss", "binary_cross_entropy"]
    asked += ["--backend", "numpy", "--check", "value,shapes", "--seed", "1", "--no-isolation"]
    printed = CliRunner().invoke(main, asked).output
    assert "; not finite where prediction and target are both" in printed
    assert printed.count("the size of the first axis") == 1, printed


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_what_is_inherited_is_told_of_no_other_kind(tmp_path):
    """The tail of torch's own cross entropy loses digits, which is not charged to who calls it."""
    text = """
import torch
def loss(logits, target, *, reduction="mean"):
    losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return reduced(torch.where(logits > 50, torch.zeros_like(losses), losses), reduction)
"""
    name = "binary_cross_entropy_with_logits"
    printed = said(tmp_path, text, name, backend="torch", checks="value,gradient")
    assert "failed: " in printed
    assert "  also " not in printed, printed


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_a_kind_that_two_checks_found_is_told_of_the_first(tmp_path):
    text = """
import torch
def loss(logits, target, *, reduction="mean"):
    p = torch.sigmoid(logits)
    return reduced(-target * torch.log(p) - (1 - target) * torch.log(1 - p), reduction)
"""
    name = "binary_cross_entropy_with_logits"
    printed = said(tmp_path, text, name, backend="torch", checks="value,gradient.target")
    assert printed.count("failed: ") == 2, printed
    also = [line for line in printed.splitlines() if line.startswith("  also     at ")]
    causes = [line.partition(": ")[2] for line in also]
    assert causes
    assert len(set(causes)) == len(causes), printed


def test_of_what_is_not_charged_nothing_is_told():
    def loss(prediction, target):
        p = np.clip(prediction, 1e-15, 1 - 1e-15)
        with np.errstate(all="ignore"):
            return -(target * np.log(p) + (1 - target) * np.log(1 - p))

    claim = implementation(loss, loss="binary_cross_entropy", backend="numpy")
    (item,) = items(claim, dtypes=["float32"], checks=["value"], device="cpu", profile="smoke",
                    seed=0, expected_failed=None)  # fmt: skip
    asked = list(item.check.source.landmarks(item.subject))
    found = [o for q in asked for o in item.check.run(item.subject, q, item.name)]
    violations = [o for o in found if o.fault is not None]
    shown = max(violations, key=lambda o: o.ratio)
    for charged in (True, False):
        seen = Seen(violations, lambda question, charged=charged: charged)
        assert bool(list(further(item.subject, shown, seen, None))) == charged
