"""Triplet margin loss: an anchor nearer to its positive than to its negative, by a margin.

For rows a, p, n of shape (N, D), order q in {1, 2} (the option `p`) and ε >= 0 added to every
coordinate of a difference, with d(x, y) = ‖x - y + ε‖_q and g(x, y) = ∂d/∂x,

    ℓ = max(0, margin + d(a, p) - d(a, n)),
    ∂a = s · (g(a, p) - g(a, n)),     ∂p = -s · g(a, p),     ∂n = s · g(a, n),

where s = 1 if ℓ > 0, else 0. With `swap` the negative distance is min(d(a, n), d(p, n)), and the
gradient follows the smaller.

Kinks: any s in [0, 1] where margin + d(a, p) = d(a, n), either branch of the minimum at a tie, and
at d = 0 any g of the dual norm's unit ball (enclosed by [-1, 1] in every coordinate).
"""

from collections.abc import Iterator
from dataclasses import replace

from lossproof.spec import law
from lossproof.spec.domain import NONNEGATIVE, POSITIVE, REAL
from lossproof.spec.loss import Argument, Flag, Gradients, Parameter, Rowwise, register
from lossproof.spec.maths import expand, minimum, relu, sign, sqrt, step, total, where
from lossproof.spec.question import Question
from lossproof.spec.tracked import Tracked


def _swap_raises(evaluator: law.Evaluator, question: Question) -> Iterator[law.Claim]:
    plain = replace(question, options={**question.options, "swap": False})
    swapped = replace(question, options={**question.options, "swap": True})
    yield law.Claim(evaluator.value(plain), "<=", evaluator.value(swapped))


@register
class TripletMargin(Rowwise):
    family = "contrastive"
    tex = (
        r"a = \text{anchor},\qquad p = \text{positive},\qquad n = \text{negative},\qquad "
        r"m = \text{margin},\qquad q = \text{p},\qquad \varepsilon = \text{eps}",
        r"d(x, y) = \left(\sum_i |x_i - y_i + \varepsilon|^q\right)^{1/q}",
        r"g_i(x, y) = \operatorname{sign}(x_i - y_i + \varepsilon) \frac{|x_i - y_i"
        r" + \varepsilon|^{q - 1}}{d(x, y)^{q - 1}}",
        r"\kappa = \begin{cases} 1 & \text{if swap and } d(p, n) < d(a, n) \\ "
        r"0 & \text{otherwise} \end{cases}",
        r"h = m + d(a, p) - (1 - \kappa) d(a, n) - \kappa d(p, n),\qquad \ell = \max(0, h),\qquad "
        r"s = \mathbf{1}[h > 0]",
        r"\frac{\partial \ell}{\partial a_i} = s \left(g_i(a, p) - (1 - \kappa) g_i(a, n)\right)",
        r"\frac{\partial \ell}{\partial p_i} = -s \left(g_i(a, p) + \kappa g_i(p, n)\right)",
        r"\frac{\partial \ell}{\partial n_i} = s \left((1 - \kappa) g_i(a, n)"
        r" + \kappa g_i(p, n)\right)",
    )
    anchor = Argument(REAL, "N D")
    positive = Argument(REAL, "N D")
    negative = Argument(REAL, "N D")
    margin = Parameter(POSITIVE, default=1.0, landmarks=(0.2, 10.0))
    p = Flag(default=2, choices=(1, 2), landmarks=(1,))
    eps = Parameter(NONNEGATIVE, default=1e-6, landmarks=(0.0,))
    swap = Flag(default=False, choices=(False, True), landmarks=(True,))
    ties = (("anchor", "positive"), ("anchor", "negative"), ("positive", "negative"))

    def value(self, anchor: Tracked, positive: Tracked, negative: Tracked) -> Tracked:
        near, far = self._distance(anchor, positive), self._distance(anchor, negative)
        if self.swap:
            far = minimum(far, self._distance(positive, negative))
        return relu(self.margin + near - far)

    def gradient(self, anchor: Tracked, positive: Tracked, negative: Tracked) -> Gradients:
        near, far = self._distance(anchor, positive), self._distance(anchor, negative)
        pull, push = self._direction(anchor, positive), self._direction(anchor, negative)
        slopes = {"anchor": pull - push, "positive": -pull, "negative": push}
        if self.swap:
            other = self._distance(positive, negative)
            nearer = expand(other, -1) < expand(far, -1)
            across = self._direction(positive, negative)
            slopes["anchor"] = where(nearer, pull, slopes["anchor"])
            slopes["positive"] = where(nearer, -pull - across, slopes["positive"])
            slopes["negative"] = where(nearer, across, push)
            far = minimum(far, other)
        active = expand(step(self.margin + near - far), -1)
        return {key: active * slope for key, slope in slopes.items()}

    def _difference(self, a: Tracked, b: Tracked) -> Tracked:
        return a - b + self.eps if self.options_given("eps") else a - b

    def _distance(self, a: Tracked, b: Tracked) -> Tracked:
        r = self._difference(a, b)
        return total(abs(r)) if self.p == 1 else sqrt(total(r * r))

    def _direction(self, a: Tracked, b: Tracked) -> Tracked:
        """The slope of the distance in `a`: at distance 0 any number from -1 to 1."""
        r = self._difference(a, b)
        if self.p == 1:
            return sign(r)
        distance = expand(self._distance(a, b), -1)
        known = (distance > 0.0).surely
        anything = sign(r.lift(0.0))
        return where(known, r / where(known, distance, 1.0), anything)

    laws = (
        law.nonnegative, law.shift_invariant("anchor", "positive", "negative"),
        law.lipschitz("anchor", 2.0), law.lipschitz("positive", 2.0),
        law.lipschitz("negative", 1.0),
        law.permutation_equivariant("anchor", "positive", "negative"),
        law.identity("swap_raises", "swapping never lowers the loss", _swap_raises),
    )  # fmt: skip
    kinks = {
        "margin + d(a, p) = d(a, n)": "s times the active side, s in [0, 1]",
        "d(p, n) = d(a, n) with swap": "either branch, or between",
        "a - b + ε = 0": "the unit ball of the dual norm",
    }
    references = (
        "Schroff, Kalenichenko, Philbin 2015, doi:10.1109/CVPR.2015.7298682",
        "swap: Balntas, Riba, Ponsa, Mikolajczyk 2016, doi:10.5244/C.30.119",
    )
    dialects = {
        "torch": "torch.nn.functional.triplet_margin_loss(margin=1, p=2, eps=1e-6, swap=False)",
        "optax": "optax.losses.triplet_margin_loss adds ε to the sum of powers, not to the "
        "differences, and takes no absolute value",
    }
