"""Reports as Markdown and in a terminal: no text acts, and what is missing is said."""

from __future__ import annotations

import re
import shlex
import time
import unicodedata
from collections.abc import Callable

import pytest
from test_reports_model import NASTY, many, report, result, worst

from lossproof.reports import markdown, terminal
from lossproof.reports.model import Report, Worst


def in_terminal(shown: Report) -> str:
    return terminal.render(shown, 80)


RENDERERS = pytest.mark.parametrize("render", [markdown.render, in_terminal])


@RENDERERS
def test_nothing_ran_is_said(render: Callable[[Report], str]) -> None:
    assert "Nothing ran." in render(report())


@RENDERERS
def test_a_run_cut_off_says_so(render: Callable[[Report], str]) -> None:
    header = report().header
    assert "The run was cut off after 1 of 4 results." in render(
        Report(header=header, results=(result(),))
    )
    left_out = [result(f"c{i}", "not-run") for i in range(3)]
    assert "A time limit ended the run after 1 of 4 results." in render(
        report(result(), *left_out, complete=False)
    )
    assert " of 4 results." not in render(report(result()))


@RENDERERS
def test_ten_thousand_results_are_shown_in_two_seconds(render: Callable[[Report], str]) -> None:
    begin = time.process_time()
    render(many(10_000))
    assert time.process_time() - begin < 2


def everywhere(text: str) -> Report:
    """A report that holds `text` wherever a report holds text."""
    seen = Worst(ratio=1.0, truth=text, got=text, off=text, allowed=text, at={text: text})
    return report(
        *(
            result(f"{text}{status}", status, loss=text, backend=text, dtype=text, device=text,
                   sentence=text, reason=text or "?", link=text, message=message, snippet=text,
                   worst=seen, conventions={text: text})
            for status in ("failed", "errored", "warned", "xfailed", "xpassed", "skipped")
            for message in [text if status == "errored" else None]
        ),
        profile=text, versions={text: text}, devices={text: {text: text}}, flags={text: text},
        probes={text: text}, selection={text: [text]}, sufficient=False, cpu=text,
    )  # fmt: skip


@RENDERERS
@pytest.mark.parametrize("text", [*NASTY, "\udc80"])
def test_no_text_holds_what_cannot_be_seen(render: Callable[[Report], str], text: str) -> None:
    shown = render(everywhere(text))
    hidden = {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert hidden <= {"\n", "\t"}
    shown.encode()


def unfenced(text: str) -> str:
    """Markdown without its fenced blocks, as CommonMark delimits them."""
    kept, fence = [], ""
    for line in text.split("\n"):
        opened = re.match(r"`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
        elif opened:
            fence = opened[0]
        else:
            kept.append(line)
    assert not fence
    return "\n".join(kept)


@pytest.mark.parametrize("text", NASTY)
def test_no_text_breaks_a_table_or_becomes_html(text: str) -> None:
    shown = unfenced(markdown.render(everywhere(text)))
    assert "<script" not in shown
    assert "fence" not in text or "\nfence" not in shown
    columns = 0
    for line in shown.split("\n"):
        if not line.startswith("|"):
            columns = 0
            continue
        bars = len(re.findall(r"(?<!\\)\|", line))
        assert columns in (0, bars), line
        columns = bars


def test_a_limit_counts_what_it_leaves_out() -> None:
    failed = report(*(result(f"c{i}", "failed", message=f"message {i}") for i in range(9)))
    shown = terminal.render(failed, 80, limit=2)
    assert "message 1" in shown
    assert "message 2" not in shown
    assert "... and 7 more failed or errored" in shown


def test_a_command_that_asks_again_names_the_report_as_it_was_given() -> None:
    message = "huber / a: wrong\n  again    lossproof reproduce 'report.jsonl#huber/a[torch]'"
    failed = report(result("a", "failed", message=message))
    assert message in terminal.render(failed, 80)
    shown = terminal.render(failed, 80, path="out/it's #1/report.jsonl").splitlines()[1]
    assert shlex.split(shown)[-1] == "out/it's #1/report.jsonl#huber/a[torch]"


def test_a_summary_for_ci_stays_below_a_megabyte_and_counts_what_it_leaves_out() -> None:
    snippet = "import torch\n" * 50
    failed = (
        result(f"c{i}", "failed", message="one\n  two", snippet=snippet, worst=worst(2.0))
        for i in range(10_000)
    )
    shown = markdown.render(report(*failed, cells=10_000))
    assert len(shown.encode()) < 1_000_000
    assert "| failed   | 10000   |" in shown
    assert "\n\n... and 9800 more, which the report holds.\n" in shown
    assert "\n\n... and 9950 more, which the report holds.\n" in shown
    assert shown.count("<details>") == shown.count("</details>")


def test_a_failure_without_message_shows_its_facts() -> None:
    shown = terminal.render(report(result("a", "failed", worst=worst(2.0), reason="why")), 80)
    assert shown.startswith(
        "FAIL huber/a[torch,float32,cpu]: the value is within its budget\n"
        "  at       prediction=0x1.8p+1, target=0x0p+0\n"
        "  truth    1.0 (exact)\n"
        "  got      3.0\n"
        "  off      9 ulp\n"
        "  allowed  2.1 ulp\n"
        "  because  why\n"
    )
