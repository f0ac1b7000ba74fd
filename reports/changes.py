"""What one report says otherwise than another, as one JSON document with a published schema.

`diff.schema.json` is a copy of the schema, which `python -m lossproof.reports.changes` writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from lossproof.reports import schema
from lossproof.reports.headers import Difference
from lossproof.reports.model import Grade, Result, Status

DIFF_VERSION: Final = 1
COPY = Path(__file__).with_name("diff.schema.json")

Kind = Literal[
    "new failure", "other failure", "no longer examined", "vanished", "grade worse",
    "new warning", "error larger", "convention", "expected now", "other status",
    "vanished unexamined", "appeared", "examined now", "warning gone", "error smaller",
    "grade better", "fixed",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cell as one of the reports has it."""

    status: Status
    sentence: str
    grade: Grade | None = None
    ratio: float | None = None  # worst error / budget
    reason: str | None = None

    @staticmethod
    def of(result: Result) -> State:
        """The state of a result."""
        return State(
            status=result.status,
            sentence=result.sentence,
            grade=result.grade,
            ratio=None if result.worst is None else result.worst.ratio,
            reason=result.reason,
        )


class Convention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A convention that changed; None where one of the reports did not record it."""

    name: str
    was: str | None
    now: str | None


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that changed in one cell; `was` is None if it appeared, `now` if it vanished."""

    kind: Kind
    worse: bool  # counts in the exit code
    id: str
    loss: str
    check: str
    backend: str
    dtype: str
    device: str
    was: State | None
    now: State | None
    convention: Convention | None = None


class Side(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was compared: the run of a report, and how many of its cells have each status."""

    lossproof: str
    started: str
    profile: str
    sufficient: bool
    seed: int
    counts: dict[str, int]


class Diff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The difference of two reports, as `lossproof diff --format json` writes it."""

    old: Side
    new: Side
    header: tuple[Difference, ...]  # versions, options and whatever else the runs differ in
    same_questions: bool  # same lossproof, statements, seed, profile, checks: no change is luck
    factor: float  # by which a worst error has to move to count; 1: any move counts
    counts: dict[str, int]  # changes of each kind
    still_failing: int  # failures of both reports, with the same fault
    unchanged: int  # cells of both reports of which nothing is to be said
    changes: tuple[Change, ...]
    exit_code: Literal[0, 1]  # 1: something got worse
    schema_version: int = DIFF_VERSION

    def of_kind(self, kind: Kind) -> list[Change]:
        """The changes of a kind, sorted by id."""
        return [change for change in self.changes if change.kind == kind]


def schema_text() -> str:
    """The schema as it stands in `diff.schema.json`."""
    return schema.of_document(Diff, "What lossproof diff finds", DIFF_VERSION)


if __name__ == "__main__":
    COPY.write_text(schema_text(), encoding="utf-8", newline="\n")
