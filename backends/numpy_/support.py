"""What the implementations share: their working precision, their checks and their reductions.

float64 and float32 are computed in themselves; float16 and bfloat16 in float32, rounded once at the
end. Every result is an array of the dtype of the inputs (0-d for a scalar), and owns its memory.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
F = TypeVar("F", bound=Callable[..., Any])

WORKING: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype(np.float64): np.dtype(np.float64),
    np.dtype(np.float32): np.dtype(np.float32),
    np.dtype(np.float16): np.dtype(np.float32),
    np.dtype(ml_dtypes.bfloat16): np.dtype(np.float32),
}
REDUCTIONS = ("none", "sum", "mean")


def in_working_precision(*integers: str) -> Callable[[F], F]:
    """Let a function compute on C-contiguous arrays of its working precision.

    The arguments that are not keyword-only are arrays: all of one floating dtype, save those named
    in `integers`, which may also hold integers and then arrive as they are. `None` stays None. A
    cotangent takes the dtype of the rest. The messages of ValueError and TypeError gain the name of
    the loss. Overflow, underflow and nan are results here, and NumPy does not warn of them.
    """

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        loss = function.__name__.removesuffix("_backward")
        arrays = [
            name
            for name, parameter in signature.parameters.items()
            if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
        ]

        @functools.wraps(function)
        def run(*arguments: Any, **keywords: Any) -> Any:
            try:
                bound = signature.bind(*arguments, **keywords)
                given = {
                    name: np.asarray(bound.arguments[name])
                    for name in arrays
                    if bound.arguments.get(name) is not None
                }
                dtype = _dtype_of(given, integers)
                for name, array in given.items():
                    kept = name in integers and array.dtype not in WORKING
                    to = array.dtype if kept else WORKING[dtype]
                    bound.arguments[name] = np.asarray(array, to, order="C")
                with np.errstate(all="ignore"):
                    result = function(*bound.args, **bound.kwargs)
                    if isinstance(result, dict):
                        return {name: np.array(each, dtype) for name, each in result.items()}
                    return np.array(result, dtype)
            except (ValueError, TypeError) as error:
                error.args = (f"{loss}: {error}",)
                raise

        return run  # type: ignore[return-value]

    return decorate


def _dtype_of(arrays: dict[str, Array], integers: tuple[str, ...]) -> np.dtype[Any]:
    """The one floating dtype of the arrays; TypeError where there is none, or more than one."""
    found: dict[str, np.dtype[Any]] = {}
    for name, array in arrays.items():
        if array.dtype in WORKING:
            if name != "cotangent":
                found[name] = array.dtype
        elif name not in integers or array.dtype.kind not in "iub":
            choices = ", ".join(dtype.name for dtype in WORKING)
            raise TypeError(f"{name} must have a dtype of {choices}, got {array.dtype}")
    if len(set(found.values())) != 1:
        got = " and ".join(f"{name} {dtype}" for name, dtype in found.items()) or "none"
        raise TypeError(f"all floating arguments must have one dtype, got {got}")
    return next(iter(found.values()))


def same_shape(**arrays: Array | None) -> None:
    """ValueError unless the arrays that are given have the same shape: none is broadcast."""
    shapes = {name: array.shape for name, array in arrays.items() if array is not None}
    if len(set(shapes.values())) > 1:
        names, got = " and ".join(shapes), " and ".join(map(str, shapes.values()))
        raise ValueError(f"{names} must have the same shape, got {got}")


def has_axes(axes: str, **arrays: Array | None) -> None:
    """ValueError unless every array given has the axes that `axes` names, as in "N, C".

    Classes ("C") number at least one.
    """
    names = [axis for axis in axes.split(", ") if axis]
    for name, array in arrays.items():
        if array is not None and array.ndim != len(names):
            raise ValueError(f"{name} must have shape ({axes}), got {array.shape}")
        if array is not None and "C" in names and array.shape[names.index("C")] == 0:
            raise ValueError(f"{name} must have at least one class, got shape {array.shape}")


def has_length(length: int, **arrays: Array | None) -> None:
    """ValueError unless every array given is a vector of this length."""
    for name, array in arrays.items():
        if array is not None and array.shape != (length,):
            raise ValueError(f"{name} must have shape ({length},), got {array.shape}")


def one_of(choices: Iterable[Any], **option: Any) -> None:
    """ValueError unless the option is one of the choices."""
    ((name, value),) = option.items()
    if value not in (choices := tuple(choices)):
        raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}, got {value!r}")


def real(
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    **option: Any,
) -> float:
    """The option as a float, if least <= option <= most and option > above; else ValueError."""
    ((name, value),) = option.items()
    if not (value >= least and value <= most and (above == -math.inf or value > above)):
        if above != -math.inf:
            rule = "positive" if above == 0 else f"greater than {above:g}"
        elif math.isfinite(most):
            rule = f"in [{least:g}, {most:g}]"
        else:
            rule = "a number" if least == -math.inf else f"at least {least:g}"
        raise ValueError(f"{name} must be {rule}, got {value}")
    return float(value)


def whole(upper: int, **arrays: Array) -> Array:
    """The array of integers as intp, if each is in [0, upper); else TypeError or ValueError."""
    ((name, array),) = arrays.items()
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got {array.dtype}")
    if (outside := (array < 0) | (array >= upper)).any():
        raise ValueError(f"{name} must be in [0, {upper}), got {array[outside][0]}")
    return array.astype(np.intp)


def labelled(
    scores: Array, labels: Array, weight: Array | None, ignore_index: int | None = None
) -> tuple[Array, Array, Array]:
    """Which rows are kept, the label of each (0 where not kept), and the weight of that label.

    As `whole`, ValueError or TypeError for labels that are no class; a weight not given is 1.
    """
    n, classes = scores.shape
    has_length(n, labels=labels)
    has_length(classes, weight=weight)
    kept = np.ones(n, bool)
    if ignore_index is not None and labels.dtype.kind in "iu":
        kept = labels != ignore_index
        labels = np.where(kept, labels, 0)
    picked = whole(classes, labels=labels)
    return kept, picked, np.ones(n, scores.dtype) if weight is None else weight[picked]


def one_hot(labels: Array, values: Array, classes: int) -> Array:
    """Rows of zeros with `values` at the labels."""
    return np.where(np.arange(classes) == labels[:, None], values[:, None], 0)


def two_valued(low: int, high: int, like: Array, **arrays: Array) -> Array:
    """The array in the dtype of `like`, if each entry is `low`, `high` or nan; else ValueError."""
    ((name, array),) = arrays.items()
    values = np.asarray(array, like.dtype)
    if (outside := (values != low) & (values != high) & ~np.isnan(values)).any():
        raise ValueError(f"{name} must be {low} or {high}, got {array[outside][0]}")
    return values


def mean(values: Array, count: Any) -> Array:
    """The sum of all values over `count`; finite wherever that is, although the sum may overflow.

    Nothing over 0 is nan. The sum is taken over contiguous memory, where NumPy adds pairwise.
    """
    values = np.ravel(values)
    total = values.sum()
    if not np.isfinite(total) and np.isfinite(values).all():
        shift = values.size.bit_length()
        return np.asarray(np.ldexp(np.ldexp(values, -shift).sum() / count, shift))
    return np.asarray(total / count)


def reduce(values: Array, reduction: str) -> Array:
    """The values themselves, their sum, or their mean over every one of them."""
    if reduction == "none":
        return values
    return mean(values, values.size if reduction == "mean" else 1)


def spread(cotangent: Array, shape: tuple[int, ...], reduction: str) -> tuple[Array, int]:
    """Undo `reduce`: the cotangent u, and the count n, such that u / n reaches each value.

    The two stay apart so that `times` can multiply and divide in one go. ValueError where the
    cotangent has not the shape of the reduced output.
    """
    expected = shape if reduction == "none" else ()
    if cotangent.shape != expected:
        raise ValueError(f"cotangent must have shape {expected}, got {cotangent.shape}")
    return cotangent, math.prod(shape) if reduction == "mean" else 1
