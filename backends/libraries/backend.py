"""The backends of third-party libraries: each calls as the framework that it is written in."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from importlib.metadata import version
from typing import ClassVar

from lossproof.backends.base import Backend
from lossproof.backends.jax_.backend import JaxBackend
from lossproof.backends.numpy_.backend import NumpyBackend
from lossproof.backends.registry import Registry, implementations_of
from lossproof.backends.torch_.backend import TorchBackend


class Library(Backend):
    """What libraries have in common; mixed into the backend of the framework."""

    #: the package to install, which `version` asks; its module, and the file here that adapts it
    distribution: ClassVar[str]
    module: ClassVar[str]
    adapters: ClassVar[str]

    def missing(self) -> str | None:
        absent = super().missing()  # type: ignore[safe-super]
        if absent is None and importlib.util.find_spec(self.module) is None:
            return (
                f"{self.distribution} is not installed; pip install lossproof[{self.distribution}]"
            )
        return absent

    def version(self) -> str:
        return f"{self.distribution} {version(self.distribution)}"

    def implementations(self) -> Registry:
        """The implementations of this package, imported on the first call."""
        import_module(f"lossproof.backends.libraries.{self.adapters}")
        return implementations_of(self.name)


class Optax(Library, JaxBackend):
    """`optax.losses`, and the projection on the simplex."""

    name = distribution = module = "optax"
    adapters = "optax_"


class Rax(Library, JaxBackend):
    """Losses of lists of scores."""

    name = distribution = module = "rax"
    adapters = "rax_"


class Sklearn(Library, NumpyBackend):
    """`sklearn.metrics`, and the losses of its linear models and trees (`sklearn._loss`)."""

    name = module = "sklearn"
    distribution = "scikit-learn"
    adapters = "sklearn_"


class Torchmetrics(Library, TorchBackend):
    """Functional metrics that are losses."""

    name = distribution = module = "torchmetrics"
    adapters = "torchmetrics_"


class Kornia(Library, TorchBackend):
    """`kornia.losses`."""

    name = distribution = module = "kornia"
    adapters = "kornia_"


class Monai(Library, TorchBackend):
    """`monai.losses`."""

    name = distribution = module = "monai"
    adapters = "monai_"


class MetricLearning(Library, TorchBackend):
    """`pytorch_metric_learning.losses`, their distances not normalised."""

    name = module = "pytorch_metric_learning"
    distribution = "pytorch-metric-learning"
    adapters = "metric_learning"
