"""Kullback-Leibler divergence, entry by entry.

For log-probabilities a (`prediction`) and targets t of shape (N, C),

    ℓ = t · (log t - a),      ∂ℓ/∂a = -t,       ∂ℓ/∂t = log t - a + 1,

with 0 · log 0 = 0; or, where the target is itself a logarithm (`log_target`),

    ℓ = eᵗ · (t - a),         ∂ℓ/∂a = -eᵗ,      ∂ℓ/∂t = eᵗ · (t - a + 1).

The row sums are KL(t ‖ eᵃ), never negative, if t and eᵃ are distributions; single entries may be
negative. At t = 0 the slope in t is infinite: nothing is promised of it. "mean" divides by all
N · C entries, "batchmean" by N: only the latter is a mean of divergences.
"""

from collections.abc import Mapping
from typing import Any

from lossproof.spec import law
from lossproof.spec.domain import REAL, UNIT
from lossproof.spec.loss import Argument, Flag, Gradients, Loss, register
from lossproof.spec.maths import exp, log, xlogy
from lossproof.spec.tracked import Tracked


@register
class KlDiv(Loss):
    family = "probabilistic"
    tex = (
        r"a = \text{prediction},\qquad t = \text{target}",
        r"\ell_c = \begin{cases} e^{t_c} (t_c - a_c) & \text{if log_target} \\ "
        r"t_c (\log t_c - a_c) & \text{otherwise} \end{cases}",
        r"\frac{\partial \ell_c}{\partial a_c} = \begin{cases} -e^{t_c} & \text{if log_target} \\ "
        r"-t_c & \text{otherwise} \end{cases}",
        r"\frac{\partial \ell_c}{\partial t_c} = \begin{cases} "
        r"e^{t_c} (t_c - a_c + 1) & \text{if log_target} \\ "
        r"\log t_c - a_c + 1 & \text{otherwise} \end{cases}",
    )
    samples = "N"
    output = "N C"
    reductions = ("none", "sum", "mean", "batchmean")
    prediction = Argument(REAL, "N C")
    target = Argument(UNIT, "N C")
    log_target = Flag(default=False, choices=(False, True), landmarks=(True,))

    def value(self, prediction: Tracked, target: Tracked) -> Tracked:
        if self.log_target:
            return exp(target) * (target - prediction)
        return xlogy(target, log(target) - prediction)

    def value_by_xlogy(self, prediction: Tracked, target: Tracked) -> Tracked:
        if self.log_target:
            return exp(target) * (target - prediction)
        return xlogy(target, log(target)) - target * prediction

    def gradient(self, prediction: Tracked, target: Tracked) -> Gradients:
        if self.log_target:
            p = exp(target)
            return {"prediction": -p, "target": p * (target - prediction + 1)}
        return {"prediction": -target, "target": log(target) - prediction + 1}

    def gradient_by_product_rule(self, prediction: Tracked, target: Tracked) -> Gradients:
        if self.log_target:
            p = exp(target)
            return {"prediction": -p, "target": p * (target - prediction) + p}
        return {"prediction": -target, "target": log(target) + target / target - prediction}

    def denominator_of(self, reduction: str, **arguments: Any) -> Tracked:
        if reduction == "batchmean":
            return self.arithmetic.constant(float(arguments["prediction"].shape[0]))
        return super().denominator_of(reduction, **arguments)

    @classmethod
    def repair(cls, arguments: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        if options.get("log_target", False):
            t = arguments["target"]  # a number in [0, 1] made a logarithm in [-16, 0]
            return {**arguments, "target": ((t - 1) * 16).astype(t.dtype)}
        return arguments

    laws = (
        law.convex("prediction"), law.monotone("prediction", -1),
        law.permutation_equivariant("prediction", "target"),
    )  # fmt: skip
    relations = (
        law.Relation(
            other="kl_div",
            sentence="the divergence from exp(target)",
            arguments=lambda loss, a: {**a, "target": exp(a["target"])},
            when=lambda options: options["log_target"],
        ),
    )
    references = ("Kullback, Leibler 1951, doi:10.1214/aoms/1177729694",)
    dialects = {
        "torch": "torch.nn.functional.kl_div(input=log-probabilities, target)",
        "optax": "optax.losses.kl_divergence(log_predictions, targets), summed over each row; "
        "kl_divergence_with_log_targets",
        "keras": "keras.losses.KLDivergence(y_true, y_pred): y_pred are probabilities, and both "
        "are clipped to [1e-7, 1]",
    }
