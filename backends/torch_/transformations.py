"""Ways to run one function, plainly or transformed, and to pull a cotangent back.

Each takes the function (of tensors by name), the tensors, the cotangent or None, and the names to
differentiate; it returns the value and a gradient or None for each name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from lossproof.backends.base import BackendError, must_fit
from lossproof.spec.evaluate import direction

Function = Callable[[Mapping[str, Tensor]], Any]
Gradients = dict[str, Tensor | None]
Result = tuple[Any, Gradients]
Names = tuple[str, ...]
Run = Callable[[Function, dict[str, Tensor], Tensor | None, Names], Result]

_JACOBIAN_LIMIT = 1 << 20


def plain(
    function: Function, tensors: dict[str, Tensor], cotangent: Tensor | None, names: Names
) -> Result:
    """The function itself."""
    value = function(tensors)
    return value, _pulled_back(value, tensors, cotangent, names)


def _pulled_back(
    value: Any,
    tensors: Mapping[str, Tensor],
    cotangent: Tensor | None,
    names: Names,
    *,
    create_graph: bool = False,
) -> Gradients:
    if cotangent is None or not names:
        return {}
    if not isinstance(value, Tensor) or not value.requires_grad:
        return dict.fromkeys(names)
    must_fit(value.shape, cotangent.shape)
    gradients = torch.autograd.grad(
        value,
        [tensors[name] for name in names],
        cotangent,
        allow_unused=True,
        create_graph=create_graph,
    )
    return dict(zip(names, gradients, strict=True))


def vmap(
    function: Function, tensors: dict[str, Tensor], cotangent: Tensor | None, names: Names
) -> Result:
    """`torch.func.vmap` of the function of one row, over the rows."""
    shape = next(iter(tensors.values())).shape
    if not shape or shape[0] == 0:
        raise BackendError("torch: vmap needs a first axis of at least one row")
    shared = [name for name in tensors if name == "weight" and tensors[name].ndim < len(shape)]
    by_row = {name: tensor for name, tensor in tensors.items() if name not in shared}
    for name, tensor in by_row.items():
        if tensor.shape[:1] != shape[:1]:
            raise BackendError(
                f"torch: vmap needs one first axis, got {name} of shape {tuple(tensor.shape)} "
                f"against {shape[0]} rows"
            )
    whole = function(tensors)
    if not isinstance(whole, Tensor) or whole.shape[:1] != shape[:1]:
        raise BackendError("torch: vmap needs an output with one entry a row")

    def of_row(row: Mapping[str, Tensor]) -> Any:
        batch = {name: tensor[None] for name, tensor in row.items()}
        return function({**batch, **{name: tensors[name] for name in shared}})[0]

    with _library_limits("vmap"):
        value = torch.func.vmap(of_row)(by_row)
        return value, _pulled_back(value, tensors, cotangent, names)


def jacrev(
    function: Function, tensors: dict[str, Tensor], cotangent: Tensor | None, names: Names
) -> Result:
    """The gradient as the Jacobian of `torch.func.jacrev`, contracted with the cotangent."""
    value = function(tensors)
    if cotangent is None or not names:
        return value, {}
    if not isinstance(value, Tensor) or not value.requires_grad:
        return value, dict.fromkeys(names)
    entries = value.numel() * max(tensors[name].numel() for name in names)
    if entries > _JACOBIAN_LIMIT:
        raise BackendError(f"torch: a Jacobian of {entries} entries, at most {_JACOBIAN_LIMIT}")
    fixed = {name: tensor for name, tensor in tensors.items() if name not in names}

    def of_inputs(inputs: Mapping[str, Tensor]) -> Any:
        return function({**fixed, **inputs})

    with _library_limits("jacrev"):
        jacobians = torch.func.jacrev(of_inputs)({name: tensors[name].detach() for name in names})
    gradients: Gradients = {}
    for name in names:
        jacobian = jacobians[name].double().reshape(value.numel(), tensors[name].numel())
        gradient = cotangent.double().reshape(1, -1) @ jacobian
        gradients[name] = gradient.reshape(tensors[name].shape).to(jacobians[name].dtype)
    return value, gradients


def double_backward(
    function: Function, tensors: dict[str, Tensor], cotangent: Tensor | None, names: Names
) -> Result:
    """The gradient, made differentiable and differentiated once more in every direction at once.

    The derivative in an argument `x` of <direction, gradients> is returned as `second.x`; the
    direction is that of `spec.evaluate.direction`.
    """
    value = function(tensors)
    if cotangent is not None:
        # as within a larger graph, where the cotangent is itself a function of the inputs
        cotangent = cotangent.detach().requires_grad_(True)
    gradients = _pulled_back(value, tensors, cotangent, names, create_graph=True)
    again = {
        name: gradient
        for name, gradient in gradients.items()
        if gradient is not None and gradient.requires_grad
    }
    if again:
        with _library_limits("double backward"):
            # not `autograd.grad`, which leaves out nodes that lead to none of the inputs asked for
            torch.autograd.backward(
                list(again.values()),
                [
                    torch.tensor(direction(tuple(g.shape), names.index(name))).to(g)
                    for name, g in again.items()
                ],
            )
        for name in names:
            # none, or torch's "zero tensor" without storage, stands for zeros
            zeros, second = torch.zeros_like(tensors[name]), tensors[name].grad
            gradients[f"second.{name}"] = zeros if second is None else second + zeros
    return value, gradients


def compiled(
    function: Function, tensors: dict[str, Tensor], cotangent: Tensor | None, names: Names
) -> Result:
    """`torch.compile` by dynamo and AOTAutograd, afresh in each call."""
    torch._dynamo.reset()
    return plain(torch.compile(function, backend="aot_eager"), tensors, cotangent, names)


#: how torch says that it cannot transform a function, whatever the function computes
_LIMITS = (
    r"vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow",
    r"vmap: It looks like you're (either \(1\) )?calling \.item\(\) on a Tensor",
    r"accessing `data` under vmap transform is not allowed",
    r"vmap: inplace arithmetic\(self, \*extra_args\) is not possible",
    r"vmap: We do not support batching operators that can (support|output) dynamic shape",
    r"In order to use an autograd\.Function with functorch transforms .* setup_context",
    r"You tried to vmap over \w+, but it does not have vmap support",
    r"derivative for aten::\w+ is not implemented",
    r"the derivative for '\w+' is not implemented",
)


@contextmanager
def _library_limits(what: str) -> Iterator[None]:
    """Turn what torch itself cannot transform into BackendError, in torch's own words."""
    try:
        yield
    except RuntimeError as error:
        line = str(error).splitlines()[0] if str(error) else ""
        if type(error).__name__ == "InternalTorchDynamoError":
            raise BackendError(f"torch: its compiler fails here: {line}") from error
        if type(error) in (RuntimeError, NotImplementedError) and any(
            re.match(limit, line) for limit in _LIMITS
        ):
            raise BackendError(f"torch: no {what} here: {line}") from error
        raise


_BY_NAME: dict[str | None, Run] = {
    None: plain,
    "vmap": vmap,
    "jacrev": jacrev,
    "double_backward": double_backward,
    "compile": compiled,
}


def by_name(transformation: str | None) -> Run:
    """The way to run that `transformation` names; BackendError where there is none."""
    if transformation not in _BY_NAME:
        names = ", ".join(name for name in _BY_NAME if name)
        raise BackendError(f"torch: no transformation {transformation!r}; choose from {names}")
    return _BY_NAME[transformation]
