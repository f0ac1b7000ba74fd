"""Reports in the order of their runs: what went up, what went down, what changed between."""

from __future__ import annotations

import itertools
import json
import math
import time
import unicodedata
from collections.abc import Callable

import pytest
from test_reports_model import NASTY, many, report, result, worst
from test_reports_show import everywhere

from lossproof.reports import encoding, trend, trend_text
from lossproof.reports.trend import Trend

FIRST = report(
    result("value", worst=worst(0.25)),
    result("gradient.x", "xfailed", worst=worst(math.inf)),
    result("value", backend="numpy", worst=worst(0.125)),
    result("dtype", "skipped"),
    started="2026-01-01T00:00:00+00:00",
)
SECOND = report(
    result("value", worst=worst(0.5)),
    result("gradient.x", "failed", worst=worst(9.0)),
    started="2026-02-01T00:00:00+00:00", versions={"torch": "2.14.0", "jax": None}, cells=2,
    profile="smoke", sufficient=False,
)  # fmt: skip
NAMED = (("b.jsonl", FIRST), ("a.jsonl", SECOND), ("c.jsonl", report(started="2026-03")))

TERMINAL = """\
started                    report      passed    failed    skipped    xfailed    share    \
numpy worst    torch worst
-------------------------  --------  --------  --------  ---------  ---------  -------  \
-------------  -------------
2026-01-01T00:00:00+00:00  b.jsonl          2         0          1          1    66.6%  \
         0.12           0.25
2026-02-01T00:00:00+00:00  a.jsonl          1         1          0          0      50%  \
                         0.5
2026-03                    c.jsonl          0         0          0          0

worst: of values and gradients that passed, the worst error as a multiple of its budget

a.jsonl: versions.torch was 2.13.0, is 2.14.0 now
a.jsonl: profile was default, is smoke now
a.jsonl: sufficient was True, is False now
a.jsonl: cells was 4, is 2 now
a.jsonl: This smoke run is not sufficient evidence of conformance.
c.jsonl: versions.torch was 2.14.0, is 2.13.0 now
c.jsonl: profile was smoke, is default now
c.jsonl: sufficient was False, is True now
c.jsonl: cells was 2, is 4 now
c.jsonl: Nothing ran.
"""

MARKDOWN = """\
# lossproof trend

| started                   | report   | passed   | skipped   | xfailed   | share   \
| numpy worst   | torch worst   |
|---------------------------|----------|----------|-----------|-----------|---------\
|---------------|---------------|
| 2026-01-01T00:00:00+00:00 | b.jsonl  | 2        | 1         | 1         | 66.6%   \
| 0.12          | 0.25          |

Worst: of values and gradients that passed, the worst error as a multiple of its budget.
"""


def test_the_terminal_is_as_agreed() -> None:
    assert [line.rstrip() for line in trend_text.terminal(trend.trend(NAMED)).splitlines()] == [
        line.rstrip() for line in TERMINAL.splitlines()
    ]


def test_markdown_is_as_agreed() -> None:
    assert trend_text.markdown(trend.trend(NAMED[:1])) == MARKDOWN
    assert "<summary>What changed between the runs</summary>\n\n* a.jsonl: versions.torch was" in (
        trend_text.markdown(trend.trend(NAMED))
    )


def written(found: Trend) -> list[str]:
    return [trend_text.terminal(found), trend_text.markdown(found), encoding.document(found)]


def test_the_order_of_reports_does_not_show() -> None:
    seen = {tuple(written(trend.trend(order))) for order in itertools.permutations(NAMED)}
    assert len(seen) == 1


def test_the_committed_schema_is_that_of_the_types() -> None:
    assert trend.COPY.read_text(encoding="utf-8") == trend.schema_text()


@pytest.mark.parametrize("ratio", [0.5, -0.0, math.nan, math.inf])
def test_the_json_is_of_the_published_schema(ratio: float) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(trend.COPY.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    shown = trend.trend([*NAMED, ("d.jsonl", report(result(worst=worst(ratio))))])
    said = json.loads(encoding.document(shown), parse_constant=pytest.fail)
    jsonschema.validate(said, schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize("text", [*NASTY, "\udc80"])
@pytest.mark.parametrize("show", [trend_text.terminal, trend_text.markdown])
def test_no_text_acts(show: Callable[[Trend], str], text: str) -> None:
    found = trend.trend([(text, everywhere(text)), ("a", report(result(backend=text)))])
    shown = show(found)
    hidden = {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert hidden <= {"\n"}
    assert "<script" not in shown or show is trend_text.terminal
    encoding.document(found).encode()


def test_reports_of_ten_thousand_results_take_two_seconds() -> None:
    reports = [(str(i), many(2_000)) for i in range(5)]
    begin = time.process_time()
    written(trend.trend(reports))
    assert time.process_time() - begin < 2
