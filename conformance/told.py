"""What `check` prints: each fault once, as it is found, and what it comes to in the end."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from lossproof.conformance import baseline, plan, unused
from lossproof.conformance.deviations import Deviation
from lossproof.conformance.effort import EFFORTS
from lossproof.reports import summary
from lossproof.reports.model import Result
from lossproof.reports.text import visible

BAD = ("failed", "errored", "warned")


def say(text: str) -> None:
    """Print what may quote the target: no escape sequence of its making reaches the terminal."""
    click.echo(visible(text))


def say_if_heard(text: str) -> None:
    """The same, in silence once nobody reads: a file that was asked for is written all the same."""
    try:
        say(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@dataclass
class Shown:
    """What was printed, so that one fault in four dtypes is told once.

    `known` are the violations of the file `earlier`: of one of these only the first line is told.
    """

    say: Callable[[str], None]
    earlier: Path | None = None
    known: baseline.Known = frozenset()
    results: list[Result] = field(default_factory=list)
    told: dict[tuple[str, ...], list[Result]] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Print a violation, unless its like was printed for another check or dtype."""
        self.results.append(result)
        if result.status not in BAD:
            return
        new = bool(baseline.fresh([result], self.known))
        key = (*_fault(result), "new" if new else "known")
        if key in self.told:
            self.told[key].append(result)
            return
        self.told[key] = []
        words = f"{result.status}: {result.message or result.reason}"
        head = words.partition("\n")[0]
        self.say(f"\n{words}" if new else f"{head} (known from {self.earlier})")


def _fault(result: Result) -> tuple[str, ...]:
    """What two results have in common that tell of one fault."""
    if result.status == "errored":
        return ("errored", (result.reason or "")[:80])
    got = result.worst.got if result.worst is not None else ""
    if result.sentence == "the answer cannot be compared":
        return (result.sentence, got)
    return (result.check, result.sentence)


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
    yield ""
    for alike in shown.told.values():
        if alike:
            names = ", ".join(dict.fromkeys(r.check for r in alike))
            dtypes = ", ".join(dict.fromkeys(r.dtype for r in alike))
            yield f"the same fault: {names} in {dtypes}"
    for status in ("skipped", "not-run"):
        for reason, number in Counter(
            r.reason for r in shown.results if r.status == status
        ).items():
            yield f"{status} {number}: {reason}"
    for reason, number in Counter(
        f"{r.reason} ({r.link})" if r.link else r.reason
        for r in shown.results
        if r.status == "xfailed"
    ).items():
        yield f"expected {number}: {reason}"
    for result in shown.results:
        if result.status == "xpassed":
            yield f"xpassed, though expected to fail: {result.id}: {result.reason}"
    yield from unused.warnings(
        unused.unmatched(shown.results, known), unused.expired(shown.results, known)
    )
    if len(fresh) < len(shown.results):
        yield f"known from {shown.earlier}: {len(shown.results) - len(fresh)}"
    if not EFFORTS[chosen.profile].sufficient:
        yield f"This {chosen.profile} run is not sufficient evidence of conformance."
    for dtype in dict.fromkeys(r.dtype for r in shown.results):
        of_dtype = [r for r in shown.results if r.dtype == dtype]
        bad = [r.check for r in of_dtype if r.status in ("failed", "errored")]
        if bad:
            yield f"{dtype}: {', '.join(bad)}"
    counts = summary.tally(r.status for r in shown.results)
    words = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    yield f"{words} (seed {seed})"
