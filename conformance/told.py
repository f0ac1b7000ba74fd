"""What `check` prints: each fault once, as it is found, and what it comes to in the end."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import click
from msgspec.structs import replace as changed

from lossproof.conformance import baseline, plan, unused
from lossproof.conformance.check import INCOMPARABLE
from lossproof.conformance.deviations import Deviation
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.written import alike
from lossproof.reports import summary
from lossproof.reports.model import Result
from lossproof.reports.text import one_line, visible

#: which question told of a denominator, and what is stated in its place there
ELSEWHERE = re.compile(r"(in float#: )?asked with # \w+: |in float#: ")
STATED = re.compile(r", where # (\([\w ]+\) )?is stated")
TIMES = re.compile(r"\(([^ ]+) times the truth\)")
BAD = ("failed", "errored", "warned")


def say(text: str) -> None:
    """Print what may quote the target: no escape sequence of its making reaches the terminal."""
    click.echo(visible(text))


def whisper(text: str) -> None:
    """A line of what is under way, on standard error; where nobody can read that, nothing is lost.

    Whoever reads results does not read it.
    """
    with suppress(OSError):
        click.echo(visible(one_line(text)), err=True)


def say_if_heard(text: str) -> None:
    """The same, in silence once nobody reads: a file that was asked for is written all the same."""
    try:
        say(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@dataclass
class Shown:
    """What was printed, so that one fault is told once, in four dtypes and in many checks.

    `known` are the violations of the file `earlier`: of one of these only the first line is told.
    """

    say: Callable[[str], None]
    earlier: Path | None = None
    known: baseline.Known = frozenset()
    results: list[Result] = field(default_factory=list)
    told: dict[tuple[str, ...], list[Result]] = field(default_factory=dict)
    #: what each of these looks like, and which tells of a cause
    looks: dict[tuple[str, ...], str | None] = field(default_factory=dict)
    causes: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    #: what is told once it is known whether another check says why
    echoes: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Print a violation, unless its like was printed for another check or dtype."""
        self.results.append(result)
        if result.status not in BAD:
            return
        if result.echo and baseline.fresh([result], self.known):
            self.echoes.append(result)
        else:
            self.tell(result)

    def tell(self, result: Result) -> None:
        """Print it, unless its like was printed."""
        new = bool(baseline.fresh([result], self.known))
        key, cause = (*_fault(result), "new" if new else "known"), _looks(result)
        if key in self.told and None not in (cause, self.looks[key]) and cause != self.looks[key]:
            key = (*key, str(cause))
        if key not in self.told:
            known = [self.causes[same] for same in _same(result, cause) if same in self.causes]
            if known:
                self.told[key], self.looks[key] = self.told[known[0]], cause
        if key in self.told:
            self.told[key].append(result)
            return
        self.told[key], self.looks[key] = [], cause
        head, *lines = f"{result.status}: {result.message or result.reason}".split("\n")
        if not new:
            self.say(f"{head} (known from {self.earlier})")
            return
        lines = [line for line in lines if _further(line) not in self.causes]
        also = [further for line in lines if (further := _further(line)) is not None]
        self.causes |= dict.fromkeys((*_same(result, cause), *_parts(cause), *also), key)
        self.say("\n".join(("", head, *lines)))


def _heard(shown: Shown) -> list[Result]:
    """The echoes of what is told; the others are told themselves.

    A check whose answer is not finite is no echo of one whose answer is a number, unless that was
    told elsewhere.
    """
    bad = [r for r in shown.results if r.status in BAD]
    failed = {(r.check, r.dtype, r.device) for r in bad}
    kinds = {(r.check, _finite(r)) for r in bad if not r.echo}
    heard: list[Result] = []
    others: list[Result] = []
    for result in shown.echoes:
        told = (_looks(result),) in shown.causes
        near = [c for c in result.echo if (c, result.dtype, result.device) in failed]
        alike = told or any((cause, _finite(result)) in kinds for cause in near)
        (heard if alike else others).append(result)
    for result in others:
        causes = [c for c in result.echo if (c, result.dtype, result.device) in failed]
        if any(_fault(result) == _fault(same) and _times(result, same) for same in heard):
            heard.append(result)  # what it is an echo of did not show in this dtype
        elif any((cause, _finite(result)) in kinds for cause in causes):
            heard.append(result)
        else:
            shown.tell(_unheard(result) if causes else result)
            kinds |= {(cause, _finite(result)) for cause in causes}
    return heard


def _times(result: Result, other: Result) -> bool:
    """Whether two answers are told to be the same multiple of the truth."""
    found = [TIMES.findall("" if r.worst is None else r.worst.off) for r in (result, other)]
    return bool(found[0]) and found[0] == found[1]


def _unheard(result: Result) -> Result:
    """An echo that is told, as it shows what its cause does not."""
    if result.check not in ("shapes", "layout", "transformations", "scale"):
        return result
    said = f"as a plain call is too, in {_and(result.echo)}: it is no matter of {result.check}"
    return changed(result, message=f"{result.message}\n  wrong    {said}")


def _finite(result: Result) -> bool:
    """Whether the answer that is shown is a number."""
    got = "" if result.worst is None else result.worst.got
    return not got.startswith(("nan", "inf", "-inf", "not a finite number"))


def _of_echoes(heard: Sequence[Result]) -> Iterator[str]:
    """A line for each check that says nothing new, under a line that says why."""
    if not heard:
        return
    named = {check for result in heard for check in result.echo}
    causes = sorted(named, key=lambda check: (check != "value", check))
    alike: dict[str, list[Result]] = {}
    for result in heard:
        alike.setdefault(result.check, []).append(result)
    yield f"echoes of {_and(causes)}: a plain call is wrong there too"
    width = max(map(len, alike))
    for check, (first, *others) in alike.items():
        dtypes = ", ".join(dict.fromkeys(r.dtype for r in (first, *others)))
        said = one_line(first.sentence)
        why = "" if _finite(first) or "finite" in said else ", by what is no finite number"
        yield f"  {check:<{width}}  {said}{why} ({dtypes})"


def _passed(results: Sequence[Result]) -> list[str]:
    """The checks that were made and found nothing against it, in no dtype."""
    seen: dict[str, set[str]] = {}
    for result in results:
        seen.setdefault(result.check, set()).add(result.status)
    return [check for check, statuses in seen.items() if {"passed"} <= statuses <= _FINE]


_FINE = {"passed", "skipped"}


def _and(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _fault(result: Result) -> tuple[str, ...]:
    """What two results have in common that tell of one fault."""
    if result.status == "errored":
        return ("errored", (result.reason or "")[:80])
    got = result.worst.got if result.worst is not None else ""
    if result.sentence == INCOMPARABLE:
        return (result.sentence, got)
    return (result.check, result.sentence, "a number" if _finite(result) else "no number")


def _same(result: Result, cause: str | None) -> list[tuple[str, ...]]:
    """What tells that another check sees the same: the question and the answer, or the cause."""
    found: list[tuple[str, ...]] = []
    plain = result.check in ("value", "overflow", "kink", "reductions", "bad_input")
    if not plain and not result.check.startswith("gradient."):
        return found
    if cause is not None:
        found.append((cause,))
    if result.worst is not None and result.worst.got in ("nan", "inf", "-inf"):
        found.append((result.dtype, result.worst.got, *map(str, result.worst.at.items())))
    return found


def _looks(result: Result) -> str | None:
    """What the wrong number looks like, None where that is not said; without its numbers, which
    are others in other dtypes, and without the question that told of a denominator."""
    lines = (result.message or "").split("\n")
    found = next((line for line in lines if line.startswith("  looks ")), None)
    return None if found is None else ELSEWHERE.sub("", STATED.sub("", alike(found)))


def _parts(looks: str | None) -> list[tuple[str, ...]]:
    """What a line of several causes tells of, each as a line of its own would."""
    first, *others = (looks or "").split("; ")
    return [(part,) for part in (first, *(f"  looks    {each}" for each in others)) if others]


def _further(line: str) -> tuple[str, ...] | None:
    """What another violation of the same check looks like, if a line tells of one."""
    if not line.startswith("  also     at "):
        return None
    return (alike(f"  looks    {line.partition(': ')[2]}"),)


def closing(
    shown: Shown,
    fresh: list[Result],
    chosen: plan.Selection,
    seed: int,
    known: Sequence[Deviation],
) -> Iterator[str]:
    """The last lines: the same faults elsewhere, what was not examined, and the verdict.

    `fresh` are the results that the baseline does not know, `known` the expected deviations.
    """
    heard = _heard(shown)
    yield ""
    yield from _of_echoes(heard)
    alike: dict[str, list[str]] = {}
    for others in {id(others): others for others in shown.told.values()}.values():
        names = ", ".join(dict.fromkeys(r.check for r in others))
        dtypes = ", ".join(dict.fromkeys(r.dtype for r in others))
        if others:
            alike.setdefault(dtypes, []).append(names)
    for dtypes, found in alike.items():
        yield f"the same in {dtypes}: {', '.join(dict.fromkeys(found))}"
    if shown.told or heard:
        fine = _passed(shown.results)
        yield from [f"passed: {', '.join(fine)}"] if fine else []
    for status in ("skipped", "not-run"):
        for reason, number in Counter(
            r.reason for r in shown.results if r.status == status
        ).items():
            yield one_line(f"{status} {number}: {reason}")
    for reason, number in Counter(
        f"{r.reason} ({r.link})" if r.link else r.reason
        for r in shown.results
        if r.status == "xfailed"
    ).items():
        yield one_line(f"expected {number}: {reason}")
    for result in shown.results:
        if result.status == "xpassed":
            yield one_line(f"xpassed, though expected to fail: {result.id}: {result.reason}")
    yield from map(
        one_line,
        unused.warnings(
            unused.unmatched(shown.results, known), unused.expired(shown.results, known)
        ),
    )
    if len(fresh) < len(shown.results):
        yield f"known from {shown.earlier}: {len(shown.results) - len(fresh)}"
    if not EFFORTS[chosen.profile].sufficient:
        yield f"This {chosen.profile} run is not sufficient evidence of conformance."
    counts = summary.tally(r.status for r in shown.results)
    words = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    yield f"{words} (seed {seed})"
