"""The life of a report: a run that is killed and resumed, shards that are merged, and a diff.

All as a user does it, by commands, on two losses of NumPy.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lossproof.backends.numpy_.backend import NumpyBackend
from lossproof.conformance.cli import main
from lossproof.conformance.plan import Selection, Shard, units
from lossproof.conformance.registry import UsageError
from lossproof.reports import jsonl

RUN = (
    "run", "--loss", "huber,mse", "--backend", "numpy", "--dtype", "float32", "--profile", "smoke",
    "--jobs", "1",
)  # fmt: skip
#: two units, so that each shard has one
WHOLE, SHARDS = "whole/report.jsonl", ("one/report.jsonl", "two/report.jsonl")

KILLED = """
import os, signal, sys
from lossproof.conformance.cli import main
from lossproof.reports import jsonl

add = jsonl.Writer.add

def add_some(writer, result):
    add(writer, result)
    if len(writer.finished) == 5:
        os.kill(os.getpid(), signal.SIGKILL)

jsonl.Writer.add = add_some
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole run and the same in two shards."""
    path = tmp_path_factory.mktemp("golden")
    with chdir(path):
        lossproof(*RUN, "--out", "whole")
        for number, out in enumerate(("one", "two"), 1):
            lossproof(*RUN, "--shard", f"{number}/2", "--out", out)
    return path


@pytest.fixture(autouse=True)
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@contextmanager
def chdir(path: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


def lossproof(*arguments: str, code: int = 0) -> Result:
    """The command, whose exit code has to be `code`."""
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == code, (found.output, found.exception)
    return found


def timeless(path: Path) -> list[dict[str, object]]:
    """The lines of a report in their order, without what a clock decides."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line.pop("seconds", None)
        line.pop("started", None)
    return lines


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_run_that_was_killed_and_resumed_is_the_run() -> None:
    command = [sys.executable, "-c", KILLED, *RUN, "--out", "killed"]
    assert subprocess.run(command, stderr=subprocess.DEVNULL).returncode == -signal.SIGKILL
    killed = Path("killed/report.jsonl")
    assert len(jsonl.read(killed, allow_truncated=True).results) == 5
    said = lossproof("diff", WHOLE, "killed/report.jsonl", code=2).stderr
    assert said.startswith("lossproof: killed/report.jsonl: no footer: the run was cut off after 5")
    lossproof(*RUN, "--resume", "killed/report.jsonl")
    assert timeless(killed) == timeless(Path(WHOLE))


def test_shards_merged_are_the_run() -> None:
    assert [jsonl.read(shard).header.cells for shard in SHARDS] == [16, 16]
    lossproof("merge", *reversed(SHARDS), "-o", "merged.jsonl")
    assert timeless(Path("merged.jsonl")) == timeless(Path(WHOLE))
    said = lossproof("diff", WHOLE, "merged.jsonl").stdout
    assert said.endswith("\n\nNothing got worse; 32 unchanged.\n")


def test_one_shard_is_not_the_run() -> None:
    said = lossproof("merge", SHARDS[0], "-o", "some.jsonl", code=2).stderr
    assert said == f"lossproof: shard 2/2 of {SHARDS[0]} is missing; --partial does without\n"
    assert not Path("some.jsonl").exists()


@pytest.fixture
def broken() -> Iterator[None]:
    """A Huber loss of NumPy that is wrong by a thousandth."""
    registry = NumpyBackend().implementations()
    right = registry.get("huber")
    assert right is not None

    def wrong(*arguments: Any, **options: Any) -> Any:
        return right.forward(*arguments, **options) * 1.001

    registry.replace(replace(right, forward=wrong))
    yield
    registry.replace(right)


@pytest.mark.usefixtures("broken")
def test_a_broken_implementation_is_what_a_diff_shows_and_nothing_else() -> None:
    lossproof(*RUN, "--out", "broken", code=1)
    lossproof("merge", *SHARDS, "-o", "before.jsonl")
    asked = ("diff", "before.jsonl", "broken/report.jsonl", "--format")
    found = json.loads(lossproof(*asked, "json", code=1).stdout)
    assert {(c["loss"], c["backend"]) for c in found["changes"]} == {("huber", "numpy")}
    assert {c["check"] for c in found["changes"] if c["kind"] == "new failure"} >= {"value"}
    assert found["factor"] == 1
    shown = lossproof(*asked, "md", code=1).stdout
    assert "`huber/value[numpy,float32,cpu]`" in shown
    assert "passed → failed: not the value of the spec" in shown
    assert "`mse/" not in shown
    back = lossproof("diff", "broken/report.jsonl", "before.jsonl").stdout
    assert f"fixed: {found['counts']['new failure']}\n" in back


def test_a_resumed_shard_is_the_same_shard() -> None:
    said = lossproof(*RUN, "--shard", "2/2", "--resume", SHARDS[0], code=2).stderr
    assert "cannot be resumed: selection.shard was 1/2, is 2/2 now" in said


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_shards_are_all_units_each_once_and_equal_in_number(count: int) -> None:
    planned = units(Selection().resolved())
    parts = [Shard(number=i + 1, count=count).of(planned) for i in range(count)]
    assert sorted(unit for part in parts for unit in part) == sorted(planned)
    sizes = {len(part) for part in parts}
    assert max(sizes) - min(sizes) <= 1
    for part in parts:
        assert part == [unit for unit in planned if unit in set(part)]


def test_every_shard_has_units_of_every_dtype() -> None:
    planned = units(Selection().resolved())
    for number in (1, 2, 3, 4):
        dtypes = [unit.dtype for unit in Shard(number=number, count=4).of(planned)]
        assert min(map(dtypes.count, set(dtypes))) > 10
        assert len(set(dtypes)) == 4


def test_more_shards_than_units_are_refused() -> None:
    with pytest.raises(UsageError, match="--shard 2/3: more shards than units, 2"):
        Shard(number=2, count=3).of([*units(Selection(losses=("mse",)).resolved())][:2])
