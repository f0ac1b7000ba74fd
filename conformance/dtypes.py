"""The dtypes that a function takes, and those that hold the constants which it holds."""

from __future__ import annotations

from dataclasses import replace

from lossproof.conformance.agreement import trial
from lossproof.conformance.lost import lost
from lossproof.conformance.refusal import in_words
from lossproof.conformance.shaping import Step, came, raised
from lossproof.conformance.subject import Subject


def dtypes(subject: Subject) -> Step:
    """The dtypes in which it answers the plainest question; a refusal is a skip with a reason."""
    if subject.implementation.dtypes is not None:
        return {}, []
    refused: dict[str, str] = {}
    for dtype in subject.backend.dtypes:
        one = replace(subject, dtype=dtype)
        plainly = came(one, replace(trial(one), cotangent=None))
        # a gradient may be refused where the value is not
        error = plainly if isinstance(plainly, Exception) else raised(one)
        if error is None:
            continue
        if _of_what_it_holds(one, error) or _about_dtype(error, dtype, own=error is plainly):
            refused[dtype] = in_words(error)
    if not refused or len(refused) == len(subject.backend.dtypes):
        return {}, []
    kept = tuple(d for d in subject.backend.dtypes if d not in refused)
    return {"dtypes": kept}, [f"{d} is not offered: {why}" for d, why in refused.items()]


def _of_what_it_holds(subject: Subject, error: Exception) -> bool:
    """Whether an exception says that arrays which it carries itself are of another dtype."""
    return bool(subject.implementation.held) and "expected scalar type" in str(error)


def _about_dtype(error: Exception, dtype: str, *, own: bool) -> bool:
    """Whether an exception says that the dtype is not supported, as frameworks say it, or, where
    it may be one of the function's `own`, as functions do."""
    names = {
        "float16": ("half", "float16", "f16"),
        "bfloat16": ("bfloat16", "bf16"),
        "float32": ("float32",),
        "float64": ("float64", "double"),
    }[dtype]
    words = str(error).lower()
    verbs: tuple[str, ...] = (
        "not implemented",
        "not support",
        "unsupported",
        "no loop",
        "must be",
        "only",
    )
    if own and type(error).__name__ in ("TypeError", "ValueError", "AssertionError"):
        verbs += ("expected", "requires", "got")
    refusal = any(v in words for v in verbs)
    return refusal and (any(n in words for n in names) or "input types" in words)


def wide_enough(subject: Subject) -> Step:
    """Without the dtypes in which a constant that it holds is 0, or a weight that it carries
    infinite."""
    claimed = subject.implementation
    offered = claimed.dtypes or subject.backend.dtypes
    found = {d: lost(subject.loss, claimed, d) for d in offered}
    narrow = {d: f"{d} is not asked: {why}" for d, why in found.items() if why is not None}
    if not narrow or len(narrow) == len(offered):
        return {}, []
    return {"dtypes": tuple(d for d in offered if d not in narrow)}, list(narrow.values())
