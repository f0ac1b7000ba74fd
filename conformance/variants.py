"""Losses as they are often meant or mistaken: exchanged arguments, known slips, other conventions.

Each is the loss of the catalogue with one thing changed, stated as a loss.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from lossproof.conformance.candidates import Base
from lossproof.spec.domain import Domain
from lossproof.spec.loss import Argument, Loss
from lossproof.spec.tracked import Tracked

Arguments = dict[str, Any]
Value = Callable[..., Tracked]


def stated(base: type[Loss], value: Value, **members: Any) -> type[Loss]:
    """A loss of which every declared algorithm is `value`, with members of its own."""
    methods = dict.fromkeys(base.algorithms("value").values(), value)
    return type(base.__name__, (base,), {"name": base.name, **methods, **members})


def remapped(
    base: type[Loss],
    remap: Callable[[Any, Arguments], Arguments],
    domains: Mapping[str, Domain] | None = None,
    **members: Any,
) -> type[Loss]:
    """A loss of arguments that are changed before it sees them, and may have other domains."""

    def through(method: str) -> Value:
        def value(bound: Any, *places: Any, **named: Any) -> Tracked:
            arguments = {**dict(zip(base.arguments, places, strict=False)), **named}
            found: Tracked = getattr(_as(base, bound), method)(**remap(bound, arguments))
            return found

        return value

    declared = {
        k: Argument(d, base.arguments[k].shape, base.arguments[k].differentiable)
        for k, d in (domains or {}).items()
    }
    methods = {m: through(m) for m in base.algorithms("value").values()}
    outside = {"outside": classmethod(lambda *_: None)}
    namespace = {"name": base.name, **methods, **declared, **outside, **members}
    return type(base.__name__, (base,), namespace)


def _as(base: type[Loss], bound: Loss) -> Loss:
    """A loss made of another, as that: its methods call each other, and not what replaces them."""
    own = base(bound.arithmetic)
    vars(own).update(vars(bound))
    return own


def exchanged(base: type[Loss]) -> Iterator[Base]:
    """The loss with two of its required arguments exchanged."""
    required = [k for k, a in base.arguments.items() if not a.optional]
    for first, second in itertools.combinations(required, 2):
        yield _exchanged(base, first, second, len(required) == 2)


def _exchanged(base: type[Loss], first: str, second: str, both: bool) -> Base:
    names = {first: second, second: first}

    def swap(arguments: Mapping[str, Any]) -> Arguments:
        return {k: arguments.get(names.get(k, k)) for k in base.arguments}

    def reduce(bound: Loss, losses: Tracked, reduction: str, **arguments: Any) -> Tracked:
        return _as(base, bound).reduce(losses, reduction, **swap(arguments))

    def output_shape(cls: type[Loss], arguments: Any, reduction: str) -> tuple[int, ...]:
        return base.output_shape(swap(arguments), reduction)

    def repair(cls: type[Loss], arguments: Arguments, options: Mapping[str, Any]) -> Arguments:
        return swap(base.repair(swap(arguments), options))

    members: dict[str, Any] = {
        first: base.arguments[second],
        second: base.arguments[first],
        "reduce": reduce,
        "output_shape": classmethod(output_shape),
        "repair": classmethod(repair),
        "outside": classmethod(lambda cls, a, o, q: base.outside(swap(a), o, q)),
    }
    loss = remapped(base, lambda _, a: swap(a), **members)
    words = "arguments swapped" if both else f"{first} and {second} swapped"
    return Base(loss=loss, after=f" with {words}", cost=2.0)


def without(base: type[Loss], given: Collection[str] | None) -> Iterator[Base]:
    """The loss with an optional argument that has no effect, though it is among the `given`."""
    for key in (k for k, a in base.arguments.items() if a.optional):
        if given is not None and key not in given:
            continue
        yield Base(loss=_without(base, key), but=f"{key} has no effect", cost=0.5)


def _without(base: type[Loss], key: str) -> type[Loss]:
    def reduce(bound: Loss, losses: Tracked, reduction: str, **arguments: Any) -> Tracked:
        return base.reduce(bound, losses, reduction, **{**arguments, key: None})

    return remapped(base, lambda _, a: {**a, key: None}, reduce=reduce)
