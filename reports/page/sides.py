"""Several reports side by side: the same cells in columns, and where they differ.

A place differs from the first of its group in status, in grade, or in an error that is another by
more than a factor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lossproof.reports import summary
from lossproof.reports.model import STATUSES, Report, Result
from lossproof.reports.page.lanes import FACTOR, Lane, differ, groups_of, lanes_of, letter
from lossproof.reports.page.overview import columns_of
from lossproof.reports.page.section import Plots, drawn
from lossproof.reports.page.targets import Mark, Subject, anchor, by_dtype, mark, order
from lossproof.reports.summary import Group


@dataclass(frozen=True, kw_only=True)
class Side:
    """A report, by a letter."""

    letter: str
    about: tuple[str, ...]
    shortcomings: tuple[str, ...]
    counts: tuple[int, ...]  # in the order of STATUSES


@dataclass(frozen=True, kw_only=True)
class Place:
    """What stands in a column of a row, and whether it differs from the first of its group."""

    mark: Mark | None
    differs: bool


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table: a loss or a check, in one dtype."""

    name: str
    anchor: str
    dtype: str
    places: tuple[Place, ...]

    @property
    def differs(self) -> bool:
        """Whether any place does."""
        return any(place.differs for place in self.places)


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
    """Several reports, compared; `names` are those of their files, where known."""
    lanes, groups = lanes_of(reports)
    losses = sorted({r.loss for report in reports for r in report.results})
    ids = {name: anchor(name, place) for place, name in enumerate(losses)}
    titles = {f.name: f.title for report in reports for f in report.losses}
    by_loss = [_by(report.results, "loss") for report in reports]
    dtypes = by_dtype(r.dtype for report in reports for r in report.results)
    return Sides(
        title=f"{len(reports)} reports side by side",
        sides=tuple(
            _side(report, i, names[i] if names else "") for i, report in enumerate(reports)
        ),
        respecified=tuple(_respecified(reports)),
        lanes=tuple(lanes),
        groups=tuple(groups),
        dtypes=tuple(dtypes),
        rows=tuple(_matrix(by_loss, lanes, ids, dtypes)),
        losses=tuple(
            Comparison(
                name=name,
                anchor=ids[name],
                title=titles.get(name, ""),
                rows=tuple(_checks([part.get(name, []) for part in by_loss], lanes, dtypes)),
                conventions=tuple(_conventions([part.get(name, []) for part in by_loss], lanes)),
                plots=_plots(reports, name, lanes),
            )
            for name in losses
        ),
        environment=tuple(_environment(reports)),
    )


def _side(report: Report, place: int, name: str) -> Side:
    header = report.header
    subjects = sorted({c.subject for c in columns_of(report.results)})
    versions = [
        f"{s.backend} {header.versions[s.backend]}"
        for s in subjects
        if header.versions.get(s.backend)
    ]
    found = summary.counts(report.results)
    return Side(
        letter=letter(place),
        about=(
            *([name] if name else []),
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


def _matrix(
    by_loss: Sequence[Mapping[str, list[Result]]],
    lanes: Sequence[Lane],
    ids: Mapping[str, str],
    dtypes: Sequence[str],
) -> Iterator[Row]:
    """A row for each loss and dtype; marks ranked over all of them."""
    groups = {
        (name, dtype): groups_of([part.get(name, []) for part in by_loss], lanes, dtype)
        for name in ids
        for dtype in dtypes
    }
    orders = sorted({order(g) for row in groups.values() for g in row if g is not None})
    ranks = {key: place for place, key in enumerate(orders)}
    for (name, dtype), row in groups.items():
        if any(row):
            yield _row(name, ids[name], dtype, row, lanes, ranks)


def _checks(
    parts: Sequence[list[Result]], lanes: Sequence[Lane], dtypes: Sequence[str]
) -> Iterator[Row]:
    """The checks of a loss that differ somewhere."""
    by_check = [_by(part, "check") for part in parts]
    for name in sorted({name for part in by_check for name in part}):
        for dtype in dtypes:
            groups = groups_of([part.get(name, []) for part in by_check], lanes, dtype)
            row = _row(name, "", dtype, groups, lanes, {})
            if row.differs:
                yield row


def _row(
    name: str,
    anchor_: str,
    dtype: str,
    groups: Sequence[Group | None],
    lanes: Sequence[Lane],
    ranks: Mapping[tuple[int, float], int],
) -> Row:
    first: dict[int, Group | None] = {}
    places = []
    for lane, group in zip(lanes, groups, strict=True):
        reference = first.setdefault(lane.group, group)
        shown = None if group is None else mark(group, ranks.get(order(group), 0))
        places.append(Place(mark=shown, differs=differ(reference, group)))
    return Row(name=name, anchor=anchor_, dtype=dtype, places=tuple(places))


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
        first: dict[int, str] = {}
        differs = [
            text != first.setdefault(lane.group, text)
            for lane, text in zip(lanes, row, strict=True)
        ]
        yield Convention(name=name, texts=tuple(row), differs=tuple(differs))


def _plots(reports: Sequence[Report], loss: str, lanes: Sequence[Lane]) -> Plots | None:
    slots = {(lane.side, lane.subject): slot for slot, lane in enumerate(lanes)}
    many = len({lane.subject for lane in lanes}) > 1
    found = []
    for i, report in enumerate(reports):
        for curve in sorted(report.curves, key=lambda c: c.id):
            subject = Subject(backend=curve.backend, device=curve.device)
            if curve.loss == loss and (i, subject) in slots:
                label = f"{letter(i)} {subject.label(1)}" if many else letter(i)
                found.append((label, slots[i, subject], curve))
    return drawn(found)


def _environment(reports: Sequence[Report]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    found = [dict(summary.environment(report.header)) for report in reports]
    for name in dict.fromkeys(name for facts in found for name in facts):
        row = tuple(facts.get(name, "") for facts in found)
        yield name, row, len(set(row)) > 1
