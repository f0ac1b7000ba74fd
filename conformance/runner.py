"""The runner: asks a subject the questions of the checks, and turns observations into results."""

from __future__ import annotations

import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings, target
from hypothesis import seed as with_seed
from msgspec.structs import replace as changed

from lossproof.conformance import message, plan
from lossproof.conformance.check import MUST, SHOULD, Check, Observation
from lossproof.conformance.echoes import echo
from lossproof.conformance.further import Seen
from lossproof.conformance.shrink import shrink, shrink_error, still
from lossproof.conformance.sources import EVERYWHERE, Source
from lossproof.conformance.subject import Subject, TargetError
from lossproof.reports.model import Grade, Level, Result, Status, Worst
from lossproof.spec.question import Question

#: violations of one check that are kept
KEPT = 64
_ORDER = ("A", "B", "C", "F")


class Excuse(Protocol):
    """What takes violations off a subject that are not its own."""

    @property
    def reason(self) -> str:
        """Whose they are."""

    @property
    def link(self) -> str | None:
        """Where they are known."""

    def rest(self, question: Question, observations: list[Observation]) -> list[Observation]:
        """Of each observation what is charged to the subject."""


Excuses = Callable[[Subject, Check, str], Excuse | None]
#: is told of a check's name and what it observed
Notice = Callable[[Subject, str, Observation], None]


@dataclass
class Tally:
    """What has been observed of one check so far."""

    check: Check
    name: str
    worst: Observation | None = None
    #: the largest ratio at the question asked last
    latest: float = 0.0
    violation: Observation | None = None
    violations: int = 0
    #: each kind of violation that is charged, in words, and the worst of its kind
    faults: dict[str, Observation] = field(default_factory=dict)
    #: violations that are charged, the first of them
    seen: list[Observation] = field(default_factory=list)
    points: int = 0
    excused: int = 0
    grade: str | None = None
    conventions: dict[str, str] = field(default_factory=dict)
    error: TargetError | None = None
    internal: str | None = None
    excuse: Excuse | None = None
    #: the worst violation that was taken off
    inherited: Observation | None = None
    seconds: float = 0.0

    def add(self, observation: Observation) -> None:
        """Fold one observation in."""
        ratio = observation.ratio if np.isfinite(observation.ratio) else np.inf
        observation = replace(observation, ratio=float(ratio))
        self.points += observation.points - observation.excused
        self.excused += observation.excused
        self.latest = max(self.latest, observation.ratio)
        if self.worst is None or _rank(observation) > _rank(self.worst):
            self.worst = observation
        if observation.fault is not None:
            self.violations += 1
            if self.check.source is EVERYWHERE and len(self.seen) < KEPT:
                self.seen.append(observation)
            worst = self.faults.get(observation.fault)
            if worst is None or ratio > worst.ratio:
                self.faults[observation.fault] = observation
            if self.violation is None or ratio > self.violation.ratio:
                self.violation = observation
        if observation.grade is not None:
            self.grade = max(self.grade or "A", observation.grade, key=_ORDER.index)
        self.conventions.update(observation.conventions)

    def take_off(self, observation: Observation) -> None:
        """Fold in a violation that is not the subject's."""
        self.violations += 1
        if self.inherited is None or observation.ratio > self.inherited.ratio:
            self.inherited = observation

    def observe(self, subject: Subject, question: Question) -> None:
        """Run the check on one question; not if the target died before, as it would again."""
        if self.error is not None and self.error.died:
            return
        started = time.perf_counter()
        self.latest = 0.0
        try:
            with np.errstate(all="ignore"):
                observations = self.check.run(subject, question, self.name)
                charged = observations
                if self.excuse is not None:
                    charged = self.excuse.rest(question, observations)
            for observation, left in zip(observations, charged, strict=True):
                self.add(left)
                if observation.fault is not None and left.fault is None:
                    self.take_off(observation)
        except TargetError as error:
            if self.error is None:
                self.error = error
        except Exception as error:
            # a fault of ours must not cost the run its other cells
            if self.error is None:
                self.error = TargetError(question, error)
                self.internal = traceback.format_exc(limit=-4)
        finally:
            self.seconds += time.perf_counter() - started


def _rank(observation: Observation) -> tuple[float, bool]:
    """Orders by ratio; of equal ones, that of numbers compared is the one to show."""
    return observation.ratio, _compared(observation)


def _compared(observation: Observation) -> bool:
    """Whether a number was compared, one that is promised."""
    judgement = observation.judgement
    if judgement is None:
        return bool(observation.ratio)
    if judgement.problem is not None or observation.ratio:
        return True
    return judgement.worst >= 0 and not bool(judgement.excused.flat[judgement.worst])


def judge(tally: Tally) -> tuple[Status, str | None]:
    """The one place where observations become a verdict, with its reason."""
    if tally.violation is not None:
        return ("failed" if tally.check.level == MUST else "warned"), None
    if tally.error is not None:
        if tally.error.died:
            return "errored", str(tally.error)
        whose = "the target raised" if tally.internal is None else "an error of lossproof itself"
        return "errored", f"{whose}: {tally.error}"
    if tally.inherited is not None and tally.excuse is not None:
        return "xfailed", tally.excuse.reason
    if tally.points == 0:
        if tally.excused:
            return "skipped", "nothing is promised at any point that was asked"
        if tally.worst is not None:
            return "skipped", "no question reaches what this check is about"
        return "skipped", "no question could be made"
    return "passed", None


def examine(
    subject: Subject,
    names: Sequence[tuple[Check, str]],
    *,
    seed: int,
    again: str = "",
    excuses: Excuses = lambda subject, check, name: None,
    brief: bool = False,
    notice: Notice = lambda subject, name, observation: None,
) -> Iterator[Result]:
    """Results for the named checks of one subject. `again` is the report's name in messages.

    `brief` searches no further for a worse violation where there is one: of a report the worst
    error is read, of a verdict that there is an error. `notice` is told of what must not be as soon
    as it is seen: seconds may pass until its smallest input and its cause are found.
    """
    tallies = []
    for check, name in names:
        reason = check.reason_to_skip(subject, name)
        if reason is not None:
            yield blank(plan.Unit.of(subject), check, name, "skipped", reason)
        else:
            excuse = excuses(subject, check, name)
            tallies.append(Tally(check=check, name=name, excuse=excuse))
    sources: dict[str, list[Tally]] = {}
    for tally in tallies:
        sources.setdefault(tally.check.source.name, []).append(tally)
    for group in sources.values():
        source = group[0].check.source
        for question in source.landmarks(subject):
            for tally in group:
                tally.observe(subject, question)
                _notify(notice, subject, tally)
        small: list[Question] = []
        found = [tally for tally in group if tally.violation is not None] if brief else []
        for tally in found:
            yield finish(subject, tally, again, small)
        searched = [tally for tally in group if all(tally is not done for done in found)]
        if source.regimes and subject.effort.examples and searched:
            _search(subject, source, searched, seed)
        for tally in searched:
            _notify(notice, subject, tally)
            yield finish(subject, tally, again, small)


def _notify(notice: Notice, subject: Subject, tally: Tally) -> None:
    if tally.violation is not None and tally.check.level == MUST:
        notice(subject, tally.name, tally.violation)


def _search(subject: Subject, source: Source, group: list[Tally], seed: int) -> None:
    """Hypothesis draws questions and climbs towards the largest error / budget."""
    spot = f"{subject.loss.name},{subject.backend.name},{subject.dtype},{source.name}"

    @with_seed(seed ^ zlib.crc32(spot.encode()))
    @settings(
        max_examples=subject.effort.examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.target),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(question=source.strategy(subject))
    def climb(question: Question) -> None:
        ratios = []
        for tally in group:
            tally.observe(subject, question)
            ratios.append(tally.latest)
        finite = [r for r in ratios if 0 < r < np.inf]
        target(float(np.log2(max(finite))) if finite else -60.0, label="log2(error / budget)")

    climb()


def finish(
    subject: Subject, tally: Tally, again: str, small: list[Question] | None = None
) -> Result:
    """The result of a check, its violation cut to one sample and shrunk, or seen at one of the
    small questions that violations of other checks were shrunk to; its own joins them."""
    started = time.perf_counter()
    status, reason = judge(tally)
    shown = tally.worst
    text = snippet = None
    echoed: tuple[str, ...] = ()
    meant = tally.violation
    if meant is not None:
        with np.errstate(all="ignore"):
            rest = () if tally.excuse is None else (tally.excuse.rest,)
            echoes = {fault: echo(subject, seen) for fault, seen in tally.faults.items()}
            own = {fault: seen for fault, seen in tally.faults.items() if not echoes[fault]}
            if own and meant.fault not in own:
                meant = max(own.values(), key=lambda seen: seen.ratio)
            echoed = () if own else tuple(sorted({k for found in echoes.values() for k in found}))
            shown = shrink(subject, tally.check, tally.name, meant, *rest, small=small or ())
        if small is not None:
            small.append(shown.question)
        identifier = plan.Unit.of(subject).id(tally.name)
        others = set(own or echoes) - {str(shown.fault)}
        told = tally.seen if subject.primary and tally.check.source is EVERYWHERE else ()
        seen = Seen(told, lambda q: still(subject, tally.check, tally.name, q, *rest) is not None)
        text = message.render(subject, tally.name, shown, f"{again}#{identifier}", others, seen)
        snippet = message.snippet(subject, tally.name, shown)
    elif tally.internal is not None:
        text = tally.internal
    elif tally.error is not None:
        error = shrink_error(subject, tally.error)
        shown = _raised(error)
        text = message.errored(subject, tally.name, error)
        snippet = message.snippet(subject, tally.name, shown)
    elif tally.inherited is not None:
        shown = tally.inherited
        text = message.render(subject, tally.name, shown, "#")
        snippet = message.snippet(subject, tally.name, shown)
    known: dict[str | None, Grade | None] = {None: None, "A": "A", "B": "B", "C": "C", "F": "F"}
    broken = meant or (tally.inherited if status == "xfailed" else None)
    fault = broken.fault if broken is not None else None
    return changed(
        blank(plan.Unit.of(subject), tally.check, tally.name, status, reason),
        sentence=fault or tally.check.sentence,
        grade=known[tally.grade],
        link=tally.excuse.link if status == "xfailed" and tally.excuse is not None else None,
        message=text,
        snippet=snippet,
        worst=None if shown is None else _worst(subject, shown),
        points=tally.points,
        excused=tally.excused,
        conventions=dict(sorted(tally.conventions.items())),
        violations=tally.violations,
        faults=tuple(sorted(tally.faults)),
        echo=echoed,
        seconds=round(tally.seconds + time.perf_counter() - started, 4),
    )


def _raised(error: TargetError) -> Observation:
    """The question that the target raised at, seen as one that it answers infinitely wrong."""
    facts = {"truth": "an answer", "got": str(error)}
    return Observation(
        question=error.question, fault="raises", ratio=float("inf"), points=0, facts=facts
    )


def _worst(subject: Subject, observation: Observation) -> Worst | None:
    if observation.fault is None and not _compared(observation):
        return None
    facts = message.facts(subject, observation)
    return Worst(
        ratio=observation.ratio,
        truth=facts.get("truth", ""),
        got=facts.get("got", ""),
        off=facts.get("off", ""),
        allowed=facts.get("allowed", ""),
        at=message.spots(message.smallest(subject, observation)),
        case=message.case(subject, observation),
    )


def level(check: Check) -> Level:
    """The level of a check, as reports name it."""
    return "MUST" if check.level == MUST else "SHOULD" if check.level == SHOULD else "NOTE"


def blank(unit: plan.Unit, check: Check, name: str, status: Status, reason: str | None) -> Result:
    """The result of a cell of which nothing was seen: its names, a status and the reason."""
    return Result(
        id=unit.id(name),
        loss=unit.loss,
        check=name,
        backend=unit.backend,
        dtype=unit.dtype,
        device=unit.device,
        level=level(check),
        status=status,
        sentence=check.sentence,
        reason=reason,
    )
