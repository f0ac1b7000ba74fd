"""Judgements in words and digits: the truth, the answer, how far off, how much is allowed."""

from __future__ import annotations

import numpy as np
from flint import arb

from lossproof.conformance.oracle import Judgement, overflows, truth
from lossproof.spec.formats import Format
from lossproof.spec.profile import Profile
from lossproof.spec.question import Question

#: an answer that is this much of the truth away from it is told as a multiple of it, if not by more
FAR, MUCH = 2.0**-6, 1000.0


def describe(
    question: Question,
    judgement: Judgement,
    fmt: Format,
    profile: Profile,
    *,
    index: tuple[int, ...] | None = None,
) -> dict[str, str]:
    """Truth, answer, error and budget at an entry, by default the worst, in words and digits."""
    if judgement.got is None and judgement.quantity != "value":
        argument = judgement.quantity.partition(".")[2]
        return {
            "truth": f"a gradient of shape {np.shape(question.arguments[argument])}",
            "got": f"none: nothing of the result depends on {argument}, as far as was recorded",
            "off": "not comparable",
        }
    if judgement.problem is not None or judgement.got is None or judgement.worst < 0:
        return {
            "truth": stated(question, judgement.quantity),
            "got": judgement.problem or "nothing",
            "off": "not comparable",
        }
    if index is None:
        index = tuple(
            int(i) for i in np.unravel_index(judgement.worst, judgement.ratios.shape)
        )  # fmt: skip
    result = truth(question, judgement.quantity, fmt, profile)
    x, e = result.exact[index], float(result.budget[index])
    got = float(judgement.got.astype(np.float64)[index])
    return {
        "truth": digits(x, fmt),
        "got": show(got, fmt),
        "off": _distance(x, got, e, fmt),
    }


def stated(question: Question, quantity: str = "value") -> str:
    """What is to come back, in words."""
    argument = quantity.partition(".")[2]
    shape = np.shape(question.arguments[argument]) if argument else question.output_shape
    what = f"an array of shape {shape}" if shape else "one number, of shape (),"
    return f"{what} in the dtype of the input"


def ulp(x: arb, fmt: Format) -> float:
    """The spacing of the format's numbers at |x|."""
    size = float(x.abs_upper())
    if not np.isfinite(size) or size == 0.0:
        return fmt.smallest_subnormal
    exponent = max(int(np.floor(np.log2(size))), fmt.emin)
    return float(np.ldexp(1.0, exponent - fmt.precision + 1))


def ulps(x: arb, got: float, fmt: Format) -> float:
    """The error of `got` in units in the last place of the exact value."""
    if not np.isfinite(got):
        return float("inf")
    return float((arb(got) - x).abs_lower()) / ulp(x, fmt)


def _distance(x: arb, got: float, e: float, fmt: Format) -> str:
    if not x.is_finite():
        return "nothing is promised here"
    if not np.isfinite(e):
        return "any answer is allowed" if not overflows(x, fmt) else "the answer overflows"
    if x.abs_upper() < fmt.smallest_subnormal:  # nothing to count units of
        error = float((arb(got) - x).abs_lower()) if np.isfinite(got) else np.inf
        words = f"by {error:.3g}" if np.isfinite(error) else "not a finite number"
        return f"{words}; {e:.3g} allowed"
    allowed = f"{e / ulp(x, fmt):.3g} allowed"
    if not np.isfinite(got):
        return f"not a finite number; {allowed.replace('allowed', 'ulp allowed')}"
    return f"{ulps(x, got, fmt):.3g} ulp{_times(x, got)}, {allowed}"


def _times(x: arb, got: float) -> str:
    """How many times the truth an answer is that is not even near it."""
    exact = float(x.mid())
    ratio = got / exact if exact and np.isfinite(exact) else 0.0
    telling = MUCH**-1 <= abs(ratio) <= MUCH and abs(ratio - 1) >= FAR
    return f" ({ratio:.3g} times the truth)" if telling else ""


def digits(x: arb, fmt: Format) -> str:
    """The exact value to a few digits more than the format holds, or the interval at a kink."""
    if not x.is_finite():
        return "not a finite number"
    if float(x.rad()) > max(abs(float(x.mid())), 1e-300) * 2.0**-20:
        return f"between {float(x.lower()):.6g} and {float(x.upper()):.6g}"
    places = int(fmt.precision * 0.30103) + 4
    if x.is_exact() and float(x) == round(float(x), 6) and abs(float(x)) < 1e6:
        return f"{float(x):g} (exact)"
    return str(x.mid().str(places, radius=False))


def show(value: float, fmt: Format) -> str:
    """A number of the format, to as many digits as tell it apart."""
    if not np.isfinite(value):
        return str(value)
    return f"{value:.{int(fmt.precision * 0.30103) + 2}g}"


def narrowed(question: Question, index: int, shape: tuple[int, ...], columns: int = 1) -> Question:
    """The one sample that a flat index of a result or gradient belongs to, if separable; of a loss
    of any shape its row, where rows have so many columns."""
    if not question.separable or question.samples <= 1:
        return question
    row = index if question.loss.samples == "*" else int(np.unravel_index(index, shape)[0])
    first = row // columns * columns
    return question.take(range(first, first + columns))
