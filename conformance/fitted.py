"""The values at which a function holds options that it does not take, by how well they fit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lossproof.conformance import shaping, tuned
from lossproof.conformance.agreement import SIZES, questions, share
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import Option
from lossproof.spec.question import Question

#: where a choice is to be made between settings, this much of the answers must fit
SETTLED = 0.9
#: constants that released losses hold, tried for options that a function does not take
USUAL: Mapping[str, tuple[Any, ...]] = {
    "eps": (0.0, 1e-16, 2.0**-52, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 2.0**-23, 1e-6, 1e-5,
            1e-4, 1e-3),
    "smooth": (0.0, 1.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.1),
    "margin": (0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 4.0, 5.0, 10.0),
    "delta": (0.1, 0.5, 1.0, 1.35, 2.0),
    "gamma": (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0),
    "alpha": (None, 0.25, 0.5, 0.75, 1.0),
    "temperature": (0.05, 0.07, 0.1, 0.2, 0.5, 1.0),
    "label_smoothing": (0.0, 0.05, 0.1, 0.2),
}  # fmt: skip
COMBINATIONS = 400
#: single samples that tell what holds at the ends of a domain
ENDS = 24


def wide_and_single(subject: Subject) -> Iterator[Subject]:
    """In the widest dtype, which tells small constants apart; then in float32, in which some
    functions compute whatever they are given."""
    yield subject
    offered = subject.implementation.dtypes or subject.backend.dtypes
    if subject.dtype != "float32" and "float32" in offered:
        yield replace(subject, dtype="float32")


def best(subject: Subject, reduction: str) -> float:
    """How well a function fits a reduction at its best setting of the options it does not take."""
    fit = 0.0
    for number, setting in enumerate(settings(subject)):
        asked = questions(subject, options=setting, reduction=reduction)
        if number == 0 and not _shaped(subject, asked[0]):
            return 0.0  # no setting changes a shape
        fit = max(fit, share(subject, asked))
        if fit == 1.0:
            break
    # a constant that nothing here is: what is nearest to it says nothing of the reduction
    return fit or _tuned(subject, reduction, next(settings(subject)), fit)[1]


def _shaped(subject: Subject, question: Question) -> bool:
    """Whether an answer has the shape of the reduction, or there is none to tell."""
    came = shaping.came(subject, question)
    return isinstance(came, Exception) or came == question.output_shape


def settings(subject: Subject) -> Iterator[dict[str, Any]]:
    """Values for the options that are neither taken nor stated, the defaults first."""
    claimed = subject.implementation
    if claimed.options is None:
        yield {}
        return
    unknown = {
        k: _candidates(k, o)
        for k, o in subject.loss.options.items()
        # what is not ignored by a parameter is not asked to be ignored
        if k not in claimed.options and k not in claimed.dialect and k != "ignore_index"
    }
    combinations = itertools.product(*unknown.values())
    for values in itertools.islice(combinations, COMBINATIONS):
        yield dict(zip(unknown, values, strict=True))


def _candidates(name: str, option: Option) -> tuple[Any, ...]:
    """Values that the option may have in a function without a parameter for it."""
    tried = (option.default, *option.choices, *option.landmarks, *USUAL.get(name, ()))
    accepted = [v for v in tried if option.accepts(v)]
    return tuple({(type(v), v): v for v in accepted}.values())


def fitting(subject: Subject, reduction: str) -> tuple[dict[str, Any], float]:
    """The setting that fits best, and the share of answers that do."""
    best: dict[str, Any] = {}
    fit = -1.0
    for one in wide_and_single(subject):
        for setting in settings(one):
            found = share(one, questions(one, options=setting, reduction=reduction))
            if found > fit:
                best, fit = setting, found
            if found == 1.0:
                break
        best, fit = _tuned(one, reduction, best, fit)
        if fit >= SETTLED:
            break
    return best, fit


def _tuned(
    subject: Subject, reduction: str, setting: dict[str, Any], fit: float
) -> tuple[dict[str, Any], float]:
    """A setting that fits better, also where the numbers are far apart, else the given one."""
    if not setting:
        return setting, fit
    near = questions(subject, options=setting, reduction=reduction)
    far = tuned.wide(subject, setting, reduction)
    beyond = share(subject, [far])
    if fit >= SETTLED and beyond >= SETTLED:
        return setting, fit
    asked = (*near, far) if fit >= SETTLED else near
    bases = [setting] if fit >= SETTLED else _bases(subject)
    for other in (s for base in bases for s in tuned.tuned(subject, asked, base)):
        found = share(subject, questions(subject, options=other, reduction=reduction))
        farther = share(subject, [tuned.wide(subject, other, reduction)])
        if found >= max(fit, SETTLED) and farther >= beyond and (found, farther) != (fit, beyond):
            return other, found
    return setting, fit


def _bases(subject: Subject) -> list[dict[str, Any]]:
    """The settings that one number may be off from: the defaults, and those without a guard."""
    usual = next(settings(subject))
    return [usual, {**usual, "eps": 0.0}] if usual.get("eps") else [usual]


def at_ends(subject: Subject, setting: Mapping[str, Any]) -> dict[str, Any]:
    """The setting, what is None there given where answers at the ends of the domain speak for it:
    a floor of logarithms shows nowhere else."""
    chosen = dict(setting)
    for key, value in setting.items():
        option = subject.loss.options[key]
        tried = [value, *option.landmarks] if value is None and option.optional else []
        if len(tried) > 1:
            shares = {v: share(subject, _ends(subject, {**chosen, key: v})) for v in tried}
            chosen[key] = max(tried, key=lambda v: shares[v])
    return chosen


def _ends(subject: Subject, setting: Mapping[str, Any]) -> list[Question]:
    """Single samples of landmark numbers."""
    sizes = {k: 1 if k in ("*", "N") else n for k, n in SIZES.items()}
    options = {**subject.implementation.dialect, **setting}
    made = [
        subject.maker.question(
            seed, "landmarks", sizes, options=options, reduction=subject.reductions[0],
            optional=False,
        )
        for seed in range(ENDS)
    ]  # fmt: skip
    return [replace(q, cotangent=None) for q in made]
