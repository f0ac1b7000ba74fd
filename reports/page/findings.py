"""Findings: cells that say something in words, and where on a page each of them stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lossproof.reports import summary
from lossproof.reports.model import Report, Result
from lossproof.reports.page.targets import ID, anchor, by_dtype

VIOLATIONS = ("failed", "errored")
#: of all that are told in full, the more severe first
TOLD = (*VIOLATIONS, "warned")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A cell that says something in words: a violation, a warning."""

    id: str
    anchor: str
    status: str
    check: str
    backend: str
    device: str
    dtype: str
    sentence: str
    reason: str | None
    message: str | None
    snippet: str | None
    facts: tuple[tuple[str, str], ...]


def cell_anchors(report: Report, prefix: str = "") -> dict[str, str]:
    """The id of the element of every cell; the prefix tells reports on one page apart."""
    ids = sorted(r.id for r in report.results)
    kind = f"{prefix.replace('/', '-')}cell"
    return {id_: anchor(f"{prefix}{id_}", place, kind, ID) for place, id_ in enumerate(ids)}


def told(
    results: Iterable[Result], anchors: Mapping[str, str], *statuses: str
) -> tuple[tuple[Finding, ...], ...]:
    """The findings of some statuses, those of one check on one subject together."""
    return _together(_finding(r, anchors[r.id]) for r in results if r.status in statuses)


def first_told(
    results: Iterable[Result], anchors: Mapping[str, str], statuses: tuple[str, ...] = TOLD
) -> str:
    """Where the most severe cell stands that is told in full; nothing where none is."""
    shown = [r for r in results if r.status in statuses]
    if not shown:
        return ""
    first = min(shown, key=lambda r: (statuses.index(r.status), *values_first(r.check), r.id))
    return anchors[first.id]


def values_first(check: str) -> tuple[int, str]:
    """Sorts the names of checks: values and gradients stand first."""
    stem = check.partition(".")[0]
    return {"value": 0, "gradient": 1}.get(stem, 2), check


def _finding(r: Result, anchor_: str) -> Finding:
    return Finding(
        id=r.id,
        anchor=anchor_,
        status=r.status,
        check=r.check,
        backend=r.backend,
        device=r.device,
        dtype=r.dtype,
        sentence=r.sentence,
        reason=r.reason,
        message=r.message,
        snippet=r.snippet,
        facts=tuple(fact for fact in summary.facts(r) if fact[1]),
    )


def _together(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], ...]:
    """Findings by check, backend and device; within, the dtypes in the order of a page."""
    groups: defaultdict[tuple[tuple[int, str], str, str], list[Finding]] = defaultdict(list)
    for f in findings:
        groups[values_first(f.check), f.backend, f.device].append(f)
    together = []
    for key in sorted(groups):
        places = {name: place for place, name in enumerate(by_dtype(f.dtype for f in groups[key]))}
        together.append(tuple(sorted(groups[key], key=lambda f: (places[f.dtype], f.id))))
    return tuple(together)
