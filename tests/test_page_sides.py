"""Several reports on one page: what is compared with what, and what is marked as different."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from test_page import DRAWN, examined
from test_reports_model import report, result, worst

from lossproof.reports import page
from lossproof.reports.model import Result
from lossproof.reports.page.lanes import differ, letter
from lossproof.reports.summary import group


def test_two_reports_stand_side_by_side_and_differences_are_marked() -> None:
    same = result("value", worst=worst(0.5), grade="A")
    old = report(same, result("value", loss="mse", worst=worst(0.2), grade="A"))
    new = report(same, result("value", "failed", loss="mse", worst=worst(9.0), grade="F"))
    text = page.render([old, new], ["old.jsonl", "new.jsonl"])
    root = examined(text)
    marked = [e for e in root.iter("td") if "differs" in e.attrib.get("class", "")]
    assert len(marked) == 2  # in the matrix, and among the checks of mse
    assert text.count("≠</b>") == 2
    assert "old.jsonl" in text
    assert "new.jsonl" in text


def test_backends_that_only_one_report_has_are_compared_with_those_of_the_other() -> None:
    one = report(result("value", worst=worst(0.5), grade="A"))
    other = report(result("value", backend="jax", worst=worst(0.9), grade="A"))
    text = page.render([one, other])
    assert "A torch" in text
    assert "B jax" in text
    assert "≠</b>" not in text
    far = report(result("value", backend="jax", worst=worst(0.9), grade="B"))
    assert "≠</b>" in page.render([one, far])


def test_other_specifications_are_told() -> None:
    again = replace(DRAWN, losses=(replace(DRAWN.losses[0], digest="2"),))
    said = "judged by different specifications of huber"
    assert said in page.render([DRAWN, again])
    assert said not in page.render([DRAWN, DRAWN])


ONE = result("value", worst=worst(0.5), grade="A")


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        (ONE, False),
        (result("value", worst=worst(0.9), grade="A"), False),
        (result("value", worst=worst(1.1), grade="A"), True),
        (result("value", worst=worst(0.2), grade="A"), True),
        (result("value", worst=worst(float("nan")), grade="A"), True),
        (result("value", worst=worst(0.5), grade="B"), True),
        (result("value", "xfailed", worst=worst(0.5), grade="A"), True),
        (result("value", grade="A"), True),
    ],
)
def test_a_place_differs_in_status_grade_or_a_quite_other_error(
    other: Result, differs: bool
) -> None:
    assert differ(group([ONE]), group([other])) == differs
    assert differ(group([other]), group([ONE])) == differs


def test_small_errors_do_not_differ() -> None:
    tiny = result("value", worst=worst(1e-9), grade="A")
    small = result("value", worst=worst(0.09), grade="A")
    assert not differ(group([tiny]), group([small]))
    assert differ(group([tiny]), None)
    assert not differ(None, None)


def test_reports_beyond_z_have_numbers() -> None:
    assert [letter(0), letter(25), letter(26)] == ["A", "Z", "R27"]
