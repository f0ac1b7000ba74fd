"""Expected deviations: known departures from the spec, each with a reason and a smallest input.

A file is TOML, an array of tables:

    [[deviation]]
    id = "cross_entropy/special_values[torch,*,cpu]"
    reason = "the gradient of an ignored row that holds nan is nan"
    input = "logits=[nan, 0], labels=-100"
    link = "https://..."          # optional: where the library's tracker knows it
    expires = 2027-01-31          # optional: the last day on which the entry excuses anything
    versions = "jax < 0.11"       # optional: the versions of a distribution that it is true of
    status = "errored"            # optional: it excuses an error that is raised, and nothing else
    fault = "nan of *"            # optional: the fault that it excuses, in words; any without it
    case.check = "special_values" # optional: a question that shows it, as a snippet asks it
    case.backend = "torch"
    case.question = { ... }
    case.fault = "nan of *"       # of several violations the one that is meant, in its words

`*` stands for anything. A failed cell is reported as xfailed where entries that match it excuse
all of its faults, a passed one that matches as xpassed; an entry that matches nothing warns, and so
does one that has expired. One of versions that are not installed expects nothing. No entry changes
a bound. `lossproof reproduce --entry FILE#ID` writes the entry of a cell, its case included.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from packaging.requirements import InvalidRequirement, Requirement

from lossproof.conformance.registry import UsageError, choose
from lossproof.reports.model import Result, cell_id

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: the deviations of the backends that come with lossproof: of frameworks, then of libraries
OWN = (
    Path(__file__).with_name("expected-deviations.toml"),
    Path(__file__).with_name("expected-deviations-libraries.toml"),
)
#: what an entry excuses, by its status: a violation, or an error that is raised
EXCUSES = {"failed": ("failed", "warned"), "errored": ("errored",)}
#: the form of the id of a cell
FORM = "huber/value[torch,float32,cpu]"
#: what no entry is without, and what it is for
NEEDED = {
    "id": f"the cells that it excuses, in the form {FORM}, * for anything",
    "reason": "why it is accepted, in words",
    "input": "an input that shows it, in words, such as 'logits=inf, target=1'",
}
_TEXTS = ("id", "reason", "input", "link", "status", "versions", "fault")
_KEYS = (*_TEXTS, "expires", "case")
_CASE = ("check", "backend", "device", "target", "settled", "question", "how", "fault")


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """One entry of a file of expected deviations."""

    id: str
    reason: str
    input: str
    link: str | None = None
    status: str = "failed"
    expires: date | None = None
    versions: str | None = None
    fault: str | None = None
    case: Mapping[str, Any] | None = None

    def matches(self, identifier: str) -> bool:
        """Whether a cell's id fits the pattern."""
        return like(identifier, self.id)

    def excuses(self, status: str, fault: str) -> bool:
        """Whether it is of such a status, and of such a fault."""
        same = self.fault is None or like(fault, self.fault)
        return status in EXCUSES[self.status] and same

    def concerns(self, backends: Sequence[str]) -> bool:
        """Whether the pattern may match a cell of one of the backends."""
        name = self.id.partition("[")[2].partition(",")[0]
        return not name or "*" in name or name in backends

    def expired(self, today: date | None = None) -> bool:
        """Whether its last day is past."""
        return self.expires is not None and self.expires < (today or date.today())

    def concerns_installed(self) -> bool:
        """Whether the distribution is there in a version that the entry is true of."""
        return self.versions is None or _installed(self.versions)

    def in_force(self, today: date | None = None) -> bool:
        """Whether the entry excuses anything here and now."""
        return not self.expired(today) and self.concerns_installed()


@cache
def _installed(versions: str) -> bool:
    stated = Requirement(versions)
    try:
        return stated.specifier.contains(metadata.version(stated.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def like(text: str, pattern: str) -> bool:
    """Whether a text fits a pattern, in which `*` stands for anything and all else for itself."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")))


def read(path: Path) -> tuple[Deviation, ...]:
    """The entries of a file. Raises UsageError, naming the entry and the rule it breaks."""
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML: {error}") from error
    entries = data.get("deviation", [])
    tables = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    if set(data) - {"deviation"} or not tables:
        raise UsageError(f"{path}: only [[deviation]] tables are known")
    found = []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(_entry(entry))
        except UsageError as error:
            raise UsageError(f"{path}: deviation {number}: {error}") from error
    return tuple(found)


def _entry(entry: Mapping[str, Any]) -> Deviation:
    unknown = set(entry) - set(_KEYS)
    missing = set(NEEDED) - set(entry)
    if unknown:
        raise UsageError(f"unknown key {min(unknown)!r}")
    if missing:
        raise UsageError(f"no {min(missing)}: {NEEDED[min(missing)]}")
    for key in (k for k in _TEXTS if k in entry):
        if not isinstance(entry[key], str):
            raise UsageError(f"{key} must be text, got {entry[key]!r}")
        if not entry[key].strip():
            raise UsageError(f"{key} must not be empty")
    choose("status", entry.get("status", "failed"), tuple(EXCUSES))
    day = entry.get("expires")
    if day is not None and (not isinstance(day, date) or isinstance(day, datetime)):
        raise UsageError(f"expires must be a date such as 2027-01-31, got {day!r}")
    versions = entry.get("versions")
    if versions is not None and not _stated(versions):
        raise UsageError(f"versions must be like 'jax < 0.11', got {versions!r}")
    if "fault" in entry and entry.get("status") == "errored":
        raise UsageError("fault is one of a violation; an entry of an error has none")
    found = Deviation(**entry)
    if found.case is not None:
        _fits(found, found.case)
    return found


def _stated(versions: str) -> bool:
    """Whether the text names a distribution and at least one bound on its version."""
    try:
        return bool(Requirement(versions).specifier)
    except InvalidRequirement:
        return False


def _fits(deviation: Deviation, case: Any) -> None:
    """Raise UsageError unless the case is a question to a cell that the entry matches."""
    if not isinstance(case, Mapping):
        raise UsageError("case must be a table")
    for key in case:
        choose("key of a case", key, _CASE)
    question = case.get("question")
    if not isinstance(question, Mapping) or not {"check", "backend"} <= set(case):
        raise UsageError("case needs check, backend and question")
    identifier = cell_id(
        str(question.get("loss")),
        str(case["check"]),
        str(case["backend"]),
        str(question.get("dtype")),
        str(case.get("device", "cpu")),
    )
    if not deviation.matches(identifier):
        raise UsageError(f"its case asks {identifier}, which {deviation.id} does not match")


def apply(results: Sequence[Result], deviations: Sequence[Deviation]) -> list[Result]:
    """The results with the expected failures marked."""
    return [mark(result, deviations) for result in results]


def mark(result: Result, deviations: Sequence[Deviation], today: date | None = None) -> Result:
    """One result, xfailed or xpassed where deviations that are in force match it.

    Each of its faults must be excused by one of them. Only an entry that says `status = "errored"`
    excuses an implementation that raised.
    """
    found = [d for d in deviations if d.matches(result.id) and d.in_force(today)]
    if found and result.status == "passed":
        return replace(result, status="xpassed", reason=found[0].reason, link=found[0].link)
    used = []
    for fault in result.faults or (result.sentence,):
        entry = next((d for d in found if d.excuses(result.status, fault)), None)
        if entry is None:
            return result
        used.append(entry)
    reasons = "; ".join(dict.fromkeys(entry.reason for entry in used))
    link = next((entry.link for entry in used if entry.link), None)
    return replace(result, status="xfailed", reason=reasons, link=link)
