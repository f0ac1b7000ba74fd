"""Third-party libraries as backends: what the adapters claim, and that they hide nothing."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import findings
import numpy as np
import pytest
from click.testing import CliRunner

from lossproof.backends.builtin import BUILT_IN, LIBRARIES, backend, backend_names, meant
from lossproof.backends.libraries.backend import Library
from lossproof.backends.libraries.keras_backend import Keras
from lossproof.backends.registry import Implementation
from lossproof.conformance import plan, runner
from lossproof.conformance.check import checks
from lossproof.conformance.cli import main
from lossproof.conformance.plan import Selection
from lossproof.conformance.registry import UsageError
from lossproof.conformance.session import Settings, conduct
from lossproof.conformance.sources import plain
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import catalogue

#: checks and dtypes of a run that is short also where every function is compiled
SMOKE = Selection(dtypes=("float32",), profile="smoke")


def library(name: str) -> Library:
    """The backend, its library being installed; not imported, as Keras chooses a framework then."""
    found = backend(name)
    assert isinstance(found, Library)
    absent = found.missing()
    if absent is not None:
        pytest.skip(absent)
    return found


def subject(name: str, implementation: Implementation, dtype: str = "float32") -> Subject:
    unit = plan.Unit(loss=implementation.loss, backend=name, dtype=dtype, device="cpu")
    return plan.subject(unit, library(name), "smoke", implementation)


def test_a_plain_run_covers_the_frameworks_whatever_is_installed() -> None:
    assert Selection().resolved().backends == tuple(BUILT_IN)
    assert Selection(backends=("*",)).resolved().backends[: len(BUILT_IN) + len(LIBRARIES)] == (
        *BUILT_IN, *LIBRARIES,
    )  # fmt: skip
    assert Selection(backends=("keras*",)).resolved().backends == ("keras_jax", "keras_torch")


def test_keras_is_the_backend_that_its_variable_names_or_the_first_that_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jax, torch = (type(backend(name)) for name in ("keras_jax", "keras_torch"))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(torch, "missing", lambda self: None)
    monkeypatch.setattr(jax, "missing", lambda self: None)
    assert meant("keras") == "keras_jax"
    monkeypatch.setattr(jax, "missing", lambda self: "jax is not installed")
    assert meant("keras") == "keras_torch"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert meant("keras") == "keras_jax"
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    words = r"no framework of keras \(KERAS_BACKEND\) named 'tensorflow'; choose from jax, torch"
    with pytest.raises(UsageError, match=words):
        meant("keras")
    assert meant("torch") == "torch"


def test_which_backend_keras_is_stands_on_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    command = ["parity", "--loss", "ctc", "--backend", "keras", "--dtype", "float8"]
    found = CliRunner().invoke(main, command)
    assert found.stderr.startswith("backend keras: keras_torch\nlossproof: no dtype named 'float8'")


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_that_is_not_installed_is_a_skipped_row_with_its_reason(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = backend(name)
    assert isinstance(found, Library)
    if super(Library, found).missing() is not None:
        pytest.skip("its framework is not installed")
    known = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == found.module else known(name)
    )
    selection = replace(SMOKE, losses=("mse",), backends=(name,), checks=("value",))
    outcome = conduct(selection, Settings(out=tmp_path), lambda done, planned, result: None)
    (row,) = outcome.report.results
    assert row.status == "skipped"
    assert row.reason == (
        f"{found.distribution} is not installed; pip install lossproof[{found.distribution}]"
    )


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_page_of_findings_names_what_is_covered(name: str) -> None:
    assert library(name).implementations().losses() == findings.COVERED[name]


def test_the_page_of_findings_is_written_from_the_deviations() -> None:
    written = findings.PAGE.read_text(encoding="utf-8")
    assert written == findings.page(), "python tests/findings.py writes it"


@pytest.mark.parametrize("name", LIBRARIES)
def test_adapters_answer_what_they_claim(name: str) -> None:
    registry = library(name).implementations()
    for loss in registry.losses():
        claimed = registry.get(loss)
        assert claimed is not None
        stated = catalogue()[loss]
        assert set(claimed.dialect) <= set(stated.options), loss
        assert set(claimed.reductions or ()) <= set(stated.reductions), loss
        stated.complete(dict(claimed.dialect))
        asked = subject(name, claimed)
        for options in asked.option_sets:
            for reduction in asked.reductions:
                question = plain(asked, seed=1, options=options, reduction=reduction)
                answer = asked.call(question)
                assert answer.value.shape == question.output_shape, (loss, options, reduction)
                assert set(answer.gradients) == set(asked.differentiable), (loss, options)
                assert all(g is not None for g in answer.gradients.values()), (loss, options)


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_smoke_run_has_no_failure_that_is_not_expected(name: str, tmp_path: Path) -> None:
    library(name)
    outcome = conduct(
        replace(SMOKE, backends=(name,)), Settings(out=tmp_path), lambda done, planned, result: None
    )
    bad = [r for r in outcome.report.results if r.status in ("failed", "errored", "not-run")]
    assert not bad, "\n\n".join(r.message or r.id for r in bad)
    assert sum(r.status == "passed" for r in outcome.report.results) >= 5


#: a loss whose adapter passes a check in float32, and that check
SOUND = {
    "kornia": ("sigmoid_focal", "value"),
    "monai": ("dice", "value"),
    "pytorch_metric_learning": ("triplet_margin", "kink"),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_broken_adapter_is_caught(name: str) -> None:
    loss, check = SOUND.get(name, ("mse", "value"))
    found = library(name)
    sound = found.implementations().get(loss)
    assert sound is not None
    if isinstance(found, Keras) and found.elsewhere():
        pytest.skip("Keras runs on the other framework in this process")

    def doubled(*arguments: object, **keywords: object) -> object:
        return 2 * sound.forward(*arguments, **keywords)

    assert verdict(name, sound, check) == "passed"
    assert verdict(name, replace(sound, forward=doubled), check) == "failed"


def verdict(name: str, implementation: Implementation, check: str) -> str:
    (result,) = runner.examine(subject(name, implementation), [(checks()[check], check)], seed=0)
    return result.status


def test_keras_runs_on_both_frameworks_in_one_process() -> None:
    answers = []
    for name in ("keras_jax", "keras_torch"):
        implementation = library(name).implementations().get("mae")
        assert implementation is not None
        asked = subject(name, implementation)
        answer = asked.call(plain(asked, seed=1))
        answers.append((answer.value, answer.gradients["prediction"]))
    np.testing.assert_array_equal(answers[0], answers[1])


BOTH = """
from functools import partial
from lossproof.conformance import plan, worker

units = [
    plan.Unit(loss="mae", backend=name, dtype="float32", device="cpu")
    for name in ("keras_jax", "keras_torch")
]
examine = partial(worker.examine, checks=("value",), profile="smoke", seed=0, again="")
if __name__ == "__main__":
    for examined in worker._pooled(examine, units, [], 1, None):
        print(examined.results[0].status, flush=True)
"""


def test_a_worker_that_ran_keras_on_both_frameworks_ends(tmp_path: Path) -> None:
    for name in ("keras_jax", "keras_torch"):
        library(name)
    (tmp_path / "both.py").write_text(BOTH)
    with subprocess.Popen(
        [sys.executable, "both.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            said, _ = process.communicate(timeout=100)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert said.split() == ["passed", "passed"]


OUTSIDE = '''
from lossproof.backends.numpy_.backend import NumpyBackend
from lossproof.backends.registry import Registry

implements = Registry("outside")


@implements("mse", reducible=False, reductions=("none",), differentiable=())
def mse(prediction, target):
    return (prediction - target) ** 2


class Outside(NumpyBackend):
    """Somebody else's library."""

    name = "outside"

    def version(self):
        return "outside 1.0"

    def implementations(self):
        return implements
'''


def test_an_outside_library_adds_a_backend_by_entry_point(tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(OUTSIDE)
    metadata = tmp_path / "outside-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[lossproof.backends]\noutside = outside:Outside\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lossproof"]
    done = subprocess.run(
        [*command, "run", "--backend", "outside", "--loss", "mse", "--profile", "smoke",
         "--jobs", "1", "--out", str(tmp_path)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    cells = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    values = [c for c in cells if c.get("check") == "value"]
    assert {c["status"] for c in values} == {"passed"}
    assert {c["backend"] for c in values} == {"outside"}
    listed = subprocess.run([*command, "list"], env=environment, capture_output=True, text=True)
    assert "outside 1.0" in listed.stdout
    assert "outside" not in backend_names()
