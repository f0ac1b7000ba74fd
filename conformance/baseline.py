"""A baseline: the verdict of an earlier check, whose violations are known and do not fail again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lossproof.conformance.registry import UsageError
from lossproof.reports import verdict
from lossproof.reports.model import ReportError, Result

Known = frozenset[tuple[str, str, str]]


def read(path: Path) -> Known:
    """The violations that a file of `check --json` holds. Raises UsageError."""
    try:
        document = verdict.read(path)
    except ReportError as error:
        raise UsageError(f"--baseline {error}") from error
    bad = (r for r in document.results if r.status in ("failed", "errored"))
    return frozenset(key for result in bad for key in keys(result))


def fresh(results: Sequence[Result], known: Known) -> list[Result]:
    """The results but those of which every fault was known of the same cell.

    Numbers are not compared, for another seed finds others.
    """
    return [r for r in results if not known.issuperset(keys(r))]


def keys(result: Result) -> Iterator[tuple[str, str, str]]:
    """What tells the faults of a result: its cell, its status, and each of them in words."""
    for fault in result.faults or (result.sentence,):
        yield result.id, result.status, fault
