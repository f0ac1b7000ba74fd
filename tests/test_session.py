"""Runs end to end: the same seed gives the same report, and a killed run loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lossproof.conformance.plan import Selection
from lossproof.conformance.registry import UsageError
from lossproof.conformance.session import Settings, conduct
from lossproof.reports import jsonl

SELECTION = Selection(
    losses=("mae", "softmax"), backends=("numpy",), dtypes=("float32", "bfloat16"), profile="smoke"
)
COMMAND = [
    sys.executable, "-m", "lossproof", "run", "--loss", "mse,mae,huber,softmax,cross_entropy",
    "--backend", "numpy", "--profile", "default", "--jobs", "1",
]  # fmt: skip


def run(selection: Selection, out: Path, **settings):
    return conduct(selection, Settings(out=out, **settings), lambda done, planned, result: None)


def timeless(path: Path) -> list[dict]:
    """A report without what a clock decides."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        for key in ("seconds", "started"):
            line.pop(key, None)
    return lines


def test_the_same_seed_gives_the_same_report(tmp_path):
    first = run(SELECTION, tmp_path / "a", seed=3)
    second = run(SELECTION, tmp_path / "b", seed=3, jobs=2)
    assert timeless(first.path) == timeless(second.path)


def test_passes_record_their_worst_error_and_its_input(tmp_path):
    outcome = run(SELECTION, tmp_path)
    value = next(r for r in outcome.report.results if r.check == "value" and r.dtype == "float32")
    assert value.status == "passed"
    assert value.worst is not None
    assert 0 < value.worst.ratio <= 1
    assert value.worst.case is not None


def test_a_time_limit_leaves_cells_not_run_and_says_so(tmp_path):
    outcome = run(SELECTION, tmp_path, max_time=0.0)
    assert {r.status for r in outcome.report.results} == {"not-run"}
    assert outcome.report.footer is not None
    assert not outcome.report.footer.complete
    assert outcome.report.footer.exit_code == 3


def test_a_killed_run_keeps_its_cells_and_resumes_to_the_same_report(tmp_path):
    whole = subprocess.run(
        [*COMMAND, "--out", str(tmp_path / "whole")], capture_output=True, text=True, check=False
    )
    assert whole.returncode == 0, whole.stderr
    killed = tmp_path / "killed" / "report.jsonl"
    process = subprocess.Popen(
        [*COMMAND, "--out", str(killed.parent)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and _results(killed) < 40:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = {r.id for r in jsonl.read(killed, allow_truncated=True).results}
    assert len(kept) >= 38
    resumed = subprocess.run(
        [*COMMAND, "--resume", str(killed)], capture_output=True, text=True, check=False
    )
    assert resumed.returncode == 0, resumed.stderr
    assert timeless(killed) == timeless(tmp_path / "whole" / "report.jsonl")


def _results(path: Path) -> int:
    return path.read_bytes().count(b'{"kind":"result"') if path.exists() else 0


def test_names_that_do_not_exist_are_refused_with_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="no backend named 'tenserflow'"):
        run(Selection(backends=("tenserflow",)), tmp_path)
    assert not os.listdir(tmp_path)
