"""The first half of a page: counts, statements, the matrix, the environment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from lossproof.reports import summary
from lossproof.reports.model import STATUSES, Report, Result
from lossproof.reports.page.findings import cell_anchors, first_told
from lossproof.reports.page.targets import Mark, Subject, anchor, by_dtype, mark, order

#: what each status means, in the fewest words
MEANINGS = {
    "passed": "no violation at any input asked",
    "failed": "a requirement of level MUST is violated",
    "warned": "a requirement of level SHOULD is violated",
    "errored": "it raised on input that is allowed",
    "skipped": "not examined, for a reason",
    "xfailed": "a known deviation",
    "xpassed": "a known deviation that is gone",
    "not-run": "a time limit came first",
}


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many cells have a status, and what it means."""

    status: str
    number: int
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Column:
    """A dtype of a subject, as a column of the matrix."""

    subject: Subject
    dtype: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """A loss in the matrix; a mark for every column, None where it was not asked."""

    name: str
    anchor: str
    family: str
    title: str
    marks: tuple[Mark | None, ...]
    worst: Mark


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All of a page but its sections."""

    title: str
    about: tuple[str, ...]
    counts: tuple[Count, ...]
    cells: int
    shortcomings: tuple[str, ...]
    judged: int
    excused: int
    mostly_excused: int
    subjects: tuple[tuple[Subject, str, int], ...]  # with label and number of dtypes
    columns: tuple[Column, ...]
    dtypes: tuple[str, ...]
    places: dict[Subject, int]  # of subjects
    rows: tuple[Row, ...]
    skips: tuple[tuple[str, int], ...]
    environment: tuple[tuple[str, str], ...]


def overview(report: Report) -> Overview:
    """What a report says as a whole."""
    found = summary.counts(report.results)
    judged, excused = summary.points(report.results)
    columns = columns_of(report.results)
    subjects = sorted({c.subject for c in columns})
    devices = len({s.device for s in subjects})
    header = report.header
    names = sorted({s.backend for s in subjects})
    return Overview(
        title=f"Conformance of {_listed(names)}" if names else "Conformance report",
        about=(
            _plural(len({r.loss for r in report.results}), "loss", "losses"),
            _plural(len(columns), "target", "targets"),
            f"{header.profile} profile",
            f"seed {header.seed}",
            f"lossproof {header.lossproof}",
            header.started,
        ),
        counts=tuple(Count(status=s, number=found[s], meaning=MEANINGS[s]) for s in STATUSES),
        cells=len(report.results),
        shortcomings=tuple(summary.shortcomings(report)),
        judged=judged,
        excused=excused,
        mostly_excused=len(summary.mostly_excused(report.results)),
        subjects=tuple(
            (s, s.label(devices), sum(c.subject == s for c in columns)) for s in subjects
        ),
        columns=tuple(columns),
        dtypes=tuple(by_dtype(c.dtype for c in columns)),
        places={s: place for place, s in enumerate(subjects)},
        rows=tuple(_rows(report, columns)),
        skips=tuple(summary.skips(report.results)),
        environment=(*summary.environment(report.header), ("started", report.header.started)),
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _plural(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def columns_of(results: Sequence[Result]) -> list[Column]:
    """The columns of a matrix, those of a subject side by side."""
    seen: defaultdict[Subject, set[str]] = defaultdict(set)
    for r in results:
        seen[Subject(backend=r.backend, device=r.device)].add(r.dtype)
    return [Column(subject=s, dtype=d) for s in sorted(seen) for d in by_dtype(seen[s])]


def anchors(report: Report) -> dict[str, str]:
    """The id of the section of every loss, sorted by name."""
    names = sorted({*(r.loss for r in report.results), *(facts.name for facts in report.losses)})
    return {name: anchor(name, place) for place, name in enumerate(names)}


def _rows(report: Report, columns: Sequence[Column]) -> list[Row]:
    cells: defaultdict[str, defaultdict[Column, list[Result]]]
    cells = defaultdict(lambda: defaultdict(list))
    for r in report.results:
        subject = Subject(backend=r.backend, device=r.device)
        cells[r.loss][Column(subject=subject, dtype=r.dtype)].append(r)
    groups = {
        (loss, column): summary.group(results)
        for loss, row in cells.items()
        for column, results in row.items()
    }
    told = cell_anchors(report)
    ranks = {key: place for place, key in enumerate(sorted({order(g) for g in groups.values()}))}
    stated = {facts.name: facts for facts in report.losses}
    rows = []
    for loss, anchor_ in anchors(report).items():
        marks = tuple(
            mark(group, ranks[order(group)], first_told(cells[loss][column], told) or anchor_)
            if (group := groups.get((loss, column))) is not None
            else None
            for column in columns
        )
        seen = [m for m in marks if m is not None]
        if not seen:
            continue
        facts = stated.get(loss)
        rows.append(
            Row(
                name=loss,
                anchor=anchor_,
                family="" if facts is None else facts.family,
                title="" if facts is None else facts.title,
                marks=marks,
                worst=max(seen, key=lambda m: m.rank),
            )
        )
    return rows
