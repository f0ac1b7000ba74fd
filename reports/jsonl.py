"""A report on disk: JSON Lines, written as results arrive and readable after a kill at any moment.

The header comes first, then what is stated of each loss, curves, results, and the footer. While a
run lasts curves and results stand in the order of arrival, each flushed as it comes. At the end the
file is replaced, whole, by one sorted by id: the same results give the same bytes. A file without a
footer was cut off; it is refused unless the reader says that it may be.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from types import TracebackType
from typing import IO

from msgspec.structs import replace

from lossproof.reports import headers
from lossproof.reports.atomic import cannot_write, replace_file
from lossproof.reports.curve import Curve
from lossproof.reports.encoding import NotJSON, decode, encode
from lossproof.reports.model import (
    SCHEMA_VERSION,
    Footer,
    Header,
    Record,
    Report,
    ReportError,
    Result,
    Status,
)
from lossproof.reports.stated import LossFacts
from lossproof.reports.summary import counts, tally

SYNC_EVERY = 0.5  # seconds between two calls of fsync, which costs milliseconds


class Writer:
    """Writes one report: `start`, then `add` and `add_curve` as they come, then `finish`.

    `resume` is what an earlier run left behind: its curves and all its cells but the not-run are
    kept, and `finished` names the cells. `finish` can follow an interrupted `add`. Every failure of
    the disk is a ReportError. For one thread only.
    """

    def __init__(self, path: str | os.PathLike[str], *, resume: Report | None = None) -> None:
        self.path = Path(path)
        self._resume = resume
        self._header: Header | None = None
        self._losses: list[bytes] = []
        self._curves: dict[str, bytes] = {}
        self._kept: dict[str, tuple[Status, bytes]] = {}
        self._file: IO[bytes] | None = None
        self._synced = float("-inf")
        for result in resume.results if resume else ():
            if result.status != "not-run":
                self._keep(result)
        for curve in resume.curves if resume else ():
            self._curves[curve.id] = encode(curve)

    @property
    def finished(self) -> Set[str]:
        """The ids of all results so far; a view, which grows with them."""
        return self._kept.keys()

    @property
    def counts(self) -> dict[str, int]:
        """How many results so far have each status."""
        return tally(status for status, _ in self._kept.values())

    def __enter__(self) -> Writer:
        try:
            if self.path.exists() and not self.path.is_file():
                raise ReportError(f"{self.path}: not a file")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
        except OSError as error:
            raise cannot_write(self.path, error) from error
        return self

    def start(self, header: Header, losses: Iterable[LossFacts] = ()) -> None:
        """Write the header and what is stated of the losses.

        A resumed run has to be the same run, and keeps its first header.
        """
        stated = sorted(losses, key=lambda facts: facts.name)
        if self._resume is not None:
            _same_run(self.path, self._resume, header, stated)
            header = self._resume.header
        self._header = replace(header, schema_version=SCHEMA_VERSION)
        self._losses = [encode(facts) for facts in stated]
        self._close()
        results = (line for _, line in self._kept.values())
        try:
            replace_file(
                self.path,
                [encode(self._header), *self._losses, *self._curves.values(), *results],
            )
            self._file = self.path.open("ab")
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def add(self, result: Result) -> None:
        """Write one result. Raises ReportError when its id is there already."""
        if self._header is None:
            raise ReportError(f"{self.path}: a result before the header")
        if result.id in self._kept:
            raise ReportError(f"{self.path}: two results for {result.id}")
        self._append(self._keep(result))

    def add_curve(self, curve: Curve) -> None:
        """Write one curve; not one that a resumed run has left, which made it alike."""
        if self._header is None:
            raise ReportError(f"{self.path}: a curve before the header")
        if curve.id not in self._curves:
            self._curves[curve.id] = encode(curve)
            self._append(self._curves[curve.id])

    def _append(self, line: bytes) -> None:
        assert self._file is not None
        try:
            self._file.write(line + b"\n")
            self._file.flush()
            if time.monotonic() - self._synced > SYNC_EVERY:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def finish(self, footer: Footer) -> None:
        """Replace the file by the whole report, sorted by id. The footer has to add up."""
        if self._header is None:
            raise ReportError(f"{self.path}: a footer before the header")
        _adds_up(footer, self.counts, str(self.path))
        self._close()
        curves = (self._curves[name] for name in sorted(self._curves))
        results = (self._kept[name][1] for name in sorted(self._kept))
        lines = [encode(self._header), *self._losses, *curves, *results, encode(footer)]
        try:
            replace_file(self.path, lines)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _keep(self, result: Result) -> bytes:
        line = encode(result)
        self._kept[result.id] = (result.status, line)
        return line

    def _close(self) -> None:
        if self._file is not None:
            try:
                with self._file as file:
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise cannot_write(self.path, error) from error
            finally:
                self._file = None


def write(path: str | os.PathLike[str], report: Report) -> None:
    """Put a report in place of the file at once, sorted by id; one without footer stays without.

    Raises ReportError where that cannot be done, and for what `read` would refuse.
    """
    target = Path(path)
    seen: set[str] = set()
    for name in map(_name, _ordered(report)):
        if name in seen:
            raise ReportError(f"{target}: two {name}")
        seen.add(name)
    if report.footer is not None:
        _adds_up(report.footer, counts(report.results), str(target))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, map(encode, _ordered(report)))
    except OSError as error:
        raise cannot_write(target, error) from error


def _ordered(report: Report) -> Iterator[Record]:
    """Every record of a report, as a file holds them."""
    yield report.header
    yield from sorted(report.losses, key=lambda facts: facts.name)
    yield from sorted(report.curves, key=lambda curve: curve.id)
    yield from sorted(report.results, key=lambda result: result.id)
    if report.footer is not None:
        yield report.footer


def read(path: str | os.PathLike[str], *, allow_truncated: bool = False) -> Report:
    """The report in a file; results in the order of the file.

    Raises ReportError when it is not a whole one. `allow_truncated` takes a report without footer,
    and drops the half line that a kill leaves; all else is refused still.
    """
    name = os.fspath(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ReportError(f"{name}: cannot be read: {error.strerror or error}") from error
    *lines, tail = data.split(b"\n")
    header: Header | None = None
    found: dict[str, Record] = {}
    footer: Footer | None = None
    for number, line in enumerate([*lines, tail] if tail else lines, start=1):
        try:
            record = decode(line)
            if footer is not None:
                raise ReportError("a record after the footer")
            if isinstance(record, Header) != (number == 1):
                raise ReportError("a second header" if number > 1 else "no header")
            if _name(record) in found:
                raise ReportError(f"two {_name(record)}")
        except ReportError as error:
            if isinstance(error, NotJSON) and number > len(lines) and header and not footer:
                break  # the half line of a kill
            raise ReportError(f"{name}: line {number}: {error}") from error
        if isinstance(record, Header):
            header = record
        elif isinstance(record, Footer):
            footer = record
        else:
            found[_name(record)] = record
    results = tuple(r for r in found.values() if isinstance(r, Result))
    if header is None:
        raise ReportError(f"{name}: no header: the file is empty")
    if footer is not None:
        _adds_up(footer, counts(results), name)
    elif not allow_truncated:
        raise ReportError(
            f"{name}: no footer: the run was cut off after {len(results)} of {header.cells} "
            f"results; finish it with `lossproof run --resume {name}`"
        )
    return Report(
        header=header,
        results=results,
        footer=footer,
        losses=tuple(r for r in found.values() if isinstance(r, LossFacts)),
        curves=tuple(r for r in found.values() if isinstance(r, Curve)),
    )


def _name(record: Record) -> str:
    """What there is one of in a report."""
    if isinstance(record, Result):
        return f"results for {record.id}"
    if isinstance(record, LossFacts):
        return f"statements of {record.name}"
    return f"curves {record.id}" if isinstance(record, Curve) else type(record).__name__


def _adds_up(footer: Footer, found: dict[str, int], name: str) -> None:
    total = sum(found.values())
    claimed = {status: footer.counts.get(status, 0) for status in {*found, *footer.counts}}
    if footer.results != total:
        raise ReportError(f"{name}: the footer counts {footer.results} results, there are {total}")
    for status in sorted(claimed):
        if claimed[status] != found.get(status, 0):
            raise ReportError(
                f"{name}: the footer counts {claimed[status]} {status}, "
                f"there are {found.get(status, 0)}"
            )


def _same_run(path: Path, old: Report, new: Header, losses: Sequence[LossFacts]) -> None:
    """Refuse what is not the same run: another header, or other specifications, where known."""
    found = headers.differences(old.header, new, headers.CLOCK | {"schema_version"})
    found += headers.specifications(old.losses, losses)
    if found:
        raise ReportError(f"{path}: cannot be resumed: {headers.sentence(found)}")
