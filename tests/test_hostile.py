"""A target that misbehaves harms nothing, and one that cheats gains nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lossproof.backends.process.client import Died
from lossproof.backends.process.worker import PATIENCE, Worker
from lossproof.conformance.cli import main
from lossproof.reports import verdict

HERE = Path(__file__).parent / "hostile"
#: the check that must find it, its status, and words that must be in its message or reason
NUMPY = {
    "raises": ("value", "errored", "RuntimeError: no luck today"),
    "returns_none": ("value", "failed", "returned None, an array is wanted"),
    "returns_text": ("value", "failed", "returned '0.5', an array is wanted"),
    "wrong_shape": ("value", "failed", "shape (2,) came back"),
    "returns_integer": ("value", "failed", "an array of int64 came back"),
    "mutates": ("purity", "failed", "prediction was written into"),
    "sleeps": ("value", "errored", "timed out: gave no answer within 1 s"),
    "spins": ("value", "errored", "timed out: gave no answer within 1 s"),
    "allocates": ("value", "errored", "float64; the limit is 1000 MiB (--memory-limit)"),
    "exits_at_once": ("value", "errored", "crashed: ended the process with exit code 0"),
    "exits_politely": ("value", "errored", "the target called sys.exit('goodbye')"),
    "crashes": ("value", "errored", "crashed: died of a segmentation fault"),
    "kills_itself": ("value", "errored", "crashed: died of SIGKILL"),
    "recurses": ("value", "errored", "RecursionError"),
    "interrupts": ("value", "errored", "crashed: died of SIGINT"),
    "sets_error_state": ("purity", "failed", "numpy.seterr"),
    "seeds": ("purity", "failed", "numpy.random.seed"),
    "changes_directory": ("purity", "failed", "the working directory"),
    "zeros": ("value", "failed", "not the value"),
    "constant": ("value", "failed", "not the value"),
    "its_input": ("value", "failed", "not the value"),
    "uninitialised": ("value", "failed", "not the value"),
    "answers_by_shape": ("value", "failed", "not the value"),
    "patches_numpy": ("value", "failed", "not the value"),
    "patches_lossproof": ("value", "failed", "not the value"),
    "walks_the_stack": ("value", "failed", "not the value"),
    "reads_the_parent": ("value", "failed", "not the value"),
    "narrower": ("value", "failed", "not the value"),
    "right_up_to_128": ("scale", "failed", ""),
    "right_when_moderate": ("value", "failed", "not the value"),
    "ignores_the_cotangent": ("gradient.prediction", "failed", "cotangent"),
    "dies_at_nan": ("special_values", "errored", "ended the process with exit code 7"),
    "hangs_at_nan": ("special_values", "errored", "timed out: gave no answer within 1 s"),
    "dies_when_empty": ("reductions", "errored", "died of a segmentation fault"),
    "hangs_for_integers": ("dtype", "errored", "timed out: gave no answer within 1 s"),
    "dies_of_shapes": ("shapes", "errored", "ended the process with exit code 7"),
}
HARMLESS = ("right", "returns_tuple", "prints_megabytes", "writes_to_descriptors")
TORCH = {
    "on_another_device": ("value", "failed", "returned a tensor on meta, asked on cpu"),
    "sets_default_dtype": ("purity", "failed", "torch.set_default_dtype"),
    "seeds": ("purity", "failed", "torch.manual_seed"),
    "turns_gradients_off": ("purity", "failed", "torch.set_grad_enabled"),
    "ignores_the_cotangent": ("gradient.prediction", "failed", "cotangent"),
    "first_cotangent_only": ("gradient.prediction", "failed", "cotangent"),
    "stale_memory": ("value", "failed", "not the value"),
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tests are run may lie the report of an earlier run."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def checked(target: str, folder: Path, *more: str, backend: str = "numpy") -> verdict.Check:
    """The verdict on one function of the hostile files, by the command line."""
    out = folder / "verdict.json"
    file = HERE / f"{backend}_targets.py"
    # only what never answers is given a second: any other may take long on a busy machine
    hanging = [name for name, (*_, words) in NUMPY.items() if "within 1 s" in words]
    command = [
        "check", f"{file}:{target}", "--loss", "mse", "--backend", backend, "--json", str(out),
        "--dtype", "float32", "--memory-limit", "1000",
        "--time-limit", "1" if target in hanging else "60", *more,
    ]  # fmt: skip
    result = CliRunner().invoke(main, command)
    assert out.is_file(), result.output
    document = verdict.read(out)
    assert result.exit_code == document.exit_code
    return document


def found(document: verdict.Check, check: str) -> tuple[str, str]:
    """The status of a check, and all that is said of it."""
    result = next(r for r in document.results if r.check == check)
    return result.status, f"{result.sentence}\n{result.reason}\n{result.message}"


def profile(check: str) -> tuple[str, ...]:
    return ("--profile", "default" if check in ("scale", "shapes") else "smoke")


@pytest.mark.parametrize("name", NUMPY)
def test_a_hostile_numpy_target_is_failed_in_its_own_row(name: str, tmp_path: Path) -> None:
    check, status, words = NUMPY[name]
    document = checked(name, tmp_path, *profile(check))
    assert document.exit_code == 1
    assert found(document, check)[0] == status
    assert words in found(document, check)[1]
    # every row is there, whatever happened
    assert len(document.results) == 16


@pytest.mark.parametrize("name", TORCH)
def test_a_hostile_torch_target_is_failed_in_its_own_row(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    check, status, words = TORCH[name]
    document = checked(name, tmp_path, "--profile", "smoke", backend="torch")
    assert document.exit_code == 1
    assert found(document, check)[0] == status
    assert words in found(document, check)[1]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_only_noisy_is_judged_by_its_numbers(name: str, tmp_path: Path) -> None:
    document = checked(name, tmp_path, "--profile", "smoke", "--check", "value")
    assert document.exit_code == 0


def test_a_hanging_target_is_waited_for_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = []

    def ask(worker: Worker, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return asked(worker, request)
        except Died as error:
            waits.append(error.kind)
            raise

    asked = Worker.ask
    monkeypatch.setattr(Worker, "ask", ask)
    document = checked("sleeps", tmp_path, "--profile", "smoke")
    assert waits == ["timed out"] * PATIENCE
    assert len(document.results) == 16


def test_the_parent_is_as_it_was(tmp_path: Path) -> None:
    import numpy as np

    before = os.getcwd(), np.geterr(), np.abs
    checked("changes_directory", tmp_path, "--profile", "smoke")
    checked("patches_numpy", tmp_path, "--profile", "smoke")
    assert (os.getcwd(), np.geterr(), np.abs) == before


def test_a_target_that_dies_while_it_is_imported_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "gone.py").write_text("import os\nos._exit(3)\n")
    command = ["check", f"{tmp_path}/gone.py:f", "--loss", "mse", "--backend", "numpy"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert "ended the process with exit code 3, while it was imported" in result.stderr
