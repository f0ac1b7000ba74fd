"""A run that was cut off: what it left stays, and another can finish it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from test_reports_model import header, report, result

from lossproof.reports.curve import Curve, Trace
from lossproof.reports.jsonl import Writer, read, write
from lossproof.reports.model import ReportError
from lossproof.reports.stated import LossFacts

THREE = (result("a"), result("b", "failed"), result("c", "skipped"))


def test_a_resumed_run_ends_as_one_that_was_never_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    write(path, report(*THREE))
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]) + b'{"half')
    with Writer(path, resume=read(path, allow_truncated=True)) as writer:
        writer.start(header(started="later"))
        assert read(path, allow_truncated=True).results == THREE[:1]
        for one in THREE:
            if one.id not in writer.finished:
                writer.add(one)
        footer = report(*THREE).footer
        assert footer is not None
        writer.finish(footer)
    assert path.read_bytes() == whole


def test_a_resumed_run_runs_again_what_was_not_run(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    earlier = report(result("a"), result("b", "not-run"), complete=False)
    with Writer(path, resume=earlier) as writer:
        assert writer.finished == {result("a").id}


def test_another_run_cannot_resume(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    write(path, report(*THREE))
    before = path.read_bytes()
    said = re.escape(f"{path}: cannot be resumed: seed was 0, is 1 now")
    with Writer(path, resume=read(path)) as writer, pytest.raises(ReportError, match=f"^{said}$"):
        writer.start(header(seed=1))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"versions": {"torch": "2.14", "jax": None}}, "versions.torch was 2.13.0, is 2.14 now"),
        ({"flags": {"TF32": "1"}}, "flags.TF32 was unset, is 1 now"),
        (
            {"selection": {"losses": ["huber", "mse"]}},
            "selection.losses was nothing more, is mse now",
        ),
        (
            {"selection": {"losses": ["huber"], "expected": ["a.toml (sha256 1)"]}},
            "selection.expected was unset, is a.toml (sha256 1) now",
        ),
        ({"seed": 1, "profile": "a"}, "seed was 0, is 1 now; profile was default, is a now"),
    ],
)
def test_a_refusal_names_what_differs_and_nothing_else(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    path = tmp_path / "report.jsonl"
    write(path, report(*THREE))
    with Writer(path, resume=read(path)) as writer, pytest.raises(ReportError) as refusal:
        writer.start(header(**changes))
    assert str(refusal.value) == f"{path}: cannot be resumed: {words}"


FACTS = LossFacts(name="huber", family="a family", title="Huber.", text="Huber.", digest="1")


def test_another_specification_cannot_resume(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    earlier = replace(report(*THREE), losses=(FACTS,))
    with Writer(path, resume=earlier) as writer:
        writer.start(header(), [FACTS])
        with pytest.raises(ReportError) as refusal:
            writer.start(header(), [replace(FACTS, digest="2")])
    said = "cannot be resumed: specification.huber was 1, is 2 now"
    assert str(refusal.value) == f"{path}: {said}"


def test_a_report_of_the_first_version_is_read_and_resumed(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    write(path, report(*THREE))
    old = path.read_bytes().replace(b'"schema_version":3', b'"schema_version":1')
    path.write_bytes(old)
    assert read(path).header.schema_version == 1
    with Writer(path, resume=read(path)) as writer:
        writer.start(header(), [FACTS])
    resumed = read(path, allow_truncated=True)
    assert (resumed.header.schema_version, resumed.losses) == (3, (FACTS,))


def test_curves_are_written_as_they_come_and_kept_by_who_resumes(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    with Writer(path) as writer:
        with pytest.raises(ReportError, match="a curve before the header$"):
            writer.add_curve(CURVE)
        writer.start(header())
        writer.add_curve(CURVE)
        assert read(path, allow_truncated=True).curves == (CURVE,)
    with Writer(path, resume=read(path, allow_truncated=True)) as writer:
        writer.start(header())
        writer.add_curve(CURVE)
        for one in THREE:
            writer.add(one)
        footer = report(*THREE).footer
        assert footer is not None
        writer.finish(footer)
    assert read(path) == replace(report(*THREE), curves=(CURVE,))


CURVE = Curve(
    loss="huber", backend="torch", dtype="float32", device="cpu", sweep="range",
    argument="prediction", held="prediction=x", x=(0.0, 1.0), value=Trace(error=(0.5, None)),
)  # fmt: skip

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from test_reports_model import header, result
from lossproof.reports.jsonl import Writer
with Writer(sys.argv[1]) as writer:
    writer.start(header())
    for name in "abc":
        writer.add(result(name))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    here = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), here], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(read(path, allow_truncated=True).results) == 3


def test_what_stood_before_an_error_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"

    def run() -> None:
        with Writer(path) as writer:
            writer.start(header())
            writer.add(THREE[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert read(path, allow_truncated=True).results == THREE[:1]
