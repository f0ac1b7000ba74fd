"""Blocks of GitHub Markdown: tables, sections, and what is folded until somebody opens it.

The texts are placed as they are: whoever calls escapes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabulate import tabulate

ROWS = 200  # of a list: a summary of a job in CI may hold a megabyte


def table(heads: Iterable[str], rows: Sequence[Sequence[str]], limit: int | None = None) -> str:
    """A table; nothing for no rows. What is beyond the limit is counted below it."""
    if not rows:
        return ""
    shown = rows[:limit]
    text = tabulate(shown, list(heads), tablefmt="github", disable_numparse=True)
    return f"{text}{more(len(rows) - len(shown))}"


def more(left: int) -> str:
    """A paragraph that counts what a limit leaves out; nothing for nothing."""
    return f"\n\n... and {left} more, which the report holds." if left else ""


def section(title: str, body: str) -> list[str]:
    """A heading and what stands under it; nothing for an empty body."""
    return [f"## {title}", body] if body else []


def folded(title: str, body: str) -> list[str]:
    """A body behind its title; nothing for an empty one."""
    return [f"<details>\n<summary>{title}</summary>", body, "</details>"] if body else []
