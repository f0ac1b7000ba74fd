"""What is given on the command line, read: lists, pairs, values, targets and paths."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import click

from lossproof.backends.loading import Source
from lossproof.conformance.registry import UsageError, meant


def split(values: tuple[str, ...]) -> tuple[str, ...]:
    """`--dtype a,b` and `--dtype a --dtype b` mean the same. Raises UsageError."""
    parts = tuple(part.strip() for v in values for part in v.split(","))
    if not all(parts):
        raise UsageError(f"an empty name in {','.join(values)!r}")
    return parts


def backend(name: str) -> str:
    """The backend that is meant, which is told where it has another name. Raises UsageError."""
    found = meant(name)
    if found != name:
        click.echo(f"backend {name}: {found}", err=True)
    return found


def backends(values: tuple[str, ...]) -> tuple[str, ...]:
    """Several of them."""
    return tuple(map(backend, split(values)))


def pair(text: str, option: str) -> tuple[str, str]:
    """The two sides of NAME=VALUE. Raises UsageError."""
    name, equals, found = text.partition("=")
    if not equals or not name.strip() or not found.strip():
        raise UsageError(f"{option} takes NAME=VALUE, got {text!r}")
    return name.strip(), found.strip()


def value(text: str) -> Any:
    """A Python literal, else the text itself; none, true and false in any spelling."""
    known = {"none": None, "true": True, "false": False}
    if text.lower() in known:
        return known[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def source(
    target: str,
    bindings: tuple[str, ...],
    constants: tuple[str, ...],
    backward: str | None = None,
) -> Source:
    """A target with what --map and --fix say of its parameters. Raises UsageError."""
    return Source(
        target=target,
        map=dict(pair(text, "--map") for text in split(bindings)),
        fix={k: value(v) for k, v in (pair(text, "--fix") for text in constants)},
        backward=backward,
    )


class _Path(click.Path):
    """A path; not the empty one, which means the working directory to Python."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value == "":
            name = "a file" if param is None else param.opts[0]
            raise UsageError(f"{name}: an empty path")
        return super().convert(value, param, ctx)


PATH = _Path(path_type=Path)
STYLE = click.option(
    "--format",
    "style",
    type=click.Choice(["terminal", "md", "json"]),
    default="terminal",
    show_default=True,
)
