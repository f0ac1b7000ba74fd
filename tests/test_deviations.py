"""Expected deviations: what they excuse, for how long, and that those of this project are there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from test_reports_model import result, worst

from lossproof.conformance import deviations, reproduce, unused
from lossproof.conformance.deviations import Deviation
from lossproof.conformance.entry import entry
from lossproof.conformance.registry import UsageError, backend

ENTRIES = tuple(entry for path in deviations.OWN for entry in deviations.read(path))
#: memory that nobody has written is right by chance now and then
CHANCES = 5


@pytest.mark.parametrize("known", ENTRIES, ids=lambda d: d.id)
def test_an_entry_of_this_project_has_a_case(known: Deviation) -> None:
    assert known.case is not None, "`lossproof reproduce --entry FILE#ID` writes it"


@pytest.mark.parametrize("known", [d for d in ENTRIES if d.case], ids=lambda d: d.id)
def test_the_violation_is_still_there(known: Deviation) -> None:
    assert known.case is not None
    absent = backend(known.case["backend"]).missing()
    if absent is not None:
        pytest.skip(absent)
    if not known.concerns_installed():
        pytest.skip(f"true of {known.versions}")
    seen = [reproduce.answer(**known.case)]
    while seen[-1][0] and len(seen) < CHANCES:
        seen.append(reproduce.answer(**known.case))
    holds, text = seen[-1]
    assert not holds, f"{text}; if it is mended, the entry is to go"
    assert ("raises on input" in text) is (known.status == "errored")


def test_a_case_elsewhere_than_at_the_violation_holds() -> None:
    known = next(d for d in ENTRIES if d.id == "softplus/value[torch,float64,cpu]")
    assert known.case is not None
    if backend("torch").missing() is not None:
        pytest.skip("torch is not installed")
    moved = {**known.case["question"], "arguments": {"x": {"shape": [1], "hex": ["0x1p+0"]}}}
    holds, text = reproduce.answer(**{**known.case, "question": moved})
    assert holds, text
    assert text == "softplus / value: holds at this question"


def known(**facts: object) -> Deviation:
    stated = {"id": "huber/value[torch,*]", "reason": "known", "input": "x=0"} | facts
    return Deviation(**stated)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "entry_status", "becomes"),
    [
        ("failed", "failed", "xfailed"),
        ("warned", "failed", "xfailed"),
        ("errored", "failed", "errored"),
        ("passed", "failed", "xpassed"),
        ("skipped", "failed", "skipped"),
        ("not-run", "failed", "not-run"),
        ("errored", "errored", "xfailed"),
        ("failed", "errored", "failed"),
        ("passed", "errored", "xpassed"),
    ],
)
def test_an_entry_excuses_what_it_says_and_no_more(
    status: str, entry_status: str, becomes: str
) -> None:
    marked = deviations.mark(result("value", status), [known(status=entry_status)])
    assert marked.status == becomes


def test_an_error_is_excused_by_its_own_entry_beside_another() -> None:
    entries = [known(), known(status="errored", reason="raises")]
    assert deviations.mark(result("value", "errored"), entries).reason == "raises"
    assert deviations.mark(result("value", "failed"), entries).reason == "known"


def test_an_entry_of_one_fault_excuses_no_other() -> None:
    nan = known(fault="nan of *", reason="nan")
    both = result("value", "failed", sentence="nan of x", faults=("inf of x", "nan of x"))
    alone = result("value", "failed", sentence="nan of x", faults=("nan of x",))
    assert deviations.mark(alone, [nan]).status == "xfailed"
    assert deviations.mark(both, [nan]).status == "failed"
    assert deviations.mark(both, [nan, known(fault="inf of y")]).status == "failed"
    excused = deviations.mark(both, [nan, known(fault="inf of x", reason="inf", link="there")])
    assert (excused.status, excused.reason, excused.link) == ("xfailed", "inf; nan", "there")
    # a report of old lists no faults but the one that it tells
    old = result("value", "failed", sentence="nan of x")
    assert deviations.mark(old, [nan]).status == "xfailed"


def test_an_entry_excuses_until_its_last_day() -> None:
    entries = [known(expires=date(2027, 1, 31))]
    failed = result("value", "failed")
    assert deviations.mark(failed, entries, date(2027, 1, 31)).status == "xfailed"
    assert deviations.mark(failed, entries, date(2027, 2, 1)).status == "failed"
    assert deviations.apply([failed], [known(expires=date(2001, 1, 1))]) == [failed]


@pytest.mark.parametrize(
    ("versions", "status"),
    [("numpy >= 1", "xfailed"), ("numpy < 1", "failed"), ("no-such-distribution >= 0", "failed")],
)
def test_an_entry_excuses_only_the_versions_that_it_is_true_of(versions: str, status: str) -> None:
    entries = [known(versions=versions)]
    assert deviations.mark(result("value", "failed"), entries).status == status
    passed = deviations.mark(result("value", "passed"), entries).status
    assert passed == ("xpassed" if status == "xfailed" else "passed")


CASE = (
    'case = { check = "value", backend = "torch", '
    'question = { loss = "huber", dtype = "float32" } }'
)
REFUSED = {
    'status = "skipped"': "no status named 'skipped'; choose from failed, errored",
    'expires = "soon"': "expires must be a date such as 2027-01-31, got 'soon'",
    "expires = 2027-01-31T10:00:00": "expires must be a date such as 2027-01-31, got datetime.",
    'fault = ""': "fault must not be empty",
    "link = 3": "link must be text, got 3",
    'status = "errored"\nfault = "nan of *"': "fault is one of a violation",
    'versions = "jax"': "versions must be like 'jax < 0.11', got 'jax'",
    'versions = "< 2"': "versions must be like 'jax < 0.11', got '< 2'",
    'case = "x"': "case must be a table",
    'case = { chek = "value" }': "no key of a case named 'chek'; did you mean check?",
    'case = { check = "value" }': "case needs check, backend and question",
    CASE.replace("float32", "float16"): "its case asks huber/value[torch,float16,cpu], which "
    "huber/value[torch,float32,*] does not match",
    CASE.replace('"value"', '"kink"'): "its case asks huber/kink[torch,float32,cpu], which ",
}


@pytest.mark.parametrize(("line", "words"), REFUSED.items())
def test_an_entry_is_refused_in_one_line(line: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text(
        f'[[deviation]]\nid = "huber/value[torch,float32,*]"\nreason = "r"\ninput = "i"\n{line}\n'
    )
    with pytest.raises(UsageError) as refusal:
        deviations.read(path)
    assert str(refusal.value).startswith(f"{path}: deviation 1: {words}")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('id = "i"\nreason = "r"', "no input: an input that shows it, in words, such as 'logits="),
        ('id = "i"\ninput = "i"', "no reason: why it is accepted, in words"),
        ('reason = "r"', "no id: the cells that it excuses, in the form huber/value[torch,float32"),
        ('id = "i"\nreason = " "\ninput = "i"', "reason must not be empty"),
    ],
)
def test_what_an_entry_lacks_is_said_with_what_it_is_for(
    text: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "known.toml"
    path.write_text(f"[[deviation]]\n{text}\n")
    with pytest.raises(UsageError) as refusal:
        deviations.read(path)
    assert str(refusal.value).startswith(f"{path}: deviation 1: {words}")


def test_what_optax_does_in_16_bits_is_expected_in_them_alone() -> None:
    def expected(dtype: str) -> list[str]:
        cells = (f"sparsemax/value[optax,{dtype},cpu]", f"ctc/dtype[optax,{dtype},cpu]")
        return [c for c in cells if any(d.matches(c) for d in ENTRIES)]

    assert [len(expected(d)) for d in ("bfloat16", "float16", "float32", "float64")] == [2, 2, 0, 0]


def test_an_id_of_another_form_is_told_the_form() -> None:
    (line,) = unused.warnings([known(id="huber")], [])
    assert line == (
        "warning: expected deviation matches no cell: huber; an id is like "
        "huber/value[torch,float32,cpu]"
    )
    (line,) = unused.warnings([known(id="huber/kink[torch,*]")], [])
    assert line == "warning: expected deviation matches no cell: huber/kink[torch,*]"


def test_an_entry_that_is_written_is_read_with_the_same_case(tmp_path: Path) -> None:
    array = {"shape": [2], "hex": ["0x1.8000000000000p+1", "-0x0.0p+0"]}
    question = {
        "loss": "huber", "dtype": "float32", "arguments": {"prediction": array, "target": array},
        "options": {"delta": 1.0, "floor": None}, "reduction": "none", "cotangent": None,
    }  # fmt: skip
    cell = result("value", "failed", violations=1, worst=worst(2.0, case={"question": question,
                  "how": {"layout": 'a "b"'}}))  # fmt: skip
    path = tmp_path / "known.toml"
    path.write_text(entry(cell))
    (read,) = deviations.read(path)
    assert (read.id, read.reason, read.status) == (cell.id, cell.sentence, "failed")
    assert read.case is not None
    assert {k: read.case[k] for k in ("check", "backend", "device", "how")} == {
        "check": "value", "backend": "torch", "device": "cpu", "how": {"layout": 'a "b"'}
    }  # fmt: skip
    assert read.case["question"]["arguments"]["target"]["hex"] == ["0x1.8p+1", "-0x0p+0"]
    assert read.case["question"]["options"] == {"delta": 1.0}
    with pytest.raises(UsageError, match=r"huber/value\[.*\] \(passed\) stores no question"):
        entry(result("value"))
