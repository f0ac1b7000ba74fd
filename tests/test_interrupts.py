"""Ctrl-C at any moment ends a command in one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lossproof.conformance.interrupts import INTERRUPTED

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no process groups")
RUN = ("run", "--loss", "mse,mae", "--backend", "numpy", "--profile", "smoke", "--jobs", "2")
CHECK = ("check", "loss.py:mse", "--loss", "mse", "--backend", "numpy", "--seed", "1")
#: a module that the command line loads, and every process of a pool after it
MODULE = "lossproof.spec.carriers"


def interrupted(folder: Path, *arguments: str, imports: int) -> str:
    """What is said when Ctrl-C comes as a module has been imported so many times."""
    command = [sys.executable, "-X", "importtime", "-m", "lossproof", *arguments]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        seen = 0
        while seen < imports:
            line = process.stderr.readline()
            assert line, "it ended before"
            seen += line.split("|")[-1].strip() == MODULE
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    return "".join(
        line for line in said.splitlines(keepends=True) if not line.startswith("import time:")
    )


def test_while_the_command_line_is_loaded(tmp_path: Path) -> None:
    assert interrupted(tmp_path, *RUN, imports=1) == "lossproof: interrupted\n"


def test_while_a_pool_begins(tmp_path: Path) -> None:
    said = interrupted(tmp_path, *RUN, imports=2)
    assert said == "lossproof: interrupted; --resume REPORT finishes the run\n"


@pytest.mark.skipif(os.cpu_count() == 1, reason="there is no second process")
def test_only_a_run_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "loss.py").write_text(
        "import time\ndef mse(prediction, target):\n    time.sleep(9)\n"
    )
    dtypes = ("--dtype", "float32,float64")
    assert interrupted(tmp_path, *CHECK, *dtypes, imports=2) == "lossproof: interrupted\n"
