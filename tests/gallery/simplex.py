"""Wrong softmax, log_softmax, logsumexp and sparsemax."""

import numpy as np
import torch

from gallery import wrong
from gallery.parts import np_logsumexp, np_softmax, require

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


_LARGEST = {"seen": -np.inf}


@wrong("softmax", "the shift is the largest entry of all calls so far: later rows underflow",
       "overflow", "value", "purity", backend="numpy")  # fmt: skip
def softmax_running_maximum(x):
    require(x.ndim == 2, "x must have shape (N, C)", x.shape)
    _LARGEST["seen"] = np.fmax.reduce([_LARGEST["seen"], *x[np.isfinite(x)].ravel()])
    with np.errstate(all="ignore"):
        e = np.exp(x - x.dtype.type(_LARGEST["seen"]))
        return e / e.sum(axis=-1, keepdims=True)


@softmax_running_maximum.backward
def _(cotangent, x):
    p = np_softmax(x)
    return {"x": p * (cotangent - (cotangent * p).sum(-1, keepdims=True))}


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
