"""The NumPy backend, and an implementation of every loss with a gradient derived by hand.

Importing this registers them all.
"""

from lossproof.backends.numpy_ import (
    binary,
    ctc,
    distribution,
    functions,
    margin,
    metric,
    multiclass,
    ranking,
    regression,
    segmentation,
    sparsemax,
)
from lossproof.backends.numpy_.backend import NumpyBackend

__all__ = [
    "NumpyBackend",
    "binary",
    "ctc",
    "distribution",
    "functions",
    "margin",
    "metric",
    "multiclass",
    "ranking",
    "regression",
    "segmentation",
    "sparsemax",
]
