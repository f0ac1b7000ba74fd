"""Templates of pages: strict, and everything that is put into them escaped.

What nobody could see in a text, control and format characters, first becomes visible.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from lossproof.reports.text import visible


def environment(package: str) -> Environment:
    """An environment of the templates that lie in a package."""
    return Environment(
        loader=FunctionLoader(lambda name: resource(name, package)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )


@cache
def resource(name: str, package: str = "lossproof.reports") -> str:
    """The text of a file in a package."""
    return (files(package) / name).read_text(encoding="utf-8")


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
