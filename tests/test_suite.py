"""`pytest --pyargs lossproof.conformance`: the whole suite as plain pytest."""

import os

import pytest

from lossproof.conformance.plugin import OPTIONS, variable

pytest_plugins = ["pytester"]

SUITE = ("--pyargs", "lossproof.conformance", "-p", "no:cacheprovider", "-rsxXw")

#: a backend that comes with a distribution of its own: mse is right, mae wrong in three ways, and
#: huber raises
BROKEN = '''
import warnings
import numpy as np
from lossproof.backends.numpy_.backend import NumpyBackend
from lossproof.backends.registry import implementations_of

implements = implementations_of("broken")


class Broken(NumpyBackend):
    name = "broken"
    dtypes = ("float32", "float16")

    def implementations(self):
        return implements


def reduced(losses, reduction):
    return {"none": lambda x: x, "sum": np.sum, "mean": np.mean}[reduction](losses)


def spread(cotangent, like, reduction):
    return cotangent / like.dtype.type(like.size) if reduction == "mean" else cotangent


@implements("mse", dtypes=("float32",))
def mse(prediction, target, *, reduction):
    """Right in the value; the gradient of batches of 33, which only the search draws, is not."""
    if prediction.shape != target.shape:
        raise ValueError("shapes differ")
    return reduced((prediction - target) ** 2, reduction)


@mse.backward
def mse_backward(cotangent, prediction, target, *, reduction):
    slope = spread(cotangent, prediction, reduction) * 2 * (prediction - target)
    return {"prediction": slope * (1.5 if slope.size == 33 else 1), "target": -slope}


@implements("huber", dtypes=("float32",))
def huber(prediction, target, *, delta, reduction):
    raise MemoryError("no room")


@implements("mae")
def mae(prediction, target, *, reduction):
    losses = abs(prediction - target) * prediction.dtype.type(1.25)
    return losses.mean() if reduction == "average" else reduced(losses, reduction)


@mae.backward
def mae_backward(cotangent, prediction, target, *, reduction):
    slope = spread(cotangent, prediction, reduction) * np.sign(prediction - target)
    return {"prediction": slope.astype(prediction.dtype), "target": -slope.astype(target.dtype)}
'''


@pytest.fixture
def broken(pytester, monkeypatch):
    """The backend, installed: a module and the metadata of its distribution on the path."""
    pytester.makepyfile(broken=BROKEN)
    metadata = pytester.mkdir("broken-1.0.dist-info")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[lossproof.backends]\nbroken = broken:Broken\n")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    for name in [k for k in os.environ if k.startswith("LOSSPROOF_")]:
        monkeypatch.delenv(name)
    return pytester


def run(pytester, *arguments):
    """The suite in a process of its own."""
    return pytester.runpytest_subprocess(*SUITE, *arguments)


def test_a_backend_that_comes_with_lossproof_conforms(broken):
    result = run(broken, "--lossproof-loss=mse", "--lossproof-backend=numpy",
                 "--lossproof-dtype=float32", "--lossproof-check=value,reductions,kink",
                 "-v")  # fmt: skip
    result.assert_outcomes(passed=2, skipped=1)
    assert "lossproof: backend = numpy, loss = mse, dtype = float32" in result.stdout.str()
    result.stdout.fnmatch_lines(
        ["*test_conforms?mse-value-numpy-float32-cpu? PASSED*", "*the loss has no kinks"]
    )


def test_a_broken_backend_fails_with_the_message_and_nothing_else(broken):
    result = run(broken, "--lossproof-loss=mae", "--lossproof-backend=broken",
                 "--lossproof-dtype=float32", "--lossproof-check=value")  # fmt: skip
    result.assert_outcomes(failed=1)
    shown = result.stdout.str().split("_ test_conforms[mae-value-broken-float32-cpu] _")[1]
    lines = [line for line in shown.splitlines()[1:] if line][:6]
    assert lines[0].startswith("mae / value [numpy ")
    assert lines[0].endswith("float32, cpu]: not the value of the spec")
    assert [line.split()[0] for line in lines[1:]] == ["at", "truth", "got", "off", "again"]
    assert lines[5] == (
        "  again    pytest --pyargs lossproof.conformance -k mae-value-broken-float32-cpu"
    )
    assert "Traceback" not in shown
    assert "hypothesis" not in shown.split("short test summary")[0]


def test_the_search_finds_what_the_landmark_questions_do_not(broken):
    result = run(broken, "--lossproof-loss=mse", "--lossproof-backend=broken",
                 "--lossproof-check=gradient", "--lossproof-dtype=float32",
                 "--hypothesis-seed=0")  # fmt: skip
    result.assert_outcomes(failed=1, passed=1)
    assert "mse / gradient.prediction [" in result.stdout.str()
    assert (
        "  alone    this sample does not fail so alone, but in a batch of 33" in result.stdout.str()
    )


def test_environment_variables_are_enough_without_the_plugin(broken, monkeypatch):
    monkeypatch.setenv("LOSSPROOF_BACKEND", "broken")
    monkeypatch.setenv("LOSSPROOF_LOSS", "mae,mse")
    monkeypatch.setenv("LOSSPROOF_CHECK", "purity,value")
    monkeypatch.setenv("LOSSPROOF_PROFILE", "smoke")
    result = run(broken, "-p", "no:lossproof")
    # mae fails in both dtypes of the backend; mse claims float32 only; smoke skips purity once
    result.assert_outcomes(failed=2, passed=3, skipped=11)
    result.stdout.fnmatch_lines(
        ["*broken has no float64", "*broken has no bfloat16", "*mse does not support float16"],
        consecutive=False,
    )


def test_processes_of_xdist_agree_on_the_items(broken):
    pytest.importorskip("xdist")
    result = run(broken, "-n2", "--lossproof-backend=numpy", "--lossproof-loss=mse",
                 "--lossproof-profile=smoke", "--lossproof-dtype=float32",
                 "--lossproof-check=dtype,value,gradient")  # fmt: skip
    result.assert_outcomes(passed=4)


def test_expected_deviations_are_xfailed_with_their_reason(broken):
    broken.path.joinpath("known.toml").write_text(
        '[[deviation]]\nid = "mae/value[broken,*]"\nreason = "a quarter too large"\n'
        'input = "prediction=1, target=0"\n\n'
        '[[deviation]]\nid = "mae/purity[broken,*]"\nreason = "was wrong once"\n'
        'input = "prediction=1, target=0"\n'
    )
    result = run(broken, "--lossproof-loss=mae", "--lossproof-backend=broken",
                 "--lossproof-dtype=float32", "--lossproof-check=value,purity",
                 "--lossproof-expected=known.toml")  # fmt: skip
    result.assert_outcomes(xfailed=1, xpassed=1)
    result.stdout.fnmatch_lines(["XFAIL*value-broken* - a quarter too large"])


def expecting(id_, *lines):
    """An entry of a file of expected deviations."""
    stated = (f'id = "{id_}"', 'reason = "known"', 'input = "prediction=1"')
    return "\n".join(("[[deviation]]", *stated, *lines, ""))


def test_an_error_is_excused_only_by_an_entry_that_says_so(broken):
    known = broken.path.joinpath("known.toml")
    arguments = ("--lossproof-loss=huber", "--lossproof-backend=broken",
                 "--lossproof-dtype=float32", "--lossproof-check=value",
                 "--lossproof-expected=known.toml")  # fmt: skip
    known.write_text(expecting("huber/value[broken,*]"))
    result = run(broken, *arguments)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*raises on input that the spec allows"])
    known.write_text(expecting("huber/value[broken,*]", 'status = "errored"'))
    run(broken, *arguments).assert_outcomes(xfailed=1)


def test_an_entry_for_errors_excuses_no_violation(broken):
    broken.path.joinpath("known.toml").write_text(
        expecting("mae/value[broken,*]", 'status = "errored"')
    )
    result = run(broken, "--lossproof-loss=mae", "--lossproof-backend=broken",
                 "--lossproof-dtype=float32", "--lossproof-check=value",
                 "--lossproof-expected=known.toml")  # fmt: skip
    result.assert_outcomes(failed=1)


def test_an_entry_that_has_expired_excuses_nothing_and_warns(broken):
    broken.path.joinpath("known.toml").write_text(
        expecting("mae/value[broken,*]", "expires = 2001-01-31")
    )
    result = run(broken, "--lossproof-loss=mae", "--lossproof-backend=broken",
                 "--lossproof-dtype=float32", "--lossproof-check=value",
                 "--lossproof-expected=known.toml")  # fmt: skip
    result.assert_outcomes(failed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*expected deviation expired on 2001-01-31: mae/value?broken,??"], consecutive=False
    )


def test_every_option_has_a_line_of_help(broken):
    shown = run(broken, "--help").stdout.str()
    section = shown.partition("lossproof: conformance of loss functions:")[2].partition("\n\n")[0]
    texts = " ".join(section.split()).split("--lossproof-")[1:]
    assert [text.split("=")[0] for text in texts] == list(OPTIONS)
    for option, text in zip(OPTIONS, texts, strict=True):
        assert f"{OPTIONS[option]} (or {variable(option)})" in text


def test_a_requirement_of_level_should_warns(broken):
    result = run(broken, "--lossproof-loss=mae", "--lossproof-backend=broken",
                 "--lossproof-dtype=float32", "--lossproof-check=bad_input")  # fmt: skip
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*ConformanceWarning: mae / bad_input*an unknown reduction*"])


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (
            ("--lossproof-loss=hubr",),
            {},
            "lossproof: no loss named 'hubr'; did you mean huber?",
        ),
        (("--lossproof-backend=tenserflow",), {}, "lossproof: no backend named 'tenserflow'; *"),
        (
            ("--lossproof-check=gradient.guess", "--lossproof-loss=mse"),
            {},
            "lossproof: no argument with a gradient named 'guess'; choose from *",
        ),
        (("--lossproof-expected=nowhere.toml",), {}, "lossproof: nowhere.toml: *"),
        ((), {"LOSSPROOF_DTYPE": "float31"}, "lossproof: no dtype named 'float31'; *"),
        (
            (),
            {"LOSSPROOF_LSS": "mse"},
            "lossproof: no environment variable named 'LOSSPROOF_LSS'; did you mean *",
        ),
    ],
)
def test_misuse_is_one_line(broken, monkeypatch, arguments, environment, line):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = run(broken, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {line}"])
    assert "Traceback" not in result.stderr.str()


def test_misuse_without_the_plugin_ends_collection_with_the_same_line(broken, monkeypatch):
    monkeypatch.setenv("LOSSPROOF_LOSS", "hubr")
    result = run(broken, "-p", "no:lossproof")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["lossproof: no loss named 'hubr'; did you mean huber?"])
