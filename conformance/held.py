"""Values that a function may hold an option at for which it has no parameter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lossproof.conformance.fitted import USUAL
from lossproof.spec.loss import Loss, Option


def settings(
    loss: type[Loss],
    free: Sequence[str],
    deviations: int,
    *,
    fine: bool = False,
    given: Mapping[str, Any] | None = None,
) -> Iterator[tuple[dict[str, Any], float]]:
    """Values of the options in `free`, of which so many are not the given ones, and their cost."""
    usual = loss.complete(given or {})
    others = {k: _values(k, loss.options[k], fine, usual[k]) for k in free if k != "ignore_index"}
    for chosen in itertools.combinations(others, deviations):
        for values in itertools.product(*(others[k] for k in chosen)):
            named = dict(zip(chosen, values, strict=True))
            cost = sum(_cost(k, loss.options[k], v) for k, v in named.items())
            yield named, cost


def _values(name: str, option: Option, fine: bool, given: Any) -> tuple[Any, ...]:
    """Values other than the given one that the option may be held at."""
    usual = (*option.choices, *USUAL.get(name, ()), *option.landmarks)
    tried: tuple[Any, ...] = (option.default, *usual)
    if fine:
        tried = tuple(round(k / 20, 2) for k in range(1, 61))
    accepted = [v for v in tried if option.accepts(v) and not _same(v, given)]
    return tuple({(type(v), v): v for v in accepted}.values())


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _cost(name: str, option: Option, value: Any) -> float:
    usual = value in (option.default, *USUAL.get(name, ()), *option.choices)
    return 1.0 if usual else 4.0
