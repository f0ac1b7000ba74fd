"""What a function offers and what it holds fixed, found out by asking it moderate questions.

A function that has no parameter for an option is held at the value which it uses, a target that it
treats as a constant has no gradient to be judged, and a reduction or dtype that it refuses is not
asked of it. Each of these is said, so that nothing is left out in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lossproof.backends.base import DTYPES, Backend
from lossproof.backends.process.backend import GivenUp
from lossproof.backends.process.client import Died
from lossproof.backends.registry import Implementation
from lossproof.conformance import arrangement
from lossproof.conformance.agreement import questions, share, trial
from lossproof.conformance.classes import carried, classes
from lossproof.conformance.dtypes import dtypes, wide_enough
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.fitted import SETTLED, at_ends, best, fitting, wide_and_single
from lossproof.conformance.ignoring import ignored
from lossproof.conformance.keywords import keywords
from lossproof.conformance.moved import UNGUARDED
from lossproof.conformance.refusal import about, in_words, misfits, refuses
from lossproof.conformance.shaping import Step, came, raised, shapes
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import Loss
from lossproof.spec.question import Question


@dataclass(frozen=True, kw_only=True)
class Settled:
    """An implementation of which all is known that will be asked, and what was found out."""

    implementation: Implementation
    notes: tuple[str, ...]


def settle(
    implementation: Implementation, loss: type[Loss], backend: Backend, device: str = "cpu"
) -> Settled:
    """Ask the function what it offers. What it raises at that is for the checks to report."""
    notes = [f"arguments: {implementation.bound}"] if implementation.bound else []
    found = implementation
    error, picked = _first(_subject(found, loss, backend, device))
    if isinstance(error, (Died, GivenUp)):
        return Settled(implementation=found, notes=tuple(notes))
    notes += [picked] if picked else []
    steps: tuple[Callable[[Subject], Step], ...] = (
        keywords, classes, keywords, dtypes, carried, shapes, dtypes, ignored, _guard, _reductions,
        _options, _choices, wide_enough, _optional, _gradients,
    )  # fmt: skip
    for step in steps:
        changes, said = step(_subject(found, loss, backend, device))
        found = replace(found, **changes)
        notes += said
    return Settled(implementation=found, notes=tuple(notes))


def _first(subject: Subject) -> tuple[Exception | None, str]:
    """What is raised at the first question, and what was taken of what came back."""
    try:
        answer = subject.call(replace(trial(subject), cotangent=None))
    except Exception as error:
        return error, ""
    return None, answer.picked or getattr(subject.implementation.forward, "picked", "")


def _subject(
    implementation: Implementation, loss: type[Loss], backend: Backend, device: str
) -> Subject:
    """A subject in the widest of the dtypes that the function takes."""
    offered = implementation.dtypes or DTYPES
    dtype = next(d for d in DTYPES if d in offered and d in backend.dtypes)
    return Subject(
        loss=loss,
        implementation=implementation,
        backend=backend,
        dtype=dtype,
        device=device,
        effort=EFFORTS["default"],
    )


def _reductions(subject: Subject) -> Step:
    """The reductions that it takes; for a function without the parameter, the one that it makes."""
    loss, claimed = subject.loss, subject.implementation
    if claimed.reductions is not None or len(loss.reductions) == 1:
        return {}, []
    if claimed.reducible:
        errors = {r: raised(subject, reduction=r) for r in loss.reductions}
        refused = {
            r: e for r, e in errors.items() if e is not None and refuses(e, r) and about(e, r)
        }
        if not refused or len(refused) == len(errors):
            return {}, []
        kept = tuple(r for r in loss.reductions if r not in refused)
        said = [f"reduction {r!r} is not offered: {in_words(e)}" for r, e in refused.items()]
        return {"reductions": kept}, said
    rows = claimed.arranged == arrangement.ROWS
    # what reduces the last axis is unreduced where that has one entry
    possible = tuple(r for r in loss.reductions if not (rows and r == "none"))
    unreduced = ("none",) if rows else ()
    told = "reduction: it has no such parameter, and" + (" over that axis" if rows else "")
    for one in wide_and_single(subject):
        shares = {r: best(one, r) for r in possible}
        likely = max(shares, key=lambda r: shares[r])
        if shares[likely] > 0.0:
            found = f"{told} is {likely!r}"
            return {"reductions": (*unreduced, likely)}, [found]
    nearest = _nearest(subject, possible)
    if nearest is None:
        return {}, []
    return {"reductions": (*unreduced, nearest)}, [f"{told} comes nearest to {nearest!r}"]


def _nearest(subject: Subject, possible: Sequence[str]) -> str | None:
    """The reduction whose shape comes back, and of those the nearest in value; None without one."""
    distances = {}
    for reduction in possible:
        try:
            with np.errstate(all="ignore"):
                judged = subject.judge(questions(subject, reduction=reduction)[0], "value")
        except Exception:
            continue
        if judged.problem is None and judged.ratios.size:
            distances[reduction] = float(np.median(judged.ratios))
    return min(distances, key=lambda r: distances[r]) if distances else None


def _unguarded(subject: Subject, held: Mapping[str, Any]) -> bool:
    """Whether no guard at all fits ordinary inputs too."""
    none = 0.0 if subject.loss.options["eps"].accepts(0.0) else UNGUARDED
    asked = questions(subject, options={**held, "eps": none}, reduction=subject.reductions[0])
    return share(subject, asked) >= SETTLED


def _options(subject: Subject) -> Step:
    """The options that it does not take, held at the values which fit best.

    One that fits where it does nothing is held at its default, and fails: without what makes the
    loss another loss, a function is not that loss, unless it is stated that this is meant.
    """
    loss = subject.loss
    setting, fit = fitting(subject, subject.reductions[0])
    if not setting:
        return {}, []
    defaults = {k: loss.options[k].default for k in setting}
    chosen = at_ends(subject, setting) if fit >= SETTLED else defaults
    idle = {k: f"{k}={v:g}" for k, v in chosen.items() if loss.options[k].idle(v)}
    held = {**chosen, **{k: defaults[k] for k in idle}}
    said = []
    for key, value in held.items():
        why = "the default of the spec; of those tried none fits better"
        if fit >= SETTLED:
            also = (
                ", as none at all does"
                if key == "eps" and value and _unguarded(subject, held)
                else ""
            )
            why = f"it has no such parameter, and this fits ordinary inputs{also}"
        if key in idle:
            meant = f"it is {loss.name} with {idle[key]}: --fix {idle[key]} if so meant"
            why = f"the default of the spec; {meant}"
        said.append(f"{key} is held at {value!r}: {why}")
    return {"dialect": {**subject.implementation.dialect, **held}}, said


def _choices(subject: Subject) -> Step:
    """The choices of options, None among them, that it refuses where it takes the default."""
    loss, claimed = subject.loss, subject.implementation
    first = subject.reductions[0]
    if raised(subject, reduction=first) is not None:
        return {}, []
    refused: dict[str, tuple[Any, ...]] = {}
    said = []
    for key in (k for k in subject.taken if k not in claimed.dialect):
        option = loss.options[key]
        for value in (*option.choices, *((None,) if option.optional else ())):
            error = raised(subject, options={key: value}, reduction=first)
            if error is not None and refuses(error, value):
                refused[key] = (*refused.get(key, ()), value)
                said.append(f"{key} = {value!r} is not offered: {in_words(error)}")
    return ({"refused": refused}, said) if refused else ({}, [])


def _guard(subject: Subject) -> Step:
    """Whether its eps is that of the loss: many a clamp is called so, and is then left as it is.

    One that guards a logarithm or a root by its own default is not asked to be 0.
    """
    claimed, loss = subject.implementation, subject.loss
    if "eps" not in (claimed.options or ()):
        return {}, []
    rest = tuple(k for k in claimed.options or () if k != "eps")
    without = replace(subject, implementation=replace(claimed, options=rest))
    reductions = subject.reductions if claimed.reducible else loss.reductions
    fits = [fitting(without, reduction) for reduction in reductions]
    setting, fit = max(fits, key=lambda found: found[1])
    if fit < SETTLED:
        return {}, []
    stated = loss.options["eps"]
    values = [v for v in (*stated.landmarks, 1e-3) if v and stated.accepts(v)]
    meant = any(
        share(subject, questions(subject, options={"eps": v}, reduction=r)) > 0.0
        for v in values
        for r in reductions
    )
    if not meant:
        said = "eps: its parameter is another guard than that of the loss, and is left as it is"
        return {"options": rest}, [said]
    own = setting["eps"]
    if own == 0 or stated.default != 0:
        return {}, []
    said = f"eps is held at {own!r}, its default: at 0 it guards nothing"
    return {"options": rest, "dialect": {**claimed.dialect, "eps": own}}, [said]


def _optional(subject: Subject) -> Step:
    """Optional arguments, kept only if they are what the loss means by them.

    What a parameter of another name does may be another thing; one that is called as in the loss
    or names what it weighs is another thing only if it takes other arrays and not these.
    """
    claimed = subject.implementation
    dropped = []
    for key in claimed.optional or ():
        one = replace(subject, implementation=replace(claimed, optional=(key,)))
        asked = replace(trial(one, optional=True, reduction=one.reductions[0]), cotangent=None)
        named = f"{key} = " not in claimed.bound or f"{key} = class" in claimed.bound
        answer = came(one, asked)
        weighs = subject.loss.arguments[key].axes == ("C",)
        if isinstance(answer, Exception):
            other = misfits(answer) and _takes_others(one, asked, key)
        elif weighs:
            # it takes one number for each class, and for nothing else are there so many
            other = not named and answer != asked.output_shape
        else:
            other = not named and share(one, [asked]) == 0.0
        if other:
            dropped.append(key)
    kept = tuple(k for k in claimed.optional or () if k not in dropped)
    said = [f"{k}: its parameter means something else, and is not examined" for k in dropped]
    return ({"optional": kept}, said) if dropped else ({}, [])


def _takes_others(subject: Subject, asked: Question, key: str) -> bool:
    """Whether an optional argument may be one number for each sample, or one for all."""
    first = np.shape(next(iter(asked.arguments.values())))[:1]
    stated = np.shape(asked.arguments[key])
    others = [np.resize(asked.arguments[key], s) for s in (first, ()) if s != stated]
    return any(
        not isinstance(came(subject, asked.with_arguments(**{key: other})), Exception)
        for other in others
    )


def _gradients(subject: Subject) -> Step:
    """The arguments that it differentiates: a target that it holds constant is a convention."""
    claimed, loss = subject.implementation, subject.loss
    if claimed.differentiable == ():
        return {}, [_without_gradient(by_hand=not subject.backend.differentiates)]
    if "target" not in loss.differentiable() or not _constant_target(subject):
        return {}, []
    kept = tuple(k for k in subject.differentiable if k != "target")
    said = "target is held constant: it has no gradient, and none is asked"
    return {"differentiable": kept}, [said]


def _constant_target(subject: Subject) -> bool:
    """Whether the target has no gradient, or one of zeros, in every dtype and reduction.

    Zeros are all that a framework without tapes can say of what it was told to hold constant. One
    that is 0 at some questions only is a gradient, and is judged.
    """
    answered = False
    offered = subject.implementation.dtypes or subject.backend.dtypes
    for dtype in (subject.dtype, *(d for d in offered if d != subject.dtype)):
        one = replace(subject, dtype=dtype)
        for reduction in subject.reductions:
            try:
                found = one.call(trial(one, reduction=reduction)).gradients.get("target")
            except Exception:
                continue  # for the checks to report
            if found is not None and np.any(np.asarray(found, dtype=np.float64)):
                return False
            answered = True
    return answered


def _without_gradient(*, by_hand: bool) -> str:
    own = ": a NumPy function brings its own as <name>_backward" if by_hand else ""
    return f"no gradient is offered{own}"
