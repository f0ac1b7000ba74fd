"""Wrong sigmoid, log_sigmoid, softplus, softmax, log_softmax, logsumexp and sparsemax."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from gallery import wrong
from gallery.parts import np_logsumexp, np_sigmoid, np_softmax, require, softplus

# ---- sigmoid


@wrong("sigmoid", "1/(1 + exp(-x)): its gradient is inf · 0 = nan for x < -88", "gradient.x",
       "overflow", from_notebook=True)  # fmt: skip
def sigmoid_naive(x):
    return 1 / (1 + torch.exp(-x))


@wrong("sigmoid", "(1 + tanh(x/2))/2 cancels: the left tail is 0", "value")
def sigmoid_by_tanh(x):
    return (1 + torch.tanh(x / 2)) / 2


@wrong("sigmoid", "the argument is clamped to [-10, 10]", "value", "gradient.x")
def sigmoid_clamped(x):
    return torch.sigmoid(x.clamp(-10, 10))


@wrong("sigmoid", "the derivative s(1 - s) takes x for s", "gradient.x", backend="numpy")
def sigmoid_derivative_of_input(x):
    return np_sigmoid(x)


@sigmoid_derivative_of_input.backward
def _(cotangent, x):
    return {"x": cotangent * x * (1 - x)}


# ---- log_sigmoid


@wrong("log_sigmoid", "the log of sigmoid is log 0 for x < -104, and 0 for x > 17", "overflow",
       "value")  # fmt: skip
def log_sigmoid_composed(x):
    return torch.sigmoid(x).log()


@wrong("log_sigmoid", "-log1p(exp(-x)) overflows for x < -88", "overflow", "value")
def log_sigmoid_one_branch(x):
    return -torch.log1p(torch.exp(-x))


@wrong("log_sigmoid", "the sign of x is wrong: log sigmoid(-x)", "value")
def log_sigmoid_mirrored(x):
    return -softplus(x)


@wrong("log_sigmoid", "the branch that `where` does not take overflows: its gradient is 0 · inf",
       "gradient.x", "overflow", backend="jax")  # fmt: skip
def log_sigmoid_untaken_branch(x):
    return jnp.where(x > 0, -jnp.log1p(jnp.exp(-x)), x - jnp.log1p(jnp.exp(x)))


# ---- softplus


@wrong("softplus", "log(1 + exp x) overflows, and its left tail is 0", "overflow", "value",
       from_notebook=True)  # fmt: skip
def softplus_naive(x):
    return torch.log(1 + torch.exp(x))


@wrong("softplus", "the identity beyond 10", "value")
def softplus_identity_beyond_ten(x):
    return F.softplus(x, threshold=10)


@wrong("softplus", "shifted, but log(1 + e) for log1p(e): the left tail is 0", "value")
def softplus_without_log1p(x):
    high = torch.where(x > 0, x, 0.0)
    return high + (torch.exp(-high) + torch.exp(x - high)).log()


class _Softplus(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return softplus(x)

    @staticmethod
    @once_differentiable
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        return cotangent * torch.sigmoid(x)


@wrong("softplus", "a hand-written backward that cannot be differentiated again",
       "transformations")  # fmt: skip
def softplus_differentiable_once(x):
    return _Softplus.apply(x)


# ---- softmax


@wrong("softmax", "no shift by the maximum: inf/inf beyond 88", "overflow", "value",
       from_notebook=True)  # fmt: skip
def softmax_naive(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return x.exp() / x.exp().sum(-1, keepdim=True)


@wrong("softmax", "normalised over the rows instead of the classes", "value")
def softmax_wrong_axis(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return torch.softmax(x, 0)


@wrong("softmax", "rows are shifted by the maximum of the whole array: 0/0 in low rows",
       "overflow", "value")  # fmt: skip
def softmax_shift_by_array(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    e = (x - x.detach().max()).exp() if x.numel() else x.exp()
    return e / e.sum(-1, keepdim=True)


@wrong("softmax", "nan is scrubbed to 0", "special_values")
def softmax_nan_scrubbed(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return torch.softmax(x, -1).nan_to_num(0.0)


@wrong("softmax", "only the diagonal of the Jacobian", "gradient.x", backend="numpy")
def softmax_jacobian_diagonal(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return np_softmax(x)


@softmax_jacobian_diagonal.backward
def _(cotangent, x):
    p = np_softmax(x)
    return {"x": cotangent * p * (1 - p)}


@wrong("softmax", "the array is read in the order of memory: transposed views are scrambled",
       "layout", backend="numpy")  # fmt: skip
def softmax_memory_order(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return np_softmax(x.ravel(order="K").reshape(x.shape))


@softmax_memory_order.backward
def _(cotangent, x):
    p = np_softmax(x)
    return {"x": p * (cotangent - (cotangent * p).sum(-1, keepdims=True))}


# ---- log_softmax


@wrong("log_softmax", "the log of softmax: log 0 where a probability underflows", "overflow",
       "value", from_notebook=True)  # fmt: skip
def log_softmax_composed(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return torch.softmax(x, -1).log()


@wrong("log_softmax", "normalised over the rows instead of the classes", "value")
def log_softmax_wrong_axis(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return torch.log_softmax(x, 0)


@wrong("log_softmax", "the vector-Jacobian product subtracts softmax without Σ cotangent",
       "gradient.x", backend="numpy")  # fmt: skip
def log_softmax_cotangent_not_summed(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return x - np_logsumexp(x)[:, None]


@log_softmax_cotangent_not_summed.backward
def _(cotangent, x):
    return {"x": cotangent - np_softmax(x)}


@jax.custom_vjp
def _log_softmax(x):
    return jax.nn.log_softmax(x, -1)


def _log_softmax_forward(x):
    return _log_softmax(x), x


def _log_softmax_backward(x, cotangent):
    return (cotangent - jax.nn.softmax(x, -1) * jnp.sum(cotangent, -1, keepdims=True),)


_log_softmax.defvjp(_log_softmax_forward, _log_softmax_backward)


@wrong("log_softmax", "a custom vector-Jacobian product rules out forward mode",
       "transformations", backend="jax")  # fmt: skip
def log_softmax_without_forward_mode(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return _log_softmax(x)


# ---- logsumexp


@wrong("logsumexp", "no shift by the maximum", "overflow", "value")
def logsumexp_naive(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return x.exp().sum(-1).log()


@wrong("logsumexp", "the maximum is subtracted and not added back", "value")
def logsumexp_shift_kept(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return torch.logsumexp(x - x.detach().amax(-1, keepdim=True), -1)


@wrong("logsumexp", "log of the mean of the exponentials", "value")
def logsumexp_of_mean(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return torch.logsumexp(x, -1) - np.log(x.shape[-1])


@wrong("logsumexp", "float64 input is computed in float32", "value", dtypes=("float64",))
def logsumexp_in_float32(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return torch.logsumexp(x.float(), -1).to(x.dtype)


# ---- sparsemax


def _np_support(x, *, extra=0):
    """The mask of the support and its threshold; `extra` moves the size of the support."""
    z = x - x.max(-1, keepdims=True)
    ordered = -np.sort(-z, axis=-1)
    ranks = np.arange(1, x.shape[-1] + 1)
    sums = ordered.cumsum(-1)
    size = (1 + ranks * ordered > sums).sum(-1, keepdims=True) + extra
    size = np.clip(size, 1, x.shape[-1])
    tau = (np.take_along_axis(sums, size - 1, -1) - 1) / size.astype(x.dtype)
    return z > tau, z - tau


@wrong("sparsemax", "the support has one entry too many", "value", backend="numpy")
def sparsemax_support_off_by_one(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return np.maximum(_np_support(x, extra=1)[1], 0)


@sparsemax_support_off_by_one.backward
def _(cotangent, x):
    s = _np_support(x)[0]
    mean = (cotangent * s).sum(-1, keepdims=True) / s.sum(-1, keepdims=True).astype(x.dtype)
    return {"x": s * (cotangent - mean)}


@wrong("sparsemax", "the gradient does not subtract the mean over the support", "gradient.x",
       backend="numpy")  # fmt: skip
def sparsemax_gradient_without_mean(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return np.maximum(_np_support(x)[1], 0)


@sparsemax_gradient_without_mean.backward
def _(cotangent, x):
    return {"x": cotangent * _np_support(x)[0]}


@wrong("sparsemax", "the mean of the cotangent runs over all classes, not over the support",
       "gradient.x", backend="numpy")  # fmt: skip
def sparsemax_gradient_mean_of_all(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return np.maximum(_np_support(x)[1], 0)


@sparsemax_gradient_mean_of_all.backward
def _(cotangent, x):
    return {"x": _np_support(x)[0] * (cotangent - cotangent.mean(-1, keepdims=True))}


@wrong("sparsemax", "softmax under its name: no entry is ever 0", "value")
def sparsemax_is_softmax(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    return torch.softmax(x, -1)
