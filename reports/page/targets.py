"""Targets: backend, dtype and device, in the order in which a page shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lossproof.reports import summary
from lossproof.reports.scales import magnitude
from lossproof.reports.summary import Group

#: dtypes that are known stand first, the widest foremost
DTYPES = ("float64", "float32", "bfloat16", "float16")
#: an error of more ulp looks like a failure, and is told to be none where the budget allows it
MANY = 64
ALLOWED = (
    "so many ulp are within the budget where the truth is tiny beside the terms it is summed from"
)
NAME = re.compile(r"[A-Za-z][\w.-]*")
NO_NUMBER = {"not a finite number": "not finite"}
DISTANCE = re.compile(r"(by )?(\d[\d.]*(?:e[+-]?\d+)?)( ulp)?")
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
    off: str  # how far, in ulp; plainly where the truth has no last place
    note: str  # where the worst error is, and why one of many ulp may pass
    statuses: str  # every status that occurs in the group
    rank: int = 0  # among all of the page, the worst last
    href: str = ""  # the element that tells the most severe cell in full


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


def mark(group: Group, rank: int = 0, href: str = "") -> Mark:
    """A group in words. The grade stands for a pass."""
    status = group.status
    passed = status == "passed"
    worst = group.worst.worst if group.worst is not None else None
    return Mark(
        word=(group.grade or summary.MARKS[status]) if passed else summary.MARKS[status],
        kind=group.grade or "passed" if passed else status,
        ratio="" if group.ratio is None else magnitude(group.ratio),
        off="" if worst is None else _brief(worst.off),
        note=_note(group),
        statuses=" ".join(s for s, n in group.counts.items() if n),
        rank=rank,
        href=href,
    )


def _note(group: Group) -> str:
    if group.worst is None or group.worst.worst is None:
        return ""
    worst = group.worst.worst
    many = worst.ratio <= 1 and (worst.ulps or 0) > MANY
    return group.worst.check + (f": {ALLOWED}" if many else "")


def _brief(off: str) -> str:
    """How far it is off in few letters: `8.4e6 ulp`, `by 2.9e−8`; what is no number in words."""
    far = re.split("[,;]", off, maxsplit=1)[0]
    measured = DISTANCE.fullmatch(far)
    if not measured:
        return NO_NUMBER.get(far, far)
    by, number, unit = measured.groups(default="")
    return f"{by}{magnitude(float(number))}{unit}"
