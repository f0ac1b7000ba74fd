"""One report: a header, what is stated of each loss, curves, one result per cell, a footer.

The JSON schema is made from these types. A cell is one check of one loss on one backend, dtype and
device. Statuses are kept apart and never added together: a skip is not a pass, and a known bug
(xfailed) is not a failure.
"""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

from msgspec import Struct, field

from lossproof.reports.curve import Curve
from lossproof.reports.stated import LossFacts

Status = Literal[
    "passed", "failed", "warned", "errored", "skipped", "xfailed", "xpassed", "not-run"
]
Level = Literal["MUST", "SHOULD", "NOTE"]
Grade = Literal["A", "B", "C", "F"]

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
GRADES: Final[tuple[Grade, ...]] = get_args(Grade)
SCHEMA_VERSION: Final = 3
READABLE: Final = (1, 2, 3)  # 1 has no losses and no curves, 2 no echoes


class ReportError(Exception):
    """A report cannot be written, or what was read is not a whole report. The text is one line."""


class Header(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="header", tag_field="kind"
):
    """What ran, where, and whether that is enough evidence to speak of conformance."""

    lossproof: str
    python: str
    platform: str
    cpu: str
    versions: dict[str, str | None]  # of each library; None: not installed
    devices: dict[str, dict[str, str]]  # backend -> device -> description
    seed: int
    profile: str
    sufficient: bool  # False: a smoke run, which is no evidence of conformance
    selection: dict[str, list[str]]  # losses, backends, dtypes, devices, checks
    cells: int  # planned
    probes: dict[str, bool | int | str | None]  # measured: numpy.flush_to_zero, jax.x64
    flags: dict[str, bool | int | str | None]  # environment variables and options that matter
    started: str  # ISO 8601
    schema_version: int = SCHEMA_VERSION


class Worst(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The worst observation of a cell, of a cell that passed too."""

    ratio: float  # error / budget; above 1 is a violation; inf and nan occur
    truth: str
    got: str
    off: str
    allowed: str
    at: dict[str, str]  # argument -> value, in hexadecimal where it is a number
    ulps: float | None = None
    case: dict[str, Any] | None = None  # all that `reproduce` needs to show it again


class Result(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="result", tag_field="kind"
):
    """The verdict on one cell.

    Raises ValueError for an unknown status, level or grade, and for a skipped or xfailed cell
    without a reason.
    """

    id: str
    loss: str
    check: str
    backend: str
    dtype: str
    device: str
    level: Level
    status: Status
    sentence: str  # what the check claims, or for a failure what is not true
    grade: Grade | None = None
    reason: str | None = None  # of a skip, of an expected failure
    link: str | None = None
    message: str | None = None  # of a failure; several lines
    snippet: str | None = None  # Python that shows it again
    worst: Worst | None = None
    points: int = 0  # sample points judged
    excused: int = 0  # further points, not judged: undecided branch, or no accuracy promised
    conventions: dict[str, str] = field(default_factory=dict)  # what a NOTE records
    violations: int = 0
    faults: tuple[str, ...] = ()  # each kind of violation, in words; one of them is the sentence
    echo: tuple[str, ...] = ()  # checks that say why: the plain call is wrong there, as they tell
    seconds: float = 0.0

    def __post_init__(self) -> None:
        _choose(self.id, "status", self.status, STATUSES)
        _choose(self.id, "level", self.level, LEVELS)
        if self.grade is not None:
            _choose(self.id, "grade", self.grade, GRADES)
        if self.status in ("skipped", "xfailed") and not self.reason:
            raise ValueError(f"{self.id}: {self.status} needs a reason")


class Footer(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="footer", tag_field="kind"
):
    """The end of a report. A file without it was cut off."""

    counts: dict[str, int]  # by status
    results: int
    seconds: float
    exit_code: int
    complete: bool  # False: a time limit ended the run before all planned cells ran


class Report(Struct, frozen=True, kw_only=True):
    """All of one run; `footer` is None when the run was cut off."""

    header: Header
    results: tuple[Result, ...]
    footer: Footer | None = None
    losses: tuple[LossFacts, ...] = ()
    curves: tuple[Curve, ...] = ()


Record = Header | LossFacts | Curve | Result | Footer


def cell_id(loss: str, check: str, backend: str, dtype: str, device: str) -> str:
    """The name of a cell, such as `huber/gradient.prediction[torch,float32,cpu]`."""
    return f"{loss}/{check}[{backend},{dtype},{device}]"


def _choose(owner: str, name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{owner}: no {name} {value!r}; choose from {', '.join(choices)}")
