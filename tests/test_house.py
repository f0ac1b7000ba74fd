"""The house: who may import whom, what the package holds, and what its README lists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from tabulate import tabulate

from lossproof import __version__
from lossproof.conformance.check import checks
from lossproof.conformance.cli import main
from lossproof.conformance.registry import BUILT_IN
from lossproof.spec.loss import catalogue

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TREE = Path(__file__).parent.parent
SPEC = {"numpy", "flint", "ml_dtypes", "lossproof.spec"}
DRIVERS = {
    "click", "hypothesis", "ml_dtypes", "msgspec", "numpy", "packaging", "pytest", "rich",
    "tabulate",
}  # fmt: skip
WRITERS = {"jinja2", "latex2mathml", "markdown_it", "markupsafe"}
FRAMEWORKS = {"torch", "jax"}
LIBRARIES = {
    "keras", "kornia", "monai", "optax", "pytorch_metric_learning", "rax", "sklearn",
    "torchmetrics",
}  # fmt: skip
#: of each folder, what may be imported in it besides the standard library
MAY_IMPORT = {
    "spec": SPEC,
    "backends": {"numpy", "ml_dtypes", "lossproof.spec", "lossproof.backends"},
    "backends/process": {
        "msgspec",
        "numpy",
        "ml_dtypes",
        "lossproof.spec",
        "lossproof.backends",
    },
    "backends/numpy_": {"numpy", "ml_dtypes", "lossproof.spec", "lossproof.backends"},
    "backends/torch_": {"numpy", "ml_dtypes", "torch", "lossproof.spec", "lossproof.backends"},
    "backends/jax_": {"numpy", "ml_dtypes", "jax", "lossproof.spec", "lossproof.backends"},
    "backends/libraries": {
        *FRAMEWORKS,
        *LIBRARIES,
        "numpy",
        "lossproof.spec",
        "lossproof.backends",
    },
    "conformance": {
        *DRIVERS,
        *SPEC,
        "tomli",
        "tomllib",
        "lossproof",
        "lossproof.backends",
        "lossproof.conformance",
        "lossproof.reports",
    },
    "reports": {*WRITERS, "msgspec", "rich", "tabulate", "lossproof.reports"},
    "src/lossproof": {"lossproof.backends.process", "lossproof.conformance"},
}
#: the files that import a framework or a library when they are imported
IMPLEMENTATIONS = r"/(torch_|jax_|libraries)/(?!__init__|backend\.py|keras_backend\.py)"
ROOMS = ("backends", "conformance", "reports", "spec", "src/lossproof")


def modules(room: str) -> list[Path]:
    return sorted(p for p in (TREE / room).rglob("*.py") if "__pycache__" not in p.parts)


ALL = [path for room in ROOMS for path in modules(room)]


def shown(path: Path) -> str:
    return path.relative_to(TREE).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(nodes: Iterator[ast.AST]) -> Iterator[tuple[int, str]]:
    """(line, module) of every import; `from lossproof import spec` names `lossproof.spec`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            module = node.module or ""
            names = {f"lossproof.{a.name}" for a in node.names} & {
                "lossproof.backends",
                "lossproof.conformance",
                "lossproof.reports",
                "lossproof.spec",
            }
            yield from ((node.lineno, n) for n in names if module == "lossproof")
            if module != "lossproof" or not names:
                yield node.lineno, module


def at_import_time(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: no function bodies, no TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from at_import_time(child)


def allowed(path: Path) -> set[str]:
    folders = [p.relative_to(TREE).as_posix() for p in path.parents if p.is_relative_to(TREE)]
    return next(MAY_IMPORT[f] for f in folders if f in MAY_IMPORT)


def within(module: str, packages: set[str]) -> bool:
    """Whether it is one of the packages or in one; `lossproof` alone contains nothing."""
    return any(module == p or (p != "lossproof" and module.startswith(f"{p}.")) for p in packages)


@pytest.mark.parametrize("path", ALL, ids=shown)
def test_imports_go_in_one_direction(path: Path) -> None:
    may = allowed(path)
    wrong = [
        f"{shown(path)}:{line}: may not import {module}; may import {', '.join(sorted(may))}"
        for line, module in imported(ast.walk(tree(path)))
        if module.partition(".")[0] not in sys.stdlib_module_names and not within(module, may)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", ALL, ids=shown)
def test_frameworks_are_imported_only_by_their_implementations(path: Path) -> None:
    if re.search(IMPLEMENTATIONS, shown(path)):
        return
    early = {module.partition(".")[0] for _, module in imported(at_import_time(tree(path)))}
    assert not early & (FRAMEWORKS | LIBRARIES)


def test_every_module_but_implementations_can_be_imported_without_torch_and_jax() -> None:
    names = [
        f"lossproof.{shown(p).removesuffix('.py').removesuffix('/__init__').replace('/', '.')}"
        for room in ROOMS[:-1]
        for p in modules(room)
        if not re.search(IMPLEMENTATIONS, shown(p))
    ]
    program = (
        "import importlib, sys\n"
        "sys.modules['torch'] = sys.modules['jax'] = None\n"
        f"for name in {names}: importlib.import_module(name)\n"
        "from lossproof.conformance.registry import backend\n"
        "print(backend('torch').missing())\n"
        "print(backend('jax').missing())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "torch is not installed; pip install lossproof[torch]",
        "jax is not installed; pip install lossproof[jax]",
    ]


@pytest.mark.parametrize("room", ["spec", "backends", "conformance"])
def test_no_tolerance_is_written_by_hand(room: str) -> None:
    word = re.compile(r"\b(rtol|atol|rel_tol|abs_tol)\s*=|\b(all|is)close\b|\bassert_allclose\b")
    found = [
        f"{shown(path)}:{number}: {line.strip()}"
        for path in modules(room)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if word.search(line)
    ]
    assert not found, "\n".join(found)


def test_the_package_list_names_every_folder_that_holds_python() -> None:
    settings = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {
        "lossproof" if room == "src/lossproof" else f"lossproof.{shown(p.parent).replace('/', '.')}"
        for room in ROOMS
        for p in modules(room)
    }
    packages = settings["tool"]["setuptools"]["packages"]
    assert packages == sorted(folders)


def test_no_folder_is_named_like_a_library_that_it_uses() -> None:
    libraries = {*DRIVERS, *WRITERS, *SPEC, *FRAMEWORKS, *LIBRARIES}
    assert not [shown(p) for p in ALL if {p.stem, p.parent.name} & libraries]


def test_the_readme_lists_every_loss() -> None:
    text = (TREE / "README.md").read_text(encoding="utf-8")
    rows = [(f"`{k}`", c.family, c.formula().partition("\n")[0]) for k, c in catalogue().items()]
    table = tabulate(rows, headers=("loss", "family", "what it is"), tablefmt="github")
    assert table in text, f"the table of losses in README.md is not this:\n\n{table}\n"


def test_the_readme_lists_every_check() -> None:
    text = (TREE / "README.md").read_text(encoding="utf-8")
    rows = [(f"`{c.name}`", c.level, c.sentence) for c in checks().values()]
    table = tabulate(rows, headers=("check", "level", "requirement"), tablefmt="github")
    assert table in text, f"the table of checks in README.md is not this:\n\n{table}\n"


def test_the_readme_names_every_backend() -> None:
    text = (TREE / "README.md").read_text(encoding="utf-8")
    assert not [name for name in BUILT_IN if f"`{name}`" not in text]


def test_the_example_of_the_readme_says_what_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the last digits and the version of torch, which are those of one machine."""
    pytest.importorskip("torch")
    text = (TREE / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Check a function of your own")[2]
    program, command, said = re.findall(
        r"```python\n(.*?)```.*?`lossproof (check .*?)`.*?```\n(.*?)```", section, re.DOTALL
    )[0]
    (tmp_path / "naive.py").write_text(program)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == 1, result.output
    assert _outline(result.stdout) == _outline(said)


def _outline(text: str) -> list[str]:
    """The lines of a message, facts by name only."""
    lines = [re.sub(r"\[torch [^,]*", "[torch", line) for line in text.strip().splitlines()]
    return [line.split()[0] if line.startswith("  ") else line for line in lines]


def test_one_version_everywhere() -> None:
    settings = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))
    changes = (TREE / "CHANGELOG.md").read_text(encoding="utf-8")
    assert settings["project"]["version"] == __version__
    assert re.search(rf"^## {re.escape(__version__)}\b", changes, re.MULTILINE)
