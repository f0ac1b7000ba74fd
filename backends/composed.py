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
Own = Mapping[str, Function]


def _times(weight: Any, losses: Any) -> Any:
    return losses if weight is None else weight * losses


def _difference(
    own: Own, logits: Any, target: Any, weight: Any = None, pos_weight: Any = None
) -> Any:
    if pos_weight is None:
        return _times(weight, own["softplus"](logits) - logits * target)
    return _terms(own, logits, target, weight, pos_weight)


def _terms(own: Own, logits: Any, target: Any, weight: Any = None, pos_weight: Any = None) -> Any:
    positive = _times(pos_weight, target * own["softplus"](-logits))
    return _times(weight, positive + (1 - target) * own["softplus"](logits))


def _focal(own: Own, logits: Any, target: Any, *, alpha: Any, gamma: float) -> Any:
    signed = (2 * target - 1) * logits
    losses = own["exp"](-gamma * own["softplus"](signed)) * own["softplus"](-signed)
    return losses if alpha is None else (alpha * target + (1 - alpha) * (1 - target)) * losses


def _pairs(own: Own, positive: Any, negative: Any) -> Any:
    return own["softplus"](negative - positive)


def _mirrored(own: Own, x: Any) -> Any:
    return -own["softplus"](-x)


#: the arguments of a composition are those of the loss, after the framework's functions
COMPOSED: Mapping[str, Sequence[Callable[..., Any]]] = {
    "binary_cross_entropy_with_logits": (_difference, _terms),
    "bpr": (_pairs,),
    "pairwise_logistic": (_pairs,),
    "log_sigmoid": (_mirrored,),
    "sigmoid_focal": (_focal,),
}


def implementations(loss: str, backend: Backend) -> tuple[Implementation, ...]:
    """The compositions of a loss, unreduced, summed or averaged; none where the framework has no
    softplus of its own."""
    own = backend.primitives()
    if "softplus" not in own:
        return ()
    return tuple(
        Implementation(
            loss=loss,
            backend=backend.name,
            forward=partial(_reduced, partial(losses, own)),
            label=f"{loss} composed of the softplus of {backend.name}",
        )
        for losses in COMPOSED.get(loss, ())
    )


def _reduced(
    losses: Callable[..., Any], *arguments: Any, reduction: str = "none", **named: Any
) -> Any:
    found = losses(*arguments, **named)
    return found if reduction == "none" else getattr(found, reduction)()
