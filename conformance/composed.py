"""Losses as callers compose them of a framework's own softplus, and so inherit its deviations.

Each is sound where softplus is: what such a composition and a target answer alike, and the spec
does not allow, is the framework's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lossproof.backends.base import Backend
from lossproof.backends.registry import Implementation

Function = Callable[[Any], Any]


def _times(weight: Any, losses: Any) -> Any:
    return losses if weight is None else weight * losses


def _difference(
    softplus: Function, logits: Any, target: Any, weight: Any = None, pos_weight: Any = None
) -> Any:
    if pos_weight is None:
        return _times(weight, softplus(logits) - logits * target)
    return _terms(softplus, logits, target, weight, pos_weight)


def _terms(
    softplus: Function, logits: Any, target: Any, weight: Any = None, pos_weight: Any = None
) -> Any:
    positive = _times(pos_weight, target * softplus(-logits))
    return _times(weight, positive + (1 - target) * softplus(logits))


def _pairs(softplus: Function, positive: Any, negative: Any) -> Any:
    return softplus(negative - positive)


def _mirrored(softplus: Function, x: Any) -> Any:
    return -softplus(-x)


#: the arguments of a composition are those of the loss, after softplus itself
COMPOSED: Mapping[str, Sequence[Callable[..., Any]]] = {
    "binary_cross_entropy_with_logits": (_difference, _terms),
    "bpr": (_pairs,),
    "pairwise_logistic": (_pairs,),
    "log_sigmoid": (_mirrored,),
}


def implementations(loss: str, backend: Backend) -> tuple[Implementation, ...]:
    """The compositions of a loss, none where the framework has no softplus of its own."""
    softplus = backend.primitives().get("softplus")
    if softplus is None:
        return ()
    return tuple(
        Implementation(
            loss=loss,
            backend=backend.name,
            forward=partial(_reduced, partial(losses, softplus)),
            label=f"{loss} composed of the softplus of {backend.name}",
        )
        for losses in COMPOSED.get(loss, ())
    )


def is_one(implementation: Implementation) -> bool:
    """Whether an implementation is one of these compositions."""
    forward = implementation.forward
    return isinstance(forward, partial) and forward.func is _reduced


def _reduced(losses: Function, *arguments: Any, reduction: str = "none", **named: Any) -> Any:
    found = losses(*arguments, **named)
    return found if reduction == "none" else getattr(found, reduction)()
