"""Parts of a run put together: the report that the run would have written in one piece.

Parts are shards of one run, or runs of other losses, backends or devices that are otherwise alike.
They fit when their headers agree in all that changes results, no cell is in two of them, and
nothing is missing between them. Reports of different machines or versions are compared, not merged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Any

from msgspec.structs import replace

from lossproof.reports import headers, summary
from lossproof.reports.encoding import encode
from lossproof.reports.model import Footer, Header, Report, ReportError

MACHINE = frozenset({"cpu", "platform"})
KNOWN = ("header", "results", "footer")
SHOWN = 8  # of the shards that are missing
Box = tuple[frozenset[str], ...]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A report and the name that it goes by in messages."""

    name: str
    report: Report

    @property
    def header(self) -> Header:
        """The header of the report."""
        return self.report.header

    @property
    def box(self) -> Box:
        """What it selects on each of the axes."""
        return tuple(frozenset(self.header.selection.get(axis, ())) for axis in headers.AXES)


def merge(parts: Sequence[Part], *, partial: bool = False, any_cpu: bool = False) -> Report:
    """The one report; the same for any order of parts. Raises ReportError, naming the parts.

    `partial` lets shards be missing, which the result then says and its exit code, 3, too.
    `any_cpu` lets processors and operating systems differ; the result names them all.
    """
    for part in parts:
        _whole(part)
    _alike(parts, MACHINE if any_cpu else frozenset())
    _no_cell_twice(parts)
    held = _held(_shards(parts), partial)
    _nothing_between(parts)
    ordered = [part.report for part in sorted(parts, key=lambda p: encode(p.header))]
    results = sorted(chain.from_iterable(r.results for r in ordered), key=lambda r: r.id)
    footers = [r.footer for r in ordered if r.footer is not None]
    found = summary.counts(results)
    footer = Footer(
        counts=found,
        results=len(results),
        seconds=round(sum(f.seconds for f in footers), 3),
        exit_code=summary.exit_code(found) or (3 if held else 0),
        complete=all(f.complete for f in footers),
    )
    return replace(
        ordered[0],
        header=_header([r.header for r in ordered], held),
        results=tuple(results),
        footer=footer,
        **_further(ordered),
    )


def _whole(part: Part) -> None:
    if part.report.footer is None:
        raise ReportError(f"{part.name}: no footer: the run was cut off")
    if part.header.cells != len(part.report.results):
        raise ReportError(
            f"{part.name}: {part.header.cells} cells were planned, "
            f"there are {len(part.report.results)}"
        )


def _alike(parts: Sequence[Part], may: frozenset[str]) -> None:
    """Each is compared with one of each choice of backends: devices belong to backends."""
    seen: dict[frozenset[str], Part] = {}
    for part in parts:
        for other in seen.values():
            found = headers.beyond_axes(other.header, part.header, may)
            found += headers.specifications(other.report.losses, part.report.losses)
            if found:
                raise ReportError(
                    f"{part.name}: not of one run with {other.name}: {headers.sentence(found)}"
                )
        seen.setdefault(part.box[1], part)


def _no_cell_twice(parts: Sequence[Part]) -> None:
    owner: dict[str, str] = {}
    for part in parts:
        for result in part.report.results:
            if result.id in owner:
                raise ReportError(f"two results for {result.id}: {owner[result.id]}, {part.name}")
            owner[result.id] = part.name


def _shards(parts: Sequence[Part]) -> list[dict[str, str]]:
    """For each run that was split: its shards that are there, and who holds them."""
    runs: dict[Box, dict[str, str]] = {}
    whole: dict[Box, str] = {}
    for part in parts:
        shards = headers.shards(part.header)
        if part.box in whole or (part.box in runs and not shards):
            other = whole.get(part.box) or next(iter(runs[part.box].values()))
            raise ReportError(f"{part.name}: the same selection as {other}")
        if not shards:
            whole[part.box] = part.name
        for shard in shards:
            seen = runs.setdefault(part.box, {})
            if shard in seen:
                raise ReportError(f"{part.name}: shard {shard} is in {seen[shard]} already")
            seen[shard] = part.name
    return list(runs.values())


def _missing(seen: Mapping[str, str]) -> list[str]:
    """The shards of a run that nobody holds."""
    counts = {_numbers(shard)[1] for shard in seen}
    if len(counts) > 1:
        told = ", ".join(f"{shard} ({name})" for shard, name in seen.items())
        raise ReportError(f"shards of different splits: {told}")
    count = counts.pop()
    return [s for i in range(count) if (s := f"{i + 1}/{count}") not in seen]


def _held(runs: Sequence[Mapping[str, str]], partial: bool) -> list[str]:
    """The shards that a partial report holds, none for a whole one."""
    held: set[str] = set()
    for seen in runs:
        missing = _missing(seen)
        if missing and not partial:
            shown = ", ".join(missing[:SHOWN]) + (" and more" if missing[SHOWN:] else "")
            one = next(iter(seen.values()))
            raise ReportError(f"shard {shown} of {one} is missing; --partial does without")
        held |= set(seen) if missing else set()
    return sorted(held, key=_numbers)


def _numbers(shard: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", shard)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise ReportError(f"no shard is called {shard!r}")
    return number, count


def _nothing_between(parts: Sequence[Part]) -> None:
    """What the selections name together has to be there, once: they fill a box without a gap."""
    boxes = {part.box for part in parts}
    for spot in product(*(sorted(frozenset().union(*sides)) for sides in zip(*boxes, strict=True))):
        holding = sum(all(s in side for s, side in zip(spot, b, strict=True)) for b in boxes)
        if holding != 1:
            which = "none" if not holding else "more than one"
            raise ReportError(f"{which} of the reports selects {' on '.join(spot)}")


def _header(parts: Sequence[Header], held: list[str]) -> Header:
    first = parts[0]
    selection = {k: v for k, v in first.selection.items() if k != headers.SHARD}
    for axis in headers.AXES:
        if any(h.selection.get(axis) != first.selection.get(axis) for h in parts):
            selection[axis] = sorted({x for h in parts for x in h.selection.get(axis, ())})
    return replace(
        first,
        cpu=_all_of(h.cpu for h in parts),
        platform=_all_of(h.platform for h in parts),
        versions={k: v for h in parts for k, v in h.versions.items()},
        devices={k: v for h in parts for k, v in h.devices.items()},
        probes={k: v for h in parts for k, v in h.probes.items()},
        selection=selection | ({headers.SHARD: held} if held else {}),
        cells=sum(h.cells for h in parts),
        started=min(h.started for h in parts),
    )


def _all_of(texts: Iterable[str]) -> str:
    """One text, or several as a list."""
    return "; ".join(sorted({piece for text in texts for piece in text.split("; ")}))


def _further(reports: Sequence[Report]) -> dict[str, tuple[Any, ...]]:
    """Further records of a report, beside its results: each once, by its own order of fields."""
    found: dict[str, tuple[Any, ...]] = {}
    for name in reports[0].__struct_fields__:
        if name not in KNOWN:
            records = {encode(record): record for r in reports for record in getattr(r, name)}
            found[name] = tuple(records[line] for line in sorted(records))
    return found
