"""The snippet of a function that takes less than its loss asks it as it was examined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import taken_losses as taken
from click.testing import CliRunner

import lossproof
from lossproof.backends import loading
from lossproof.conformance.again import FIELDS, applied, recorded
from lossproof.conformance.cli import main
from lossproof.conformance.origin import implementation
from lossproof.conformance.registry import UsageError
from lossproof.reports import verdict
from lossproof.spec.loss import get

#: the loss of each function, and what is found out of it
FOUND: dict[str, tuple[str, dict[str, Any]]] = {
    "flat": ("mse", {"arranged": "flat"}),
    "matrix": ("mse", {"arranged": "matrix"}),
    "rows": ("mse", {"arranged": "rows", "reductions": ["none", "mean"]}),
    "logs": ("cross_entropy", {"arranged": "logs"}),
    "held": ("huber", {"dialect": {"delta": 0.5}}),
    "summed": ("mse", {"reductions": ["sum"]}),
    "refusing": ("multi_margin", {"refused": {"p": [2]}}),
}


def got(message: str) -> list[str]:
    """What a message says of the question and of the answer."""
    words = ("  at ", "  truth ", "  got ", "  off ")
    return [line for line in message.splitlines() if line.startswith(words)]


@pytest.mark.parametrize("name", FOUND)
def test_a_snippet_shows_what_was_got_and_passes_once_it_is_mended(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    loss, facts = FOUND[name]
    (found,) = lossproof.check(
        getattr(taken, name), loss=loss, backend="numpy", dtypes=["float32"], checks=["value"]
    )
    assert found.status == "failed"
    assert found.worst is not None
    assert found.worst.case is not None
    assert facts.items() <= found.worst.case["settled"].items()
    assert found.snippet is not None
    with pytest.raises(AssertionError) as raised:
        exec(found.snippet, {})
    assert got(str(raised.value)) == got(found.message or "")
    exec(found.snippet.replace(f".py:{name}'", f".py:{name}_right'"), {})
    assert capsys.readouterr().out == f"{loss} / value: holds at this question\n"


def test_the_snippet_of_a_check_in_a_process_of_its_own_binds_as_the_command_did(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "def sharp(a, b, scale):\n"
        "    if a.ndim != 1:\n"
        "        raise ValueError('one axis')\n"
        "    losses = scale * (b - a) ** 2\n"
        "    return np.where(losses > 30, losses + 1, losses).mean()\n"
    )
    out = tmp_path / "verdict.json"
    command = [
        "check", f"{tmp_path}/mine.py:sharp", "--loss", "mse", "--backend", "numpy", "--seed", "1",
        "--map", "prediction=b,target=a", "--fix", "scale=1.0", "--dtype", "float32",
        "--check", "value", "--json", str(out),
    ]  # fmt: skip
    assert CliRunner().invoke(main, command).exit_code == 1
    (found,) = verdict.read(out).results
    assert found.snippet is not None
    with pytest.raises(AssertionError) as raised:
        exec(found.snippet, {})
    assert got(str(raised.value)) == got(found.message or "")


def test_reductions_that_are_stated_are_part_of_the_case() -> None:
    found = implementation(taken.flat, loss="mse", backend="numpy", reductions=["sum"])
    assert found.settled["reductions"] == ["sum"]


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_out_survives_json(name: str) -> None:
    loss, _ = FOUND[name]
    function = getattr(taken, name)
    found = implementation(function, loss=loss, backend="numpy")
    stored = json.loads(json.dumps(found.settled))
    again = applied(loading.claim(function, get(loss), "numpy"), stored)
    assert {k: getattr(again, k) for k in FIELDS} == {k: getattr(found, k) for k in FIELDS}
    assert recorded(again, found).settled == {}


def test_a_settled_fact_has_a_name_that_is_known() -> None:
    found = implementation(taken.flat, loss="mse", backend="numpy")
    with pytest.raises(UsageError, match="no settled fact named 'shape'; choose from arranged, "):
        applied(found, {"shape": "flat"})
