"""Other kinds of violations of one check, and what they look like: a check shows one, the worst."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lossproof.conformance import agreement, beside, diagnose
from lossproof.conformance.check import Observation
from lossproof.conformance.deadline import Deadline
from lossproof.conformance.describe import narrowed
from lossproof.conformance.oracle import Judgement
from lossproof.conformance.shrink import each_alone
from lossproof.conformance.subject import Incomparable, Subject, TargetError
from lossproof.conformance.written import alike, unnumbered
from lossproof.spec.loss import SpecError
from lossproof.spec.question import Question

#: how what is no cause ends
VAGUE = (unnumbered(beside.UNKNOWN), ": small digits are lost beside it", " is beyond #")
#: entries of one answer, samples of one place and kinds that are looked at, and kinds that are
#: told: numbers, not a time, or a message would say less on a busy machine
ENTRIES, TRIES, KINDS, TOLD = 256, 2, 6, 2
#: but for seconds after which no other kind is looked at, of a function that takes long
LONG = 5.0
#: what may be wrong of a plain question where a function is wrong at other numbers only
FEW = 0.25


@dataclass(frozen=True)
class Seen:
    """The violations of a check, and whether one at a question is charged to the subject."""

    violations: Sequence[Observation]
    charged: Callable[[Question], bool]


NOTHING = Seen((), lambda question: True)


def further(
    subject: Subject, shown: Observation, seen: Seen, told: str | None
) -> Iterator[tuple[Question, str]]:
    """Of the violations seen, those of other kinds than the one shown that look like something
    else than is `told`: a sample, and what it is."""
    judgement = shown.judgement
    if (
        not seen.violations
        or judgement is None
        or judgement.worst < 0
        or judgement.problem is not None
    ):
        return
    if not _local(subject, shown.question, judgement):
        return
    until, known = Deadline.after(LONG), [alike(told or "")]
    for question in _kinds(subject, shown, judgement, seen.violations, until):
        if until.over or len(known) > TOLD:
            return
        found = _judged(subject, question, judgement.quantity)
        if found is None or not found.violations.any() or not seen.charged(question):
            continue
        words = diagnose.looks(subject, replace(shown, question=question, judgement=found))
        if words is None or unnumbered(words).endswith(VAGUE):
            continue
        if not any(alike(words) in said for said in known):
            known.append(alike(words))
            yield _plainer(subject, shown, question, judgement.quantity, words, seen), words


def _plainer(
    subject: Subject, shown: Observation, question: Question, quantity: str, words: str, seen: Seen
) -> Question:
    """The question with fewer digits, where it looks the same."""
    stated = question.loss.arguments
    rounded = {
        k: subject.format.round(np.vectorize(_two_digits, otypes=[np.float64])(v))
        for k, v in question.arguments.items()
        if v is not None and not stated[k].domain.integer and np.size(v)
    }
    plain = question.with_arguments(**rounded)
    inside = all(stated[k].domain.contains(v) for k, v in rounded.items())
    found = _judged(subject, plain, quantity) if inside else None
    if found is None or not found.violations.any() or not seen.charged(plain):
        return question
    again = diagnose.looks(subject, replace(shown, question=plain, judgement=found))
    return plain if again == words else question


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")


def _judged(subject: Subject, question: Question, quantity: str) -> Judgement | None:
    """The answer compared, or None where there is no number to compare."""
    try:
        found = subject.judge(question, quantity)
    except (TargetError, Incomparable, SpecError):
        return None
    return None if found.problem is not None or found.got is None or found.worst < 0 else found


def _local(subject: Subject, question: Question, judgement: Judgement) -> bool:
    """Whether plain questions are answered rightly: else all that is wrong is one fault."""
    asked = agreement.trial(subject, options=question.options, reduction=question.reduction)
    plain = _judged(subject, asked, judgement.quantity)
    return plain is not None and bool(np.mean(plain.violations) <= FEW)


def _kinds(
    subject: Subject,
    shown: Observation,
    judgement: Judgement,
    seen: Sequence[Observation],
    until: Deadline,
) -> list[Question]:
    """A sample of each kind of violation but the one that is shown, the worst of its kind."""
    found: dict[Hashable, tuple[float, Question]] = {}
    tries: Counter[Hashable] = Counter()
    taken = _kind(shown.question, judgement, judgement.worst)
    for observation in seen:
        one, whole = observation.judgement, observation.question
        comparable = one is not None and one.got is not None and one.problem is None
        if one is None or not comparable or whole.reduction != shown.question.reduction:
            continue
        for ratio, kind, question in _samples(subject, whole, one, tries, until):
            if kind != taken and (kind not in found or found[kind][0] < ratio):
                found[kind] = (ratio, question)
    return [question for _, question in sorted(found.values(), key=lambda f: -f[0])[:KINDS]]


def _samples(
    subject: Subject,
    question: Question,
    judgement: Judgement,
    tries: Counter[Hashable],
    until: Deadline,
) -> Iterator[tuple[float, Hashable, Question]]:
    """The samples of a question that are wrong, how wrong, and of which kind; `tries` counts those
    that were asked alone, by where their arguments lie."""
    if question.separable:
        ratios = np.where(judgement.violations, judgement.ratios, 0.0).reshape(-1)
        for index in np.argsort(-ratios, kind="stable")[:ENTRIES]:
            if ratios[index] > 0.0:
                cut = narrowed(question, int(index), judgement.ratios.shape, subject.columns)
                yield float(ratios[index]), _kind(cut, judgement, int(index)), cut
        return
    for alone in each_alone(question, subject.columns):
        place = _places(alone)
        tries[place] += 1
        if tries[place] > TRIES or until.over:
            continue
        found = _judged(subject, alone, judgement.quantity)
        if found is not None and found.violations.any():
            yield float(found.ratios.flat[found.worst]), _kind(alone, found, found.worst), alone


def _kind(question: Question, judgement: Judgement, index: int) -> Hashable:
    """Where the arguments lie, with which options, and what came: a finite number, or 0."""
    got = float(np.asarray(judgement.got, dtype=np.float64).flat[index])
    options = tuple((k, str(v)) for k, v in question.options.items())
    return options, np.isfinite(got), got == 0, _places(question)


def _places(question: Question) -> Hashable:
    """At which ends of their domains the arguments lie, and in which halves of them."""
    places = []
    for key, argument in question.loss.arguments.items():
        values, domain = question.arguments.get(key), argument.domain
        if values is None or domain.kind not in ("real", "values") or not np.size(values):
            continue
        numbers = np.asarray(values, dtype=np.float64)
        low, high = domain.low, domain.high
        middle = (low + high) / 2 if np.isfinite(low) and np.isfinite(high) else 0.0
        shown = (numbers == low, numbers == high, numbers > middle, numbers < middle)
        places.append(tuple(bool(np.any(each)) for each in shown))
    return tuple(places)
