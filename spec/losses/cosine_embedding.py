"""Cosine embedding loss: aligned pairs attract, others repel down to a margin.

For rows a (`first`) and b (`second`) of shape (N, D), targets ±1, margin m in [-1, 1] and ε > 0,
with α = √(|a|² + ε), β = √(|b|² + ε) and c = ⟨a, b⟩ / (α · β),

    ℓ_n = 1 - c             if target = +1,
          max(0, c - m)     if target = -1,

    ∂c/∂a = (b / β - c · a / α) / α,        ∂c/∂b = (a / α - c · b / β) / β.

At c = m with target -1 there is a kink: any slope between 0 and that of c.
"""

from lossproof.spec import law
from lossproof.spec.domain import COSINE, POSITIVE, REAL, SIGN
from lossproof.spec.loss import Argument, Gradients, Parameter, Rowwise, register
from lossproof.spec.maths import expand, relu, sqrt, square, step, total, where
from lossproof.spec.tracked import Tracked


@register
class CosineEmbedding(Rowwise):
    family = "contrastive"
    tex = (
        r"a = \text{first},\qquad b = \text{second},\qquad y = \text{target},\qquad "
        r"m = \text{margin},\qquad \varepsilon = \text{eps}",
        r"\alpha = \sqrt{\sum_i a_i^2 + \varepsilon},\qquad "
        r"\beta = \sqrt{\sum_i b_i^2 + \varepsilon},\qquad c = \frac{\sum_i a_i b_i}{\alpha \beta}",
        r"\ell = \begin{cases} 1 - c & \text{if } y = 1 \\ "
        r"\max(0, c - m) & \text{otherwise} \end{cases}",
        r"s = \begin{cases} -1 & \text{if } y = 1 \\ "
        r"\mathbf{1}[c > m] & \text{otherwise} \end{cases}",
        r"\frac{\partial \ell}{\partial a_i} = \frac{s}{\alpha} \left(\frac{b_i}{\beta}"
        r" - c \frac{a_i}{\alpha}\right),\qquad "
        r"\frac{\partial \ell}{\partial b_i} = \frac{s}{\beta} \left(\frac{a_i}{\alpha}"
        r" - c \frac{b_i}{\beta}\right)",
    )
    first = Argument(REAL, "N D")
    second = Argument(REAL, "N D")
    target = Argument(SIGN, "N", differentiable=False)
    margin = Parameter(COSINE, default=0.0, landmarks=(0.5, -0.5, 1.0, -1.0))
    eps = Parameter(POSITIVE, default=1e-12, landmarks=(1e-6, 1.0))
    ties = (("first", "second"),)

    def value(self, first: Tracked, second: Tracked, target: Tracked) -> Tracked:
        a, b = self._unit(first), self._unit(second)
        return self._loss(total(a * b), target)

    def value_by_two_roots(self, first: Tracked, second: Tracked, target: Tracked) -> Tracked:
        lengths = self._length(first) * self._length(second)
        return self._loss(total(first * second) / lengths, target)

    def value_by_one_root(self, first: Tracked, second: Tracked, target: Tracked) -> Tracked:
        lengths = sqrt(self._square(first) * self._square(second))
        return self._loss(total(first * second) / lengths, target)

    def value_by_distance(self, first: Tracked, second: Tracked, target: Tracked) -> Tracked:
        # half the squared distance of the unit vectors, and half of what the lengths fall short
        a, b = self._unit(first), self._unit(second)
        gap = total(square(a - b)) / 2
        short = self.eps / self._square(first) + self.eps / self._square(second)
        apart = gap + short / 2
        return where(target >= 0.0, apart, relu((1 - apart) - self.margin))

    def gradient(self, first: Tracked, second: Tracked, target: Tracked) -> Gradients:
        a, b = self._unit(first), self._unit(second)
        c = total(a * b)
        slope, c = expand(self._slope(c, target), -1), expand(c, -1)
        return {
            "first": slope * ((b - c * a) / expand(self._length(first), -1)),
            "second": slope * ((a - c * b) / expand(self._length(second), -1)),
        }

    def gradient_by_one_root(self, first: Tracked, second: Tracked, target: Tracked) -> Gradients:
        # the chain rule through c = ⟨a, b⟩ / √(α² β²), in the order of automatic differentiation
        square_a, square_b = self._square(first), self._square(second)
        lengths = sqrt(square_a * square_b)
        c = total(first * second) / lengths
        slope = self._slope(c, target)
        along, root = expand(slope / lengths, -1), -(slope * (c / lengths)) / (2 * lengths)
        return {
            "first": along * second + expand(root * square_b, -1) * (2 * first),
            "second": along * first + expand(root * square_a, -1) * (2 * second),
        }

    def _square(self, a: Tracked) -> Tracked:
        return total(a * a) + self.eps

    def _length(self, a: Tracked) -> Tracked:
        return sqrt(self._square(a))

    def _unit(self, a: Tracked) -> Tracked:
        return a / expand(self._length(a), -1)

    def _loss(self, c: Tracked, target: Tracked) -> Tracked:
        return where(target >= 0.0, 1 - c, relu(c - self.margin))

    def _slope(self, c: Tracked, target: Tracked) -> Tracked:
        return where(target >= 0.0, c.lift(-1.0), step(c - self.margin))

    laws = (
        law.bounded(0.0, 2.0), law.symmetric("first", "second"), law.mirrored("first", "second"),
        law.permutation_equivariant("first", "second"),
    )  # fmt: skip
    kinks = {"c = m with target -1": "between 0 and the slope of c"}
    references = ("Hadsell, Chopra, LeCun 2006, doi:10.1109/CVPR.2006.100",)
    dialects = {
        "torch": "torch.nn.functional.cosine_embedding_loss: ε is 1e-12 rounded to float32, in "
        "float64 too",
        "optax": "optax.losses.cosine_distance is the branch of target 1, with another ε",
        "keras": "keras.losses.CosineSimilarity is c negated: its least value is -1",
    }
