"""Backends side by side: how accurate they are for a loss, and the conventions they follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lossproof.backends.base import Backend
from lossproof.backends.registry import Implementation
from lossproof.conformance import plan, runner
from lossproof.conformance.asking import conventions
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.offers import KNOWN_AS, offers
from lossproof.conformance.subject import Subject
from lossproof.reports.model import Result
from lossproof.spec.loss import Loss

#: what is not known of a column, with the reason told below the table
UNKNOWN = "-"
GROUPS = ("worst error / budget, grade", "conventions", "wrong input", "offers")
#: checks whose worst errors are shown, and those that record conventions which are read here
MEASURED = ("value", "gradient")
RECORDED = ("kink", "bad_input")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A backend, or a target on one; `missing` says why there is nothing to examine."""

    name: str
    backend: Backend
    implementation: Implementation | None = None
    missing: str | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: a text for each column."""

    group: str
    what: str
    cells: Mapping[str, str]

    @property
    def differs(self) -> bool:
        """Whether two columns that were asked say different things.

        Names of exceptions do not count, nor how large errors are as long as the grade is the same.
        """
        if self.what == KNOWN_AS:
            return False  # names and remarks, not behaviour
        measured = self.group == GROUPS[0]
        said = {
            c.split(" ")[-1] if measured and not c.startswith("raises") else c.partition(" (")[0]
            for c in self.cells.values()
            if c != UNKNOWN
        }
        return len(said) > 1


@dataclass
class Table:
    """The rows in order, and why cells are unknown."""

    loss: str
    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compare(
    loss: type[Loss],
    columns: Sequence[Column],
    dtypes: Sequence[str],
    *,
    profile: str = "default",
    seed: int = 0,
) -> Table:
    """All that is known of a loss on every column. Conventions are asked in the first dtype."""
    table = Table(loss=loss.name, columns=tuple(c.name for c in columns))
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for column in columns:
        for group, what, said in _of(loss, column, dtypes, profile, seed, table.notes):
            cells.setdefault((group, what), {})[column.name] = said
    order = {group: place for place, group in enumerate(GROUPS)}
    for group, what in sorted(cells, key=lambda k: order[k[0]]):
        found = cells[group, what]
        filled = {name: found.get(name, UNKNOWN) for name in table.columns}
        table.rows.append(Row(group=group, what=what, cells=filled))
    _complete(table)
    return table


Cell = tuple[str, str, str]


def _of(
    loss: type[Loss],
    column: Column,
    dtypes: Sequence[str],
    profile: str,
    seed: int,
    notes: list[str],
) -> Iterator[Cell]:
    """Every cell of a column."""
    claim = column.implementation
    if claim is None:
        notes.append(f"{column.name}: {column.missing}")
        return
    possible = []
    for dtype in dtypes:
        unit = plan.Unit(loss=loss.name, backend=column.backend.name, dtype=dtype, device="cpu")
        absent = plan.missing(unit, column.backend, claim)
        if absent is not None:
            notes.append(f"{column.name}: {absent}")
            continue
        possible.append(plan.subject(unit, column.backend, profile, claim))
    for subject in possible:
        yield from _measured(subject, seed, column.name, notes)
    if not possible:
        return
    first = possible[0]
    thin = replace(first, effort=EFFORTS["smoke"])
    for result in _results(thin, RECORDED, seed):
        group = "wrong input" if result.check == "bad_input" else "conventions"
        if result.status == "errored":
            yield group, f"({result.check})", f"raises ({_raised(result)})"
        for what, said in result.conventions.items():
            yield group, what, said
    yield from (("conventions", what, said) for what, said in conventions(first))
    yield from (("offers", what, said) for what, said in offers(first))


def _results(subject: Subject, names: Iterable[str], seed: int) -> Iterator[Result]:
    return runner.examine(subject, plan.names(plan.Unit.of(subject), list(names)), seed=seed)


def _measured(subject: Subject, seed: int, name: str, notes: list[str]) -> Iterator[Cell]:
    """The worst error of the value and of each gradient, and the grade."""
    for result in _results(subject, MEASURED, seed):
        what = f"{result.check}, {result.dtype}"
        if result.status == "errored":
            yield GROUPS[0], what, f"raises ({_raised(result)})"
            notes.append(f"{name}: {what}: {result.reason}")
        elif result.status == "skipped":
            yield GROUPS[0], what, UNKNOWN
            notes.append(f"{name}: {what}: {result.reason}")
        else:
            ratio = 0.0 if result.worst is None else result.worst.ratio
            yield GROUPS[0], what, f"{ratio:.2g} {result.grade or ''}".strip()


def _raised(result: Result) -> str:
    """The name of the exception in a reason such as `the target raised: ValueError: ...`."""
    words = (result.reason or "").split(": ")
    return words[1] if len(words) > 1 else "an error"


def _complete(table: Table) -> None:
    """Wrong input that a column does not record is refused by it; what is not known stays so, and
    an option that it does not take was not asked."""
    offers = {row.what: row.cells for row in table.rows if row.group == "offers"}
    examined = {n for cells in offers.values() for n, c in cells.items() if c != UNKNOWN}
    silent = {
        n for r in table.rows if r.group == "wrong input" and r.what == "(bad_input)"
        for n, c in r.cells.items() if c != UNKNOWN
    }  # fmt: skip
    for place, row in enumerate(table.rows):
        if row.group != "wrong input" or row.what == "(bad_input)":
            continue
        option = offers.get(f"option {row.what.partition(' = ')[0]}", {})
        cells = dict(row.cells)
        for name in examined - silent:
            if cells[name] == UNKNOWN:
                taken = option.get(name, "taken").startswith("taken")
                cells[name] = "error" if taken else "not offered"
        table.rows[place] = replace(row, cells=cells)
