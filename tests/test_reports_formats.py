"""Reports as JUnit XML, CSV and badge, letter by letter, and read back by readers of others."""

from __future__ import annotations

import csv
import json
import math
import random
import time
import unicodedata
from collections.abc import Callable
from io import StringIO

import pytest
from test_reports_model import NASTY, many, report, result, worst
from test_reports_show import everywhere

from lossproof.reports import badge, junit, sheet
from lossproof.reports.model import Report

WRITERS = pytest.mark.parametrize("render", [junit.render, sheet.render, badge.render])
BIDI = "שלום \u202eevil\u2066"
SMALL = report(
    result("value", grade="A", worst=worst(0.5, ulps=1.5), seconds=0.25, points=9),
    result("gradient.x", "failed", sentence="not <the> gradient", message="off by\n  9 ulp",
           worst=worst(math.inf), violations=3),
    result("dtype", "skipped", reason="no float16 on cpu", dtype="float16"),
    result("kink", "xfailed", reason="known", link="https://example.org/1"),
    result("shapes", "warned", level="SHOULD", message="broadcasts"),
    result("scale", "not-run", loss="mse", reason="the time limit ended the run"),
    result("layout", "errored", loss="mse", reason="the target raised: ValueError"),
    result("value", "xpassed", loss="mse", conventions={"at 0": "=1", "at 1": "2"}),
    cells=8, exit_code=1,
)  # fmt: skip

JUNIT = """\
<?xml version="1.0" encoding="utf-8"?>
<testsuites name="lossproof" tests="8" failures="1" errors="2" skipped="2">
  <testsuite name="huber.torch" tests="5" timestamp="2026-01-01T00:00:00Z" failures="1" errors="0" \
skipped="2" time="0.250">
    <properties>
      <property name="lossproof" value="0.1.0" />
      <property name="profile" value="default" />
      <property name="seed" value="0" />
      <property name="shortcomings" value="none" />
    </properties>
    <testcase classname="huber.torch" name="dtype[float16,cpu]" time="0.000">
      <skipped type="skipped" message="no float16 on cpu" />
    </testcase>
    <testcase classname="huber.torch" name="gradient.x[float32,cpu]" time="0.000">
      <failure type="MUST" message="not &lt;the&gt; gradient">off by
  9 ulp</failure>
    </testcase>
    <testcase classname="huber.torch" name="kink[float32,cpu]" time="0.000">
      <skipped type="xfailed" message="known">https://example.org/1</skipped>
    </testcase>
    <testcase classname="huber.torch" name="shapes[float32,cpu]" time="0.000">
      <system-out>warned
broadcasts</system-out>
    </testcase>
    <testcase classname="huber.torch" name="value[float32,cpu]" time="0.250" />
  </testsuite>
  <testsuite name="mse.torch" tests="3" timestamp="2026-01-01T00:00:00Z" failures="0" errors="2" \
skipped="0" time="0.000">
    <properties>
      <property name="lossproof" value="0.1.0" />
      <property name="profile" value="default" />
      <property name="seed" value="0" />
      <property name="shortcomings" value="none" />
    </properties>
    <testcase classname="mse.torch" name="layout[float32,cpu]" time="0.000">
      <error type="errored" message="the target raised: ValueError">the target raised: \
ValueError</error>
    </testcase>
    <testcase classname="mse.torch" name="scale[float32,cpu]" time="0.000">
      <error type="not-run" message="the time limit ended the run">the time limit ended the \
run</error>
    </testcase>
    <testcase classname="mse.torch" name="value[float32,cpu]" time="0.000">
      <system-out>xpassed</system-out>
    </testcase>
  </testsuite>
</testsuites>
"""

ROWS = """\
"id","loss","check","backend","dtype","device","level","status","grade","ratio","ulps","points",\
"excused","violations","sentence","reason","link","at","truth","got","off","allowed","conventions"
"huber/gradient.x[torch,float32,cpu]","huber","gradient.x","torch","float32","cpu","MUST","failed",\
"",inf,"",0,0,3,"not <the> gradient","","","prediction=0x1.8p+1; target=0x0p+0","1.0 (exact)",3.0,\
"9 ulp","2.1 ulp",""
"huber/value[torch,float32,cpu]","huber","value","torch","float32","cpu","MUST","passed",\
"A",0.5,1.5,9,0,0,"the value is within its budget","","","prediction=0x1.8p+1; target=0x0p+0",\
"1.0 (exact)","3.0","9 ulp","2.1 ulp",""
"mse/value[torch,float32,cpu]","mse","value","torch","float32","cpu","MUST","xpassed",\
"","","",0,0,0,"the value is within its budget","","","","","","","","at 0==1; at 1=2"
""".replace("3.0,", '"3.0",')


def test_junit_is_as_agreed() -> None:
    assert junit.render(SMALL) == JUNIT


def test_csv_is_as_agreed() -> None:
    kept = ("gradient.x", "value")
    few = report(*(r for r in SMALL.results if r.check in kept))
    assert sheet.render(few) == ROWS


@pytest.mark.parametrize(
    ("shown", "message", "color"),
    [
        (report(result("a"), result("b")), "100% of 2 passed", "brightgreen"),
        (report(result("a"), result("b", "skipped")), "100% of 1 passed, 1 skipped", "brightgreen"),
        (report(result("a"), result("b", "xfailed")), "50% of 2 passed", "green"),
        (report(*(result(f"c{i}") for i in range(1999)), result("b", "warned")),
         "99.9% of 2000 passed", "green"),
        (report(result("a", "failed"), result("b", "errored"), result("c")),
         "1 failed, 1 errored, 33.3% of 3 passed", "red"),
        (report(), "nothing ran", "lightgrey"),
        (report(result("a", "skipped")), "nothing ran, 1 skipped", "lightgrey"),
        (report(result("a", "not-run"), complete=False), "nothing ran", "lightgrey"),
        (report(result("a"), result("b", "not-run"), complete=False),
         "1 not run, 50% of 2 passed", "lightgrey"),
        (report(result("a"), profile="smoke", sufficient=False),
         "smoke only, 100% of 1 passed", "lightgrey"),
        (report(result("a"), selection={"shard": ["2/3"]}),
         "only shard 2/3, 100% of 1 passed", "lightgrey"),
        (Report(header=report().header, results=(result("a"),)),
         "cut off, 100% of 1 passed", "lightgrey"),
        (Report(header=report().header, results=(result("a", "failed"),)),
         "cut off, 1 failed, 0% of 1 passed", "red"),
    ],
)  # fmt: skip
def test_a_badge_says_what_is_so(shown: Report, message: str, color: str) -> None:
    said = json.loads(badge.render(shown))
    assert said == {
        "schemaVersion": 1, "label": "lossproof", "message": message, "color": color
    }  # fmt: skip


@pytest.mark.parametrize("text", [*NASTY, BIDI, "\ufffe", "\uffff", "]]>", "\udc80"])
def test_junit_is_read_by_others_whatever_it_holds(text: str) -> None:
    junitparser = pytest.importorskip("junitparser")
    shown = junit.render(everywhere(text))
    found = junitparser.JUnitXml.fromstring(shown.encode())
    assert (found.tests, found.failures, found.errors, found.skipped) == (6, 1, 1, 2)
    statuses = [type(case.result[0]).__name__ for s in found for case in s if case.result]
    assert sorted(statuses) == ["Error", "Failure", "Skipped", "Skipped"]


def test_a_reader_of_junit_finds_every_case_and_number() -> None:
    junitparser = pytest.importorskip("junitparser")
    found = junitparser.JUnitXml.fromstring(junit.render(SMALL).encode())
    cases = {f"{case.classname}.{case.name}": case for suite in found for case in suite}
    assert len(cases) == len(SMALL.results)
    assert cases["huber.torch.value[float32,cpu]"].time == 0.25
    assert cases["huber.torch.gradient.x[float32,cpu]"].result[0].text == "off by\n  9 ulp"


@pytest.mark.parametrize("shown", [report(), report(result("a", "skipped"))])
def test_a_run_of_nothing_is_an_error_of_junit(shown: Report) -> None:
    text = junit.render(shown)
    assert 'errors="1"' in text.splitlines()[1]
    assert '<error type="nothing-ran" message="Nothing ran." />' in text


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, -1.0])
def test_times_that_are_none_are_nought_in_junit(seconds: float) -> None:
    assert 'time="0.000"' in junit.render(report(result(seconds=seconds)))
    assert str(seconds) not in junit.render(report(result(seconds=seconds)))


def rows(shown: Report) -> list[dict[str, str | float]]:
    return list(csv.DictReader(StringIO(sheet.render(shown)), quoting=csv.QUOTE_NONNUMERIC))


@pytest.mark.parametrize("text", [*NASTY, BIDI, "a,b;c", "\udc80", '"=1+1"'])
def test_csv_is_read_back_a_row_for_each_cell(text: str) -> None:
    found = rows(everywhere(text))
    assert len(found) == 6
    assert all(tuple(row) == sheet.COLUMNS for row in found)
    assert {row["points"] for row in found} == {0.0}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"), ("+1+1", "'+1+1"), ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"), ("\t=1", "'=1"), ("\r=1", "\\r=1"), ("\n=1", "'=1"),
        ("\uff1d1", "'\uff1d1"), ("-inf", "'-inf"), ("-0x1p-3", "'-0x1p-3"),
        ("-1.5", "-1.5"), ("-0.0", "-0.0"), ("+2e-30", "+2e-30"), ("nan", "nan"), ("'=1", "'=1"),
    ],
)  # fmt: skip
def test_no_text_is_a_formula_of_a_spreadsheet_and_numbers_stay(text: str, shown: str) -> None:
    assert rows(report(result(reason=text)))[0]["reason"] == shown


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308])
def test_numbers_come_back_from_csv(number: float) -> None:
    found = rows(report(result(worst=worst(number, ulps=number))))[0]
    assert repr(found["ratio"]) == repr(found["ulps"]) == repr(number)


@WRITERS
def test_the_order_of_arrival_does_not_show(render: Callable[[Report], str]) -> None:
    for seed in range(5):
        results = random.Random(seed).sample(SMALL.results, len(SMALL.results))
        again = Report(header=SMALL.header, results=tuple(results), footer=SMALL.footer)
        assert render(again) == render(SMALL)


@WRITERS
@pytest.mark.parametrize("text", [*NASTY, "\udc80"])
def test_no_text_holds_what_cannot_be_seen(render: Callable[[Report], str], text: str) -> None:
    shown = render(everywhere(text))
    hidden = {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert hidden <= {"\n", "\t"}


@WRITERS
def test_ten_thousand_results_take_less_than_two_seconds(render: Callable[[Report], str]) -> None:
    shown = many(10_000)
    begin = time.process_time()
    render(shown)
    assert time.process_time() - begin < 2
