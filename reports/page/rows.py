"""Rows of a page of several reports: what stands in each column, and what differs or is absent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lossproof.reports import summary
from lossproof.reports.model import Result
from lossproof.reports.page.findings import VIOLATIONS, first_told
from lossproof.reports.page.lanes import Lane, differ, results_of
from lossproof.reports.page.names import number
from lossproof.reports.page.targets import Mark, mark, order
from lossproof.reports.summary import Group

Cells = Sequence[Mapping[str, str]]  # of each report, where the cells stand that are told in full


@dataclass(frozen=True, kw_only=True)
class Place:
    """What stands in a column of a row, and whether it differs from the first of its group.

    `absent` says so in words, where others of the group have what this column has not.
    """

    mark: Mark | None
    differs: bool
    absent: str


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

    @property
    def partial(self) -> bool:
        """Whether some columns have it and some have not."""
        return any(place.absent for place in self.places)


def matrix(
    by_loss: Sequence[Mapping[str, list[Result]]],
    lanes: Sequence[Lane],
    ids: Mapping[str, str],
    dtypes: Sequence[str],
    cells: Cells,
) -> Iterator[Row]:
    """A row for each loss and dtype; marks ranked over all of them."""
    found = {
        (name, dtype): results_of([part.get(name, []) for part in by_loss], lanes, dtype)
        for name in ids
        for dtype in dtypes
    }
    orders = {order(summary.group(own)) for row in found.values() for own in row if own}
    ranks = {key: place for place, key in enumerate(sorted(orders))}
    for (name, dtype), row in found.items():
        if any(row):
            yield _row(name, ids[name], dtype, row, lanes, ranks, cells)


def checks(
    parts: Sequence[list[Result]], lanes: Sequence[Lane], dtypes: Sequence[str], cells: Cells
) -> Iterator[Row]:
    """The checks of a loss in every dtype."""
    by_check: list[defaultdict[str, list[Result]]] = []
    for part in parts:
        by_check.append(defaultdict(list))
        for r in part:
            by_check[-1][r.check].append(r)
    for name in sorted({name for part in by_check for name in part}):
        for dtype in dtypes:
            row = results_of([part[name] for part in by_check], lanes, dtype)
            yield _row(name, "", dtype, row, lanes, {}, cells)


def _row(
    name: str,
    anchor: str,
    dtype: str,
    row: Sequence[Sequence[Result]],
    lanes: Sequence[Lane],
    ranks: Mapping[tuple[int, float], int],
    cells: Cells,
) -> Row:
    """The first of a group that has anything is what the others are compared with."""
    first: dict[int, Group] = {}
    had: dict[int, bool] = {}
    for lane, own in zip(lanes, row, strict=True):
        had[lane.side] = had.get(lane.side, False) or bool(own)
        if own:
            first.setdefault(lane.group, summary.group(own))
    places = []
    for lane, own in zip(lanes, row, strict=True):
        if own:
            group = summary.group(own)
            told = first_told(own, cells[lane.side], VIOLATIONS)
            shown = mark(group, ranks.get(order(group), 0), told or anchor)
            differs = differ(first[lane.group], group)
            places.append(Place(mark=shown, differs=differs, absent=""))
        else:
            absent = "absent" if had[lane.side] else f"not in {number(lane.side)}"
            absent = absent if lane.group in first else ""
            places.append(Place(mark=None, differs=False, absent=absent))
    return Row(name=name, anchor=anchor, dtype=dtype, places=tuple(places))
