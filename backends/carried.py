"""Arrays that a function carries itself: the class weights that a module was made with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from lossproof.backends.aliases import ARGUMENTS
from lossproof.backends.binding import Binding, bind, signature
from lossproof.backends.usage import UsageError
from lossproof.spec.loss import Loss

Numbers = tuple[float, ...]
#: no longer list of numbers is taken for weights
LONGEST = 2**14


def carried(function: Callable[..., Any], loss: type[Loss], found: Binding) -> dict[str, Numbers]:
    """Numbers for optional arguments of the loss, from where a function keeps its own.

    These are the default of its parameter, else its attributes and what it closes over, by the
    names that arguments go by.
    """
    places: dict[str, Iterator[Any]] = {
        key: _kept(function, key, found.arguments.get(key))
        for key, argument in loss.arguments.items()
        if argument.optional
    }
    read = {
        k: next(filter(None, (numbers(v, k, loss) for v in p)), None) for k, p in places.items()
    }
    return {key: value for key, value in read.items() if value is not None}


def stated_numbers(
    function: Callable[..., Any],
    loss: type[Loss],
    mapping: Mapping[str, str] | None,
    fixed: Mapping[str, Any],
) -> tuple[dict[str, Numbers], dict[str, Any]]:
    """What a user holds fixed, parted: numbers for optional arguments, and the rest as it is.

    Raises UsageError for what an optional argument cannot be.
    """
    held: dict[str, Numbers] = {}
    rest = dict(fixed)
    optional = [k for k, a in loss.arguments.items() if a.optional]
    for name, value in fixed.items():
        others = {k: v for k, v in rest.items() if k != name and k not in optional}
        key = _argument(function, loss, mapping, others, name)
        if key not in optional or value is None:
            continue
        found = numbers(value, key, loss)
        if found is None:
            many = (
                "one number" if loss.arguments[key].shape == "*" else "a list, one for each class"
            )
            words = f"{loss.name} takes {key} {loss.arguments[key].domain}, {many}"
            raise UsageError(f"{words}; got {value!r}")
        held[key] = found
        del rest[name]
    return held, rest


def _argument(
    function: Callable[..., Any],
    loss: type[Loss],
    mapping: Mapping[str, str] | None,
    others: Mapping[str, Any],
    name: str,
) -> str:
    """The argument of the loss that a parameter stands for, or that goes by the name itself."""
    known = {p.name for p in signature(function) or []}
    try:
        found = bind(
            function, loss, mapping=mapping, fixed={k: v for k, v in others.items() if k in known}
        )
    except UsageError:
        return name
    bound = {} if found is None else found.arguments
    return next((k for k, parameter in bound.items() if parameter == name), name)


def numbers(value: Any, key: str, loss: type[Loss]) -> Numbers | None:
    """A value as numbers for the argument, None where it is no such thing: one number for an
    argument of any shape, one for each class for one of classes."""
    if value is None or isinstance(value, (str, bytes, bool)) or callable(value):
        return None
    detach = getattr(value, "detach", None)
    try:
        array = np.asarray(value if detach is None else detach().cpu().double(), dtype=np.float64)
    except Exception:  # anything at all may go by the name
        return None
    argument = loss.arguments[key]
    fitting = array.ndim == 1 and 1 < array.size <= LONGEST
    if argument.shape == "*":
        fitting = array.size == 1 and array.ndim < 2
    if not fitting or not np.isfinite(array).all() or not argument.domain.contains(array):
        return None
    return tuple(array.reshape(-1).tolist())


def _kept(function: Any, key: str, parameter: str | None) -> Iterator[Any]:
    own = next((p for p in signature(function) or [] if p.name == parameter), None)
    if own is not None:
        # a plain number says that the function takes some; one bound by `partial` is held
        bound = parameter in getattr(function, "keywords", {})
        if bound or not isinstance(own.default, (int, float)):
            yield own.default
        return
    names = dict.fromkeys((key, *ARGUMENTS.get(key, ())))
    if not inspect.isroutine(function):
        yield from (getattr(function, name, None) for name in names)
    inner = inspect.unwrap(getattr(function, "forward", function))
    if inspect.isfunction(inner) or inspect.ismethod(inner):
        around = inspect.getclosurevars(inner)
        for name in names:
            yield around.nonlocals.get(name)
            yield around.globals.get(name)
