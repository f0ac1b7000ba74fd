"""Misuse of the command line ends in one line, word for word as here, and exit code 2.

A selection of which nothing can run ends with exit code 3.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lossproof.conformance.cli import main

FILES = {
    "broken.py": "x = = 1\n",
    "raises.py": 'raise RuntimeError("no licence")\n',
    "exits.py": "raise SystemExit(0)\n",
    "empty.py": "x = 1\n",
    "losses.py": "huber = 3\ndef mse(a, b): ...\ndef mae(a, b): ...\n",
    "text.txt": "hello\n",
    "number.jsonl": "1\n",
    "other.jsonl": '{"a": 1}\n',
    "empty.jsonl": "",
    "wrong.toml": "x = = 1\n",
    "unknown.toml": "[[expected]]\nid = 'x'\n",
    "numbers.toml": "deviation = [1]\n",
    "lacking.toml": "[[deviation]]\nid = 'x'\nreason = 'y'\n",
    "extra.toml": "[[deviation]]\nid = 'x'\nreason = 'y'\ninput = 'z'\nwhy = 'w'\n",
    "blank.toml": "[[deviation]]\nid = 'x'\nreason = ' '\ninput = 'z'\n",
    "in_the_way": "",
}
SMALL = ("run", "--loss", "mse", "--backend", "numpy", "--dtype", "float32", "--check", "dtype",
         "--profile", "smoke", "--jobs", "1")  # fmt: skip
SOME = ("run", "--profile", "smoke", "--jobs", "1")
RUN = {
    "--loss hubr": "no loss named 'hubr'; did you mean huber?",
    "--loss hubr*": "no loss matches 'hubr*'; choose from binary_cross_entropy, ",
    "--loss ,": "an empty name in ','",
    "--loss mse,": "an empty name in 'mse,'",
    "--backend tenserflow": "no backend named 'tenserflow'; choose from numpy, "
    "torch, jax, optax, rax, keras_jax, "
    "keras_torch, sklearn, torchmetrics, kornia, monai, pytorch_metric_learning",
    "--backend touch": "no backend named 'touch'; did you mean torch?",
    "--dtype float8": "no dtype named 'float8'; did you mean float64 or float32 or float16?",
    "--dtype int": "no dtype named 'int'; choose from float64, float32, float16, bfloat16",
    "--check valeu": "no check named 'valeu'; did you mean value or scale?",
    "--check zzz*": "no check matches 'zzz*'; choose from ",
    "--profile quick": "no profile named 'quick'; choose from smoke, default, thorough, exhaustive",
    "--out in_the_way": "in_the_way/report.jsonl: cannot be written: File exists",
    "--out in_the_way/x": "in_the_way/x/report.jsonl: cannot be written: Not a directory",
    "--resume none.jsonl": "none.jsonl: cannot be read: No such file or directory",
    "--expected none.toml": "none.toml: cannot be read: No such file or directory",
    "--expected .": ".: cannot be read: Is a directory",
    "--expected wrong.toml": "wrong.toml: cannot be read as TOML: Invalid value (at line 1, col",
    "--expected unknown.toml": "unknown.toml: only [[deviation]] tables are known",
    "--expected numbers.toml": "numbers.toml: only [[deviation]] tables are known",
    "--expected lacking.toml": "lacking.toml: deviation 1: no input: an input that shows it, "
    "in words, such as 'logits=inf, target=1'",
    "--expected extra.toml": "extra.toml: deviation 1: unknown key 'why'",
    "--expected blank.toml": "blank.toml: deviation 1: reason must not be empty",
}
TARGET = {
    "none.py:mse": "none.py: no such file",
    "broken.py:mse": "broken.py cannot be imported: SyntaxError: invalid syntax "
    "(broken.py, line 1)",
    "raises.py:mse": "raises.py cannot be imported: RuntimeError: no licence",
    "exits.py:mse": "exits.py cannot be imported: SystemExit: 0",
    "empty.py:mse": "empty.py holds no function",
    "losses.py:mze": "no function in losses.py named 'mze'; did you mean mse or mae?",
    "losses.py:zzzzz": "no function in losses.py named 'zzzzz'; choose from mse, mae",
    "losses.py:huber": "losses.py:huber is not a function but of type int",
    "losses.py": "'losses.py' is not a target; write path/to/file.py:function",
    "losses.py:": "'losses.py:' is not a target; write path/to/file.py:function",
    ":mse": "':mse' is not a target; write path/to/file.py:function",
    "no_such_module:mse": "no_such_module cannot be imported: ModuleNotFoundError: No module named "
    "'no_such_module'",
}
CHECK = {
    "--loss hubr --backend numpy": "no loss named 'hubr'; did you mean huber?",
    "--loss m* --backend numpy": "no loss named 'm*'; choose from binary_cross_entropy, ",
    "--loss mse --backend tenserflow": "no backend named 'tenserflow'; choose from numpy, torch",
    "--loss mse --backend n*": "no backend named 'n*'; choose from numpy, "
    "torch, jax, optax, rax, keras_jax, "
    "keras_torch, sklearn, torchmetrics, kornia, monai, pytorch_metric_learning, program",
    "--loss mse --backend numpy --device cuda": "no device named 'cuda'; choose from cpu",
    "--loss mse --backend numpy --dtype half": "no dtype named 'half'; choose from float64, ",
}
REPORT = {
    "none.jsonl": "none.jsonl: cannot be read: No such file or directory",
    ".": ".: cannot be read: Is a directory",
    "text.txt": "text.txt: line 1: not JSON: ",
    "number.jsonl": "number.jsonl: line 1: ",
    "other.jsonl": "other.jsonl: line 1: Object missing required field `kind`",
    "empty.jsonl": "empty.jsonl: no header: the file is empty",
}
REPRODUCE = {
    "report.jsonl": "'report.jsonl' names no cell; write FILE#ID",
    "report.jsonl#": "'report.jsonl#' names no cell; write FILE#ID",
    "#mse/value": "'#mse/value' names no cell; write FILE#ID",
    "none.jsonl#mse/value": "none.jsonl: cannot be read: No such file or directory",
    "text.txt#mse/value": "text.txt: line 1: not JSON: ",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files above, and in it."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lossproof(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def refuses(words: str, *arguments: str) -> None:
    """The command says `words`, which may be the beginning of a list, in one line, and no more."""
    result = lossproof(*arguments)
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    assert result.stderr.startswith(f"lossproof: {words}")
    assert result.stderr.count("\n") == 1
    if not words.endswith((" ", "col", "torch")):
        assert result.stderr == f"lossproof: {words}\n"


@pytest.mark.parametrize(("arguments", "words"), RUN.items())
def test_run_refuses(arguments: str, words: str) -> None:
    refuses(words, *SOME, *arguments.split())


@pytest.mark.parametrize(("target", "words"), TARGET.items())
def test_check_refuses_a_target(target: str, words: str) -> None:
    refuses(words, "check", target, "--loss", "mse", "--backend", "numpy")


@pytest.mark.parametrize(("arguments", "words"), CHECK.items())
def test_check_refuses(arguments: str, words: str) -> None:
    refuses(words, "check", "losses.py:mse", *arguments.split())


@pytest.mark.parametrize(("file", "words"), REPORT.items())
def test_report_refuses(file: str, words: str) -> None:
    refuses(words, "report", file)


@pytest.mark.parametrize(("reference", "words"), REPRODUCE.items())
def test_reproduce_refuses(reference: str, words: str) -> None:
    refuses(words, "reproduce", reference)


def test_spec_names_the_nearest_losses() -> None:
    refuses("no loss named 'hubr'; did you mean huber?", "spec", "hubr")


def test_a_report_that_was_cut_off_says_how_to_finish_it() -> None:
    assert lossproof(*SMALL).exit_code == 0
    lines = Path("report.jsonl").read_text().splitlines(keepends=True)
    Path("report.jsonl").write_text("".join(lines[:-1]))
    results = sum('"kind":"result"' in line for line in lines)
    refuses(
        f"report.jsonl: no footer: the run was cut off after {results} of "
        f"{results} results; finish it with `lossproof run --resume report.jsonl`",
        "report",
        "report.jsonl",
    )


def test_a_report_is_not_resumed_with_another_selection() -> None:
    assert lossproof(*SMALL).exit_code == 0
    result = lossproof(*SMALL, "--seed", "1", "--resume", "report.jsonl")
    assert result.exit_code == 2
    assert result.stderr == "lossproof: report.jsonl: cannot be resumed: seed was 0, is 1 now\n"


def test_reproduce_knows_only_the_cells_of_the_report() -> None:
    assert lossproof(*SMALL).exit_code == 0
    refuses(
        "report.jsonl has no cell 'mse/value[torch,float32,cpu]'",
        "reproduce",
        "report.jsonl#mse/value[torch,float32,cpu]",
    )


@pytest.mark.parametrize(
    "arguments",
    ["--jobs 0", "--jobs two", "--max-time -1", "--seed x", "--los mse", "surplus", "--seed"],
)
def test_options_of_the_wrong_kind_are_usage_errors(arguments: str) -> None:
    result = lossproof("run", *arguments.split())
    assert result.exit_code == 2
    assert result.stderr.startswith("lossproof: ")
    assert result.stderr.endswith(" --help\n")
    assert result.stderr.count("\n") == 1


def test_nothing_that_ran_is_not_conformance() -> None:
    result = lossproof(
        "run", "--loss", "ctc", "--backend", "torch", "--dtype", "float16", "--profile", "smoke",
        "--jobs", "1",
    )  # fmt: skip
    assert result.exit_code == 3
    assert " skipped in " in result.stdout
    assert "passed" not in result.stdout


def test_a_device_that_is_not_here_is_skipped() -> None:
    result = lossproof(*SMALL, "--device", "cuda")
    assert result.exit_code == 3
    assert "numpy has no device cuda here" in Path("report.md").read_text()


def test_a_smoke_check_says_that_it_is_not_sufficient(folder: Path) -> None:
    (folder / "good.py").write_text("def mse(prediction, target, reduction): return prediction\n")
    result = lossproof(
        "check", "good.py:mse", "--loss", "mse", "--backend", "numpy", "--dtype", "float32",
        "--check", "purity", "--profile", "smoke",
    )  # fmt: skip
    assert result.exit_code == 0
    assert "This smoke run is not sufficient evidence of conformance.\n" in result.stdout
