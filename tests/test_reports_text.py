"""Text of others in Markdown, judged by a Markdown parser: it shows as it is, and does nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tabulate import tabulate
from test_reports_model import NASTY

from lossproof.reports.text import code, escape, fence, link, one_line, visible

markdown_it = pytest.importorskip("markdown_it")
PARSER = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
TEXTS = st.one_of(
    st.sampled_from(NASTY),
    st.text(alphabet="`|\\<>&*_[]()~#!:a1 \n", max_size=12),
    st.text(max_size=12),
)


class Page(HTMLParser):
    """The tags of a page, and the text of its table cells and code blocks."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self._inside = False
        self.feed(PARSER.render(source))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag in ("td", "pre"):
            self.texts.append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "pre")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[-1] += data


@given(TEXTS, TEXTS)
def test_a_cell_shows_its_text_as_it_is(first: str, second: str) -> None:
    row = [escape(first), code(second), escape(second), code(first), "end"]
    page = Page(tabulate([row], ["a"] * 5, tablefmt="github", disable_numparse=True))
    expected = [one_line(text) for text in (first, second, second, first)]
    assert page.texts == [*expected, "end"]
    assert page.tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


@given(TEXTS)
def test_a_fence_holds_its_text(text: str) -> None:
    page = Page(f"{fence(text, 'python')}\n\nafter\n")
    assert page.texts == [visible(text).strip("\n") + "\n"]
    assert page.tags == {"pre", "code", "p"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://example.org/a_b#c", "<https://example.org/a_b#c>"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("https://example.org/<b>", "https://example.org/&lt;b&gt;"),
        ("https://a.org/`x`|y", r"https://a.org/\`x\`\|y"),
    ],
)
def test_a_link_is_one_only_to_a_page(text: str, shown: str) -> None:
    assert link(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[1mb", "a\\x1b[1mb"),
        ("\u202eabc", "\\u202eabc"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("\udc80", "\\udc80"),
        ("\ufffe\ufdd0", "\\ufffe\\ufdd0"),
        ("\U0001fffe\ufffd", "\\U0001fffe\ufffd"),
        ("שלום", "שלום"),
    ],
)
def test_what_cannot_be_seen_becomes_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown
