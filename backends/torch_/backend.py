"""The torch backend: CPU and CUDA, gradients by `torch.autograd`."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from lossproof.backends.base import Answer, Array, Backend, BackendError
from lossproof.backends.registry import Implementation, Registry, implementations_of
from lossproof.backends.torch_.constants import HELD
from lossproof.spec.loss import get
from lossproof.spec.profile import Profile

if TYPE_CHECKING:
    from torch import Tensor

FAMILIES = (
    "binary",
    "distribution",
    "functions",
    "metric",
    "multiclass",
    "ranking",
    "regression",
    "segmentation",
    "sequence",
)

#: losses whose samples depend on each other, or do not lie along the first axis
NOT_BY_ROW = ("ctc", "info_nce")

_SOURCE = (
    "benchmarks/elementary.py, torch 2.13 CPU: at most 2.2 ulps (sigmoid in float32), sqrt 0.75; "
    "subnormals kept"
)


class TorchBackend(Backend):
    """Tensors made from NumPy arrays, gradients by `torch.autograd.grad`.

    Of the transformations, `compile` traces with dynamo and AOTAutograd and runs the traced graph
    eagerly (`aot_eager`, 0.1 to 0.2 s a call on 2 cores). `inductor` takes 2 to 3 s a function,
    26 s for the first one, which is too long for a suite of thousands of calls.
    """

    name = "torch"
    layouts = ("contiguous", "strided", "transposed", "expanded")
    transformations = ("vmap", "jacrev", "double_backward", "compile")
    constants = HELD

    def missing(self) -> str | None:
        if importlib.util.find_spec("torch") is None:
            return "torch is not installed; pip install lossproof[torch]"
        return None

    def version(self) -> str:
        return f"torch {version('torch')}"

    def preload(self) -> None:
        TorchBackend.implementations(self)  # not those of a library on torch, which may do more
        import_module("torch.fx.experimental.symbolic_shapes")  # by the first gradient

    def devices(self) -> tuple[str, ...]:
        import torch

        return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)

    def profile(self, dtype: str, device: str) -> Profile:
        if device == "cpu":
            return Profile(name="torch-cpu", source=_SOURCE)
        return Profile(
            name=f"torch-{device}",
            source="CUDA C++ Programming Guide: expf, logf, tanhf, log1pf within 2 ulp",
        )

    def primitives(self) -> Mapping[str, Callable[[Any], Any]]:
        from torch import exp
        from torch.nn.functional import softplus

        return {"softplus": softplus, "exp": exp}

    def placed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if "torch" not in sys.modules:
            return function  # it is no module, then
        from lossproof.backends.torch_ import modules

        made: Callable[..., Any] = modules.placed(function)
        return made

    def implementations(self) -> Registry:
        """The implementations of this package, imported on the first call."""
        for family in FAMILIES:
            import_module(f"lossproof.backends.torch_.{family}")
        return implementations_of(self.name)

    def calls_own(
        self,
        implementation: Implementation,
        arguments: Mapping[str, Array | None],
        options: Mapping[str, Any],
    ) -> bool:
        from lossproof.backends.torch_ import used

        own = self.implementations().get(implementation.loss)
        if own is None:
            return False
        # what the target does not take has its default
        stated = {**get(implementation.loss).complete({}), "reduction": "none", **options}
        theirs = {k: v for k, v in stated.items() if own.options is None or k in own.options}
        theirs["reduction"] = stated["reduction"]
        return bool(
            used.functions(partial(self.call, implementation, arguments, options))
            & used.functions(partial(self.call, own, arguments, theirs))
        )

    def call(
        self,
        implementation: Implementation,
        arguments: Mapping[str, Array | None],
        options: Mapping[str, Any],
        *,
        cotangent: Array | None = None,
        differentiate: tuple[str, ...] = (),
        device: str = "cpu",
        layout: str = "contiguous",
        transformation: str | None = None,
    ) -> Answer:
        from lossproof.backends.torch_ import arrays, transformations

        if layout not in self.layouts:
            raise BackendError(
                f"torch: no layout {layout!r}; choose from {', '.join(self.layouts)}"
            )
        run = transformations.by_name(transformation)
        if transformation == "vmap" and implementation.loss in NOT_BY_ROW:
            raise BackendError(f"torch: no vmap over the rows of {implementation.loss}")
        keywords = taken(implementation, options)
        given = {name: array for name, array in arguments.items() if array is not None}
        tensors = {name: arrays.to_tensor(array, device, layout) for name, array in given.items()}
        for name in differentiate if cotangent is not None else ():
            tensors[name].requires_grad_(True)

        def function(inputs: Mapping[str, Tensor]) -> Any:
            return arrays.wanted(implementation.forward(**inputs, **keywords), device)

        upstream = None if cotangent is None else arrays.to_tensor(cotangent, device, "contiguous")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value, gradients = run(function, tensors, upstream, differentiate)
        written = [name for name, array in given.items() if arrays.differs(tensors[name], array)]
        # what was given another shape may be of any size
        after = {
            name: arrays.to_numpy(tensors[name])
            for name in written
            if tuple(tensors[name].shape) == given[name].shape
        }
        return Answer(
            value=arrays.to_numpy(value),
            gradients={
                name: None if gradient is None else arrays.to_numpy(gradient)
                for name, gradient in gradients.items()
            },
            warnings=tuple(f"{w.category.__name__}: {w.message}" for w in caught),
            mutated=tuple(written),
            after=after,
        )


def taken(implementation: Implementation, options: Mapping[str, Any]) -> dict[str, Any]:
    """`options` without those that the dialect fixes and the function does not take.

    Raises BackendError where such an option is asked to differ from the dialect.
    """
    accepted = dict(options)
    for name, fixed in implementation.dialect.items():
        if name not in accepted or implementation.options is None or name in implementation.options:
            continue
        asked = accepted.pop(name)
        if asked != fixed:
            raise BackendError(f"{implementation.name} fixes {name} at {fixed}, asked for {asked}")
    return accepted
