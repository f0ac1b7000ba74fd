"""`lossproof.parametrize` and `lossproof.check`: a function as items of pytest, and as results."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import lossproof
from lossproof.conformance import present

pytest_plugins = ["pytester"]

# pytest inside pytest forgets the modules that it was first to import: import them all now
present.overview()

LOSSES = """
import numpy as np


def _reduced(losses, reduction):
    return {"none": lambda x: x, "sum": np.sum, "mean": np.mean}[reduction](losses)


def right(prediction, target, *, reduction):
    if prediction.shape != target.shape:
        raise ValueError("shapes differ")
    return _reduced(np.square(prediction - target), reduction)


def right_backward(cotangent, prediction, target, *, reduction):
    if reduction == "mean":
        cotangent = cotangent / prediction.dtype.type(prediction.size)
    slope = cotangent * 2 * (prediction - target)
    return {"prediction": slope, "target": -slope}


def half(prediction, target, *, reduction):
    return right(prediction, target, reduction=reduction) / 2


def accepting(prediction, target, *, reduction):
    return right(prediction, target, reduction="mean" if reduction == "average" else reduction)


accepting_backward = right_backward
"""

TEST = """
import lossproof
import losses


@lossproof.parametrize(losses.{function}, loss="mse", backend="numpy", profile="smoke"{facts})
def test_mse(check):
    check()
"""


@pytest.fixture
def tried(pytester, monkeypatch):
    """Run a test of one of the losses: `tried(function, facts, *arguments)`."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(function, facts="", *arguments, runner=pytester.runpytest_inprocess):
        pytester.makepyfile(losses=LOSSES)
        pytester.makepyfile(test_it=TEST.format(function=function, facts=facts and f", {facts}"))
        return runner("-p", "no:cacheprovider", "-rsxX", *arguments)

    return run


def lines(result):
    return result.stdout.str().splitlines()


def test_a_right_function_passes_in_every_dtype(tried):
    result = tried("right")
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed", "skipped"}
    assert outcomes["passed"] > 20  # smoke gives three dtypes values and gradients only


def test_items_are_named_by_check_and_dtype_in_a_fixed_order(tried):
    result = tried("right", "dtypes=['float64', 'float32'], checks=['value', 'gradient', 'dtype']",
                   "--collect-only", "-q")  # fmt: skip
    assert [line for line in lines(result) if "::" in line] == [
        f"test_it.py::test_mse[{check}-{dtype}]"
        for dtype in ("float64", "float32")
        for check in ("dtype", "gradient.prediction", "gradient.target", "value")
    ]


def test_k_selects_a_check_a_dtype_or_one_of_both(tried):
    tried("right", "", "-k", "gradient.prediction-float32").assert_outcomes(passed=1, deselected=63)
    tried("right", "", "-k", "value-float64 and not special or overflow-float64").assert_outcomes(
        passed=2, deselected=62
    )


def test_processes_of_xdist_agree_on_the_items(tried):
    pytest.importorskip("xdist")
    result = tried("right", "dtypes=['float32']", "-n2", "-k", "value or gradient")
    result.assert_outcomes(passed=4)  # special_values has "value" in it


def test_a_wrong_function_fails_with_the_message_and_nothing_else(tried):
    result = tried("half", "dtypes=['float32'], checks=['value']", "--show-capture=no")
    result.assert_outcomes(failed=1)
    start = next(i for i, line in enumerate(lines(result)) if line.startswith("mse / value"))
    assert lines(result)[start - 1].startswith("____")
    assert lines(result)[start : start + 7] == [
        f"mse / value of losses.py:half [numpy {np.__version__}, float32, cpu]: "
        "not the value of the spec",
        "  at       prediction=0.0, target=1.0, reduction=none",
        "  truth    1 (exact)",
        "  got      0.5",
        "  off      4.19e+06 ulp (0.5 times the truth), 2.5 allowed: one rounding of each "
        "input and of 2 operations",
        "  looks    half the truth",
        "  again    pytest 'test_it.py::test_mse[value-float32]'",
    ]
    assert lines(result)[start + 7].startswith("====")


def test_what_shows_it_again_is_printed_beside_the_message(tried):
    result = tried("half", "dtypes=['float32'], checks=['value']")
    result.stdout.fnmatch_lines(
        ["# shows it again", "from lossproof.conformance.reproduce import ask", "*losses.py:half*"]
    )


def test_a_check_that_does_not_apply_is_skipped_with_its_reason(tried):
    result = tried("half", "dtypes=['float32'], checks=['gradient', 'kink']")
    result.assert_outcomes(skipped=3)
    result.stdout.fnmatch_lines(
        [
            "SKIPPED*the implementation has no gradient for prediction",
            "SKIPPED*the loss has no kinks",
        ],
        consecutive=False,
    )


def test_a_device_that_is_not_there_is_skipped_with_its_reason(tried):
    result = tried("right", "device='cuda', dtypes=['float32'], checks=['value']", "-v")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*test_mse?value-float32-cuda?*"])
    result.stdout.fnmatch_lines(["SKIPPED*numpy has no device cuda here"])


def test_a_requirement_of_level_should_warns_and_passes(tried):
    result = tried("accepting", "dtypes=['float32'], checks=['bad_input']")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*test_it.py:7: ConformanceWarning: mse / bad_input of losses.py:accepting*: "
            "an unknown reduction is accepted"
        ]
    )


@pytest.mark.parametrize("name", ["value", "value-float32", "val*"])
def test_an_expected_failure_is_xfailed_with_its_reason(tried, name):
    facts = f"dtypes=['float32'], checks=['value'], expected_failed={{'{name}': 'half of it'}}"
    result = tried("half", facts)
    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines(["XFAIL*value-float32* - half of it"])


def test_an_expected_warning_is_xfailed_too(tried):
    facts = "dtypes=['float32'], checks=['bad_input'], expected_failed={'bad_input': 'lenient'}"
    tried("accepting", facts).assert_outcomes(xfailed=1)


OWN = """
import torch
import lossproof


@lossproof.parametrize(
    torch.nn.BCEWithLogitsLoss(), loss="binary_cross_entropy_with_logits", backend="torch",
    dtypes=["bfloat16"], checks=["value", "gradient.logits"],
)
def test_bce(check):
    check()
"""


# not importorskip: pytester would forget torch, which cannot be imported twice
@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_a_deviation_of_the_framework_is_xfailed_with_its_reason(pytester):
    pytester.makepyfile(OWN)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rx")
    result.assert_outcomes(xfailed=1, passed=1)
    assert "inherited from torch: (1 - t)" in result.stdout.str()


def test_an_expected_failure_that_passes_fails_only_where_that_is_strict(tried):
    facts = "dtypes=['float32'], checks=['value'], expected_failed={'value': 'it was wrong'}"
    tried("right", facts).assert_outcomes(xpassed=1)
    tried("right", f"{facts}, strict=True").assert_outcomes(failed=1)
    tried("right", facts, "-o", "xfail_strict=true").assert_outcomes(failed=1)
    tried("right", f"{facts}, strict=False", "-o", "xfail_strict=true").assert_outcomes(xpassed=1)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ("dtypes=['float31']", "no dtype named 'float31'; did you mean *"),
        ("dtypes='float32'", "dtypes is a list of names, got 'float32'"),
        ("checks=['valeu']", "no check named 'valeu'; did you mean value*"),
        ("checks=['gradient.guess']", "no argument with a gradient named 'guess'; choose from *"),
        ("checks=['grad*ent.nix']", "no check matches 'grad*ent.nix'; choose from *"),
        ("fix={'delta': 2.0}", "no parameter or option of mse named 'delta'; *"),
        ("reductions=['average']", "no reduction of mse named 'average'; choose from *"),
        ("expected_failed={'valeu': 'x'}", "no check to fail named 'valeu'; did you mean value*"),
        ("expected_failed={'value': ''}", "expected_failed['value'] must be a reason, got ''"),
    ],
)
def test_misuse_ends_collection_with_one_line(tried, facts, line):
    result = tried("right", facts)
    result.assert_outcomes(errors=1)
    shown = lines(result)
    start = next(i for i, text in enumerate(shown) if "ERROR collecting" in text) + 1
    assert shown[start + 1][:4] in ("====", "!!!!")
    pytest.LineMatcher([shown[start]]).fnmatch_lines(
        ["lossproof.parametrize: " + line.replace("[", "[[]")]
    )


def test_misnamed_losses_and_arguments_end_collection_with_one_line(pytester):
    pytester.makepyfile(
        test_loss="import lossproof\n"
        "@lossproof.parametrize(max, loss='hubr', backend='numpy')\n"
        "def test_it(check): check()\n",
        test_argument="import lossproof\n"
        "@lossproof.parametrize(max, loss='mse', backend='numpy')\n"
        "def test_it(chek): chek()\n",
        test_function="import lossproof\n"
        "@lossproof.parametrize(3, loss='mse', backend='numpy')\n"
        "def test_it(check): check()\n",
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(
        [
            "lossproof.parametrize: test_it must take an argument named 'check'",
            "lossproof.parametrize: a function is wanted, got 3",
            "lossproof.parametrize: no loss named 'hubr'; did you mean huber?",
        ],
        consecutive=False,
    )


def test_loading_the_plugin_imports_nothing_heavy():
    program = (
        "import sys, pytest; before = set(sys.modules); import lossproof.conformance.plugin; "
        "print(*sorted(n for n in set(sys.modules) - before if not n.startswith('__editable__')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["lossproof", "lossproof.conformance",
                                   "lossproof.conformance.plugin"]  # fmt: skip


def test_collecting_does_not_import_the_framework(pytester):
    pytester.makepyfile(
        """
        import sys
        import lossproof

        def loss(prediction, target, *, reduction): ...

        @lossproof.parametrize(loss, loss="mse", backend="torch")
        def test_it(check): check()

        @lossproof.parametrize(loss, loss="mse", backend="jax")
        def test_that(check): check()

        assert "torch" not in sys.modules and "jax" not in sys.modules
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--collect-only", "-q")
    assert result.ret == 0
    assert "test_it[value-float32]" in result.stdout.str()


def absolute(prediction, target, *, reduction):
    """Right, without a gradient."""
    if prediction.shape != target.shape:
        raise ValueError("shapes differ")
    return {"none": lambda x: x, "sum": np.sum, "mean": np.mean}[reduction](
        abs(prediction - target)
    )


def results(function, loss="mae", **facts):
    facts = {"dtypes": ["float32"], "profile": "smoke"} | facts
    return {r.check: r for r in lossproof.check(function, loss=loss, backend="numpy", **facts)}


def test_check_returns_a_result_for_each_check_and_dtype():
    found = lossproof.check(
        absolute, loss="mae", backend="numpy", profile="smoke",
        checks=["value", "gradient"], dtypes=["float64", "float32"],
    )  # fmt: skip
    assert [r.id for r in found] == [
        f"mae/{check}[numpy,{dtype},cpu]"
        for dtype in ("float64", "float32")
        for check in ("gradient.prediction", "gradient.target", "value")
    ]
    assert [r.status for r in found] == ["skipped", "skipped", "passed"] * 2


def test_check_takes_a_backward_by_keyword():
    def backward(cotangent, prediction, target, *, reduction):
        slope = np.sign(prediction - target) * cotangent
        if reduction == "mean":
            slope = slope / prediction.dtype.type(prediction.size)
        return {"prediction": slope, "target": -slope}

    found = results(absolute, backward=backward, checks=["gradient"])
    assert {r.status for r in found.values()} == {"passed"}


def test_check_takes_the_dialect_and_reductions_that_a_function_offers():
    def huber(prediction, target, *, reduction):
        r = abs(prediction - target)
        return np.mean(np.where(r <= 2, r * r / 2, 2 * (r - 1)), dtype=r.dtype)

    facts = {"loss": "huber", "checks": ["value"], "reductions": ["mean"]}
    assert results(huber, fix={"delta": 2.0}, **facts)["value"].status == "passed"
    assert results(huber, fix={"delta": 1.0}, **facts)["value"].status == "failed"


def test_check_marks_expected_failures():
    found = results(absolute, "mse", checks=["value", "dtype"],
                    expected_failed={"value": "not squared", "dtype": "was float64"})  # fmt: skip
    assert (found["value"].status, found["value"].reason) == ("xfailed", "not squared")
    assert (found["dtype"].status, found["dtype"].reason) == ("xpassed", "was float64")


def test_check_refuses_names_that_are_not_known_in_one_line():
    with pytest.raises(ValueError, match=r"^no backend named 'tenserflow'; did you mean|choose"):
        lossproof.check(absolute, loss="mae", backend="tenserflow")
    with pytest.raises(ValueError, match=r"^no profile named 'quick'; "):
        lossproof.check(absolute, loss="mae", backend="numpy", profile="quick")


def test_what_is_registered_keeps_its_facts():
    from lossproof.conformance.registry import backend

    registered = backend("numpy").implementations().get("mse")
    assert results(registered, "mse", checks=["value"])["value"].status == "passed"
    with pytest.raises(ValueError, match=r"is registered as mse on numpy, not as mae on numpy$"):
        results(registered, "mae")


def test_the_public_names_are_imported_when_first_used():
    program = "import lossproof, sys; print(len([n for n in sys.modules if 'lossproof.' in n]))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"
    assert {"check", "parametrize", "ConformanceWarning", "__version__"} <= set(dir(lossproof))
    with pytest.raises(AttributeError, match="'lossproof' has no attribute 'chek'"):
        lossproof.chek  # noqa: B018
