"""Functions as they stand in files of packages, taken out of them without importing the packages.

A line `#: take PATH NAME ...` in the source of a case stands for the definitions of these names in
that file, a method as CLASS.METHOD. Nothing of a package is kept here; its docstrings and the
decorators that enter a class in a registry of its own are left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

TAKE = re.compile(r"^#: take (\S+) (.+)$", re.MULTILINE)
#: decorators that belong to what a function does
KEPT = {"staticmethod", "classmethod", "property", "functools", "abstractmethod", "weighted_loss"}
KEPT |= {"custom_bwd", "custom_fwd", "jax", "partial"}

Definition = ast.FunctionDef | ast.ClassDef


def expanded(source: str, roots: Iterable[Path]) -> str | None:
    """The source with what it takes put in; None where a file is not there."""
    found = list(roots)
    files = {path: _file(path, found) for path, _ in TAKE.findall(source)}
    if None in files.values():
        return None
    return TAKE.sub(lambda m: _definitions(files[m[1]], m[2].split()), source)


def _file(path: str, roots: list[Path]) -> Path | None:
    return next((root / path for root in roots if (root / path).is_file()), None)


def _definitions(file: Path | None, names: list[str]) -> str:
    assert file is not None
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return "\n\n\n".join(ast.unparse(_named(tree, name)) for name in names)


def _named(tree: ast.Module, name: str) -> ast.stmt:
    outer, _, inner = name.partition(".")
    found = next(n for n in reversed(tree.body) if outer in _names(n))
    if inner:
        assert isinstance(found, ast.ClassDef)
        found = next(n for n in found.body if inner in _names(n))
        assert isinstance(found, ast.FunctionDef)
        found.decorator_list = []
    for part in ast.walk(found):
        if isinstance(part, Definition):
            _bared(part)
    return found


def _names(node: ast.stmt) -> Iterator[str]:
    """The names that a statement binds."""
    if isinstance(node, Definition):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (t.id for t in node.targets if isinstance(t, ast.Name))


def _bared(node: Definition) -> None:
    """Drop the docstring, and the decorators that are not kept."""
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        node.body = node.body[1:] or [ast.Pass()]
    node.decorator_list = [
        d for d in node.decorator_list if ast.unparse(d).split("(")[0].split(".")[0] in KEPT
    ]
