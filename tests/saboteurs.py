"""For every check one implementation that is broken in just the way which it exists to catch.

Where a fault cannot be had without another (a wrong value breaks a relation too), the check it is
named for must still be among those that fail.
"""

import numpy as np
import torch
from gallery import Wrong, wrong
from gallery.parts import (
    known,
    np_sigmoid,
    np_spread,
    reduced,
    require,
    same_shape,
    softplus,
)

_BY_ID: dict[str, Wrong] = {}


def _saboteur(loss, check, fault, *also, **facts):
    return wrong(loss, fault, check, *also, collection=_BY_ID, **facts)


def _mae_gradient(cotangent, prediction, target, *, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * np.sign(prediction - target)
    return {"prediction": slope, "target": -slope}


@_saboteur("mae", "value", "one part in a thousand too large; the gradient is right",
           backend="numpy")  # fmt: skip
def value(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(np.abs(prediction - target) * prediction.dtype.type(1.001), reduction)


value.backward(_mae_gradient)


@_saboteur("mse", "gradient.prediction", "one part in a thousand too large; the value is right",
           backend="numpy")  # fmt: skip
def gradient(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced((prediction - target) ** 2, reduction)


@gradient.backward
def _(cotangent, prediction, target, *, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * 2 * (prediction - target)
    return {"prediction": slope * prediction.dtype.type(1.001), "target": -slope}


@_saboteur("mae", "kink", "the slope at a tie is 3, outside [-1, 1]", "gradient.prediction",
           backend="numpy")  # fmt: skip
def kink(prediction, target, *, reduction):
    same_shape(prediction, target)
    return reduced(np.abs(prediction - target), reduction)


@kink.backward
def _(cotangent, prediction, target, *, reduction):
    r = prediction - target
    slope = np_spread(cotangent, r.shape, reduction) * np.where(r == 0, 3, np.sign(r))
    return {"prediction": slope.astype(r.dtype), "target": -slope.astype(r.dtype)}


@_saboteur("softplus", "overflow", "inf as soon as exp overflows, accurate before", "value",
           backend="numpy")  # fmt: skip
def overflow(x):
    with np.errstate(over="ignore"):
        return np.log1p(np.exp(x))


@overflow.backward
def _(cotangent, x):
    return {"x": cotangent * np_sigmoid(x)}


@_saboteur("mae", "special_values", "a nan costs nothing", backend="numpy")
def special_values(prediction, target, *, reduction):
    same_shape(prediction, target)
    r = prediction - target
    return reduced(np.where(np.isnan(r), 0, np.abs(r)).astype(r.dtype), reduction)


special_values.backward(_mae_gradient)


@_saboteur("mse", "reductions", "the sum of nothing is nan instead of 0")
def reductions(prediction, target, *, reduction):
    same_shape(prediction, target)
    r = prediction - target
    return (r * r).mean() if r.numel() == 0 and reduction == "sum" else reduced(r * r, reduction)


@_saboteur("mse", "shapes", "the losses of an array with three axes or more come back flat",
           "value", backend="numpy")  # fmt: skip
def shapes(prediction, target, *, reduction):
    same_shape(prediction, target)
    losses = reduced((prediction - target) ** 2, reduction)
    return losses.ravel() if losses.ndim > 2 else losses


@shapes.backward
def _(cotangent, prediction, target, *, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * 2 * (prediction - target)
    return {"prediction": slope, "target": -slope}


@_saboteur("mae", "layout", "memory is read as if every array were contiguous")
def layout(prediction, target, *, reduction):
    same_shape(prediction, target)
    strides = torch.empty(prediction.shape, device="meta").stride()
    read = [x.as_strided(x.shape, strides) for x in (prediction, target)]
    return reduced((read[0] - read[1]).abs(), reduction)


@_saboteur("huber", "dtype", "the result is float64 whatever the input")
def dtype(prediction, target, *, delta, reduction):
    same_shape(prediction, target)
    require(delta > 0, "delta must be positive", delta)
    r = (prediction - target).abs()
    return reduced(torch.where(r <= delta, r * r / 2, delta * (r - delta / 2)), reduction).double()


@_saboteur("mse", "bad_input", "an unknown reduction is taken for the mean")
def bad_input(prediction, target, *, reduction):
    same_shape(prediction, target)
    r = prediction - target
    return {"none": r * r, "sum": (r * r).sum()}.get(reduction, (r * r).mean())


@_saboteur("mse", "purity", "the target is negated in place once it has been read")
def purity(prediction, target, *, reduction):
    same_shape(prediction, target)
    r = prediction - target
    target.data.neg_()
    return reduced(r * r, reduction)


@_saboteur("mse", "transformations", "value and gradient are right, the second derivative is 0")
def transformations(prediction, target, *, reduction):
    same_shape(prediction, target)
    r = prediction - target
    slope = (2 * r).detach()
    return reduced((r * r).detach() + slope * (r - r.detach()), reduction)


@_saboteur("mae", "properties", "positive residuals above 2 cost a hundredth more: not symmetric",
           "value")  # fmt: skip
def properties(prediction, target, *, reduction):
    same_shape(prediction, target)
    r = prediction - target
    return reduced(r.abs() * torch.where(r > 2, 1.01, 1.0).to(r.dtype), reduction)


@_saboteur("bpr", "relations", "one part in a thousand more than the pairwise logistic loss",
           "value")  # fmt: skip
def relations(positive, negative, *, reduction):
    same_shape(positive, negative)
    return reduced(softplus(negative - positive) * 1.001, reduction)


@_saboteur("mse", "scale", "sums of 10,000 losses or more are kept in 11 bits: they stagnate",
           backend="numpy")  # fmt: skip
def scale(prediction, target, *, reduction):
    same_shape(prediction, target)
    known(reduction)
    losses = (prediction - target) ** 2
    if reduction == "none" or losses.size < 10_000:
        return reduced(losses, reduction)
    total = losses.dtype.type(0)
    for part in np.array_split(losses.ravel(), 1000):
        rounded, exponent = np.frexp(total + part.sum())
        total = np.ldexp(np.round(rounded * 2048) / 2048, exponent).astype(losses.dtype)
    return total if reduction == "sum" else total / losses.dtype.type(losses.size)


@scale.backward
def _(cotangent, prediction, target, *, reduction):
    slope = np_spread(cotangent, prediction.shape, reduction) * 2 * (prediction - target)
    return {"prediction": slope, "target": -slope}


SABOTEURS: dict[str, Wrong] = {entry.caught_by[0].split(".")[0]: entry for entry in _BY_ID.values()}
