"""Targets: backend, dtype and device, in the order in which a page shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lossproof.reports import summary
from lossproof.reports.model import Result
from lossproof.reports.scales import magnitude
from lossproof.reports.summary import Group

#: dtypes that are known stand first, the widest foremost
DTYPES = ("float64", "float32", "bfloat16", "float16")
NAME = re.compile(r"[A-Za-z][\w.-]*")
ID = re.compile(r"[A-Za-z][\w.-]*/[\w.,/:\[\]-]+")


@dataclass(frozen=True, kw_only=True, order=True)
class Subject:
    """What a column group of a page is about: a backend on a device."""

    backend: str
    device: str

    def label(self, devices: int) -> str:
        """Its name; with the device where a page has more than one."""
        return f"{self.backend} {self.device}" if devices > 1 else self.backend


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A group of cells as a page shows it: a word, a class for its colour, numbers, a rank."""

    word: str
    kind: str  # of a pass its grade, else its status
    ratio: str
    ulps: str
    where: str  # the check that has the worst error
    statuses: str  # every status that occurs in the group
    rank: int = 0  # among all of the page, the worst last


def by_dtype(dtypes: Iterable[str]) -> list[str]:
    """Dtypes, each once, in the order of a page."""
    known = {name: place for place, name in enumerate(DTYPES)}
    return sorted(set(dtypes), key=lambda name: (known.get(name, len(known)), name))


def anchor(name: str, place: int, kind: str = "loss", pattern: re.Pattern[str] = NAME) -> str:
    """The id of an element: the name itself, where it can be one."""
    return name if pattern.fullmatch(name) else f"_{kind}{place}"


def order(group: Group) -> tuple[int, float]:
    """Sorts groups: the more severe status later, then the larger error."""
    ratio = -1.0 if group.ratio is None else group.ratio
    severity = len(summary.SEVERITY) - summary.SEVERITY.index(group.status)
    return severity, float("inf") if ratio != ratio else ratio


def mark(group: Group, rank: int = 0) -> Mark:
    """A group in words. The grade stands for a pass."""
    status = group.status
    passed = status == "passed"
    worst = group.worst.worst if group.worst is not None else None
    off = worst.off.partition(",")[0] if worst is not None else ""
    return Mark(
        word=(group.grade or summary.MARKS[status]) if passed else summary.MARKS[status],
        kind=group.grade or "passed" if passed else status,
        ratio="" if group.ratio is None else magnitude(group.ratio),
        ulps=_brief(off) if off.endswith(" ulp") else "",
        where=group.worst.check if group.worst is not None else "",
        statuses=" ".join(s for s, n in group.counts.items() if n),
        rank=rank,
    )


def _brief(ulps: str) -> str:
    """An error such as `8.39e+06 ulp` in fewer letters."""
    number = ulps.removesuffix(" ulp")
    try:
        return f"{magnitude(float(number))} ulp"
    except ValueError:
        return ulps


def grade_or_mark(result: Result) -> Mark:
    """A single cell."""
    return mark(summary.group([result]))
