"""Negative log-likelihood of a Poisson distribution.

For a prediction z and a target t >= 0,

    ℓ(z, t) = e**z - t · z                if `log_input`: z is the logarithm of the rate,
              z - t · log(z + ε)          otherwise: z >= 0 is the rate,
    ∂ℓ/∂z   = e**z - t   or   1 - t / (z + ε),        ∂ℓ/∂t = -z   or   -log(z + ε).

`full` adds Stirling's approximation of log t!, t · log t - t + log(2πt) / 2, where t > 1 (nothing
where t <= 1), and log t + 1 / (2t) to the gradient in t.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lossproof.spec import law
from lossproof.spec.domain import NONNEGATIVE, POSITIVE, REAL
from lossproof.spec.evaluate import lifted
from lossproof.spec.loss import Argument, Elementwise, Flag, Gradients, Parameter, register
from lossproof.spec.maths import exp, log, where, xlogy
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _proper(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    options = question.loss.complete(question.options)
    if options["log_input"] and not options["full"]:
        t = lifted(question.loss, question.arguments, evaluator.arithmetic)["target"]
        single = replace(question, reduction="none")
        yield law.Claim(t - xlogy(t, log(t)), "<=", evaluator.value(single))


@register
class PoissonNll(Elementwise):
    family = "probabilistic"
    tex = (
        r"z = \text{prediction},\qquad t = \text{target},\qquad \varepsilon = \text{eps}",
        r"h = \begin{cases} "
        r"t \log t - t + \frac{1}{2} \log(2 \pi t) & \text{if full and } t > 1 \\ "
        r"0 & \text{otherwise} \end{cases}",
        r"\ell = h + \begin{cases} e^z - t z & \text{if log_input} \\ "
        r"z - t \log(z + \varepsilon) & \text{otherwise} \end{cases}",
        r"\frac{\partial \ell}{\partial z} = \begin{cases} e^z - t & \text{if log_input} \\ "
        r"1 - \frac{t}{z + \varepsilon} & \text{otherwise} \end{cases}",
        r"h_1 = \begin{cases} \log t + \frac{1}{2 t} & \text{if full and } t > 1 \\ "
        r"0 & \text{otherwise} \end{cases}",
        r"\frac{\partial \ell}{\partial t} = h_1 - \begin{cases} z & \text{if log_input} \\ "
        r"\log(z + \varepsilon) & \text{otherwise} \end{cases}",
    )
    prediction = Argument(REAL)
    target = Argument(NONNEGATIVE)
    log_input = Flag(default=True, choices=(True, False))
    full = Flag(default=False, choices=(False, True))
    eps = Parameter(POSITIVE, default=1e-8, landmarks=(1e-3,))

    def value(self, prediction: Tracked, target: Tracked) -> Tracked:
        if self.log_input:
            losses = exp(prediction) - target * prediction
        else:
            losses = prediction - target * log(prediction + self.eps)
        if self.full:
            stirling = target * log(target) - target + log(self._two_pi() * target) / 2
            losses = losses + where(_above_one(target), stirling, 0.0)
        return losses

    def gradient(self, prediction: Tracked, target: Tracked) -> Gradients:
        if self.log_input:
            slope, by_target = exp(prediction) - target, -prediction
        else:
            rate = prediction + self.eps
            slope, by_target = 1 - target / rate, -log(rate)
        if self.full:
            stirling = log(target) + 0.5 / target
            by_target = by_target + where(_above_one(target), stirling, 0.0)
        return {"prediction": slope, "target": by_target}

    def _two_pi(self) -> Tracked:
        return self.arithmetic.parameter(2 * math.pi)

    @classmethod
    def repair(cls, arguments: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """A rate is not negative."""
        if cls.complete(options)["log_input"]:
            return arguments
        return {**arguments, "prediction": np.abs(arguments["prediction"])}

    laws = (
        law.convex("prediction"),
        law.identity(
            "proper", "no log rate is better than log t, where the loss is t - t · log t", _proper
        ),
    )  # fmt: skip
    references = ("doi:10.2307/2344614",)  # Nelder and Wedderburn 1972
    dialects = {
        "torch": "torch.nn.functional.poisson_nll_loss(log_input=True, full=False, eps=1e-8)",
        "keras": "keras.losses.Poisson(y_true, y_pred) is log_input=False with eps=1e-7",
        "sklearn": "sklearn._loss.HalfPoissonLoss is log_input=True",
    }


def _above_one(target: Tracked) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(target.bounds()[0] > 1.0)
