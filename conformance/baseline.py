"""A baseline: the verdict of an earlier check, whose violations are known and do not fail again."""

from __future__ import annotations

from collections.abc import Sequence
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
    return frozenset(_key(r) for r in document.results if r.status in ("failed", "errored"))


def fresh(results: Sequence[Result], known: Known) -> list[Result]:
    """The results without the violations that were known: the same cell, the same sentence.

    Numbers are not compared, for another seed finds others.
    """
    return [r for r in results if _key(r) not in known]


def _key(result: Result) -> tuple[str, str, str]:
    return result.id, result.status, result.sentence
