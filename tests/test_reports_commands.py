"""`report`, `diff`, `merge` and `trend` on files: what they write, refuse and leave alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from test_reports_model import report, result, worst

from lossproof.conformance.cli import main
from lossproof.conformance.commands_reports import FORMATS
from lossproof.reports import jsonl

GOOD = report(result("value", worst=worst(0.5)), result("kink", loss="mse"), cells=2)
BAD = report(result("value", "failed"), result("kink", loss="mse"), cells=2, exit_code=1)
COMMANDS = {
    **{f"report --format {name}": ("report", "good.jsonl", "--format", name) for name in FORMATS},
    **{f"diff {name}": ("diff", "good.jsonl", "bad.jsonl", "--format", name)
       for name in ("terminal", "md", "json")},
    **{f"trend {name}": ("trend", "good.jsonl", "bad.jsonl", "--format", name)
       for name in ("terminal", "md", "json")},
    "merge": ("merge", "good.jsonl"),
}  # fmt: skip
EVERY = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two reports, one that was cut off, and what is none; and in it."""
    monkeypatch.chdir(tmp_path)
    jsonl.write("good.jsonl", GOOD)
    jsonl.write("bad.jsonl", BAD)
    lines = Path("good.jsonl").read_bytes().splitlines(keepends=True)
    Path("cut.jsonl").write_bytes(b"".join(lines[:2]))
    Path("text.txt").write_text("hello\n")
    return tmp_path


def lossproof(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def refused(*arguments: str) -> str:
    """What is said, in one line and nothing else."""
    found = lossproof(*arguments)
    assert found.exit_code == 2, (found.output, found.exception)
    assert found.stdout == ""
    assert found.stderr.count("\n") == 1
    return found.stderr.removeprefix("lossproof: ").rstrip("\n")


CUT = "no footer: the run was cut off after 1 of 2 results; finish it with"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("report", "report takes a FILE, got none"),
        ("report none.jsonl", "none.jsonl: cannot be read: No such file or directory"),
        ("report text.txt --format junit", "text.txt: line 1: not JSON: "),
        ("report cut.jsonl --format csv", f"cut.jsonl: {CUT}"),
        ("report good.jsonl bad.jsonl", "--format terminal takes one FILE, got 2"),
        ("report good.jsonl bad.jsonl --format junit", "--format junit takes one FILE, got 2"),
        ("report good.jsonl good.jsonl", "good.jsonl is given twice"),
        ("report good.jsonl --loss mse", "--loss, --backend and --label belong to --format badge"),
        ("report good.jsonl --format badge --loss hubr",
         "no loss named 'hubr'; did you mean huber?"),
        ("report good.jsonl --format badge --backend j*",
         "no backend matches 'j*'; choose from torch"),
        ("report good.jsonl --format md -o none/x.md",
         "none/x.md: cannot be written: No such file or directory"),
        ("report good.jsonl --format md -o .", ".: cannot be written: "),
        ("report good.jsonl --format csv -o good.jsonl",
         "--out good.jsonl is one of the reports that are read"),
        ("diff", "diff takes OLD and NEW, got none"),
        ("diff good.jsonl", "diff takes OLD and NEW, got 1"),
        ("diff good.jsonl bad.jsonl cut.jsonl", "diff takes OLD and NEW, got 3"),
        ("diff good.jsonl ./good.jsonl", "good.jsonl is given twice"),
        ("diff good.jsonl none.jsonl", "none.jsonl: cannot be read: No such file or directory"),
        ("diff cut.jsonl good.jsonl", f"cut.jsonl: {CUT}"),
        ("diff text.txt good.jsonl", "text.txt: line 1: not JSON: "),
        ("diff good.jsonl bad.jsonl -o none/x", "none/x: cannot be written: "),
        ("diff good.jsonl bad.jsonl -o bad.jsonl",
         "--out bad.jsonl is one of the reports that are read"),
        ("merge -o all.jsonl", "merge takes a FILE, got none"),
        ("merge good.jsonl good.jsonl -o all.jsonl", "good.jsonl is given twice"),
        ("merge good.jsonl bad.jsonl -o all.jsonl",
         "two results for huber/value[torch,float32,cpu]: good.jsonl, bad.jsonl"),
        ("merge good.jsonl -o good.jsonl", "--out good.jsonl is one of the reports that are read"),
        ("merge cut.jsonl -o all.jsonl", f"cut.jsonl: {CUT}"),
        ("merge good.jsonl -o text.txt/all.jsonl", "text.txt/all.jsonl: cannot be written: "),
        ("trend", "trend takes a FILE, got none"),
        ("trend good.jsonl good.jsonl", "good.jsonl is given twice"),
        ("trend good.jsonl cut.jsonl", f"cut.jsonl: {CUT}"),
        ("trend good.jsonl -o good.jsonl", "--out good.jsonl is one of the reports that are read"),
        ("run --shard 3", "--shard takes I/N with 1 <= I <= N, such as 2/3, got '3'"),
        ("run --shard 0/3", "--shard takes I/N with 1 <= I <= N, such as 2/3, got '0/3'"),
        ("run --shard 4/3", "--shard takes I/N with 1 <= I <= N, such as 2/3, got '4/3'"),
        ("run --loss mse --backend numpy --dtype float32 --shard 1/2",
         "--shard 1/2: more shards than units, 1"),
    ],
)  # fmt: skip
def test_misuse_is_refused_in_one_line(arguments: str, words: str) -> None:
    before = {path: path.read_bytes() for path in Path().iterdir()}
    said = refused(*arguments.split())
    assert said == words or (words.endswith((" ", "with")) and said.startswith(words))
    assert before == {path: path.read_bytes() for path in Path().iterdir()}


def test_what_a_file_holds_does_not_act_in_the_words_of_a_refusal() -> None:
    jsonl.write("one.jsonl", report(result("a"), cells=1, cpu="a\nb"))
    jsonl.write("two.jsonl", report(result("b"), cells=1, cpu="\x1b[31m\u202e"))
    assert refused("merge", "one.jsonl", "two.jsonl", "-o", "all.jsonl") == (
        "two.jsonl: not of one run with one.jsonl: cpu was a\\nb, is \\x1b[31m\\u202e now"
    )


@EVERY
def test_what_is_written_is_what_would_be_printed(command: tuple[str, ...]) -> None:
    printed = lossproof(*command, *(["--out", "all.jsonl"] if "merge" in command else []))
    Path("out").write_text("older")
    found = lossproof(*command, "-o", "out")
    assert found.exit_code == printed.exit_code == (command[0] == "diff")
    if command[0] == "merge":
        assert found.stdout.endswith("report: out\n")
        assert jsonl.read("out") == GOOD
    else:
        assert found.stdout == ""
        assert Path("out").read_text(encoding="utf-8") == printed.stdout
    assert not list(Path().glob(".*"))


KILLED = """
import os, signal, sys
from lossproof.conformance.cli import main
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("command", [COMMANDS[name] for name in ("merge", "diff md", "trend json")]
                         + [COMMANDS["report --format junit"]], ids=lambda c: c[0])  # fmt: skip
def test_a_kill_in_the_middle_of_writing_leaves_the_old_file(command: tuple[str, ...]) -> None:
    Path("out").write_text("older")
    done = subprocess.run([sys.executable, "-c", KILLED, *command, "-o", "out"], check=False)
    assert done.returncode == -signal.SIGKILL
    assert Path("out").read_text() == "older"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_may_not_be_written_is_said(folder: Path) -> None:
    folder.chmod(0o500)
    try:
        said = refused("report", "good.jsonl", "--format", "md", "-o", "out")
    finally:
        folder.chmod(0o700)
    assert said == "out: cannot be written: Permission denied"


def badge(*arguments: str) -> dict[str, object]:
    found = lossproof("report", *arguments, "--format", "badge")
    assert found.exit_code == 0, found.output
    said: dict[str, object] = json.loads(found.stdout)
    return said


def test_a_badge_is_of_what_is_asked_for() -> None:
    assert badge("bad.jsonl")["message"] == "1 failed, 50% of 2 passed"
    assert badge("bad.jsonl", "--loss", "m*") == {
        "schemaVersion": 1, "label": "lossproof m*", "message": "100% of 1 passed",
        "color": "brightgreen",
    }  # fmt: skip
    assert badge("bad.jsonl", "--loss", "mse,huber")["message"] == "1 failed, 50% of 2 passed"
    assert badge("bad.jsonl", "--backend", "torch", "--label", "mine")["label"] == "mine"


def test_a_badge_of_a_run_that_was_cut_off_says_so() -> None:
    assert badge("cut.jsonl")["message"] == "cut off, 100% of 1 passed"


def test_a_diff_ends_with_1_where_something_got_worse_and_0_where_not() -> None:
    worse = lossproof("diff", "good.jsonl", "bad.jsonl")
    assert worse.exit_code == 1
    assert worse.stdout.endswith("Worse: 1 new failure; 1 unchanged.\n")
    better = lossproof("diff", "bad.jsonl", "good.jsonl")
    assert better.exit_code == 0
    assert better.stdout.endswith("Nothing got worse; 1 fixed; 1 unchanged.\n")


def test_a_merge_ends_with_the_code_of_the_run() -> None:
    for number, one in enumerate(BAD.results, 1):
        code = int(one.status == "failed")
        shard = report(one, cells=1, exit_code=code, selection={"shard": [f"{number}/2"]})
        jsonl.write(f"s{number}.jsonl", shard)
    assert lossproof("merge", "s1.jsonl", "s2.jsonl", "-o", "all.jsonl").exit_code == 1
    assert jsonl.read("all.jsonl").results == tuple(sorted(BAD.results, key=lambda r: r.id))
    assert lossproof("merge", "s2.jsonl", "-o", "all.jsonl", "--partial").exit_code == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_written_to_and_stays_one() -> None:
    os.mkfifo("pipe")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:
        assert lossproof("report", "good.jsonl", "--format", "badge", "-o", "pipe").exit_code == 0
        said, _ = reader.communicate(timeout=60)
    assert json.loads(said)["label"] == "lossproof"
    assert Path("pipe").is_fifo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device is always full here")
def test_a_device_that_is_full_is_one_line() -> None:
    refused = lossproof("report", "good.jsonl", "--format", "badge", "-o", "/dev/full")
    assert refused.exit_code == 2
    assert refused.stderr == "lossproof: /dev/full: cannot be written: No space left on device\n"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lossproof", "report", "good.jsonl"],
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "lossproof: [Errno 28] No space left on device\n"
    assert Path("/dev/full").is_char_device()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no path names standard output here")
def test_standard_output_by_its_path_keeps_what_stands_there() -> None:
    command = f"{sys.executable} -m lossproof report good.jsonl --format badge -o /dev/stdout"
    line = f"echo before; {command}; echo after"
    with Path("all.txt").open("wb") as out:
        subprocess.run(line, shell=True, stdout=out, check=True)
    before, badge, after = Path("all.txt").read_text().splitlines()
    assert (before, after) == ("before", "after")
    assert json.loads(badge)["label"] == "lossproof"
