"""Workers are forked where their framework was imported once, and are as if begun alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lossproof.backends.loading import Source
from lossproof.backends.process import forked
from lossproof.backends.process.backend import Isolated, Limits, isolated
from lossproof.backends.process.client import Died
from lossproof.backends.process.protocol import pack_each
from lossproof.backends.usage import UsageError
from lossproof.conformance.registry import backend

pytestmark = pytest.mark.skipif(not forked.SAFE, reason="workers are forked on Linux only")

TARGET = """
import os

FACTOR = float(os.environ.get("FACTOR", "1"))

def loss(prediction, target):
    return FACTOR * (prediction - target) ** 2
"""
ONE = {"prediction": np.float64([3.0]), "target": np.float64([1.0])}


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Isolated]]:
    """Workers to be ended; the fork server of each test is its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "target.py").write_text(TARGET)
    forked.forget("numpy")
    workers: list[Isolated] = []
    yield workers
    for remote in workers:
        remote.worker.close()
    forked.forget("numpy")


def answered(workers: list[Isolated], target: str = "target.py:loss") -> float:
    remote, claim = isolated(Source(target=target), "mse", backend("numpy"), Limits())
    workers.append(remote)
    return float(remote.call(claim, ONE, {}).value[0])


def parent(remote: Isolated) -> int:
    assert remote.worker._program is not None
    status = Path(f"/proc/{remote.worker._program.pid}/status").read_text()
    return next(int(row.split()[1]) for row in status.splitlines() if row.startswith("PPid"))


def test_workers_of_a_backend_have_one_parent(begun: list[Isolated]) -> None:
    answered(begun), answered(begun)
    own = forked.server("numpy").process
    assert own is not None
    assert {parent(remote) for remote in begun} == {own.pid}


def test_a_worker_has_the_environment_and_the_folder_of_who_asks_for_it(
    begun: list[Isolated], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answered(begun) == 4.0
    (tmp_path / "further").mkdir()
    (tmp_path / "further" / "other.py").write_text(TARGET)
    monkeypatch.chdir(tmp_path / "further")
    monkeypatch.setenv("FACTOR", "3")
    assert answered(begun, "other.py:loss") == 12.0
    monkeypatch.delenv("FACTOR")
    assert answered(begun, "other:loss") == 4.0  # as `python -m` finds modules


def test_where_the_fork_server_is_gone_workers_begin_alone(begun: list[Isolated]) -> None:
    answered(begun)
    own = forked.server("numpy").process
    assert own is not None
    own.kill()
    own.wait()
    assert answered(begun) == 4.0
    assert parent(begun[-1]) == os.getpid()


def test_how_a_worker_died_is_known(begun: list[Isolated], tmp_path: Path) -> None:
    ends = {
        "os._exit(7)": "ended the process with exit code 7",
        "os.kill(os.getpid(), 9)": "died of SIGKILL",
        "os.kill(os.getpid(), 2)": "died of SIGINT",
    }
    for line, words in ends.items():
        (tmp_path / "target.py").write_text(TARGET.replace("return", f"{line}; return"))
        with pytest.raises(Died, match=words):
            answered(begun)
        with pytest.raises(Died, match=words):  # it is begun again
            begun[-1].worker.ask({"op": "call", **_call()})


def _call() -> dict[str, object]:
    how = {"device": "cpu", "layout": "contiguous", "transformation": None}
    return {
        "arguments": pack_each(ONE),
        "options": {},
        "cotangent": None,
        "differentiate": [],
        "how": how,
    }


def test_a_framework_that_ends_the_process_is_reported(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "torch.py").write_text("import os\nos._exit(9)\n")
    (tmp_path / "target.py").write_text(TARGET)
    done = checked(tmp_path, "torch", PYTHONPATH=str(tmp_path))
    assert done.wait() == 2
    assert done.stderr is not None
    said = done.stderr.read()
    assert "ended the process with exit code 9, while it was imported" in said
    assert said.count("\n") == 1


def checked(folder: Path, name: str, **environment: str) -> subprocess.Popen[str]:
    command = ("check", "target.py:loss", "--loss", "mse", "--backend", name)
    return subprocess.Popen(
        [sys.executable, "-m", "lossproof", *command],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def alive(mark: str) -> list[str]:
    """The processes whose environment has a mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("sent", [None, signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_command(tmp_path: Path, sent: signal.Signals | None) -> None:
    mark = f"lossproof-mark-{os.getpid()}-{tmp_path.name}"
    (tmp_path / "target.py").write_text(TARGET)
    command = checked(tmp_path, "numpy", MARK=mark)
    if sent is not None:
        while len(alive(mark)) < 4:  # both lanes and a worker at least
            assert command.poll() is None
            time.sleep(0.01)
        command.send_signal(sent)
    command.communicate()
    late = time.monotonic() + 20
    while alive(mark):
        assert time.monotonic() < late, alive(mark)
        time.sleep(0.1)


def test_a_target_that_cannot_be_loaded_is_refused(begun: list[Isolated], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing.py: no such file"):
        answered(begun, "nothing.py:loss")
