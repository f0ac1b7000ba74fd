"""The difference of two reports as text for a terminal, and as Markdown for CI."""

from __future__ import annotations

from collections.abc import Callable

from lossproof.reports.changes import KINDS, Change, Diff, Kind, State
from lossproof.reports.markup import ROWS, folded, section, table
from lossproof.reports.summary import short
from lossproof.reports.text import code, escape, one_line

ARROW = "→"

#: kinds by what a heading calls several of them
PLURAL: dict[Kind, str] = {
    "new failure": "new failures",
    "other failure": "failures of another kind",
    "no longer examined": "no longer examined",
    "vanished": "vanished",
    "grade worse": "worse grades",
    "new warning": "new warnings",
    "error larger": "larger errors",
    "convention": "other conventions",
    "expected now": "now expected failures",
    "other status": "other statuses",
    "vanished unexamined": "vanished unexamined",
    "appeared": "appeared",
    "examined now": "examined now",
    "warning gone": "warnings gone",
    "error smaller": "smaller errors",
    "grade better": "better grades",
    "fixed": "fixed",
}


def terminal(diff: Diff, limit: int | None = None) -> str:
    """A block for each kind of change; `limit` is the most lines of each."""
    blocks = ["\n".join(_runs(diff, one_line))]
    for kind in KINDS:
        changes = diff.of_kind(kind)
        if not changes:
            continue
        lines = [f"{PLURAL[kind]}: {len(changes)}"]
        lines += [f"  {one_line(c.id)}  {one_line(_what(c))}" for c in changes[:limit]]
        if left := len(changes) - len(changes[:limit]):
            lines.append(f"  ... and {left} more")
        blocks.append("\n".join(lines))
    return "\n\n".join([*blocks, verdict(diff)]) + "\n"


def markdown(diff: Diff) -> str:
    """The verdict, what got worse, then all else folded."""
    parts = ["# lossproof diff", f"**{verdict(diff)}**"]
    for kind in KINDS:
        changes = diff.of_kind(kind)
        rows = [(code(c.id), escape(_what(c))) for c in changes]
        body = table(("cell", "change"), rows, ROWS)
        title = f"{PLURAL[kind].capitalize()}: {len(changes)}"
        worse = any(change.worse for change in changes)
        parts += section(title, body) if worse else folded(title, body)
    runs = "\n".join(f"* {line}" for line in _runs(diff, escape))
    return "\n\n".join([*parts, *folded("What was compared", runs)]) + "\n"


def verdict(diff: Diff) -> str:
    """One line: what got worse, what else changed, and what did not."""
    worse = [f"{n} {_name(k, n)}" for k in KINDS if (n := sum(c.worse for c in diff.of_kind(k)))]
    other = [f"{n} {_name(k, n)}" for k in KINDS if (n := _harmless(diff, k))]
    parts = [
        f"Worse: {', '.join(worse)}" if worse else "Nothing got worse",
        *([", ".join(other)] if other else []),
        *([f"{diff.still_failing} still failing"] if diff.still_failing else []),
        f"{diff.unchanged} unchanged",
    ]
    return "; ".join(parts) + "."


def _harmless(diff: Diff, kind: Kind) -> int:
    return sum(not change.worse for change in diff.of_kind(kind))


def _name(kind: Kind, number: int) -> str:
    return kind if number == 1 else PLURAL[kind]


def _runs(diff: Diff, shown: Callable[[str], str]) -> list[str]:
    """What was compared, and what counts as noise, a line each."""
    lines = [
        f"{name}: run of {side.started}, lossproof {side.lossproof}, profile {side.profile}, "
        f"seed {side.seed}, {sum(side.counts.values())} cells"
        for name, side in (("old", diff.old), ("new", diff.new))
    ]
    lines += [d.text for d in diff.header if d.key != "cells"]
    if diff.factor == 1:
        lines.append("one software, one machine, the same questions: every move of an error counts")
    else:
        lines.append(f"errors that moved by no more than a factor of {diff.factor:g} are noise")
    if not diff.same_questions:
        lines.append("different questions were asked: a worse grade can be luck and does not count")
    return [shown(line) for line in lines]


def _what(change: Change) -> str:
    """What changed in a cell, without its id."""
    was, now = change.was, change.now
    if change.convention is not None:
        seen = change.convention
        return f"{seen.name}: {_recorded(seen.was)} {ARROW} {_recorded(seen.now)}"
    if was is None or now is None:
        state = now or was
        assert state is not None
        return _state(state)
    if change.kind.startswith("grade"):
        return f"{was.grade} {ARROW} {now.grade}"
    if change.kind.startswith("error"):
        return f"{_ratio(was)} {ARROW} {_ratio(now)} of the budget"
    return f"{was.status} {ARROW} {_state(now)}"


def _state(state: State) -> str:
    """A status with what is to be said of it."""
    said = state.sentence if state.status in ("failed", "errored", "warned") else ""
    return ": ".join(text for text in (state.status, said, state.reason) if text)


def _ratio(state: State) -> str:
    return "none" if state.ratio is None else short(state.ratio)


def _recorded(value: str | None) -> str:
    return "not recorded" if value is None else value
