"""Names of checks as they are asked for: `gradient`, `gradient.prediction`, or with `*`."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence

from lossproof.conformance.registry import UsageError, choose


def fits(name: str, asked: str) -> bool:
    """Whether the id of a check is asked for: itself, its stem before the dot, or a pattern."""
    return any(fnmatch.fnmatchcase(n, asked) for n in (name, name.partition(".")[0]))


def fitting(names: Iterable[str], asked: Sequence[str], kind: str = "check") -> tuple[str, ...]:
    """Those of the names that are asked for, all if nothing is. Raises UsageError for a name that
    none of them fits."""
    known = tuple(dict.fromkeys(names))
    for name in asked:
        if any(fits(k, name) for k in known):
            continue
        if "*" in name:
            raise UsageError(f"no {kind} matches {name!r}; choose from {', '.join(known)}")
        choose(kind, name, known)
    return tuple(k for k in known if not asked or any(fits(k, a) for a in asked))
