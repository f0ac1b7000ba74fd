"""Expected deviations: known departures from the spec, each with a reason and a smallest input.

A file is TOML, an array of tables:

    [[deviation]]
    id = "cross_entropy/special_values[torch,*]"
    reason = "the gradient of an ignored row that holds nan is nan"
    input = "logits=[nan, 0], labels=-100"
    link = "https://..."          # optional: where the library's tracker knows it

`*` in an id stands for anything. A failed cell that matches is reported as xfailed, a passed one as
xpassed; an entry that matches nothing warns. No entry changes a bound.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from lossproof.conformance.registry import UsageError
from lossproof.reports.model import Result

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: the deviations of the backends that come with lossproof
OWN = Path(__file__).with_name("expected-deviations.toml")
_KEYS = {"id", "reason", "input", "link"}


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """One entry of a file of expected deviations."""

    id: str
    reason: str
    input: str
    link: str | None = None

    def matches(self, identifier: str) -> bool:
        """Whether a cell's id fits the pattern."""
        pattern = ".*".join(re.escape(part) for part in self.id.split("*"))
        return re.fullmatch(pattern, identifier) is not None


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
        unknown = set(entry) - _KEYS
        missing = {"id", "reason", "input"} - set(entry)
        if unknown or missing:
            what = f"unknown key {min(unknown)!r}" if unknown else f"no {min(missing)}"
            raise UsageError(f"{path}: deviation {number}: {what}")
        if not all(isinstance(v, str) and v.strip() for v in entry.values()):
            raise UsageError(f"{path}: deviation {number}: every value must be text")
        found.append(Deviation(**entry))
    return tuple(found)


def apply(results: Sequence[Result], deviations: Sequence[Deviation]) -> list[Result]:
    """The results with the expected failures marked."""
    return [mark(result, deviations) for result in results]


def mark(result: Result, deviations: Sequence[Deviation]) -> Result:
    """One result, xfailed or xpassed where a deviation matches it."""
    for deviation in deviations:
        if not deviation.matches(result.id):
            continue
        if result.status in ("failed", "warned", "errored"):
            return replace(result, status="xfailed", reason=deviation.reason, link=deviation.link)
        if result.status == "passed":
            return replace(result, status="xpassed", reason=deviation.reason, link=deviation.link)
    return result


def unmatched(results: Sequence[Result], deviations: Sequence[Deviation]) -> list[Deviation]:
    """Entries that fit no cell of the run, though their backend and loss were part of it."""
    ids = [r.id for r in results]
    return [d for d in deviations if not any(d.matches(i) for i in ids)]
