"""What a report can hold and how it is counted; the samples are for the other tests of reports."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from lossproof.reports import summary
from lossproof.reports.model import (
    STATUSES,
    Footer,
    Header,
    Report,
    Result,
    Worst,
    cell_id,
)

NASTY = (
    "<script>alert(1)</script>", "a|b", "`code`", "``", "\\", "\\|", 'say "hi"', "it's",
    "two\nlines", "tab\t", "שלום עולם", "\u202eevil\u2066", "\u2028", "\x1b[31mred\x1b[0m", "\x00",
    "nan", "é 🎉", "**bold** _it_ ~~no~~ [x](javascript:0) # &amp;", "", " ",
    "```\nfence\n```", "$float",
)  # fmt: skip


def header(**changes: Any) -> Header:
    facts: dict[str, Any] = {
        "lossproof": "0.1.0", "python": "3.11.4", "platform": "Linux", "cpu": "a cpu",
        "versions": {"torch": "2.13.0", "jax": None}, "devices": {"torch": {"cpu": "a cpu"}},
        "seed": 0, "profile": "default", "sufficient": True, "selection": {"losses": ["huber"]},
        "cells": 4, "probes": {"jax.x64": True}, "flags": {"TF32": None},
        "started": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    return Header(**(facts | changes))


def result(
    check: str = "value", status: Any = "passed", *, loss: str = "huber", backend: str = "torch",
    dtype: str = "float32", device: str = "cpu", **facts: Any,
) -> Result:  # fmt: skip
    facts = {"level": "MUST", "sentence": "the value is within its budget"} | facts
    if status in ("skipped", "xfailed"):
        facts.setdefault("reason", "a reason")
    return Result(
        id=cell_id(loss, check, backend, dtype, device),
        loss=loss, check=check, backend=backend, dtype=dtype, device=device, status=status, **facts,
    )  # fmt: skip


def worst(ratio: float, **facts: Any) -> Worst:
    facts |= {"truth": "1.0 (exact)", "got": "3.0", "off": "9 ulp", "allowed": "2.1 ulp"}
    return Worst(ratio=ratio, at={"prediction": "0x1.8p+1", "target": "0x0p+0"}, **facts)


def report(*results: Result, exit_code: int = 0, complete: bool = True, **changes: Any) -> Report:
    footer = Footer(
        counts=summary.counts(results), results=len(results), seconds=1.5, exit_code=exit_code,
        complete=complete,
    )  # fmt: skip
    return Report(header=header(**changes), results=results, footer=footer)


def many(number: int) -> Report:
    """A report of `number` results, in an order that is not sorted."""
    results = [
        result(
            f"check{i}", random.Random(i).choice(STATUSES), loss=f"loss{i % 33}",
            backend=("numpy", "torch", "jax")[i % 3], dtype=("float32", "float64")[i % 2],
            worst=worst(i / number), message="it failed\n  at here", snippet="import torch\n",
        )
        for i in range(number)
    ]  # fmt: skip
    random.Random(0).shuffle(results)
    return report(*results, cells=number)


@pytest.mark.parametrize("status", ["skipped", "xfailed"])
def test_a_skip_or_an_expected_failure_has_a_reason(status: str) -> None:
    with pytest.raises(ValueError, match=rf"^huber/value\[.*\]: {status} needs a reason$"):
        result("value", status, reason=None)


@pytest.mark.parametrize(
    ("name", "value"), [("status", "ok"), ("level", "MAY"), ("grade", "D"), ("status", "")]
)
def test_a_word_outside_the_vocabulary_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"no {name} '{value}'; choose from "):
        result(**{name: value})


def test_counts_name_every_status_and_add_none_together() -> None:
    found = summary.counts([result("a"), result("b"), result("c", "xfailed")])
    assert tuple(found) == STATUSES
    assert {status: n for status, n in found.items() if n} == {"passed": 2, "xfailed": 1}


def test_severity_orders_every_status_and_every_status_has_a_mark() -> None:
    assert sorted(summary.SEVERITY) == sorted(STATUSES) == sorted(summary.MARKS)


@pytest.mark.parametrize(
    ("statuses", "most"),
    [
        (["passed", "failed", "errored"], "failed"),
        (["passed", "skipped"], "passed"),
        (["passed", "not-run"], "not-run"),
        (["passed", "xfailed"], "xfailed"),
        (["xpassed", "passed", "warned"], "xpassed"),
        (["skipped"], "skipped"),
    ],
)
def test_a_group_has_its_most_severe_status(statuses: list[str], most: str) -> None:
    assert summary.most_severe(result(status=status) for status in statuses) == most


@pytest.mark.parametrize(
    ("ratios", "text"), [([0.5, 0.25], "ok 0.5"), ([1e9, math.nan], "ok nan"), ([-0.0], "ok 0")]
)
def test_a_group_has_its_worst_error(ratios: list[float], text: str) -> None:
    assert summary.group(result(worst=worst(ratio)) for ratio in ratios).text == text


def test_a_group_shows_the_worst_error_of_values_and_gradients_alone() -> None:
    cells = [
        result("value", worst=worst(0.25)),
        result("gradient.target", worst=worst(0.5)),
        result("overflow", "failed", worst=worst(math.inf)),
        result("value", "warned", level="SHOULD", worst=worst(7.0)),
    ]
    seen = summary.group(cells)
    assert seen.text == "FAIL 0.5"
    assert seen.worst is cells[1]
    assert summary.group(cells[2:3]).text == "FAIL"


def test_cells_mostly_excused_were_judged_at_some_points() -> None:
    found = [
        result("a", points=1, excused=2),
        result("b", points=2, excused=2),
        result("c", "skipped", points=0, excused=2),
    ]
    assert summary.mostly_excused(found) == found[:1]


def test_a_group_has_its_worst_grade_unless_something_failed() -> None:
    graded = [result("a", grade="A"), result("b", grade="C")]
    assert summary.group(graded).text == "ok C"
    assert summary.group([*graded, result("c", "failed")]).text == "FAIL"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(1, 1, "100%"), (99_999, 100_000, "99.9%"), (2, 3, "66.6%"), (1, 2, "50%"), (0, 7, "0%")],
)
def test_a_share_is_rounded_down(part: int, whole: int, text: str) -> None:
    assert summary.percent(part, whole) == text


def test_skips_are_no_part_of_a_share() -> None:
    found = summary.counts([result("a"), result("b", "skipped"), result("c", "not-run")])
    assert summary.applicable(found) == 2


def test_the_matrix_names_devices_only_where_there_are_several() -> None:
    rows = summary.matrix([result(), result(dtype="float64")])
    assert list(rows["huber", "torch"]) == ["float32", "float64"]
    rows = summary.matrix([result(), result(device="cuda")])
    assert list(rows["huber", "torch"]) == ["float32 cpu", "float32 cuda"]


def test_conventions_that_differ_name_their_dtype() -> None:
    seen = summary.conventions(
        result(dtype=dtype, conventions={"at 0": value})
        for dtype, value in [("float32", "0"), ("float64", "1")]
    )
    assert seen == {("huber", "at 0"): {"torch": "0 (float32 cpu); 1 (float64 cpu)"}}


@pytest.mark.parametrize(
    ("ratio", "written"),
    [
        (0.98, "0.98"), (0.996, "0.996"), (0.99996, "0.99996"), (1.0, "1"), (1.04, "1.04"),
        (1.2, "1.2"), (-0.0, "0"), (math.inf, "inf"), (math.nan, "nan"), (1234.0, "1.2e+03"),
    ],
)  # fmt: skip
def test_a_ratio_is_written_on_its_side_of_1(ratio: float, written: str) -> None:
    assert summary.short(ratio) == written
