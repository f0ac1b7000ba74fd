"""Saturated factors, thresholds, scrubbed inputs: right in the middle, wrong at the ends."""

import torch

from gallery import wrong
from gallery.parts import (
    norm,
    reduced,
    require,
    same_shape,
)

# ---- thresholds and one-sided forms


@wrong("softplus", "the identity beyond 20: a term of 2e-9 is dropped, which float64 holds",
       "value", dtypes=("float64",))  # fmt: skip
def softplus_threshold_20(x):
    return torch.where(x > 20, x, torch.log1p(torch.exp(torch.where(x > 20, 0.0, x))))


@wrong("sigmoid", "exp(x)/(1 + exp(x)): inf/inf beyond 88", "overflow", "value")
def sigmoid_one_sided(x):
    return x.exp() / (1 + x.exp())


@wrong("logsumexp", "the maximum is that of the column, not of the row", "overflow", "value")
def logsumexp_max_of_column(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    top = x.detach().amax(0, keepdim=True) if x.numel() else x.detach()[:1]
    shifted = (x - top).exp() * 1.0
    return ((shifted * top.exp()).sum(-1)).log()


@wrong("softmax", "a row shifted by its smallest entry: inf/inf where it is spread out", "overflow",
       "value")  # fmt: skip
def softmax_shift_by_minimum(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    e = (x - x.detach().amin(-1, keepdim=True)).exp() if x.numel() else x.exp()
    return e / e.sum(-1, keepdim=True)


@wrong("info_nce", "the temperature is applied twice", "value")
def info_nce_temperature_twice(query, key, *, temperature, reduction):
    same_shape(query, key, ndim=2)
    require(temperature > 0, "temperature must be positive", temperature)
    logits = query @ key.T / temperature / temperature
    return reduced(-torch.log_softmax(logits, -1).diagonal(), reduction)


# ---- nan gradients


@wrong("binary_cross_entropy", "`where` hides 0 · log 0 from the value; the gradient is 0 · inf = "
       "nan", "gradient.prediction", "special_values")  # fmt: skip
def bce_where_hides_the_value_only(prediction, target, *, eps, log_floor, reduction):
    same_shape(prediction, target)
    require(eps >= 0, "eps must be at least 0", eps)
    require(log_floor is None or log_floor < 0, "log_floor must be negative or None", log_floor)
    logs = (prediction + eps).log(), (1 - prediction + eps).log()
    if eps == 0:
        logs = logs[0], torch.log1p(-prediction)
    if log_floor is not None:
        logs = tuple(x.clamp(min=log_floor) for x in logs)
    present = torch.where(target == 0, 0.0, target * logs[0])
    absent = torch.where(target == 1, 0.0, (1 - target) * logs[1])
    return reduced(-(present + absent), reduction)


@wrong("sigmoid_focal", "exp(γ·log(1 - p)) of a saturated sigmoid: 0 · -inf = nan for γ = 0",
       "overflow", "value")  # fmt: skip
def focal_power_by_log(logits, target, *, alpha, gamma, reduction):
    same_shape(logits, target)
    require(gamma >= 0, "gamma must be at least 0", gamma)
    require(alpha is None or 0 <= alpha <= 1, "alpha must lie in [0, 1] or be None", alpha)
    s = torch.where(target == 1, logits, -logits)
    losses = -torch.exp(gamma * (1 - torch.sigmoid(s)).log()) * torch.nn.functional.logsigmoid(s)
    if alpha is not None:
        losses = torch.where(target == 1, alpha, 1 - alpha).to(losses.dtype) * losses
    return reduced(losses, reduction)


@wrong("triplet_margin", "at a tie of the two negatives' distances both get the whole gradient: "
       "it is split into two wholes", "kink", "gradient.negative", "gradient.positive",
       "gradient.anchor")  # fmt: skip
def triplet_tie_counted_twice(anchor, positive, negative, *, margin, p, eps, swap, reduction):
    same_shape(anchor, positive, negative, ndim=2)
    require(margin > 0, "margin must be positive", margin)
    near = norm(anchor - positive + eps, p)
    far = norm(anchor - negative + eps, p)
    if swap:
        other = norm(positive - negative + eps, p)
        least = torch.minimum(far, other).detach()
        far = (
            least
            + torch.where(far <= other, far - far.detach(), 0.0)
            + torch.where(other <= far, other - other.detach(), 0.0)
        )
    return reduced(torch.relu(margin + near - far), reduction)


# ---- scrubbed infinities


@wrong("huber", "infinite inputs are scrubbed to the largest finite number", "special_values")
def huber_inputs_scrubbed(prediction, target, *, delta, reduction):
    same_shape(prediction, target)
    require(delta > 0, "delta must be positive", delta)
    nan = float("nan")
    r = prediction.nan_to_num(nan=nan) - target.nan_to_num(nan=nan)
    size = r.abs()
    losses = torch.where(size <= delta, r * torch.where(size <= delta, r, 0.0) / 2,
                         delta * (size - delta / 2))  # fmt: skip
    return reduced(losses, reduction)


class _Scrubbed(torch.autograd.Function):
    """The identity; what is not finite in a cotangent becomes 0."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, cotangent):
        return cotangent.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


@wrong("mse", "gradients that are not finite are scrubbed to 0: a nan goes unnoticed",
       "special_values")  # fmt: skip
def mse_gradient_scrubbed(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced((_Scrubbed.apply(prediction) - target) ** 2, reduction)


class _Summed(torch.autograd.Function):
    """The identity; its cotangent gains 0 times the sum of all: nothing, unless one is nan."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, cotangent):
        return cotangent + 0 * cotangent.sum()


@wrong("mse", "the nan of one sample reaches the gradients of all, not their values",
       "special_values")  # fmt: skip
def mse_gradients_share_nan(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced((_Summed.apply(prediction) - target) ** 2, reduction)


@wrong("log_softmax", "logits are clamped to [-1e4, 1e4]", "special_values", "value", "gradient.x")
def log_softmax_clamped(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return torch.log_softmax(x.clamp(-1e4, 1e4), -1)
