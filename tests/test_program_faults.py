"""A program as a target: what breaks the protocol, dies or hangs is told in words."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from programs import checked, toy

from lossproof.backends.process.client import Died, Program
from lossproof.backends.process.launch import command
from lossproof.conformance.cli import main
from lossproof.conformance.registry import backend_names
from lossproof.reports.text import visible

SMALL = ("--dtype", "float64", "--check", "value")


def test_a_right_program_passes(tmp_path: Path) -> None:
    document = checked(toy(tmp_path), tmp_path, "--dtype", "float64", loss="mse")
    assert document.exit_code == 0
    assert document.framework == "toy"
    by_status = {r.check: r.status for r in document.results}
    assert by_status["value"] == by_status["bad_input"] == "passed"
    assert by_status["gradient.prediction"] == "skipped"


AT_HELLO = {
    "wrong version": (
        [('"protocol": 1', '"protocol": 2')],
        "speaks protocol 2, this lossproof speaks 1",
    ),
    "no version": ([('"protocol": 1, ', "")], "speaks protocol None, this lossproof speaks 1"),
    "an unknown field": (
        [('"form": "hex"', '"from": "hex"')],
        "its hello breaks the protocol: Object contains unknown field `from`",
    ),
    "an unknown field of a loss": (
        [('"gradient": []', '"gradients": []')],
        "its hello breaks the protocol: Object contains unknown field `gradients`",
    ),
    "an unknown dtype": (
        [('["float64"]', '["double"]')],
        "its hello breaks the protocol: Invalid enum value 'double'",
    ),
    "no dtype": ([('"dtypes": ["float64"]', '"dtypes": []')], "its dtypes of mse are empty"),
    "an unknown reduction": (
        [('["none"]', '["average"]')],
        "mse has no 'average' among its reductions; choose from none, sum, mean",
    ),
    "an unknown option": (
        [('"gradient": []', '"gradient": [], "options": ["delta"]')],
        "mse has no 'delta' among its options; choose from none",
    ),
    "another loss": ([('{"mse": {', '{"mae": {')], "does not implement mse; it offers mae"),
    "text before": (
        [("import json", "print('loading weights')\nimport json")],
        "wrote what is no reply: a reply is one line of JSON, got b'loading weights",
    ),
    "an exception": (
        [("import json", "raise OSError('no licence')\nimport json")],
        "ended the process with exit code 1, while it was started: OSError: no licence",
    ),
    "no answer": ([("import json", "import json, sys; sys.exit(3)")], "with exit code 3, while"),
}


def refused(target: str, *more: str) -> Result:
    command = ["check", target, "--loss", "mse", "--backend", "program", *more]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("lossproof: ")
    return result


@pytest.mark.parametrize("name", AT_HELLO)
def test_what_is_wrong_with_a_hello_is_one_line(name: str, tmp_path: Path) -> None:
    changes, words = AT_HELLO[name]
    target = toy(tmp_path, *changes)
    assert words in refused(target).stderr


def test_the_last_words_of_a_program_are_read_before_it_is_forgotten() -> None:
    last = "import sys, os; sys.stderr.write('.' * 200000 + 'no licence'); sys.stderr.flush()"
    for _ in range(20):  # one in three was lost on a busy machine while its pipe was closed first
        program = Program(command((sys.executable, "-S", "-c", f"{last}; os._exit(1)")))
        with pytest.raises(Died) as died:
            program.ask({}, 60)
        assert died.value.said.endswith("no licence")


def test_misuse_is_one_line(tmp_path: Path) -> None:
    right = toy(tmp_path)
    assert "no_such_program cannot be run: No such file" in refused("no_such_program").stderr
    assert "is no command line: No closing quotation" in refused("node 'huber.js").stderr
    assert "named by its command line, got an empty one" in refused(" ").stderr
    assert "--map and --backward are for Python" in refused(right, "--map", "a=b").stderr
    assert "in a process of its own" in refused(right, "--no-isolation").stderr
    assert "no option 'eps'" in refused(right, "--fix", "eps=1").stderr


AT_CALL = {
    "text": (
        "return 'done'",
        "errored",
        "protocol: wrote what is no reply: a reply is one line of JSON, got b'done",
    ),
    "a list": ("return [1]", "errored", "protocol: wrote what is no reply: a reply is a JSON obj"),
    "half a line": (
        "say('{\"value\": ', end=''); sys.exit(0)",
        "errored",
        "protocol: wrote what is no reply: a reply ends with a newline",
    ),
    "garbage": (
        "sys.stdout.buffer.write(bytes(range(128, 138)) + b'\\n'); return mse(request)",
        "errored",
        "protocol: wrote what is no reply",
    ),
    "a death": ("sys.exit(7)", "errored", "crashed: ended the process with exit code 7"),
    "a signal": ("os.kill(os.getpid(), 11)", "errored", "crashed: died of a segmentation fault"),
    "last words": (
        "os.write(2, b'Error: no licence\\nbye\\n'); sys.exit(7)",
        "errored",
        "crashed: ended the process with exit code 7: Error: no licence\n",
    ),
    "an exception": (
        "raise OSError('no \\x1b[31mlicence')",
        "errored",
        "with exit code 1: OSError: no \\x1b[31mlicence\n",
    ),
    "sleep": ("time.sleep(60)", "errored", "timed out: gave no answer within 0.5 s"),
    "a line too many": (
        "say(mse(request)); say('debug'); time.sleep(0.2); return mse(request)",
        "errored",
        "protocol: wrote what ",  # nobody asked for, or is no reply: which comes first is chance
    ),
    "an error": ("return {'error': 'no luck'}", "errored", "ProgramError: no luck"),
    "nothing": ("return {}", "failed", "the reply breaks the protocol: a reply has a value or"),
    "both": (
        "return {**mse(request), 'error': 'no luck'}",
        "failed",
        "the reply breaks the protocol: a reply has a value or an error",
    ),
    "an unknown field": (
        "return {**mse(request), 'time': 1}",
        "failed",
        "the reply breaks the protocol: Object contains unknown field `time`",
    ),
    "a gradient too many": (
        "return {**mse(request), 'gradients': {'prediction': None}}",
        "failed",
        "the reply breaks the protocol: no gradient was asked of prediction",
    ),
    "a number": (
        "return {'value': 1.5}",
        "failed",
        "the reply breaks the protocol: Expected `object | null`, got `float`",
    ),
    "another dtype": (
        "return {'value': {**mse(request)['value'], 'dtype': 'int64', 'hex': []}}",
        "failed",
        "the reply breaks the protocol",
    ),
    "another shape": (
        "return {'value': {'dtype': 'float64', 'shape': [1], 'hex': ['0x1p+0']}}",
        "failed",
        "shape (1,) came back",
    ),
    "decimals": (
        "return {'value': {**mse(request)['value'], 'hex': ['1.5'] * "
        "len(request['arguments']['target']['hex'])}}",
        "failed",
        "'1.5' is no hexadecimal float",
    ),
}


@pytest.mark.parametrize("name", AT_CALL)
def test_what_is_wrong_with_a_reply_is_told_in_its_row(name: str, tmp_path: Path) -> None:
    change, status, words = AT_CALL[name]
    target = toy(tmp_path, ("    return mse(request)\n", f"    {change}\n"))
    # only what never answers is given half a second: any other may take long on a busy machine
    limit = "0.5" if name == "sleep" else "60"
    document = checked(target, tmp_path, *SMALL, "--time-limit", limit, loss="mse")
    (result,) = document.results
    assert result.status == status
    assert words in visible(f"{result.sentence}\n{result.reason}\n{result.message}")


def test_what_a_program_said_last_is_told_when_it_is_given_up(tmp_path: Path) -> None:
    died = "os.write(2, b'Error: no licence\\n'); sys.exit(7)"
    target = toy(tmp_path, ("    return mse(request)\n", f"    {died}\n"))
    document = checked(target, tmp_path, "--dtype", "float64", "--check", "v*,dtype", loss="mse")
    reasons = [str(r.reason) for r in document.results if r.status == "errored"]
    assert len(reasons) == 2
    assert all(reason.endswith(": Error: no licence") for reason in reasons)
    assert any("times in a row: Error" in reason for reason in reasons)


def test_a_program_that_recovers_is_asked_on(tmp_path: Path) -> None:
    """One death costs one answer: the program is started again."""
    mark = tmp_path / "mark"
    change = f"if not os.path.exists({str(mark)!r}):\n        open({str(mark)!r}, 'w'); sys.exit(9)"
    target = toy(
        tmp_path, ("    return mse(request)\n", f"    {change}\n    return mse(request)\n")
    )
    document = checked(target, tmp_path, *SMALL, "--check", "purity", loss="mse")
    assert mark.exists()
    assert document.results


def test_a_program_is_told_the_question_and_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    read = "    request = json.loads(line)\n"
    change = (read, f"{read}    open({str(log)!r}, 'a').write(line)\n")
    checked(toy(tmp_path, change), tmp_path, "--dtype", "float64", loss="mse")
    heard = [json.loads(line) for line in log.read_text().splitlines()]
    assert heard[0] == {"op": "hello", "protocol": 1}
    assert len(heard) > 20
    for request in heard[1:]:
        assert set(request) == {
            "op", "loss", "dtype", "arguments", "options", "cotangent", "differentiate",
        }  # fmt: skip
        assert set(request["arguments"]) == {"prediction", "target"}
        assert set(request["options"]) == {"reduction"}
        assert (request["op"], request["loss"], request["dtype"]) == ("call", "mse", "float64")
        assert request["cotangent"] is None
        assert request["differentiate"] == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no memory limits here")
def test_memory_is_limited(tmp_path: Path) -> None:
    change = "numbers = bytearray(1 << 28); return mse(request)"
    target = toy(tmp_path, ("    return mse(request)\n", f"    {change}\n"))
    document = checked(target, tmp_path, *SMALL, "--memory-limit", "100", loss="mse")
    assert document.results[0].status == "errored"
    reason = str(document.results[0].reason)
    assert reason.endswith("exit code 1: MemoryError; the limit is 100 MiB (--memory-limit)")
    assert checked(target, tmp_path, *SMALL, "--memory-limit", "3000", loss="mse").exit_code == 0


def test_nothing_of_a_program_is_left_running(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    change = ("import json, os, sys, time\n",
              "import json, os, sys, time, subprocess\n"
              "child = subprocess.Popen(['sleep', '600'])\n"
              f"open({str(pids)!r}, 'a').write(f'{{os.getpid()}} {{child.pid}} ')\n")  # fmt: skip
    assert checked(toy(tmp_path, change), tmp_path, *SMALL, loss="mse").exit_code == 0
    found = [int(pid) for pid in pids.read_text().split()]
    assert len(found) == 2
    deadline = time.monotonic() + 60
    while any(map(alive, found)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, found))


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_programs_are_no_backend_of_run() -> None:
    assert "program" not in backend_names()
    result = CliRunner().invoke(main, ["run", "--backend", "program"])
    assert result.exit_code == 2
    assert "no backend named 'program'" in result.stderr
