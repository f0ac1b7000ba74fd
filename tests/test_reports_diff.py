"""Two reports compared: what got worse is told from what did not, and luck from change."""

from __future__ import annotations

import json
import math
import random
import time
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from test_reports_model import NASTY, many, report, result, worst
from test_reports_show import everywhere

from lossproof.reports import changes, changes_text, encoding
from lossproof.reports.changes import KINDS, Diff
from lossproof.reports.compare import compare
from lossproof.reports.model import Report, Result
from lossproof.reports.stated import LossFacts

SELECTION = {"losses": ["huber"], "backends": ["torch"], "checks": ["value"]}
NEWER = {"torch": "2.14.0", "jax": None}


def of(*results: Result, **changed: Any) -> Report:
    facts = {"cells": len(results), "selection": SELECTION} | changed
    return report(*results, **facts)


def kinds(diff: Diff) -> dict[str, bool]:
    """The kinds of change that were found, and whether each is one to the worse."""
    return {change.kind: change.worse for change in diff.changes}


def test_a_worse_grade_counts_only_against_the_same_specification() -> None:
    facts = LossFacts(name="huber", family="a family", title="Huber.", text="Huber.", digest="1")
    old = replace(of(result("value", grade="A")), losses=(facts,))
    new = replace(of(result("value", grade="B")), losses=(facts,))
    assert kinds(compare(old, new)) == {"grade worse": True}
    restated = compare(old, replace(new, losses=(replace(facts, digest="2"),)))
    assert kinds(restated) == {"grade worse": False}
    assert [d.text for d in restated.header] == ["specification.huber was 1, is 2 now"]


@pytest.mark.parametrize(
    ("was", "now", "found"),
    [
        ("passed", "failed", {"new failure": True}),
        ("passed", "errored", {"new failure": True}),
        ("warned", "failed", {"new failure": True}),
        ("skipped", "failed", {"new failure": True}),
        ("not-run", "errored", {"new failure": True}),
        ("xfailed", "failed", {"new failure": True}),
        ("xpassed", "failed", {"new failure": True}),
        (None, "failed", {"new failure": True}),
        ("failed", "errored", {"other failure": True}),
        ("passed", "skipped", {"no longer examined": True}),
        ("passed", "not-run", {"no longer examined": True}),
        ("failed", "skipped", {"no longer examined": True}),
        ("xfailed", "not-run", {"no longer examined": True}),
        ("passed", None, {"vanished": True}),
        ("failed", None, {"vanished": True}),
        ("skipped", None, {"vanished unexamined": False}),
        ("not-run", None, {"vanished unexamined": False}),
        ("failed", "passed", {"fixed": False}),
        ("errored", "xpassed", {"fixed": False}),
        ("xfailed", "passed", {"fixed": False}),
        ("xfailed", "xpassed", {"fixed": False}),
        ("failed", "xfailed", {"expected now": False}),
        ("passed", "xfailed", {"expected now": False}),
        ("passed", "warned", {"new warning": False}),
        ("errored", "warned", {"new warning": False}),
        (None, "warned", {"new warning": False}),
        ("warned", "passed", {"warning gone": False}),
        (None, "passed", {"appeared": False}),
        (None, "skipped", {"appeared": False}),
        ("skipped", "passed", {"examined now": False}),
        ("not-run", "xpassed", {"examined now": False}),
        ("passed", "xpassed", {"other status": False}),
        ("skipped", "not-run", {"other status": False}),
        *((same, same, {}) for same in ("passed", "failed", "warned", "errored", "skipped",
                                        "xfailed", "xpassed", "not-run")),
    ],
)  # fmt: skip
def test_a_change_of_status_has_one_kind(was: Any, now: Any, found: dict[str, bool]) -> None:
    old, new = (of(*([result(status=s)] if s else [])) for s in (was, now))
    diff = compare(old, new)
    assert kinds(diff) == found
    assert diff.exit_code == (True in found.values())
    assert diff.still_failing == (was == now and was in ("failed", "errored"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [("failed", "other failure"), ("errored", "other failure"), ("warned", "new warning"),
     ("xfailed", "expected now"), ("passed", None)],
)  # fmt: skip
def test_another_fault_in_the_same_cell_is_told(status: str, kind: str | None) -> None:
    old, new = (of(result(status=status, sentence=text)) for text in ("one", "another"))
    assert list(kinds(compare(old, new))) == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({}, True),
        ({"versions": NEWER}, True),
        ({"seed": 1}, False),
        ({"profile": "thorough"}, False),
        ({"lossproof": "0.2.0"}, False),
        ({"selection": SELECTION | {"checks": ["value", "kink"]}}, False),
    ],
)
def test_a_worse_grade_counts_where_the_questions_were_the_same(
    changed: dict[str, Any], counts: bool
) -> None:
    diff = compare(of(result(grade="A")), of(result(grade="B"), **changed))
    assert kinds(diff) == {"grade worse": counts}
    assert diff.exit_code == counts
    assert kinds(compare(of(result(grade="C")), of(result(grade="B"), **changed))) == {
        "grade better": False
    }


@pytest.mark.parametrize(
    ("was", "now", "same", "other"),
    [
        (0.5, 0.5, 0, 0),
        (0.5, 0.51, 1, 0),
        (0.51, 0.5, -1, 0),
        (0.1, 0.4, 1, 0),
        (0.1, 0.41, 1, 1),
        (0.41, 0.1, -1, -1),
        (0.9, 1.1, 1, 1),
        (1.1, 0.9, -1, -1),
        (0.0, 0.1, 1, 1),
        (0.0, -0.0, 0, 0),
        (2.0, math.inf, 1, 1),
        (math.inf, math.inf, 0, 0),
        (math.nan, math.nan, 0, 0),
        (math.inf, math.nan, 0, 0),
        (math.nan, 0.5, -1, -1),
    ],
)
def test_an_error_has_moved_beyond_noise(was: float, now: float, same: int, other: int) -> None:
    names = {1: ["error larger"], -1: ["error smaller"], 0: []}
    old, new = (result(worst=worst(ratio)) for ratio in (was, now))
    assert list(kinds(compare(of(old), of(new)))) == names[same]
    for changed in ({"versions": NEWER}, {"seed": 3}, {"cpu": "another"}):
        diff = compare(of(old), of(new, **changed))
        assert list(kinds(diff)) == names[other]
        assert diff.exit_code == 0


def test_a_run_of_fewer_losses_is_compared_exactly_in_what_it_shares() -> None:
    less = SELECTION | {"losses": ["huber", "mse"], "expected": ["a (sha256 1)"]}
    diff = compare(of(result(worst=worst(0.5))), of(result(worst=worst(0.51)), selection=less))
    assert (diff.factor, diff.same_questions, list(kinds(diff))) == (1, True, ["error larger"])


def test_conventions_that_changed_are_named_and_are_no_worse() -> None:
    old = of(result("kink", conventions={"at 0": "0", "gone": "x", "same": "1"}))
    new = of(result("kink", conventions={"at 0": "1", "new": "y", "same": "1"}))
    diff = compare(old, new)
    assert [(c.convention.name, c.convention.was, c.convention.now)
            for c in diff.changes if c.convention] == [
        ("at 0", "0", "1"), ("gone", "x", None), ("new", None, "y")
    ]  # fmt: skip
    assert diff.exit_code == 0


def test_a_cell_that_failed_has_no_further_changes() -> None:
    old = result("a", grade="A", worst=worst(0.1), conventions={"n": "1"})
    new = result("a", "failed", grade="F", worst=worst(9.0), conventions={"n": "2"})
    assert list(kinds(compare(of(old), of(new)))) == ["new failure"]
    assert list(kinds(compare(of(new), of(old)))) == ["fixed"]


OLD = of(
    result("value", grade="A", worst=worst(0.25)),
    result("gradient.x", worst=worst(0.125)),
    result("kink", conventions={"at r=0": "0"}),
    result("dtype", "failed", sentence="not the dtype"),
    result("shapes", "errored", reason="the target raised: ValueError"),
    result("scale"),
    result("purity"),
)
NEW = of(
    result("value", grade="B", worst=worst(0.5)),
    result("gradient.x", "failed", sentence="not the gradient", worst=worst(9.0)),
    result("kink", conventions={"at r=0": "1"}),
    result("dtype"),
    result("shapes", "errored", reason="the target raised: ValueError"),
    result("purity"),
    result("layout", "skipped", reason="no layouts"),
    versions=NEWER,
)

TERMINAL = """\
old: run of 2026-01-01T00:00:00Z, lossproof 0.1.0, profile default, seed 0, 7 cells
new: run of 2026-01-01T00:00:00Z, lossproof 0.1.0, profile default, seed 0, 7 cells
versions.torch was 2.13.0, is 2.14.0 now
errors that moved by no more than a factor of 4 are noise

new failures: 1
  huber/gradient.x[torch,float32,cpu]  passed → failed: not the gradient

vanished: 1
  huber/scale[torch,float32,cpu]  passed

worse grades: 1
  huber/value[torch,float32,cpu]  A → B

other conventions: 1
  huber/kink[torch,float32,cpu]  at r=0: 0 → 1

appeared: 1
  huber/layout[torch,float32,cpu]  skipped: no layouts

fixed: 1
  huber/dtype[torch,float32,cpu]  failed → passed

Worse: 1 new failure, 1 vanished, 1 grade worse; 1 convention, 1 appeared, 1 fixed; \
1 still failing; 1 unchanged.
"""

MARKDOWN = """\
# lossproof diff

**Worse: 1 new failure, 1 vanished, 1 grade worse; 1 convention, 1 appeared, 1 fixed; \
1 still failing; 1 unchanged.**

## New failures: 1

| cell                                  | change                            |
|---------------------------------------|-----------------------------------|
| `huber/gradient.x[torch,float32,cpu]` | passed → failed: not the gradient |

## Vanished: 1

| cell                             | change   |
|----------------------------------|----------|
| `huber/scale[torch,float32,cpu]` | passed   |

## Worse grades: 1

| cell                             | change   |
|----------------------------------|----------|
| `huber/value[torch,float32,cpu]` | A → B    |

<details>
<summary>Other conventions: 1</summary>

| cell                            | change        |
|---------------------------------|---------------|
| `huber/kink[torch,float32,cpu]` | at r=0: 0 → 1 |

</details>

<details>
<summary>Appeared: 1</summary>

| cell                              | change              |
|-----------------------------------|---------------------|
| `huber/layout[torch,float32,cpu]` | skipped: no layouts |

</details>

<details>
<summary>Fixed: 1</summary>

| cell                             | change          |
|----------------------------------|-----------------|
| `huber/dtype[torch,float32,cpu]` | failed → passed |

</details>

<details>
<summary>What was compared</summary>

* old: run of 2026-01-01T00:00:00Z, lossproof 0.1.0, profile default, seed 0, 7 cells
* new: run of 2026-01-01T00:00:00Z, lossproof 0.1.0, profile default, seed 0, 7 cells
* versions.torch was 2.13.0, is 2.14.0 now
* errors that moved by no more than a factor of 4 are noise

</details>
"""


def test_the_terminal_is_as_agreed() -> None:
    assert changes_text.terminal(compare(OLD, NEW)) == TERMINAL


def test_markdown_is_as_agreed() -> None:
    assert changes_text.markdown(compare(OLD, NEW)) == MARKDOWN


def test_nothing_changed_is_said() -> None:
    diff = compare(OLD, OLD)
    assert not diff.changes
    assert changes_text.verdict(diff) == "Nothing got worse; 2 still failing; 5 unchanged."


def test_a_limit_counts_what_it_leaves_out() -> None:
    new = of(*(result(f"c{i}", "failed") for i in range(9)))
    shown = changes_text.terminal(compare(of(), new), limit=2)
    assert "huber/c1[" in shown
    assert "huber/c2[" not in shown
    assert "\n  ... and 7 more\n" in shown


def written(diff: Diff) -> list[str]:
    return [changes_text.terminal(diff), changes_text.markdown(diff), encoding.document(diff)]


def test_the_order_of_arrival_does_not_show() -> None:
    for seed in range(5):
        old, new = (
            Report(
                header=r.header,
                results=tuple(random.Random(seed).sample(r.results, len(r.results))),
                footer=r.footer,
            )
            for r in (OLD, NEW)
        )
        assert written(compare(old, new)) == written(compare(OLD, NEW))


def test_the_committed_schema_is_that_of_the_types() -> None:
    assert changes.COPY.read_text(encoding="utf-8") == changes.schema_text()


@pytest.mark.parametrize("diff", [compare(OLD, NEW), compare(NEW, OLD), compare(OLD, OLD)])
def test_the_json_is_of_the_published_schema(diff: Diff) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(changes.COPY.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    said = json.loads(encoding.document(diff), parse_constant=pytest.fail)
    jsonschema.validate(said, schema, jsonschema.Draft202012Validator)
    assert set(said["counts"]) == set(KINDS)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -0.0])
def test_every_number_is_of_the_published_schema(number: float) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    diff = compare(of(), of(result("a", "failed", worst=worst(number))))
    said = json.loads(encoding.document(diff), parse_constant=pytest.fail)
    jsonschema.validate(said, json.loads(changes.schema_text()))
    assert float(said["changes"][0]["now"]["ratio"]) == number or math.isnan(number)


@pytest.mark.parametrize("text", [*NASTY, "\udc80"])
@pytest.mark.parametrize("show", [changes_text.terminal, changes_text.markdown])
def test_no_text_acts(show: Callable[[Diff], str], text: str) -> None:
    whole, other = everywhere(text), many(20)
    for diff in (compare(whole, other), compare(other, whole)):
        shown = show(diff)
        hidden = {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
        assert hidden <= {"\n"}
        assert "<script" not in shown or show is changes_text.terminal
        encoding.document(diff).encode()


def test_ten_thousand_results_are_compared_in_two_seconds() -> None:
    old, new = many(10_000), many(9_999)
    begin = time.process_time()
    written(compare(old, new))
    assert time.process_time() - begin < 2
