"""Several reports side by side: the same cells in columns, and where they differ.

A place differs from the first of its group in status, in grade, or in an error that is another by
more than a factor. What a report does not have is absent: that is no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lossproof.reports import summary
from lossproof.reports.model import STATUSES, Report, Result
from lossproof.reports.page import names as naming
from lossproof.reports.page.findings import VIOLATIONS, Finding, cell_anchors, told
from lossproof.reports.page.lanes import FACTOR, Lane, apart, lanes_of
from lossproof.reports.page.overview import columns_of
from lossproof.reports.page.rows import Row, checks, matrix
from lossproof.reports.page.section import Plots, drawn
from lossproof.reports.page.targets import Subject, anchor, by_dtype


@dataclass(frozen=True, kw_only=True)
class Side:
    """A report, by its number and what tells it from the others."""

    title: str
    path: str
    about: tuple[str, ...]
    shortcomings: tuple[str, ...]
    counts: tuple[int, ...]  # in the order of STATUSES


@dataclass(frozen=True, kw_only=True)
class Convention:
    """What each column does at one place."""

    name: str
    texts: tuple[str, ...]
    differs: tuple[bool, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All about one loss."""

    name: str
    anchor: str
    title: str
    rows: tuple[Row, ...]  # of checks, those that differ
    partial: tuple[Row, ...]  # of checks that do not, those that only some reports have
    failures: tuple[tuple[str, tuple[tuple[Finding, ...], ...]], ...]  # by report, where any are
    failed: int
    conventions: tuple[Convention, ...]
    plots: Plots | None


@dataclass(frozen=True, kw_only=True)
class Sides:
    """A whole page of several reports."""

    title: str
    sides: tuple[Side, ...]
    respecified: tuple[str, ...]  # losses that the reports state differently
    lanes: tuple[Lane, ...]
    groups: tuple[tuple[str, int], ...]  # label, number of columns
    dtypes: tuple[str, ...]
    rows: tuple[Row, ...]
    losses: tuple[Comparison, ...]
    environment: tuple[tuple[str, tuple[str, ...], bool], ...]
    statuses: tuple[str, ...] = STATUSES
    factor: str = f"{FACTOR:g}"


def sides(reports: Sequence[Report], names: Sequence[str] = ()) -> Sides:
    """Several reports, compared; `names` are the paths of their files, where known."""
    titles = naming.titles(reports, names)
    paths = naming.short_paths(names) or [""] * len(reports)
    lanes, groups = lanes_of(reports, titles)
    losses = sorted({r.loss for report in reports for r in report.results})
    ids = {name: anchor(name, place) for place, name in enumerate(losses)}
    by_loss = [_by(report.results, "loss") for report in reports]
    dtypes = by_dtype(r.dtype for report in reports for r in report.results)
    cells = [cell_anchors(r, f"report{naming.number(i)}/") for i, r in enumerate(reports)]
    return Sides(
        title=f"{len(reports)} reports side by side",
        sides=tuple(map(_side, reports, titles, paths)),
        respecified=tuple(_respecified(reports)),
        lanes=tuple(lanes),
        groups=tuple(groups),
        dtypes=tuple(dtypes),
        rows=tuple(matrix(by_loss, lanes, ids, dtypes, cells)),
        losses=tuple(
            _comparison(name, ids[name], reports, by_loss, lanes, dtypes, titles, cells)
            for name in losses
        ),
        environment=tuple(_environment(reports)),
    )


def _comparison(
    loss: str,
    anchor_: str,
    reports: Sequence[Report],
    by_loss: Sequence[Mapping[str, list[Result]]],
    lanes: Sequence[Lane],
    dtypes: Sequence[str],
    titles: Sequence[str],
    cells: Sequence[Mapping[str, str]],
) -> Comparison:
    parts = [part.get(loss, []) for part in by_loss]
    rows = list(checks(parts, lanes, dtypes, cells))
    stated = {f.name: f.title for report in reports for f in report.losses}
    failures = [
        (title, told(part, own, *VIOLATIONS))
        for title, part, own in zip(titles, parts, cells, strict=True)
    ]
    return Comparison(
        name=loss,
        anchor=anchor_,
        title=stated.get(loss, ""),
        rows=tuple(row for row in rows if row.differs),
        partial=tuple(row for row in rows if row.partial and not row.differs),
        failures=tuple((title, found) for title, found in failures if found),
        failed=sum(r.status in VIOLATIONS for part in parts for r in part),
        conventions=tuple(_conventions(parts, lanes)),
        plots=_plots(reports, loss, lanes, titles),
    )


def _side(report: Report, title: str, path: str) -> Side:
    header = report.header
    subjects = sorted({c.subject for c in columns_of(report.results)})
    versions = [
        f"{s.backend} {header.versions[s.backend]}"
        for s in subjects
        if header.versions.get(s.backend)
    ]
    found = summary.counts(report.results)
    return Side(
        title=title,
        path=path,
        about=(
            ", ".join(dict.fromkeys(versions)) or f"lossproof {header.lossproof}",
            ", ".join(sorted({s.device for s in subjects})),
            f"{header.profile} profile",
            f"seed {header.seed}",
            header.started,
        ),
        shortcomings=tuple(summary.shortcomings(report)),
        counts=tuple(found[status] for status in STATUSES),
    )


def _respecified(reports: Sequence[Report]) -> Iterator[str]:
    digests: defaultdict[str, set[str]] = defaultdict(set)
    for report in reports:
        for facts in report.losses:
            digests[facts.name].add(facts.digest)
    yield from sorted(name for name, seen in digests.items() if len(seen) > 1)


def _by(results: Sequence[Result], name: str) -> dict[str, list[Result]]:
    found: defaultdict[str, list[Result]] = defaultdict(list)
    for r in results:
        found[getattr(r, name)].append(r)
    return found


def _conventions(parts: Sequence[list[Result]], lanes: Sequence[Lane]) -> Iterator[Convention]:
    seen: list[dict[str, str]] = []
    for lane in lanes:
        own = [
            r
            for r in parts[lane.side]
            if Subject(backend=r.backend, device=r.device) == lane.subject
        ]
        found = summary.conventions(own)
        seen.append({name: next(iter(texts.values())) for (_, name), texts in found.items()})
    for name in sorted({name for texts in seen for name in texts}):
        row = [texts.get(name, "") for texts in seen]
        yield Convention(name=name, texts=tuple(row), differs=tuple(apart(lanes, row)))


def _plots(
    reports: Sequence[Report], loss: str, lanes: Sequence[Lane], titles: Sequence[str]
) -> Plots | None:
    slots = {(lane.side, lane.subject): slot for slot, lane in enumerate(lanes)}
    many = len({lane.subject for lane in lanes}) > 1
    found = []
    for i, report in enumerate(reports):
        for curve in sorted(report.curves, key=lambda c: c.id):
            subject = Subject(backend=curve.backend, device=curve.device)
            if curve.loss == loss and (i, subject) in slots:
                number = naming.number(i)
                label = f"{number} {subject.label(1)}" if many else titles[i]
                found.append((label, slots[i, subject], curve))
    return drawn(found)


def _environment(reports: Sequence[Report]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """(name, text in each report, whether those that have it differ); "" where one has not."""
    found = [dict(summary.environment(report.header)) for report in reports]
    for name in dict.fromkeys(name for facts in found for name in facts):
        row = tuple(facts.get(name, "") for facts in found)
        yield name, row, len({text for text in row if text}) > 1
