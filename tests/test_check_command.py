"""What `check` prints, writes and exits with, whatever the target says of itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from test_reports_model import result

from lossproof.conformance import baseline, targets, told
from lossproof.conformance.cli import main
from lossproof.reports import model, verdict

FILE = r"""
import numpy as np

def _reduced(losses, reduction):
    return losses if reduction == "none" else getattr(losses, reduction)()

def loud(prediction, target, *, delta=1.0, reduction="mean"):
    if prediction.dtype == np.float16:
        raise TypeError("\x1b[2Jno\u202e half\nconforms")
    if reduction == "none":
        raise ValueError("none \x1b[31mis red")
    raise RuntimeError("\x1b]0;gone\x07")

def wrong(prediction, target, *, reduction="mean"):
    return _reduced(1.5 * (prediction - target) ** 2, reduction)

def right(prediction, target, *, reduction="mean"):
    return _reduced((prediction - target) ** 2, reduction)
"""
#: a target that writes the reply to `load` into its worker's channel, and names what it likes
FORGED = """
import os
for descriptor in range(3, 12):
    try:
        os.write(descriptor, {reply!r})
    except OSError:
        pass

def mse(prediction, target, *, reduction="mean"):
    return ((prediction - target) ** 2).mean()
"""
CLAIM = {
    "dialect": {}, "held": {}, "differentiable": None, "options": None, "reductions": None,
    "dtypes": None, "optional": None, "reducible": True, "open": [], "doubtful": [], "bound": "",
}  # fmt: skip


def checked(target: str, *more: str, loss: str = "mse") -> Result:
    command = ["check", target, "--loss", loss, "--backend", "numpy", "--profile", "smoke"]
    return CliRunner().invoke(main, [*command, "--check", "value", *more])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def forged(folder: Path, reply: object) -> Result:
    path = folder / "forger.py"
    path.write_text(FORGED.format(reply=json.dumps(reply).encode() + b"\n"))
    return checked(f"{path}:mse", "--dtype", "float32")


def test_no_escape_sequence_of_a_target_reaches_the_terminal(file: Path) -> None:
    said = checked(f"{file}:loud", loss="huber").output
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\x07" not in said
    assert r"RuntimeError: \x1b]0;gone\x07" in said
    assert not any(line.startswith("conforms") for line in said.splitlines())


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({"claim": 1}, "Expected `object`, got `int` - at `$.claim`"),
        ({"claim": CLAIM}, "Object missing required field `devices`"),
        ({"claim": {**CLAIM, "bonus": 1}, "devices": ["cpu"]}, "unknown field `bonus`"),
    ],
)
def test_a_forged_claim_that_is_none_ends_in_one_line(
    tmp_path: Path, reply: object, words: str
) -> None:
    found = forged(tmp_path, reply)
    assert found.exit_code == 2
    assert found.stderr.startswith("lossproof: ")
    assert "what it says of itself breaks the protocol: " in found.stderr
    assert words in found.stderr
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"reductions": ["average"]},
            "mse has no 'average' among its reductions; choose from none",
        ),
        ({"reductions": []}, "its reductions of mse are empty"),
        ({"differentiable": ["logits"]}, "mse has no 'logits' among its gradient; choose from"),
        ({"dtypes": ["float8"]}, "mse has no 'float8' among its dtypes; choose from float64"),
        (
            {"held": {"weight": [1.0, 2.0]}},
            "mse has no 'weight' among its optional; choose from none",
        ),
        ({"dialect": {"delta": 1.0}}, "mse has no 'delta' among its options; choose from none"),
    ],
)
def test_a_claim_names_what_the_loss_has(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    found = forged(tmp_path, {"claim": {**CLAIM, **change}, "devices": ["cpu"]})
    assert found.exit_code == 2
    assert words in found.stderr
    assert found.stderr.count("\n") == 1


def test_what_a_claim_leaves_out_is_told(tmp_path: Path) -> None:
    less = {"reductions": ["mean"], "differentiable": ["prediction"], "bound": "all\x1b[8m"}
    found = forged(tmp_path, {"claim": {**CLAIM, **less}, "devices": ["cpu"]})
    assert "reduction 'none' is not offered: it says so of itself\n" in found.stdout
    assert "reduction 'sum' is not offered: it says so of itself\n" in found.stdout
    assert "target has no gradient: it says so of itself, and none is asked\n" in found.stdout
    assert "arguments: all\\x1b[8m\n" in found.stdout
    assert found.exit_code == 1  # the true reply comes when nobody asked for it


def test_an_option_held_by_an_attribute_is_told(tmp_path: Path) -> None:
    path = tmp_path / "held.py"
    path.write_text(
        "class Huber:\n    delta = 2.0\n"
        "    def __call__(self, prediction, target):\n        return abs(prediction - target)\n"
        "huber = Huber()\n"
    )
    said = checked(f"{path}:huber", "--dtype", "float32", loss="huber").stdout
    assert "delta is held at 2.0: it says so of itself\n" in said


def test_only_what_a_baseline_does_not_know_fails(file: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    one = ("--dtype", "float32", "--seed", "1")
    assert checked(f"{file}:wrong", *one, "--json", str(known)).exit_code == 1
    again = checked(f"{file}:wrong", *one, "--baseline", str(known))
    assert f"known from {known}: 1\n" in again.output
    assert again.exit_code == 0
    assert "not the value of the spec (known from" in again.output
    assert "truth" not in again.output
    skipped = checked(f"{file}:wrong", *one, "--check", "gradient", "--baseline", str(known))
    assert "1 failed, 2 skipped" in skipped.output
    assert skipped.exit_code == 0
    nothing = CliRunner().invoke(
        main, ["check", f"{file}:wrong", "--loss", "mse", "--backend", "numpy", *one,
               "--check", "gradient", "--baseline", str(known)],
    )  # fmt: skip
    assert nothing.exit_code == 3
    more = checked(f"{file}:wrong", "--seed", "1", "--dtype", "float32,float64",
                   "--baseline", str(known))  # fmt: skip
    assert more.exit_code == 1
    assert more.output.count("(known from") == 1
    assert more.output.count("  truth ") == 1


def test_a_second_fault_in_a_cell_is_not_known_from_a_baseline() -> None:
    def failed(*faults: str) -> model.Result:
        return result("special_values", "failed", sentence=faults[0], faults=faults)

    known = frozenset(baseline.keys(failed("nan of x", "inf of x")))
    assert baseline.fresh([failed("inf of x")], known) == []
    other = failed("nan of x", "label of y")
    assert baseline.fresh([other], known) == [other]


def test_a_result_lists_each_of_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "target.py"
    path.write_text(
        "import numpy as np\n"
        "def loss(prediction, target):\n"
        "    return np.nan_to_num((prediction - target) ** 2)\n"
    )
    out = tmp_path / "verdict.json"
    some = ("--dtype", "float32", "--check", "special_values", "--json", str(out))
    CliRunner().invoke(
        main, ["check", f"{path}:loss", "--loss", "mse", "--backend", "numpy", *some]
    )
    (found,) = verdict.read(out).results
    assert found.sentence in found.faults
    assert "nan in target gives a number" in found.faults
    assert "inf in target gives a wrong number" in found.faults


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no broken pipes")
def test_the_verdict_is_written_though_nobody_reads_what_is_printed(
    file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "verdict.json"
    command = [
        sys.executable, "-m", "lossproof", "check", f"{file}:wrong", "--loss", "mse", "--backend",
        "numpy", "--profile", "smoke", "--check", "value", "--dtype", "float32", "--json", str(out),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        code = process.wait()
    assert said.count(b"\n") == 1
    assert said.startswith(b"first violation: mse / value of mine.py:wrong [numpy ")
    assert code == 1
    assert verdict.read(out).verdict == "violates"


def test_the_first_violation_is_noticed_in_one_line_unless_it_is_expected(
    file: Path, tmp_path: Path
) -> None:
    found = checked(f"{file}:wrong")
    (line,) = found.stderr.splitlines()
    assert re.fullmatch(
        r"first violation: mse / value of mine\.py:wrong \[numpy .*, float32, cpu\]: "
        r"not the value of the spec: got [\d.e+-]+ where [\d.e+-]+ is right; "
        r"its smallest input and its cause are sought",
        line,
    )
    assert checked(f"{file}:right").stderr == ""
    expected = tmp_path / "expected.toml"
    entry = '[[deviation]]\nid = "mse/value[*]"\nreason = "r"\ninput = "prediction=1"\n'
    expected.write_text(entry)
    assert checked(f"{file}:wrong", "--expected", str(expected)).stderr == ""
    expected.write_text(entry + 'fault = "another"\n')
    assert checked(f"{file}:wrong", "--expected", str(expected)).stderr.count("\n") == 1
    known = tmp_path / "known.json"
    checked(f"{file}:wrong", "--json", str(known))
    assert checked(f"{file}:wrong", "--baseline", str(known)).stderr == ""


def test_a_forged_claim_ends_identify_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "forger.py"
    path.write_text(FORGED.format(reply=b'{"claim": 1}\n'))
    found = CliRunner().invoke(main, ["identify", f"{path}:mse", "--backend", "numpy"])
    assert found.exit_code == 2
    assert "what it says of itself breaks the protocol: " in found.stderr
    assert found.stderr.count("\n") == 1


def test_a_time_limit_leaves_cells_not_run_and_no_verdict(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "verdict.json"
    late = ("--dtype", "float32", "--max-time", "0", "--json", str(out))
    found = checked(f"{file}:right", *late)
    assert found.exit_code == 3
    assert "not-run 1: the time limit ended the examination\n" in found.output
    document = verdict.read(out)
    assert document.verdict == "not examined"
    assert [r.status for r in document.results] == ["not-run"]
    assert checked(f"{file}:right", "--dtype", "float32", "--max-time", "600").exit_code == 0


def test_a_violation_that_was_found_in_time_fails(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of this test passes the deadline as soon as one result is there."""
    out = tmp_path / "verdict.json"
    clock = SimpleNamespace(monotonic=lambda: clock.now, now=0.0)
    add = told.Shown.add

    def slowly(shown: told.Shown, found: verdict.Result) -> None:
        clock.now += 10
        add(shown, found)

    monkeypatch.setattr(targets, "time", clock)
    monkeypatch.setattr(told.Shown, "add", slowly)
    limits = ("--no-isolation", "--check", "overflow", "--dtype", "float32", "--max-time", "1")
    assert checked(f"{file}:wrong", *limits, "--json", str(out)).exit_code == 1
    assert [r.status for r in verdict.read(out).results] == ["failed", "not-run"]
    # and what is known of it is not all that there is
    again = checked(f"{file}:wrong", *limits, "--baseline", str(out))
    assert again.exit_code == 3


ENTRY = """[[deviation]]
id = "{id}"
reason = "{reason}"
input = "prediction=1, target=0"
"""


@pytest.mark.parametrize(
    ("identifier", "line"),
    [
        ("mse/value[numpy,*]", "warning: expected deviation expired on 2001-01-31: {}"),
        ("mse/kink[numpy,*]", "warning: expected deviation matches no cell: {}"),
    ],
)
def test_an_entry_that_is_of_no_use_is_told(
    file: Path, tmp_path: Path, identifier: str, line: str
) -> None:
    known = tmp_path / "known.toml"
    entry = ENTRY.format(id=identifier, reason="once wrong")
    known.write_text(f"{entry}expires = 2001-01-31\n")
    found = checked(f"{file}:wrong", "--dtype", "float32", "--expected", str(known))
    assert found.exit_code == 1
    assert [w for w in found.output.splitlines() if "warning: expected" in w] == [
        line.format(identifier)
    ]


def test_a_cell_that_passes_unexpectedly_is_named_with_the_reason(
    file: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known.toml"
    known.write_text(ENTRY.format(id="mse/value[numpy,*]", reason="once wrong"))
    found = checked(f"{file}:right", "--dtype", "float32", "--expected", str(known), "--strict")
    assert found.exit_code == 1
    line = "xpassed, though expected to fail: mse/value[numpy,float32,cpu]: once wrong\n"
    assert line in found.output


@pytest.mark.parametrize("name", ["no/such/folder/verdict.json", "."])
def test_a_verdict_that_cannot_be_written_is_refused_before_the_examination(
    file: Path, tmp_path: Path, name: str
) -> None:
    before = sorted(tmp_path.iterdir())
    found = checked(f"{file}:right", "--json", str(tmp_path / name))
    assert found.exit_code == 2
    assert found.stdout == ""
    assert found.stderr.startswith(f"lossproof: {tmp_path / name}: cannot be written: ")
    assert found.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_command_that_is_refused_leaves_no_verdict(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "verdict.json"
    assert checked(f"{file}:absent", "--json", str(out)).exit_code == 2
    assert not out.exists()
