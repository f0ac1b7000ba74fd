"""What keeps a loss finite where an exponential overflows or vanishes, by its formulas."""

from __future__ import annotations

import re

from lossproof.spec.question import Question

#: what happens where a number is not finite beyond some other
OVERFLOWS, VANISHES = "where exp overflows", "where exp vanishes"
TWICE = "where exp overflows of twice that: the largest added, not subtracted, or a square of exp"
ROUNDS = "where a sigmoid rounds to 0 or 1"
#: a sum of exponentials in a formula, and the logarithms that have a function of their own
ROWS = re.compile(r"\\sum_\w+ e\^")
SOFTPLUS, SIGMOID = (
    re.compile(r"\\log\(1 \+ e\^x\)"),
    re.compile(r"\\log(?: \\sigma|\(1 \+ e\^\{-d)"),
)

SHIFTED = "subtract the maximum of the row first, as log_softmax does"
WHOLE = "log_softmax, in the place of the logarithm of a softmax"
BOTH = "softplus(x) as logaddexp(x, 0)"
LOGSIGMOID = "log(sigmoid(x)) as logsigmoid(x), or -logaddexp(-x, 0)"


def remedy(question: Question, key: str, what: str) -> str | None:
    """What an argument's exponential, or a sigmoid, is to be replaced by."""
    if what == TWICE:
        return None
    formulas = "\n".join(question.loss.tex)
    if "C" in question.loss.arguments[key].axes:
        if not ROWS.search(formulas) or what == ROUNDS:
            return None
        if what == OVERFLOWS:
            return SHIFTED
        return WHOLE if r"\log" in formulas else None
    if SIGMOID.search(formulas):
        return LOGSIGMOID
    return BOTH if SOFTPLUS.search(formulas) else None
