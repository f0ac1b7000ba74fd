"""Backends by name, with clear words for those that are unknown or not installed."""

from __future__ import annotations

from lossproof.backends.builtin import BUILT_IN, backend, backend_names, meant
from lossproof.backends.usage import UsageError, choose

__all__ = ["BUILT_IN", "UsageError", "backend", "backend_names", "choose", "meant"]
