"""Binary cross entropy of probabilities.

For a prediction p and a target t, both in [0, 1], ε >= 0 inside both logarithms, and 0 · log 0 = 0,

    a = log(p + ε),    b = log(1 - p + ε),
    ℓ(p, t) = -t · a - (1 - t) · b,
    ∂ℓ/∂p = (1 - t) / (1 - p + ε) - t / (p + ε),        ∂ℓ/∂t = b - a.

With ε = 0 also ∂ℓ/∂p = (p - t) / (p · (1 - p)). Under `log_floor` f < 0 each logarithm is max(·, f)
and the slope of one below its floor is 0.

torch floors each logarithm at -100, not its derivatives: ∂ℓ/∂p is (p - t) / max(p·(1 - p), 1e-12)
and ∂ℓ/∂t is not floored. So under a floor no gradient in p is promised where p·(1 - p) < 1e-12, and
no gradient in t where a logarithm reaches its floor.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.spec import law
from lossproof.spec.carriers import Mask
from lossproof.spec.domain import NEGATIVE, NONNEGATIVE, UNIT
from lossproof.spec.loss import (
    Argument,
    Arguments,
    Elementwise,
    Gradients,
    Parameter,
    register,
)
from lossproof.spec.maths import log, log1p, maximum, step, where, xlogy
from lossproof.spec.question import Question
from lossproof.spec.tracked import Condition, Tracked


def complement(a: Tracked) -> Tracked:
    """1 - a, without error where a is exactly 1."""
    b = 1 - a
    low, high = b.bounds()
    nothing = (low == 0.0) & (high == 0.0)
    exact = Tracked(b.arithmetic, b.x, np.where(nothing, 0.0, b.e), b.undecided)
    return b.chain(exact, lambda: b.lift(1.0))


def is_zero(a: Tracked) -> Mask:
    """Where a is exactly 0."""
    low, high = a.bounds()
    return np.asarray((low == 0.0) & (high == 0.0) & (a.e == 0.0))


def _at_least(floor: Tracked, a: Tracked) -> Tracked:
    """max(a, floor), also where a is the logarithm of 0."""
    return maximum(where(~np.isfinite(a.bounds()[0]), floor, a), floor)


def over(a: Tracked, b: Tracked) -> Tracked:
    """a / b, where an `a` of exactly 0 gives 0 whatever b."""
    return where(is_zero(a), 0.0, a / b)


Options = Mapping[str, Any]


def _only(base: law.Law, when: Callable[[Options], bool], words: str) -> law.Law:
    """The law for some options only."""

    def claims(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
        if when(question.loss.complete(question.options)):
            yield from base.claims(evaluator, question)

    return replace(base, claims=claims, sentence=f"{base.sentence} if {words}")


def _hard(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    arithmetic = evaluator.arithmetic
    options = question.loss(arithmetic, question.options)
    certain = np.round(question.arguments["target"])
    right = replace(question, reduction="none").with_arguments(prediction=certain, target=certain)
    yield law.Claim(evaluator.value(right), "==", -log1p(options.bound("eps")))


def _proper(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    honest = question.with_arguments(prediction=question.arguments["target"])
    yield law.Claim(evaluator.value(honest), "<=", evaluator.value(question))


@register
class BinaryCrossEntropy(Elementwise):
    family = "classification"
    tex = (
        r"p = \text{prediction},\qquad t = \text{target},\qquad \varepsilon = \text{eps}",
        r"f = \begin{cases} -\infty & \text{if log_floor is None} \\ "
        r"\text{log_floor} & \text{otherwise} \end{cases}",
        r"a = \log(p + \varepsilon),\qquad b = \log(1 - p + \varepsilon)",
        r"\ell = -t \max(a, f) - (1 - t) \max(b, f)",
        r"\frac{\partial \ell}{\partial p} = \frac{1 - t}{1 - p + \varepsilon} \mathbf{1}[b > f]"
        r" - \frac{t}{p + \varepsilon} \mathbf{1}[a > f]",
        r"\frac{\partial \ell}{\partial t} = \max(b, f) - \max(a, f)",
    )
    prediction = Argument(UNIT)
    target = Argument(UNIT)
    eps = Parameter(NONNEGATIVE, default=0.0, landmarks=(1e-12, 1e-7, 0.01))
    log_floor = Parameter(NEGATIVE, default=None, optional=True, landmarks=(-100.0,))
    ties = (("prediction", "target"),)

    def value(self, prediction: Tracked, target: Tracked) -> Tracked:
        return self._from_logarithms(target, *self._floored(*self._logarithms(prediction)))

    def value_by_log(self, prediction: Tracked, target: Tracked) -> Tracked:
        return self._from_logarithms(target, *self._floored(*self._plain_logarithms(prediction)))

    def gradient(self, prediction: Tracked, target: Tracked) -> Gradients:
        slope = self._slope(prediction, target)
        a, b = self._floored(*self._logarithms(prediction))
        return {"prediction": slope, "target": b - a}

    def gradient_by_log(self, prediction: Tracked, target: Tracked) -> Gradients:
        slope = self._slope(prediction, target)
        if not self.options_given("eps"):
            quotient = (prediction - target) / (prediction * complement(prediction))
            slope = where(self._above_floor(prediction), quotient, slope)
        a, b = self._floored(*self._plain_logarithms(prediction))
        return {"prediction": slope, "target": b - a}

    def _slope(self, prediction: Tracked, target: Tracked) -> Tracked:
        p, q = self._shifted(prediction)
        positive, negative = over(target, p), over(complement(target), q)
        if self.log_floor is not None:
            a, b = self._logarithms(prediction)
            positive = where(is_zero(p), 0.0, positive * step(a - self.log_floor))
            negative = where(is_zero(q), 0.0, negative * step(b - self.log_floor))
        return negative - positive

    def _from_logarithms(self, target: Tracked, a: Tracked, b: Tracked) -> Tracked:
        return -(xlogy(target, a) + xlogy(complement(target), b))

    def _shifted(self, prediction: Tracked) -> tuple[Tracked, Tracked]:
        """p + ε and 1 - p + ε."""
        if not self.options_given("eps"):
            return prediction, complement(prediction)
        return prediction + self.eps, complement(prediction) + self.eps

    def _logarithms(self, prediction: Tracked) -> tuple[Tracked, Tracked]:
        """log(p + ε) and log(1 - p + ε), both accurate where they are near 0."""
        p, q = self._shifted(prediction)
        near = self.eps - prediction if self.options_given("eps") else -prediction
        return log(p), where(prediction.bounds()[0] < 0.5, log1p(near), log(q))

    def _plain_logarithms(self, prediction: Tracked) -> tuple[Tracked, Tracked]:
        """The same; with ε as it is usually written, with log alone."""
        if not self.options_given("eps"):
            return self._logarithms(prediction)
        p, q = self._shifted(prediction)
        return log(p), log(q)

    def _floored(self, a: Tracked, b: Tracked) -> tuple[Tracked, Tracked]:
        floor = self.log_floor
        return (a, b) if floor is None else (_at_least(floor, a), _at_least(floor, b))

    def _above_floor(self, prediction: Tracked) -> Condition | Mask:
        if self.log_floor is None:
            return np.ones(prediction.shape, dtype=np.bool_)
        a, b = self._logarithms(prediction)
        return (a > self.log_floor) & (b > self.log_floor)

    @classmethod
    def outside(cls, arguments: Arguments, options: Options, quantity: str) -> Mask | None:
        given = cls.complete(options)
        if given["log_floor"] is None or not quantity.startswith("gradient"):
            return None
        p = np.asarray(arguments["prediction"], dtype=np.float64)
        if quantity == "gradient.prediction":
            return np.asarray(p * (1 - p) < 1e-12)
        with np.errstate(divide="ignore"):
            lower = np.log(np.minimum(p, 1 - p) + given["eps"])
        return np.asarray(lower <= 0.99 * given["log_floor"])

    laws = (
        _only(law.nonnegative, lambda o: o["eps"] == 0, "eps is 0"),
        _only(law.convex("prediction"), lambda o: o["log_floor"] is None, "no floor is given"),
        law.mirrored(complemented=("prediction", "target")),
        law.identity("hard", "it is -log(1 + eps) where both are 0 or both are 1", _hard),
        _only(
            law.identity("proper", "no prediction is better than the target", _proper),
            lambda o: o["eps"] == 0 and o["log_floor"] is None,
            "eps is 0 and no floor is given",
        ),
    )
    relations = (
        law.Relation(
            other="binary_cross_entropy_with_logits",
            sentence="binary cross entropy with the logits log(p / (1 - p))",
            arguments=lambda loss, a: {
                "logits": log(a["prediction"]) - log1p(-a["prediction"]),
                "target": a["target"],
            },
            when=lambda o: o["eps"] == 0 and o["log_floor"] is None,
        ),
    )
    references = ("doi:10.1111/j.2517-6161.1952.tb00104.x",)  # Good 1952
    dialects = {
        "torch": "torch.nn.functional.binary_cross_entropy is log_floor=-100, and divides by "
        "max(p·(1 - p), 1e-12) in its gradient",
        "keras": "keras.losses.BinaryCrossentropy(y_true, y_pred) clips p to [1e-7, 1 - 1e-7]; "
        "the gradient of a clipped p is 0",
        "sklearn": "sklearn.metrics.log_loss clips p to [u, 1 - u], u the spacing at 1",
    }
