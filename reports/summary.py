"""What a report says, as values: counts, the matrix, the lists. None depends on order of arrival.

A group of cells shows its most severe status and its worst error, so one failure is never
averaged away.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lossproof.reports import headers
from lossproof.reports.model import STATUSES, Grade, Header, Report, Result, Status

SEVERITY: tuple[Status, ...] = (
    "failed", "errored", "xpassed", "warned", "not-run", "xfailed", "passed", "skipped",
)  # fmt: skip

MARKS: dict[Status, str] = {
    "passed": "ok", "failed": "FAIL", "warned": "warn", "errored": "ERROR",
    "skipped": "skip", "xfailed": "xfail", "xpassed": "XPASS", "not-run": "not run",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Group:
    """Some cells, seen as one.

    `ratio` is the worst error of values and gradients, `worst` the cell that holds it: other
    checks, of behaviour, call what they find infinite where there is no number.
    """

    status: Status
    ratio: float | None
    grade: Grade | None
    worst: Result | None
    counts: dict[str, int]

    @property
    def text(self) -> str:
        """Such as `ok 0.51 A`: status, worst error over budget, and worst grade if none failed."""
        ratio = "" if self.ratio is None else short(self.ratio)
        grade = "" if self.status in ("failed", "errored") else self.grade or ""
        return " ".join(part for part in (MARKS[self.status], ratio, grade) if part)


def counts(results: Iterable[Result]) -> dict[str, int]:
    """How many results have each status; every status is there."""
    return tally(result.status for result in results)


def tally(statuses: Iterable[Status]) -> dict[str, int]:
    """How often each status occurs; every status is there."""
    found = dict.fromkeys(map(str, STATUSES), 0)
    for status in statuses:
        found[status] += 1
    return found


def exit_code(found: Mapping[str, int]) -> int:
    """Of the counts of a run: 0 conforms, 1 failures, 3 nothing ran or not all of it."""
    if found.get("failed", 0) or found.get("errored", 0):
        return 1
    ran = sum(found.get(s, 0) for s in ("passed", "warned", "xfailed", "xpassed"))
    return 0 if ran and not found.get("not-run", 0) else 3


def applicable(found: Mapping[str, int]) -> int:
    """How many cells a pass share is of: every cell but the skipped, which are neither."""
    return sum(found.values()) - found.get("skipped", 0)


def percent(part: int, whole: int) -> str:
    """A share to a tenth of a percent, rounded down: 100 only for all of them."""
    tenths = 1000 * part // whole
    return f"{tenths // 10}.{tenths % 10}%" if tenths % 10 else f"{tenths // 10}%"


def with_status(results: Iterable[Result], *statuses: Status) -> list[Result]:
    """The results of these statuses, sorted by id."""
    return sorted((r for r in results if r.status in statuses), key=lambda r: r.id)


def most_severe(results: Iterable[Result]) -> Status:
    """The status of a group. Raises ValueError for an empty one."""
    return min((r.status for r in results), key=SEVERITY.index)


def group(results: Iterable[Result]) -> Group:
    """Some results as one. Raises ValueError when there are none."""
    members = sorted(results, key=lambda r: r.id)
    measured = [r for r in members if r.worst is not None and _of_numbers(r)]
    worst = max(measured, key=_rank, default=None)
    return Group(
        status=most_severe(members),
        ratio=worst.worst.ratio if worst is not None and worst.worst is not None else None,
        grade=max((r.grade for r in members if r.grade), default=None),
        worst=worst,
        counts=counts(members),
    )


def matrix(results: Iterable[Result]) -> dict[tuple[str, str], dict[str, Group]]:
    """(loss, backend) -> column -> group, all sorted.

    A column is a dtype; where the report holds more than one device, a dtype and its device.
    """
    results = list(results)
    one_device = len({r.device for r in results}) <= 1
    cells: defaultdict[tuple[str, str], defaultdict[str, list[Result]]]
    cells = defaultdict(lambda: defaultdict(list))
    for r in results:
        column = r.dtype if one_device else f"{r.dtype} {r.device}"
        cells[r.loss, r.backend][column].append(r)
    return {
        row: {column: group(cells[row][column]) for column in sorted(cells[row])}
        for row in sorted(cells)
    }


def by_target(results: Iterable[Result]) -> dict[tuple[str, str, str], Group]:
    """(backend, dtype, device) -> group, sorted."""
    cells: defaultdict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for r in results:
        cells[r.backend, r.dtype, r.device].append(r)
    return {key: group(cells[key]) for key in sorted(cells)}


def skips(results: Iterable[Result]) -> list[tuple[str, int]]:
    """(reason, number of cells skipped for it), the most frequent first."""
    found: defaultdict[str, int] = defaultdict(int)
    for r in with_status(results, "skipped"):
        found[r.reason or ""] += 1
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def conventions(results: Iterable[Result]) -> dict[tuple[str, str], dict[str, str]]:
    """(loss, convention) -> backend -> what was seen there, sorted.

    Where dtypes or devices of a backend disagree, each value names its own: `0 (float32 cpu)`.
    """
    seen: defaultdict[tuple[str, str], defaultdict[str, defaultdict[str, set[str]]]]
    seen = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))
    for r in results:
        for name, value in r.conventions.items():
            seen[r.loss, name][r.backend][value].add(f"{r.dtype} {r.device}")
    return {
        row: {backend: _agreed(seen[row][backend]) for backend in sorted(seen[row])}
        for row in sorted(seen)
    }


def points(results: Iterable[Result]) -> tuple[int, int]:
    """(sample points judged, further points excused)."""
    results = list(results)
    return sum(r.points for r in results), sum(r.excused for r in results)


def mostly_excused(results: Iterable[Result]) -> list[Result]:
    """The cells with more than half of their points excused, sorted by id."""
    return sorted((r for r in results if r.excused > r.points > 0), key=lambda r: r.id)


def shortcomings(report: Report) -> list[str]:
    """What keeps the report from being evidence of conformance, a sentence each; often nothing."""
    header, total = report.header, counts(report.results)
    found = sum(total.values()) - total["not-run"]
    lines = []
    if not header.sufficient:
        lines.append(f"This {header.profile} run is not sufficient evidence of conformance.")
    if parts := headers.shards(header):
        lines.append(f"Only shard {', '.join(parts)} of the run.")
    if report.footer is None:
        lines.append(f"The run was cut off after {found} of {header.cells} results.")
    elif not report.footer.complete:
        lines.append(f"A time limit ended the run after {found} of {header.cells} results.")
    if not found:
        lines.append("Nothing ran.")
    return lines


def environment(header: Header) -> list[tuple[str, str]]:
    """(name, text) of all that is known of a run, but when it began."""
    return [
        ("lossproof", header.lossproof),
        ("python", header.python),
        ("platform", header.platform),
        ("cpu", header.cpu),
        *((name, header.versions[name] or "missing") for name in sorted(header.versions)),
        *(
            (f"{backend} {device}", header.devices[backend][device])
            for backend in sorted(header.devices)
            for device in sorted(header.devices[backend])
        ),
        ("profile", header.profile),
        ("seed", str(header.seed)),
        ("cells", str(header.cells)),
        *((name, ", ".join(header.selection[name])) for name in sorted(header.selection)),
        *((name, _setting(header.probes[name])) for name in sorted(header.probes)),
        *((name, _setting(header.flags[name])) for name in sorted(header.flags)),
    ]


def _setting(value: bool | int | str | None) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def short(number: float) -> str:
    """Two significant digits; nan and inf by name; no negative zero.

    More where they would read as 1, on the other side of which a number is or is not in its budget.
    """
    digits = 2
    while float(f"{number:.{digits}g}") == 1.0 != number:
        digits += 1
    return f"{number + 0.0:.{digits}g}"


def facts(result: Result) -> list[tuple[str, str]]:
    """(name, text) of the worst observation: at, truth, got, off, allowed; nothing without one."""
    if result.worst is None:
        return []
    w = result.worst
    at = ", ".join(f"{name}={value}" for name, value in w.at.items())
    return [("at", at), ("truth", w.truth), ("got", w.got), ("off", w.off), ("allowed", w.allowed)]


def _of_numbers(result: Result) -> bool:
    return result.level == "MUST" and result.check.partition(".")[0] in ("value", "gradient")


def _rank(result: Result) -> float:
    """Orders by ratio; nan, which agrees with nothing, with the infinite."""
    ratio = result.worst.ratio if result.worst is not None else -math.inf
    return math.inf if math.isnan(ratio) else ratio


def _agreed(values: dict[str, set[str]]) -> str:
    if len(values) == 1:
        return next(iter(values))
    return "; ".join(f"{value} ({', '.join(sorted(values[value]))})" for value in sorted(values))
