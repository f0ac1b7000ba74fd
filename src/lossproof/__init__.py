"""lossproof: conformance suite and executable specification for loss functions.

`check` examines a function and returns results; `parametrize` makes a pytest item of every check
and dtype. They are imported when first used: `import lossproof` alone imports nothing else.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossproof.conformance.api import ConformanceWarning, check, parametrize

__version__ = "0.1.0"
__all__ = ["ConformanceWarning", "__version__", "check", "parametrize"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("lossproof.conformance.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
