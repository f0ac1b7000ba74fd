"""`lossproof run` and `reproduce`: reports that lie there already, expected files, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lossproof.conformance.cli import main
from lossproof.reports import jsonl

RUN = (
    "run", "--loss", "mse", "--backend", "numpy", "--dtype", "float32", "--profile", "smoke",
    "--jobs", "1", "--check", "value,dtype",
)  # fmt: skip
ENTRY = '[[deviation]]\nid = "mse/value[numpy,*]"\nreason = "was wrong"\ninput = "x"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, and in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lossproof(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def refused(*arguments: str) -> str:
    result = lossproof(*arguments)
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("lossproof: ").rstrip("\n")


def cut_off() -> bytes:
    """A report that a kill has cut off after its first cell."""
    assert lossproof(*RUN).exit_code == 0
    lines = Path("report.jsonl").read_bytes().splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if b'"kind":"result"' in line)
    Path("report.jsonl").write_bytes(b"".join(lines[: first + 1]))
    return b"".join(lines[: first + 1])


def test_a_whole_report_is_replaced_and_that_is_said() -> None:
    first = lossproof(*RUN)
    assert (first.exit_code, first.stderr.count("replaced")) == (0, 0)
    began = jsonl.read("report.jsonl").header.started
    again = lossproof(*RUN)
    assert again.exit_code == 0
    line = f"the report of the run of {began} that lay there is replaced"
    assert again.stderr.splitlines()[-1] == line


def test_a_report_that_was_cut_off_is_not_replaced_unawares() -> None:
    kept = cut_off()
    assert refused(*RUN) == (
        "report.jsonl: a run was cut off after 1 of 2 cells; --resume report.jsonl finishes it, "
        "--overwrite replaces it"
    )
    assert Path("report.jsonl").read_bytes() == kept
    assert refused(*RUN, "--overwrite", "--resume", "report.jsonl") == (
        "--resume finishes a report, --overwrite replaces it: not both"
    )
    assert lossproof(*RUN, "--overwrite").exit_code == 0
    assert len(jsonl.read("report.jsonl").results) == 2


def test_a_report_that_was_cut_off_before_its_first_cell_is_replaced() -> None:
    header = cut_off().splitlines(keepends=True)[0]
    Path("report.jsonl").write_bytes(header)
    assert lossproof(*RUN).exit_code == 0


def test_what_is_no_report_is_not_replaced_unawares() -> None:
    Path("report.jsonl").write_text("notes\n")
    assert refused(*RUN).startswith("report.jsonl: line 1: not JSON: ")
    assert refused(*RUN).endswith("; --overwrite replaces it")
    assert Path("report.jsonl").read_text() == "notes\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--out", ""), "--out: an empty path"),
        (("--resume", ""), "--resume: an empty path"),
        (("--expected", ""), "--expected: an empty path"),
        (("--max-time", "nan"), "--max-time is a number of seconds, got nan"),
    ],
)
def test_options_that_mean_nothing_are_refused(arguments: tuple[str, ...], words: str) -> None:
    assert refused(*RUN, *arguments) == words
    assert not list(Path().iterdir())


def test_a_time_limit_says_how_much_was_examined() -> None:
    result = lossproof(*RUN, "--max-time", "0")
    assert result.exit_code == 3
    assert "A time limit ended the run after 0 of 2 results." in result.stdout


def test_a_run_is_resumed_as_it_was_begun_if_nothing_else_is_said() -> None:
    cut_off()
    planned = jsonl.read("report.jsonl", allow_truncated=True).header
    assert lossproof("run", "--resume", "report.jsonl", "--jobs", "1").exit_code == 0
    found = jsonl.read("report.jsonl")
    assert (found.header, len(found.results)) == (planned, 2)
    assert refused("run", "--resume", "report.jsonl", "--seed", "3").startswith(
        "report.jsonl: cannot be resumed: "
    )


def test_patterns_name_the_checks_of_arguments() -> None:
    assert lossproof(*RUN[:-2], "--check", "gradient.p*").exit_code == 0
    seen = {r.check for r in jsonl.read("report.jsonl").results}
    assert seen == {"gradient.prediction"}


@pytest.mark.parametrize(
    ("identifier", "warns"),
    [
        ("mse/valeu[numpy,*]", True),
        ("msee/value[numpy,*]", True),
        ("mse/value[numpy,float8,*]", True),
        ("mse/value[nunpy*", True),
        ("mse/gradient.logits[numpy,*]", True),
        ("huber/value[numpy,*]", False),
        ("mse/kink[numpy,float64,cuda]", False),
    ],
)
def test_an_expected_deviation_that_fits_no_cell_there_is_warns(
    identifier: str, warns: bool
) -> None:
    Path("known.toml").write_text(ENTRY.replace("mse/value[numpy,*]", identifier))
    done = lossproof(*RUN, "--expected", "known.toml")
    assert done.exit_code == 0
    said = f"warning: expected deviation matches no cell: {identifier}\n"
    assert (said in done.stderr) is warns


def test_a_report_is_not_resumed_with_other_expected_deviations() -> None:
    cut_off()
    Path("known.toml").write_text(ENTRY)
    words = refused(*RUN, "--resume", "report.jsonl", "--expected", "known.toml")
    assert words.startswith(
        "report.jsonl: cannot be resumed: selection.expected was nothing more, "
        "is known.toml (sha256 "
    )
    assert lossproof(*RUN, "--resume", "report.jsonl").exit_code == 0


def test_a_report_is_not_resumed_when_an_expected_file_has_changed() -> None:
    Path("known.toml").write_text(ENTRY)
    run = (*RUN, "--expected", "known.toml")
    assert lossproof(*run).exit_code == 0
    assert [r.status for r in jsonl.read("report.jsonl").results] == ["passed", "xpassed"]
    Path("known.toml").write_text(ENTRY.replace("wrong", "bad"))
    words = refused(*run, "--resume", "report.jsonl")
    was, now = words.split("selection.expected was ")[1].removesuffix(" now").split(", is ")
    assert was.startswith("known.toml (sha256 ")
    assert now.startswith("known.toml (sha256 ")
    assert was != now


def test_an_entry_that_has_expired_is_said_and_excuses_nothing() -> None:
    Path("known.toml").write_text(f"{ENTRY}expires = 2001-01-31\n")
    result = lossproof(*RUN, "--expected", "known.toml")
    line = "warning: expected deviation expired on 2001-01-31: mse/value[numpy,*]"
    assert line in result.stderr.splitlines()
    assert {r.status for r in jsonl.read("report.jsonl").results} == {"passed"}


def test_reproduce_reads_a_report_from_any_folder() -> None:
    assert lossproof(*RUN, "--out", "out #1").exit_code == 0
    result = lossproof("reproduce", "out #1/report.jsonl#mse/value[numpy,float32,cpu]")
    assert "not reproduced: mse/value[numpy,float32,cpu]\n" in result.stdout


def test_reproduce_says_that_it_does_not_and_ends_with_0() -> None:
    assert lossproof(*RUN).exit_code == 0
    result = lossproof("reproduce", "report.jsonl#mse/value[numpy,float32,cpu]")
    assert result.exit_code == 0
    assert result.stdout == (
        "mse / value: holds at this question\n\nnot reproduced: mse/value[numpy,float32,cpu]\n"
    )


def test_reproduce_says_that_it_does_and_ends_with_1() -> None:
    pytest.importorskip("torch")
    name = "softplus/value[torch,float64,cpu]"
    run = lossproof(*RUN[:1], "--loss", "softplus", "--backend", "torch", "--dtype", "float64",
                    "--check", "value", "--profile", "smoke", "--jobs", "1")  # fmt: skip
    assert run.exit_code == 0
    result = lossproof("reproduce", f"report.jsonl#{name}")
    assert result.exit_code == 1
    assert result.stdout.startswith("softplus / value [torch ")
    assert result.stdout.endswith(f"\n\nreproduced: {name}\n")
    written = lossproof("reproduce", "--entry", f"report.jsonl#{name}")
    assert written.exit_code == 0
    assert written.stdout.startswith(f'[[deviation]]\nid = "{name}"\nreason = "beyond its ')


def test_passes_say_the_worst_number_that_was_compared_though_it_is_right() -> None:
    run = lossproof("run", "--loss", "mae", "--backend", "numpy", "--dtype", "float32",
                    "--profile", "smoke", "--jobs", "1", "--check", "gradient,dtype")  # fmt: skip
    assert run.exit_code == 0
    cells = {r.check: r for r in jsonl.read("report.jsonl").results}
    worst = cells["gradient.prediction"].worst
    assert worst is not None
    assert worst.ratio == 0
    assert worst.off.startswith("0 ulp, ")
    assert worst.case is not None
    assert cells["dtype"].worst is None


PROGRAM = """
import json, os, sys
from pathlib import Path
from lossproof.conformance import environment, plan, session, worker

def asked(unit, checks, profile, seed, again):
    import torch
    print(json.dumps([environment.flags(), torch.get_num_threads()]), flush=True)
    return worker.Examined(results=[], curves=[])

if __name__ == "__main__":
    worker.examine = asked
    chosen = plan.Selection(losses=("mse",), backends=("torch",), dtypes=("float32", "float64"))
    settings = session.Settings(out=Path("out"), jobs=2)
    session.conduct(chosen, settings, lambda *_: None)
"""


def test_workers_run_with_the_flags_of_the_header(folder: Path) -> None:
    pytest.importorskip("torch")
    (folder / "program.py").write_text(PROGRAM)
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "program.py"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    seen = [json.loads(line) for line in done.stdout.splitlines()]
    header = jsonl.read(folder / "out" / "report.jsonl").header
    assert len(seen) == 2
    for flags, threads in seen:
        assert flags == header.flags
        assert flags["OMP_NUM_THREADS"] == "1"
        assert threads == 1
