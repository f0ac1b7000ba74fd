"""An option is held at what fits, except where it would do nothing and make another loss of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from lossproof.backends import loading
from lossproof.conformance import plan
from lossproof.conformance.cli import main
from lossproof.conformance.registry import backend
from lossproof.conformance.settle import Settled, settle
from lossproof.spec.loss import catalogue, get

ENTROPY = """
import numpy as np


def loss(logits, target):
    return np.logaddexp(0, np.where(target == 1, -logits, logits))
"""


def settled(function: Any, loss: str, **fixed: Any) -> Settled:
    claim = loading.claim(function, get(loss), "numpy", fixed=fixed)
    return settle(claim, get(loss), backend("numpy"))


def entropy(logits: Any, target: Any) -> Any:
    return np.logaddexp(0, np.where(target == 1, -logits, logits))


def focal(logits: Any, target: Any) -> Any:
    s = np.where(target == 1, logits, -logits)
    return np.logaddexp(0, -s) * np.exp(-1.5 * np.logaddexp(0, s))


def hinge(positive: Any, negative: Any) -> Any:
    return np.maximum(0, negative - positive)


@pytest.mark.parametrize(
    ("function", "loss", "option", "default"),
    [(entropy, "sigmoid_focal", "gamma", 2.0), (hinge, "pairwise_hinge", "margin", 1.0)],
)
def test_an_option_is_not_held_where_it_does_nothing(
    function: Any, loss: str, option: str, default: float
) -> None:
    found = settled(function, loss)
    assert found.implementation.dialect[option] == default
    said = f"the default of the spec; it is {loss} with {option}=0: --fix {option}=0 if so meant"
    assert f"{option} is held at {default}: {said}" in found.notes
    stated = settled(function, loss, **{option: 0.0})
    assert stated.implementation.dialect[option] == 0.0
    assert not any("--fix" in note for note in stated.notes)


def test_an_option_that_does_something_is_held_where_it_fits() -> None:
    assert settled(focal, "sigmoid_focal").implementation.dialect == {"alpha": None, "gamma": 1.5}


def test_cross_entropy_is_focal_loss_only_if_that_is_stated(tmp_path: Path) -> None:
    file = tmp_path / "entropy.py"
    file.write_text(ENTROPY, encoding="utf-8")
    command = ["check", f"{file}:loss", "--loss", "sigmoid_focal", "--backend", "numpy"]
    command += ["--dtype", "float64", "--check", "value", "--seed", "1"]
    failed = CliRunner().invoke(main, command)
    assert failed.exit_code == 1, failed.output
    assert "--fix gamma=0 if so meant" in failed.output
    passed = CliRunner().invoke(main, [*command, "--fix", "gamma=0"])
    assert passed.exit_code == 0, passed.output


def test_a_neutral_value_is_one_that_the_option_takes() -> None:
    options = [o for loss in catalogue().values() for o in loss.options.values()]
    neutral = [o for o in options if o.neutral is not None]
    assert neutral
    assert all(o.accepts(o.neutral) and o.idle(o.neutral) for o in neutral)


def huber_of(delta: float, reduce: Any = np.asarray) -> Any:
    def function(prediction: Any, target: Any) -> Any:
        r = np.abs(prediction - target)
        return reduce(np.where(r <= delta, r * r / 2, delta * (r - delta / 2)))

    return function


@pytest.mark.parametrize("reduce", [np.asarray, np.mean, np.sum])
@pytest.mark.parametrize("delta", [0.037, 1.345, 2.5, 5.0, 10.0, 123.0])
def test_a_constant_that_no_release_holds_is_found(delta: float, reduce: Any) -> None:
    found = settled(huber_of(delta, reduce), "huber").implementation
    assert found.dialect["delta"] == delta
    wanted = {np.asarray: "none", np.mean: "mean", np.sum: "sum"}[reduce]
    assert found.reductions == (wanted,)


def test_a_constant_is_found_where_there_is_no_guard_either() -> None:
    def function(anchor: Any, positive: Any, negative: Any) -> Any:
        near = np.sqrt(((anchor - positive) ** 2).sum(-1))
        return np.maximum(0, near - np.sqrt(((anchor - negative) ** 2).sum(-1)) + 0.77)

    found = settled(function, "triplet_margin").implementation
    assert (found.dialect["margin"], found.dialect["eps"]) == (0.77, 0.0)


def _focal(alpha: float, gamma: float) -> Any:
    def function(logits: Any, target: Any) -> Any:
        s = np.where(target == 1, logits, -logits)
        share = np.where(target == 1, alpha, 1 - alpha)
        return (share * np.logaddexp(0, -s) * np.exp(-gamma * np.logaddexp(0, s))).mean()

    return function


@pytest.mark.parametrize(("alpha", "gamma"), [(0.83, 2.0), (0.95, 2.0), (0.25, 23.0)])
def test_a_constant_near_the_end_of_its_domain_is_found(alpha: float, gamma: float) -> None:
    """What is sought between few points of a grid is sought between the last and the end too."""
    found = settled(_focal(alpha, gamma), "sigmoid_focal").implementation
    assert (found.dialect["alpha"], found.dialect["gamma"]) == (alpha, gamma)


def test_a_constant_among_the_last_points_of_the_grid_is_found() -> None:
    def function(positive: Any, negative: Any) -> Any:
        return np.maximum(0, negative - positive + 800.0)

    assert settled(function, "pairwise_hinge").implementation.dialect["margin"] == 800.0


def test_a_guard_that_ordinary_inputs_do_not_show_is_said_to_be_none_too() -> None:
    def function(prediction: Any, target: Any) -> Any:
        return prediction - target * np.log(prediction)

    (note,) = [n for n in settled(function, "poisson_nll").notes if n.startswith("eps is held")]
    assert note.endswith("this fits ordinary inputs, as none at all does")


def test_no_constant_makes_another_loss_of_a_function() -> None:
    found = settled(lambda prediction, target: np.abs(prediction - target) ** 1.5, "huber")
    assert found.implementation.dialect["delta"] == 1.0
    assert (
        "delta is held at 1.0: the default of the spec; of those tried none fits better"
        in found.notes
    )


ALIAS = """
import numpy as np


def loss(prediction, target, d{default}):
    r = np.abs(prediction - target)
    return np.where(r <= d, r * r / 2, d * (r - d / 2))
"""


@pytest.mark.parametrize("default", ["", "=1.0"])
@pytest.mark.parametrize("fixed", ["delta=2.5", "d=2.5"])
def test_an_option_is_fixed_by_its_own_name_or_its_parameter(
    default: str, fixed: str, tmp_path: Path
) -> None:
    path = tmp_path / "case.py"
    path.write_text(ALIAS.format(default=default))
    said = ["check", f"{path}:loss", "--loss", "huber", "--backend", "numpy", "--fix", fixed]
    some = CliRunner().invoke(main, [*said, "--check", "value", "--profile", "smoke"])
    assert some.exit_code == 0, some.output
    assert "held at" not in some.output


def test_a_dtype_that_cannot_hold_a_constant_is_skipped_for_that() -> None:
    def poisson(prediction: Any, target: Any) -> Any:
        return np.mean(prediction - target * np.log(prediction + 1e-16))

    found = settled(poisson, "poisson_nll").implementation
    assert found.dialect["eps"] == 1e-16
    unit = plan.Unit(loss="poisson_nll", backend="numpy", dtype="float16", device="cpu")
    said = plan.missing(unit, backend("numpy"), found)
    assert said == f"float16 is not asked of {found.name}: eps = 1e-16 is 0 in it"
