"""The second half of a page: a section for each loss, from what is stated to what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lossproof.reports import summary
from lossproof.reports.curve import Curve
from lossproof.reports.model import Report, Result
from lossproof.reports.page import formulas, plots
from lossproof.reports.page.findings import (
    VIOLATIONS,
    Finding,
    cell_anchors,
    first_told,
    told,
    values_first,
)
from lossproof.reports.page.overview import Column, anchors, columns_of
from lossproof.reports.page.plots import Figure, Series
from lossproof.reports.page.targets import Mark, Subject, by_dtype, mark
from lossproof.reports.scales import magnitude
from lossproof.reports.stated import LossFacts


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Cells that share a reason to be expected to fail."""

    reason: str
    link: str | None
    cells: tuple[str, ...]  # their ids without the loss
    back: bool = False  # they pass, against expectation


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check in the table of a section; a mark for every column."""

    name: str
    level: str
    sentence: str
    marks: tuple[Mark | None, ...]


@dataclass(frozen=True, kw_only=True)
class Worst:
    """The largest error of value and gradients in a column, of a pass too, and where it is."""

    column: Column
    check: str
    ratio: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Plots:
    """The plots of a section; of errors a row for each quantity."""

    argument: str
    held: str
    legend: tuple[tuple[str, int], ...]
    shapes: tuple[Figure, ...]
    errors: tuple[tuple[str, tuple[Figure, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """All about one loss."""

    name: str
    anchor: str
    stated: LossFacts | None
    equations: tuple[Markup, ...]
    relations: tuple[tuple[str, str | None, str], ...]  # other loss, its anchor, sentence
    counts: tuple[tuple[str, int], ...]
    findings: tuple[tuple[Finding, ...], ...]  # those of one check and subject together
    warnings: tuple[tuple[Finding, ...], ...]
    deviations: tuple[Deviation, ...]
    skips: tuple[tuple[str, int], ...]
    columns: tuple[Column, ...]
    subjects: tuple[tuple[str, int], ...]  # label, number of columns
    checks: tuple[Check, ...]
    errors: tuple[Worst, ...]
    conventions: tuple[tuple[str, tuple[str, ...]], ...]
    backends: tuple[str, ...]  # the columns of the conventions
    plots: Plots | None


def sections(report: Report) -> list[Section]:
    """A section for every loss that has results, sorted by name."""
    by_loss: defaultdict[str, list[Result]] = defaultdict(list)
    for r in sorted(report.results, key=lambda r: r.id):
        by_loss[r.loss].append(r)
    curves: defaultdict[str, list[Curve]] = defaultdict(list)
    for curve in sorted(report.curves, key=lambda c: c.id):
        curves[curve.loss].append(curve)
    slots = {name: place for place, name in enumerate(sorted({_series(c) for c in report.curves}))}
    stated = {facts.name: facts for facts in report.losses}
    ids = anchors(report)
    cells = cell_anchors(report)
    return [
        _section(loss, by_loss[loss], stated.get(loss), curves[loss], slots, ids, cells)
        for loss in ids
        if loss in by_loss
    ]


def _section(
    loss: str,
    results: Sequence[Result],
    stated: LossFacts | None,
    curves: Sequence[Curve],
    slots: dict[Subject, int],
    ids: Mapping[str, str],
    cells: Mapping[str, str],
) -> Section:
    columns = columns_of(results)
    devices = len({c.subject.device for c in columns})
    conventions = summary.conventions(results)
    backends = sorted({b for seen in conventions.values() for b in seen})
    found = summary.counts(results)
    subjects = sorted({c.subject for c in columns})
    return Section(
        name=loss,
        anchor=ids[loss],
        stated=stated,
        equations=() if stated is None else tuple(map(formulas.line, stated.tex)),
        relations=()
        if stated is None
        else tuple((r.other, ids.get(r.other), r.sentence) for r in stated.relations),
        counts=tuple((status, n) for status, n in found.items() if n),
        findings=told(results, cells, *VIOLATIONS),
        warnings=told(results, cells, "warned"),
        deviations=(*_deviations(results, "xpassed"), *_deviations(results, "xfailed")),
        skips=tuple(summary.skips(results)),
        columns=tuple(columns),
        subjects=tuple((s.label(devices), sum(c.subject == s for c in columns)) for s in subjects),
        checks=tuple(checks(results, columns, cells)),
        errors=tuple(_errors(results, columns)),
        conventions=tuple(
            (name, tuple(seen.get(b, "") for b in backends))
            for (_, name), seen in conventions.items()
        ),
        backends=tuple(backends),
        plots=drawn([(_series(c).label(devices), slots[_series(c)], c) for c in curves]),
    )


def _series(curve: Curve) -> Subject:
    return Subject(backend=curve.backend, device=curve.device)


def _deviations(results: Sequence[Result], status: str) -> list[Deviation]:
    cells: defaultdict[tuple[str, str | None], list[str]] = defaultdict(list)
    for r in results:
        if r.status == status:
            cells[r.reason or "", r.link].append(f"{r.check}[{r.backend},{r.dtype},{r.device}]")
    return [
        Deviation(reason=reason, link=link, cells=tuple(found), back=status == "xpassed")
        for (reason, link), found in sorted(cells.items(), key=lambda item: (item[1], item[0][0]))
    ]


def checks(
    results: Sequence[Result], columns: Sequence[Column], cells: Mapping[str, str]
) -> list[Check]:
    """The checks of a loss by name, with what each says in every column."""
    by_check: defaultdict[str, dict[Column, Result]] = defaultdict(dict)
    for r in results:
        column = Column(subject=Subject(backend=r.backend, device=r.device), dtype=r.dtype)
        by_check[r.check][column] = r
    rows = []
    for name in sorted(by_check, key=values_first):
        own = by_check[name]
        plain = [r for r in own.values() if r.status not in ("failed", "warned", "errored")]
        one = min(plain or own.values(), key=lambda r: r.id)
        rows.append(
            Check(
                name=name,
                level=one.level,
                sentence=one.sentence,
                marks=tuple(_single(own[c], cells) if c in own else None for c in columns),
            )
        )
    return rows


def _single(result: Result, cells: Mapping[str, str]) -> Mark:
    """The mark of one cell, with where it is told in full."""
    return mark(summary.group([result]), href=first_told([result], cells))


def _errors(results: Sequence[Result], columns: Sequence[Column]) -> Iterator[Worst]:
    by_column: defaultdict[Column, list[Result]] = defaultdict(list)
    for r in results:
        subject = Subject(backend=r.backend, device=r.device)
        by_column[Column(subject=subject, dtype=r.dtype)].append(r)
    for column in columns:
        found = summary.group(by_column[column])
        if found.worst is not None and found.ratio is not None:
            yield Worst(
                column=column,
                check=found.worst.check,
                ratio=magnitude(found.ratio),
                facts=tuple(summary.facts(found.worst)),
            )


def drawn(curves: Sequence[tuple[str, int, Curve]]) -> Plots | None:
    """The plots of some curves, each with its label and place in the legend."""
    series = [Series(label=label, slot=slot, curve=curve) for label, slot, curve in curves]
    shape = [s for s in series if s.curve.sweep == "shape"]
    wide = [s for s in series if s.curve.sweep == "range"]
    quantities = (("value", plots.value), ("gradient", plots.gradient))
    shapes = [figure for name, of in quantities if (figure := plots.shape(shape, of, name))]
    errors = []
    for name, of in quantities:
        row = [
            figure
            for dtype in by_dtype(s.curve.dtype for s in wide)
            if (figure := plots.far([s for s in wide if s.curve.dtype == dtype], of, dtype))
        ]
        if row:
            errors.append((name, tuple(row)))
    if not shapes and not errors:
        return None
    one = (shape or wide)[0].curve
    return Plots(
        argument=one.argument,
        held=one.held,
        legend=tuple(sorted({(s.label, s.slot) for s in series}, key=lambda item: item[1])),
        shapes=tuple(shapes),
        errors=tuple(errors),
    )
