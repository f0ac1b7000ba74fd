"""What a function offers and what it holds fixed, found out by asking it moderate questions.

A function that has no parameter for an option is held at the value which it uses, an argument that
it treats as a constant has no gradient to be judged, and a reduction or dtype that it refuses is
not asked of it. Each of these is said, so that nothing is left out in silence.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lossproof.backends.base import DTYPES, Backend
from lossproof.backends.process.backend import GivenUp
from lossproof.backends.process.client import Died
from lossproof.backends.registry import Implementation
from lossproof.conformance import arrangement
from lossproof.conformance.agreement import questions, share, trial
from lossproof.conformance.effort import EFFORTS
from lossproof.conformance.subject import Subject
from lossproof.spec.loss import Loss, Option
from lossproof.spec.question import Question

#: where a choice is to be made between settings, this much of the answers must fit
SETTLED = 0.9
#: constants that released losses hold, tried for options that a function does not take
USUAL: Mapping[str, tuple[Any, ...]] = {
    "eps": (0.0, 1e-16, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3),
    "smooth": (0.0, 1.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.1),
    "margin": (0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0),
    "delta": (0.1, 0.5, 1.0, 1.35, 2.0),
    "gamma": (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0),
    "alpha": (None, 0.25, 0.5, 0.75, 1.0),
    "temperature": (0.05, 0.07, 0.1, 0.2, 0.5, 1.0),
    "label_smoothing": (0.0, 0.05, 0.1, 0.2),
}
COMBINATIONS = 400


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
    steps = (_dtypes, _shapes, _dtypes, _guard, _reductions, _options, _optional, _gradients)
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


Step = tuple[dict[str, Any], list[str]]


def _dtypes(subject: Subject) -> Step:
    """The dtypes in which it answers the plainest question; a refusal is a skip with a reason."""
    if subject.implementation.dtypes is not None:
        return {}, []
    refused: dict[str, str] = {}
    for dtype in subject.backend.dtypes:
        error = _raised(replace(subject, dtype=dtype))
        if error is not None and _about_dtype(error, dtype):
            refused[dtype] = f"{type(error).__name__}: {error}".splitlines()[0][:160]
    if not refused or len(refused) == len(subject.backend.dtypes):
        return {}, []
    kept = tuple(d for d in subject.backend.dtypes if d not in refused)
    return {"dtypes": kept}, [f"{d} is not offered: {why}" for d, why in refused.items()]


def _about_dtype(error: Exception, dtype: str) -> bool:
    """Whether an exception says that the dtype is not supported, as frameworks say it."""
    names = {
        "float16": ("half", "float16", "f16"),
        "bfloat16": ("bfloat16", "bf16"),
        "float32": ("float32",),
        "float64": ("float64", "double"),
    }[dtype]
    words = str(error).lower()
    verbs = ("not implemented", "not support", "unsupported", "no loop", "must be", "only")
    if type(error).__name__ in ("TypeError", "ValueError", "AssertionError"):
        verbs += ("expected", "requires", "got")
    refusal = any(v in words for v in verbs)
    return refusal and (any(n in words for n in names) or "input types" in words)


def _shapes(subject: Subject) -> Step:
    """The shapes in which it takes arrays that the loss allows in all."""
    if not arrangement.fits(subject.loss):
        return {}, []
    line = replace(trial(subject), cotangent=None)
    line_came, matrix_came = (_came(subject, q) for q in (line, _in_rows(line)))
    if isinstance(matrix_came, Exception):
        if isinstance(line_came, Exception):
            return {}, []
        why = f"{type(matrix_came).__name__}: {matrix_came}".splitlines()[0][:160]
        kind, said = arrangement.FLAT, f"only arrays of one axis are asked of it: {why}"
    elif matrix_came == np.shape(_in_rows(line).arguments[next(iter(subject.loss.arguments))])[:1]:
        if not isinstance(line_came, Exception) and line_came != ():
            return {}, []
        kind, said = arrangement.ROWS, "reduction: it reduces the last axis and leaves the others"
    elif isinstance(line_came, Exception):
        why = f"{type(line_came).__name__}: {line_came}".splitlines()[0][:160]
        kind, said = arrangement.MATRIX, f"only arrays of two axes are asked of it: {why}"
    else:
        return {}, []
    return {"arranged": kind}, [said]


def _came(subject: Subject, question: Question) -> tuple[int, ...] | Exception:
    """The shape of an answer, or what was raised instead."""
    try:
        return np.shape(subject.call(question).value)
    except Exception as error:
        return error


def _in_rows(question: Question) -> Question:
    """The same numbers in two axes."""
    shaped = {
        k: None if v is None else np.reshape(v, (-1, arrangement.COLUMNS[0]))
        for k, v in question.arguments.items()
    }
    return replace(question, arguments=shaped)


def _raised(subject: Subject, **how: Any) -> Exception | None:
    """What the function raises at a plain question, or None."""
    try:
        subject.call(trial(subject, **how))
    except Exception as error:
        return error
    return None


def _reductions(subject: Subject) -> Step:
    """The reductions that it takes; for a function without the parameter, the one that it makes."""
    loss, claimed = subject.loss, subject.implementation
    if claimed.reductions is not None or len(loss.reductions) == 1:
        return {}, []
    if claimed.reducible:
        errors = {r: _raised(subject, reduction=r) for r in loss.reductions}
        refused = {r: e for r, e in errors.items() if e is not None and _about_value(e, r)}
        if not refused or len(refused) == len(errors):
            return {}, []
        kept = tuple(r for r in loss.reductions if r not in refused)
        said = [
            f"reduction {r!r} is not offered: {type(e).__name__}: {e}".splitlines()[0][:160]
            for r, e in refused.items()
        ]
        return {"reductions": kept}, said
    rows = claimed.arranged == arrangement.ROWS
    # what reduces the last axis is unreduced where that has one entry
    possible = tuple(r for r in loss.reductions if not (rows and r == "none"))
    unreduced = ("none",) if rows else ()
    for one in _wide_and_single(subject):
        shares = {r: _best(one, r) for r in possible}
        fitting = max(shares, key=lambda r: shares[r])
        if shares[fitting] > 0.0:
            found = f"reduction: it has no such parameter, and is {fitting!r}"
            return {"reductions": (*unreduced, fitting)}, [found]
    nearest = _nearest(subject, possible)
    if nearest is None:
        return {}, []
    told = f"reduction: it has no such parameter, and comes nearest to {nearest!r}"
    return {"reductions": (*unreduced, nearest)}, [told]


def _wide_and_single(subject: Subject) -> Iterator[Subject]:
    """In the widest dtype, which tells small constants apart; then in float32, in which some
    functions compute whatever they are given."""
    yield subject
    offered = subject.implementation.dtypes or subject.backend.dtypes
    if subject.dtype != "float32" and "float32" in offered:
        yield replace(subject, dtype="float32")


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


def _best(subject: Subject, reduction: str) -> float:
    """How well a function fits a reduction at its best setting of the options it does not take."""
    return max(
        (
            share(subject, questions(subject, options=s, reduction=reduction))
            for s in _settings(subject)
        ),
        default=0.0,
    )


def _about_value(error: Exception, value: str) -> bool:
    """Whether an exception refuses a value of an option rather than fails at computing."""
    refusals = (ValueError, KeyError, NotImplementedError, AssertionError, AttributeError)
    names = {"ValueError", "KeyError", "NotImplementedError", "AssertionError", "AttributeError"}
    kind = isinstance(error, refusals) or type(error).__name__ in names
    return kind and (value in str(error) or "reduction" in str(error).lower())


def _settings(subject: Subject) -> Iterator[dict[str, Any]]:
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


def _options(subject: Subject) -> Step:
    """The options that it does not take, held at the values which fit best."""
    reduction = subject.reductions[0]
    best: dict[str, Any] | None = None
    fit = -1.0
    for one in _wide_and_single(subject):
        for setting in _settings(one):
            found = share(one, questions(one, options=setting, reduction=reduction))
            if found > fit:
                best, fit = setting, found
            if found == 1.0:
                break
        if fit >= SETTLED:
            break
    if not best:
        return {}, []
    defaults = {k: subject.loss.options[k].default for k in best}
    chosen = best if fit >= SETTLED else defaults
    said = [
        f"{k} is held at {v!r}: "
        + ("it has no such parameter, and this fits" if fit >= SETTLED else "the default")
        for k, v in chosen.items()
    ]
    return {"dialect": {**subject.implementation.dialect, **chosen}}, said


def _guard(subject: Subject) -> Step:
    """Whether its eps is that of the loss: many a clamp is called so, and is then left as it is."""
    claimed, loss = subject.implementation, subject.loss
    if "eps" not in (claimed.options or ()):
        return {}, []
    values = [v for v in loss.options["eps"].landmarks if v]
    rest = tuple(k for k in claimed.options or () if k != "eps")
    without = replace(subject, implementation=replace(claimed, options=rest))
    for reduction in subject.reductions if claimed.reducible else loss.reductions:
        tried = (questions(subject, options={"eps": v}, reduction=reduction) for v in values)
        if any(share(subject, asked) > 0.0 for asked in tried):
            return {}, []
    for reduction in subject.reductions if claimed.reducible else loss.reductions:
        if _best(without, reduction) >= SETTLED:
            said = "eps: its parameter is another guard than that of the loss, and is left as it is"
            return {"options": rest}, [said]
    return {}, []


def _optional(subject: Subject) -> Step:
    """Optional arguments, kept only if they are what the loss means by them.

    What a parameter of another name does may be another thing; one that is called as in the loss
    or names what it weighs is another thing only if it takes no such arrays.
    """
    claimed = subject.implementation
    dropped = []
    for key in claimed.optional or ():
        one = replace(subject, implementation=replace(claimed, optional=(key,)))
        asked = replace(trial(one, optional=True, reduction=one.reductions[0]), cotangent=None)
        named = f"{key} = " not in claimed.bound or f"{key} = class" in claimed.bound
        refused = isinstance(_came(one, asked), Exception) and _raised(
            one, optional=False, reduction=one.reductions[0]
        ) is None  # fmt: skip
        if refused or not named and share(one, [asked]) == 0.0:
            dropped.append(key)
    kept = tuple(k for k in claimed.optional or () if k not in dropped)
    said = [f"{k}: its parameter means something else, and is not examined" for k in dropped]
    return ({"optional": kept}, said) if dropped else ({}, [])


def _gradients(subject: Subject) -> Step:
    """The arguments that it differentiates: a target that it holds constant is a convention."""
    claimed, loss = subject.implementation, subject.loss
    if claimed.differentiable == ():
        return {}, [_without_gradient(subject.backend.name)]
    try:
        answer = subject.call(trial(subject, reduction=subject.reductions[0]))
    except Exception:
        return {}, []
    constant = [k for k in _may_be_constant(loss) if _nothing(answer.gradients.get(k))]
    if not constant:
        return {}, []
    kept = tuple(k for k in subject.differentiable if k not in constant)
    said = [f"{k} is held constant: it has no gradient, and none is asked" for k in constant]
    return {"differentiable": kept}, said


def _without_gradient(backend: str) -> str:
    own = ": a NumPy function brings its own as <name>_backward" if backend == "numpy" else ""
    return f"no gradient is offered{own}"


def _may_be_constant(loss: type[Loss]) -> Sequence[str]:
    return [k for k in loss.differentiable() if k in ("target", "var")]


def _nothing(gradient: Any) -> bool:
    return gradient is None or not np.any(np.asarray(gradient, dtype=np.float64))
