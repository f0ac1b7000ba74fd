"""Lanes: the columns of a page of several reports, and when what stands in two of them differs.

Where every report has the same backends and devices, each of these is compared with itself, report
by report: one version with another. Where not, all columns are compared: torch with JAX, a CPU with
a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lossproof.reports.model import Report, Result
from lossproof.reports.page.names import number
from lossproof.reports.page.overview import columns_of
from lossproof.reports.page.targets import Subject, order
from lossproof.reports.summary import Group

#: errors are another where one is more than so many times the other, and not both small
FACTOR, SMALL = 2.0, 0.1


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A column: a backend on a device in one of the reports."""

    side: int
    subject: Subject
    label: str
    group: int


def lanes_of(
    reports: Sequence[Report], titles: Sequence[str]
) -> tuple[list[Lane], list[tuple[str, int]]]:
    """The columns, those that are compared with each other side by side."""
    subjects = [sorted({c.subject for c in columns_of(r.results)}) for r in reports]
    devices = len({s.device for seen in subjects for s in seen})
    if all(seen == subjects[0] for seen in subjects):
        lanes = [
            Lane(side=i, subject=s, label=title, group=group)
            for group, s in enumerate(subjects[0])
            for i, title in enumerate(titles)
        ]
        return lanes, [(s.label(devices), len(reports)) for s in subjects[0]]
    lanes = [
        Lane(side=i, subject=s, label=f"{number(i)} {s.label(devices)}", group=0)
        for i, seen in enumerate(subjects)
        for s in seen
    ]
    return lanes, [("", len(lanes))]


def results_of(
    parts: Sequence[Sequence[Result]], lanes: Sequence[Lane], dtype: str
) -> list[list[Result]]:
    """Of each column the results in one dtype."""
    return [
        [
            r
            for r in parts[lane.side]
            if r.dtype == dtype and Subject(backend=r.backend, device=r.device) == lane.subject
        ]
        for lane in lanes
    ]


def differ(one: Group, other: Group) -> bool:
    """Whether two places differ: in status, in grade, or in an error that is quite another."""
    if (one.status, one.grade) != (other.status, other.grade):
        return True
    if one.ratio is None or other.ratio is None:
        return one.ratio is not other.ratio
    low, high = sorted((order(one)[1], order(other)[1]))
    return high > SMALL and high > FACTOR * low


def apart(lanes: Sequence[Lane], texts: Sequence[str]) -> list[bool]:
    """Of each column, whether its text is not the first of its group; "" is absent."""
    first: dict[int, str] = {}
    return [
        bool(text) and text != first.setdefault(lane.group, text)
        for lane, text in zip(lanes, texts, strict=True)
    ]
