"""Two reports compared, cell by cell.

What counts as worse: a new failure, another fault in a cell that failed already, a cell that was
examined and is not now, or is gone, and a worse grade where both runs asked the same questions.
Warnings, conventions, errors within the budget and known deviations are told and do not count.

What counts as noise: the search is seeded, so two runs that asked the same questions of the same
software on the same machine give the same numbers, and any move is told. Otherwise a worst error
has moved when it passes its budget or changes by more than `FACTOR`. Over five seeds of the default
profile 2 of 2,720 pairs of worst errors were further apart than that, 44 by more than 2, and 30
differed in grade (`python benchmarks/noise.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from lossproof.reports import headers, summary
from lossproof.reports.changes import KINDS, Change, Convention, Diff, Kind, Side, State
from lossproof.reports.model import GRADES, Report, Result

FACTOR = 4.0
BAD = ("failed", "errored")
NOT_EXAMINED = ("skipped", "not-run")
#: of a selection, what may differ without any question being another one
SELECTED = frozenset({"selection.dtypes", "selection.expected"})


def compare(old: Report, new: Report) -> Diff:
    """What `new` says otherwise than `old`; the same for any order of results."""
    was = {result.id: result for result in old.results}
    now = {result.id: result for result in new.results}
    restated = headers.specifications(old.losses, new.losses)
    fair = headers.same_questions(old.header, new.header) and not restated
    exact = fair and not headers.beyond_axes(old.header, new.header, SELECTED)
    factor = 1.0 if exact else FACTOR
    changes = [
        change
        for name in sorted({*was, *now})
        for change in _changes(was.get(name), now.get(name), fair, factor)
    ]
    both = was.keys() & now.keys()
    failing = sum(_same_fault(was[name], now[name]) for name in both)
    return Diff(
        old=_side(old),
        new=_side(new),
        header=headers.differences(old.header, new.header) + restated,
        same_questions=fair,
        factor=factor,
        counts={kind: sum(change.kind == kind for change in changes) for kind in KINDS},
        still_failing=failing,
        unchanged=len(both - {change.id for change in changes}) - failing,
        changes=tuple(changes),
        exit_code=1 if any(change.worse for change in changes) else 0,
    )


def _side(report: Report) -> Side:
    header = report.header
    return Side(
        lossproof=header.lossproof,
        started=header.started,
        profile=header.profile,
        sufficient=header.sufficient,
        seed=header.seed,
        counts=summary.counts(report.results),
    )


def _changes(was: Result | None, now: Result | None, fair: bool, factor: float) -> Iterator[Change]:
    """The changes of one cell: of its status, and where it holds, its grade, error, conventions."""
    cell = now or was
    assert cell is not None

    def change(kind: Kind, worse: bool, convention: Convention | None = None) -> Change:
        return Change(
            kind=kind, worse=worse, id=cell.id, loss=cell.loss, check=cell.check,
            backend=cell.backend, dtype=cell.dtype, device=cell.device,
            was=None if was is None else State.of(was),
            now=None if now is None else State.of(now), convention=convention,
        )  # fmt: skip

    if (status := _status(was, now)) is not None:
        yield change(*status)
    if was is None or now is None or {was.status, now.status} & {*BAD, *NOT_EXAMINED}:
        return
    if was.grade and now.grade and was.grade != now.grade:
        worse = GRADES.index(now.grade) > GRADES.index(was.grade)
        yield change("grade worse" if worse else "grade better", worse and fair)
    if was.worst is not None and now.worst is not None:
        moved = _moved(was.worst.ratio, now.worst.ratio, factor)
        if moved:
            yield change("error larger" if moved > 0 else "error smaller", False)
    for name in sorted({*was.conventions, *now.conventions}):
        seen = Convention(name=name, was=was.conventions.get(name), now=now.conventions.get(name))
        if seen.was != seen.now:
            yield change("convention", False, seen)


def _status(was: Result | None, now: Result | None) -> tuple[Kind, bool] | None:
    """The kind of change between two statuses, and whether it is one to the worse."""
    if now is None:
        examined = was is not None and was.status not in NOT_EXAMINED
        return ("vanished", True) if examined else ("vanished unexamined", False)
    if now.status in BAD:
        if was is None or was.status not in BAD:
            return "new failure", True
        return None if _same_fault(was, now) else ("other failure", True)
    if was is None:
        return ("new warning" if now.status == "warned" else "appeared"), False
    excused = now.status in ("warned", "xfailed")
    if was.status == now.status and not (excused and was.sentence != now.sentence):
        return None
    if now.status in NOT_EXAMINED:
        examined = was.status not in NOT_EXAMINED
        return ("no longer examined", True) if examined else ("other status", False)
    if now.status == "warned":
        return "new warning", False
    if now.status == "xfailed":
        return "expected now", False
    if was.status in (*BAD, "xfailed"):
        return "fixed", False
    if was.status in NOT_EXAMINED:
        return "examined now", False
    return ("warning gone" if was.status == "warned" else "other status"), False


def _same_fault(was: Result, now: Result) -> bool:
    """Whether both fail in the same way; a baseline of `check` means the same by it."""
    return now.status in BAD and (was.status, was.sentence) == (now.status, now.sentence)


def _moved(was: float, now: float, factor: float) -> int:
    """1 for a larger error, -1 for a smaller one, 0 within noise; nan is as bad as infinite."""
    before, after = (math.inf if math.isnan(x) else x for x in (was, now))
    low, high = sorted((before, after))
    if low == high or ((low <= 1) == (high <= 1) and high <= factor * low):
        return 0
    return 1 if after > before else -1
