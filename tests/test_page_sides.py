"""Several reports on one page: what is compared with what, and what is marked as different."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from test_page import DRAWN, examined
from test_reports_model import report, result, worst

from lossproof.reports import page
from lossproof.reports.model import Result
from lossproof.reports.page.lanes import differ
from lossproof.reports.page.names import short_paths, titles
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
    assert "1 torch" in text
    assert "2 jax" in text
    assert "≠</b>" not in text
    far = report(result("value", backend="jax", worst=worst(0.9), grade="B"))
    assert "≠</b>" in page.render([one, far])


def test_what_one_report_does_not_have_is_absent_and_no_difference() -> None:
    both = result("value", worst=worst(0.5), grade="A")
    more = result("value", dtype="float64", worst=worst(0.5), grade="A")
    for reports, place in (([report(both, more), report(both)], "2"),
                           ([report(both), report(both, more)], "1")):  # fmt: skip
        text = page.render(reports)
        assert "≠</b>" not in text
        assert f"not in {place}</span>" in text
        rows = [e.attrib for e in examined(text).iter("tr") if "data-loss" in e.attrib]
        assert [r["data-dtype"] for r in rows if "data-partial" in r] == ["float64"]
        assert not [r for r in rows if "data-differs" in r]
        assert "0 of its checks differ" in text
        assert "1 in some reports only" in text


def test_a_failure_is_told_in_full_under_the_report_that_has_it() -> None:
    ids = []
    told = result("value", "failed", worst=worst(9.0), grade="F", message="not it\n  at x=1",
                  snippet="ask()\n")  # fmt: skip
    root = examined(text := page.render([report(told), report(told)], ["a/r.jsonl", "b/r.jsonl"]))
    for place, name in (("1", "a"), ("2", "b")):
        assert f"Violations in {place} {name}</h4>" in text
        ids.append(f"report{place}/{told.id}")
    assert [e.attrib["id"] for e in root.iter("article")] == ids
    table = next(e for e in root.iter("table") if e.attrib.get("id") == "_table")
    links = [e.attrib["href"] for e in table.find("tbody").iter("a")]
    assert links == ["#huber", *(f"#{id_}" for id_ in ids)]
    assert text.count("not it\n  at x=1") == text.count("ask()\n") == 2


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


@pytest.mark.parametrize(
    ("change", "names", "expected"),
    [
        ({}, (), ["1", "2"]),
        ({}, ("old.jsonl", "new.jsonl"), ["1 old", "2 new"]),
        ({}, ("/x/a/report.jsonl", "/x/b/report.jsonl"), ["1 a", "2 b"]),
        ({"seed": 7}, ("old.jsonl", "new.jsonl"), ["1 seed 0", "2 seed 7"]),
        ({"python": "3.13.1"}, (), ["1 Python 3.11.4", "2 Python 3.13.1"]),
        ({"versions": {"torch": "3.0"}}, (), ["1 torch 2.13.0", "2 torch 3.0"]),
        ({}, ("a" * 30 + ".jsonl", "b.jsonl"), ["1", "2"]),
    ],
)
def test_a_report_is_named_by_what_tells_it_from_the_others(
    change: dict[str, Any], names: tuple[str, ...], expected: list[str]
) -> None:
    one = report(ONE)
    other = replace(one, header=replace(one.header, **change))
    assert titles([one, other], names) == expected


def test_devices_tell_reports_apart_and_no_name_is_a_grade() -> None:
    far = report(result("value", device="cuda", worst=worst(0.5), grade="A"))
    assert titles([report(ONE), far]) == ["1 cpu", "2 cuda"]
    many = titles([report(ONE)] * 30)
    assert not {"A", "B", "C", "F"} & set(many)
    assert len(set(many)) == 30


def test_paths_are_shown_from_where_they_part() -> None:
    assert short_paths(["/x/a/r.jsonl", "/x/b/r.jsonl"]) == ["a/r.jsonl", "b/r.jsonl"]
    assert short_paths(["/x/r.jsonl", "/x/s.jsonl"]) == ["r.jsonl", "s.jsonl"]
    assert short_paths(["/x/r.jsonl", "/x/y/r.jsonl"]) == ["r.jsonl", "y/r.jsonl"]
    assert short_paths([]) == []
