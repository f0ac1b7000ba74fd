"""Arrays that a function carries itself: the class weights that a module was made with."""

from __future__ import annotations

import contextlib
import dis
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossproof.backends.aliases import ARGUMENTS
from lossproof.backends.binding import Binding, bind, signature
from lossproof.backends.usage import UsageError
from lossproof.spec.loss import Loss

Numbers = tuple[float, ...]
#: names that mean weights of classes or of positives, and nothing else
PLAIN = frozenset(
    {"weight", "class_weight", "class_weights", "pos_weight", "pos_weights", "positive_weight"}
)
#: no longer list of numbers is taken for weights
LONGEST = 2**14


@dataclass(frozen=True, kw_only=True)
class Carried:
    """Numbers by the argument that they are for, and those of which only a vague name speaks."""

    held: Mapping[str, Numbers]
    doubtful: tuple[str, ...]


def carried(function: Callable[..., Any], loss: type[Loss], found: Binding) -> Carried:
    """Numbers for optional arguments of the loss, from where a function keeps its own.

    These are the default of its parameter, else its attributes and what it closes over, by the
    names that arguments go by.
    """
    held: dict[str, Numbers] = {}
    doubtful = []
    for key, argument in loss.arguments.items():
        for name, value, own in _kept(function, key, found.arguments.get(key)):
            read = numbers(value, key, loss) if argument.optional else None
            if read is not None:
                held[key] = read
                # what is called weight may be meant for whoever adds this loss to others
                vague = argument.shape == "*" and key == "weight"
                doubtful += [key] if vague or not own or name not in PLAIN else []
                break
    return _of_one_width(Carried(held=held, doubtful=tuple(doubtful)), loss)


def _of_one_width(found: Carried, loss: type[Loss]) -> Carried:
    """Without numbers that are doubtful, and not as many as others of the labels."""
    counts = {k: len(v) for k, v in found.held.items() if loss.arguments[k].shape == "*"}
    sure = {n for k, n in counts.items() if n > 1 and k not in found.doubtful}
    others = [k for k in found.doubtful if sure and counts.get(k, 1) > 1 and counts[k] not in sure]
    held = {k: v for k, v in found.held.items() if k not in others}
    return Carried(held=held, doubtful=tuple(k for k in found.doubtful if k in held))


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
            many = "a list, one for each class"
            if loss.arguments[key].shape == "*":
                many = "one number, or a list, one for each label"
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


def one_width(held: Mapping[str, Numbers], loss: type[Loss]) -> None:
    """Raises UsageError for numbers of labels that are not equally many."""
    many = {k: v for k, v in held.items() if loss.arguments[k].shape == "*" and len(v) > 1}
    if len({len(v) for v in many.values()}) > 1:
        counts = " and ".join(f"{len(v)} of {k}" for k, v in many.items())
        words = f"{loss.name}: it holds numbers for each label, but {counts}"
        raise UsageError(f"{words}; --fix states others")


def numbers(value: Any, key: str, loss: type[Loss]) -> Numbers | None:
    """A value as numbers for the argument, None where it is no such thing: one number, or one for
    each entry of one axis, for an argument of any shape, one for each class for one of classes."""
    argument = loss.arguments[key]
    try:
        detach = getattr(value, "detach", None)
        plain = value if detach is None else detach().cpu().double()
        if isinstance(plain, (str, bytes, Mapping)):
            return None
        array = np.asarray(plain)
        if array.dtype.kind not in "fiu" or array.size > LONGEST:
            return None
        array = array.astype(np.float64)
        fitting = array.ndim == 1 and array.size > 1
        if argument.shape == "*":
            # one for each channel may stand in (C, 1, 1)
            fitting = array.size > 0 and sum(size > 1 for size in array.shape) < 2
        if not fitting or not np.isfinite(array).all() or not argument.domain.contains(array):
            return None
    except Exception:  # anything at all may go by the name
        return None
    return tuple(array.reshape(-1).tolist())


def _kept(function: Any, key: str, parameter: str | None) -> Iterator[tuple[str, Any, bool]]:
    """Where numbers for an argument may be kept, with the names that they are kept by, and whether
    they are the function's own, and not of its module or of what it wraps."""
    own = next((p for p in signature(function) or [] if p.name == parameter), None)
    if own is not None:
        # a plain number says that the function takes some; one bound by `partial` is held
        bound = isinstance(function, functools.partial) and parameter in function.keywords
        if bound or not isinstance(own.default, (int, float)):
            yield key, own.default, True
        return
    names = tuple(dict.fromkeys((key, *ARGUMENTS.get(key, ()))))
    while isinstance(function, functools.partial):
        function = function.func
    for owner in (getattr(function, "__self__", None), function):
        if owner is not None and not inspect.isroutine(owner) and not inspect.ismodule(owner):
            yield from ((name, _attribute(owner, name), True) for name in names)
            for inner in _criteria(owner):
                yield from ((name, _attribute(inner, name), False) for name in names)
    closed, globals_ = _around(getattr(function, "forward", function))
    yield from ((name, closed.get(name), True) for name in names)
    yield from ((name, globals_.get(name), False) for name in names)


def _criteria(owner: Any) -> Iterator[Any]:
    """What an object holds that can be called, such as the criterion that it wraps."""
    with contextlib.suppress(Exception):
        held = {**vars(owner), **vars(owner).get("_modules", {})}
        for value in held.values():
            if callable(value) and not inspect.isroutine(value) and not inspect.isclass(value):
                yield value


def _attribute(owner: Any, name: str) -> Any:
    try:
        return getattr(owner, name, None)
    except Exception:  # a property may raise what it likes
        return None


def _around(function: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a Python function closes over, and the globals that it looks up by name."""
    inner = inspect.unwrap(getattr(function, "__func__", function))
    if not inspect.isfunction(inner):
        return {}, {}
    used = (i.argval for i in dis.get_instructions(inner) if i.opname == "LOAD_GLOBAL")
    named = {name: inner.__globals__[name] for name in used if name in inner.__globals__}
    closed: dict[str, Any] = {}
    for name, cell in zip(inner.__code__.co_freevars, inner.__closure__ or (), strict=False):
        with contextlib.suppress(ValueError):  # an empty cell
            closed[name] = cell.cell_contents
    return closed, named
