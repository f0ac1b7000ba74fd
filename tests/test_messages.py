"""What violations say, word for word, and that their snippets show them again."""

import subprocess
import sys

import numpy as np
import pytest
import wrong_losses as wrong

import lossproof
from lossproof.conformance import message, reproduce
from lossproof.conformance.items import items
from lossproof.conformance.origin import implementation
from lossproof.conformance.points import SIZES
from lossproof.conformance.sources import plain
from lossproof.spec.question import Question

WHO = f"[numpy {np.__version__}, float32, cpu]"


def asked(function, check, *, dtype="float32", how=None, **question):
    """The message for one question put to a function: all that a report would hold."""
    item = subject_of(function, check, dtype)
    stored = _question(item.subject, **question).to_json(dtype)
    found = item.check.run(item.subject, Question.from_json(stored), item.name)
    broken = [o for o in found if o.fault is not None and (how is None or o.how == how)]
    return message.render(item.subject, item.name, max(broken, key=lambda o: o.ratio), "#")


def subject_of(function, check, dtype="float32"):
    claim = implementation(function, loss="huber", backend="numpy")
    (item,) = items(claim, dtypes=[dtype], checks=[check], device="cpu", profile="smoke",
                        seed=0, expected_failed=None)  # fmt: skip
    return item


def _question(subject, *, prediction=(3.0,), target=(0.0,), reduction="none", cotangent=None):
    fmt = subject.format
    base = plain(subject, sizes=SIZES[1], reduction=reduction)
    arguments = {"prediction": prediction, "target": target}
    question = Question(
        loss=subject.loss,
        arguments={k: np.asarray(fmt.round(np.asarray(v))) for k, v in arguments.items()},
        options=base.options,
        reduction=reduction,
    )
    return question.with_cotangent(1.0 if cotangent is None else cotangent)


def test_a_value_says_where_the_truth_what_came_and_how_far_it_is():
    assert asked(wrong.branchless, "value") == (
        f"huber / value of wrong_losses.py:branchless {WHO}: not the value of the spec\n"
        "  at       prediction=3.0, target=0.0, delta=1.0, reduction=none\n"
        "  truth    2.5 (exact)\n"
        "  got      4.5\n"
        "  off      8.39e+06 ulp (1.8 times the truth), 3.63 allowed: one rounding of each "
        "input and of 6 operations"
    )


def test_a_gradient_says_the_cotangent_too():
    assert asked(wrong.branchless, "gradient.prediction", cotangent=2.0) == (
        f"huber / gradient.prediction of wrong_losses.py:branchless {WHO}: "
        "not the gradient of the spec\n"
        "  at       prediction=3.0, target=0.0, delta=1.0, reduction=none, cotangent=2.0\n"
        "  truth    2 (exact)\n"
        "  got      6\n"
        "  off      1.68e+07 ulp (3 times the truth), 1.5 allowed: one rounding of each "
        "input and of 3 operations"
    )


def test_numbers_are_decimals_that_lose_nothing():
    text = asked(wrong.branchless, "value", prediction=(1e-45 + 3e9,), target=(0.1,))
    assert text.splitlines()[1] == (
        "  at       prediction=3000000000.0, target=0.1, delta=1.0, reduction=none"
    )


def test_a_violation_that_needs_its_batch_says_so():
    text = asked(wrong.crowded, "value", prediction=(2.0, 3.0), target=(0.0, 3.0))
    assert text.splitlines()[1:4] == [
        "  at       prediction=[2.0, 3.0], target=[0.0, 3.0], delta=1.0, reduction=none",
        "  alone    sample 0 is meant, and does not fail so alone",
        "  truth    1.5 (exact)",
    ]


def test_a_wrong_shape_says_which_came():
    assert asked(wrong.flattened, "value", prediction=[[1.0]], target=[[0.0]]) == (
        f"huber / value of wrong_losses.py:flattened {WHO}: not the value of the spec\n"
        "  at       prediction=1.0 of shape (1, 1), target=0.0 of shape (1, 1), delta=1.0, "
        "reduction=none\n"
        "  truth    an array of shape (1, 1) in the dtype of the input\n"
        "  got      shape (1,) came back, (1, 1) is stated\n"
        "  off      not comparable"
    )


def test_a_number_that_is_not_finite_says_which():
    assert asked(wrong.overflowing, "overflow", prediction=(2.0**64,)) == (
        f"huber / overflow of wrong_losses.py:overflowing {WHO}: "
        "the value is not finite where a finite answer exists\n"
        "  at       prediction=1.8446744e+19, target=0.0, delta=1.0, reduction=none\n"
        "  quantity value\n"
        "  truth    1.8446744074e+19\n"
        "  got      nan\n"
        "  off      not a finite number; 2.5 ulp allowed: one rounding of each input and of "
        "6 operations\n"
        "  looks    not finite where prediction is beyond 1.8e+19, whose square overflows"
    )


def test_a_wrong_dtype_says_which():
    assert asked(wrong.widened, "dtype", prediction=(1.0, 2.0), target=(0.0, 0.0)) == (
        f"huber / dtype of wrong_losses.py:widened {WHO}: "
        "the value has another dtype than the input\n"
        "  at       prediction=[1.0, 2.0], target=[0.0, 0.0], delta=1.0, reduction=none, "
        "cotangent=[1.0, 1.0]\n"
        "  truth    float32\n"
        "  got      float64\n"
        "  looks    float64 whatever it is given: a float64 array or scalar is mixed in, or its "
        "input is widened and not cast back"
    )


def test_how_the_question_was_put_is_part_of_where():
    text = asked(wrong.branchless, "layout", how={"layout": "reversed"})
    assert text.splitlines()[:3] == [
        f"huber / layout of wrong_losses.py:branchless {WHO}: wrong for reversed arrays",
        "  at       prediction=3.0, target=0.0, delta=1.0, reduction=none, cotangent=1.0, "
        "layout=reversed",
        "  quantity gradient.prediction",
    ]


def test_a_target_that_raises_says_what_and_in_which_line():
    (found,) = lossproof.check(wrong.raising, loss="huber", backend="numpy", dtypes=["float32"],
                               checks=["value"], profile="smoke")  # fmt: skip
    lines = found.message.splitlines()
    line = wrong.raising.__code__.co_firstlineno + 2
    assert lines[0] == (
        f"huber / value of wrong_losses.py:raising {WHO}: raises on input that the spec allows"
    )
    assert lines[1] == (
        "  at       prediction=0.0, target=0.0, delta=1.0, reduction=none, cotangent=1.0"
    )
    assert lines[2:] == [
        "  got      ZeroDivisionError: float division by zero",
        f"  in       wrong_losses.py:{line}",
    ]
    assert found.status == "errored"
    with pytest.raises(AssertionError) as raised:
        exec(found.snippet, {})
    assert str(raised.value) == found.message


def test_a_report_says_how_to_ask_again():
    item = subject_of(wrong.branchless, "value")
    (observation,) = item.check.run(item.subject, _question(item.subject), item.name)
    text = message.render(item.subject, item.name, observation, "report.jsonl#huber/value")
    assert text.splitlines()[-1] == "  again    lossproof reproduce 'report.jsonl#huber/value'"


def test_lines_of_a_fact_are_aligned():
    assert message._line("got", "[[0\n [1") == "  got      [[0\n            [1"


def violations(function, **facts):
    facts = {"dtypes": ["float32"], "profile": "smoke"} | facts
    found = lossproof.check(function, loss="huber", backend="numpy", **facts)
    return [r for r in found if r.status in ("failed", "warned")]


def test_snippets_show_the_violation_again_in_another_process(tmp_path):
    # one check for each kind of question: searched, derived from a plain one, put in many ways
    names = ("value", "gradient.target", "overflow", "layout", "special_values", "reductions")
    found = [r for r in violations(wrong.branchless, profile="default") if r.check in names]
    assert len(found) == len(names)
    for r in found:
        done = subprocess.run(
            [sys.executable, "-c", r.snippet], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 1
        assert done.stdout == ""
        told = r.message.partition("\n  also ")[0]  # what else fails is not asked again
        assert done.stderr.endswith(f"AssertionError: {told}\n")


def test_the_other_faults_of_a_cell_are_named_beside_the_one_that_is_shown():
    (found,) = (r for r in violations(wrong.branchless, profile="default") if r.check == "layout")
    last = found.message.splitlines()[-1]
    assert found.sentence == "wrong for contiguous arrays"
    assert last.startswith("  also     wrong for broadcast arrays; wrong for readonly arrays; ")
    assert last.count(";") == message.OTHERS - 1
    assert last.endswith(f" and {len(found.faults) - 1 - message.OTHERS} more")


def test_a_snippet_is_short_and_plain():
    item = subject_of(wrong.branchless, "value")
    (observation,) = item.check.run(item.subject, _question(item.subject), item.name)
    expected = f"""\
from lossproof.conformance.reproduce import ask

ask(
    check='value',
    backend='numpy',
    target='{wrong.__file__}:branchless',
    question={{'loss': 'huber',
              'dtype': 'float32',
              'arguments': {{'prediction': {{'shape': [1], 'hex': ['0x1.8p+1']}},
                            'target': {{'shape': [1], 'hex': ['0x0p+0']}}}},
              'options': {{'delta': 1.0}},
              'reduction': 'none',
              'cotangent': {{'shape': [1], 'hex': ['0x1p+0']}}}},
)"""
    assert message.snippet(item.subject, item.name, observation) == expected


def test_the_snippet_of_a_violation_that_needs_its_batch_holds_the_batch():
    (found,) = violations(wrong.crowded, checks=["value"])
    assert "  at       prediction=[0.0, 0.0], target=[0.0, 1.0], delta=1.0" in found.message
    assert "  alone    sample 1 is meant, and does not fail so alone" in found.message
    with pytest.raises(AssertionError) as raised:
        exec(found.snippet, {})
    assert str(raised.value) == found.message


def test_a_function_in_memory_has_no_snippet():
    def local(prediction, target, *, delta, reduction):
        return wrong.branchless(prediction, target, delta=delta, reduction=reduction)

    (found,) = violations(local, checks=["value"])
    name = local.__qualname__
    assert found.message.startswith(f"huber / value of {name} {WHO}: ")
    assert found.snippet is None
    # nor has one whose gradient is not the one that a file names
    (found,) = violations(wrong.branchless, backward=wrong.widened_backward, checks=["value"])
    assert found.snippet is None


def test_a_question_that_holds_now_says_so(capsys):
    (found,) = violations(wrong.branchless, checks=["value"])
    case = found.worst.case
    assert case["target"] == f"{wrong.__file__}:branchless"
    mended = f"{wrong.__file__}:right"
    reproduce.ask(
        check="value", backend="numpy", target=mended, question=case["question"], how=case["how"]
    )
    assert capsys.readouterr().out == "huber / value: holds at this question\n"


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_numbers_are_written_to_the_precision_of_the_dtype(dtype):
    got = {"float64": "4.5", "float16": "4.5", "bfloat16": "4.5"}[dtype]
    assert f"  got      {got}\n" in asked(wrong.branchless, "value", dtype=dtype)


def test_what_is_said_of_the_function_is_not_said_of_the_number():
    assert message.said("mse") == "  looks    the function is like mse"
    mixed = "no mean of its samples: samples are mixed"
    assert message.said(mixed) == f"  looks    the function is {mixed}"
