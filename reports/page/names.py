"""Names of reports that stand side by side: a number, and in few words what is its own.

No letters: those are grades.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import PurePath

from lossproof.reports.model import Header, Report

#: a name stands above a column, and is no longer than this
LONGEST = 24


def number(place: int) -> str:
    """What a report is called where a word would be too long."""
    return str(place + 1)


def short_paths(names: Sequence[str]) -> list[str]:
    """The names of files without the folders that all of them lie in."""
    parts = [PurePath(name).parts for name in names]
    folders = zip(*(p[:-1] for p in parts), strict=False)
    shared = len(list(takewhile(lambda level: len(set(level)) == 1, folders)))
    return ["/".join(p[shared:]) for p in parts]


def titles(reports: Sequence[Report], names: Sequence[str] = ()) -> list[str]:
    """The numbers of the reports, each with what tells it from the others, where that is short.

    Tried are, in this order: its backends, their versions, the devices, Python, the profile, the
    seed, its file.
    """
    paths = [PurePath(name).parts for name in short_paths(names)]
    while len({p[-1:] for p in paths}) == 1 and all(len(p) > 1 for p in paths):
        paths = [p[:-1] for p in paths]
    ways = [[way(report, reports) for report in reports] for way in WAYS]
    ways.append([PurePath(*p).with_suffix("").as_posix() for p in paths])
    for way in ways:
        if len(set(way)) == len(reports) and all(0 < len(word) <= LONGEST for word in way):
            return [f"{number(i)} {word}" for i, word in enumerate(way)]
    return [number(i) for i in range(len(reports))]


Way = Callable[[Report, Sequence[Report]], str]


def _backends(report: Report, _: Sequence[Report]) -> str:
    return ", ".join(sorted({r.backend for r in report.results}))


def _versions(report: Report, reports: Sequence[Report]) -> str:
    """Of the backends, those whose versions are not the same everywhere."""
    found = []
    for backend in sorted({r.backend for r in report.results}):
        if len({other.header.versions.get(backend) for other in reports}) > 1:
            found.append(f"{backend} {report.header.versions.get(backend) or 'missing'}")
    return ", ".join(found)


def _devices(report: Report, _: Sequence[Report]) -> str:
    return ", ".join(sorted({r.device for r in report.results}))


def _of_header(text: Callable[[Header], str]) -> Way:
    return lambda report, _: text(report.header)


WAYS: Sequence[Way] = (
    _backends,
    _versions,
    _devices,
    _of_header(lambda header: f"Python {header.python}"),
    _of_header(lambda header: f"{header.profile} profile"),
    _of_header(lambda header: f"seed {header.seed}"),
)
