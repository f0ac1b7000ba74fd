"""Wrong sigmoid, log_sigmoid and softplus."""

import jax.numpy as jnp
import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from gallery import wrong
from gallery.parts import np_sigmoid, softplus

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
