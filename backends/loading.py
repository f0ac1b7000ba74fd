"""A target: anybody's function, named by where it is, as an implementation to examine.

    path/to/file.py:name      package.module:name      package.module:FocalLoss(gamma=2.0)

After the colon stands an expression on the names of the module. A class whose parameters are
options of the loss is made anew for every call; an object is called as it is.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from lossproof.backends import binding
from lossproof.backends.aliases import OPTIONS
from lossproof.backends.builtin import backend as backend_of
from lossproof.backends.carried import carried, one_width, stated_numbers
from lossproof.backends.picking import Picking
from lossproof.backends.registry import Implementation, Registered
from lossproof.backends.usage import UsageError, choose
from lossproof.spec.loss import Loss, get

_BACKWARD = ("_backward", "_vjp", "_grad", "_gradient")


@dataclass(frozen=True, kw_only=True)
class Source:
    """All that is needed to load a target again, in any process."""

    target: str
    map: Mapping[str, str] = field(default_factory=dict)
    fix: Mapping[str, Any] = field(default_factory=dict)
    backward: str | None = None


def load(source: Source, loss: str, backend: str) -> Implementation:
    """The implementation that a target names. Raises UsageError, in one line, where it does not."""
    where, colon, expression = _parted(source.target)
    if not colon or not where or not expression:
        raise UsageError(f"{source.target!r} is not a target; write path/to/file.py:function")
    module = _module(where)
    found = _evaluated(expression, module, where)
    if isinstance(found, Registered):
        return replace(found.implementation, label=source.target, source=source)
    if not callable(found):
        raise UsageError(f"{source.target} is not a function but of type {type(found).__name__}")
    if source.backward is not None and backend_of(backend).differentiates:
        raise UsageError(f"{backend} differentiates by itself; --backward is for NumPy")
    backward = _backward(source.backward, expression, module, where)
    claimed = claim(
        found, get(loss), backend, backward=backward, mapping=source.map, fixed=source.fix
    )
    return replace(claimed, label=source.target, source=source)


def claim(
    function: Callable[..., Any],
    loss: type[Loss],
    backend: str,
    *,
    backward: Callable[..., Any] | None = None,
    mapping: Mapping[str, str] | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> Implementation:
    """What a function claims, read off its signature and its attributes.

    `mapping` binds names of the loss to parameters. `fixed` holds parameters of the function, and
    options of the loss that it does not take, at constants. Raises UsageError.
    """
    if inspect.isclass(function):
        function = _constructed(function, loss, fixed or {})
    parameters = binding.signature(function) or []
    stated_held, fixed = stated_numbers(function, loss, mapping, fixed or {})
    own = {k: v for k, v in fixed.items() if any(p.name == k for p in parameters)}
    stated = {k: v for k, v in fixed.items() if k in loss.options}
    for key in fixed:
        if key not in own and key not in stated:
            optional = (k for k, a in loss.arguments.items() if a.optional)
            names = (*(p.name for p in parameters), *loss.options, *optional)
            choose(f"parameter or option of {loss.name}", key, tuple(dict.fromkeys(names)))
    options = binding.options_of(function, loss, mapping=mapping, fixed=own)
    own |= {options[k]: v for k, v in stated.items() if k in options}
    stated |= {k: own[p] for k, p in options.items() if p in own}
    loss.complete(stated)  # a value out of its domain is refused here
    found = binding.bind(function, loss, mapping=mapping, fixed=own)
    framework = backend_of(backend)
    run = framework.placed(function)
    gradients = None if framework.differentiates or backward is not None else ()
    if found is None:
        return Implementation(
            loss=loss.name, backend=backend, forward=Picking(run), reverse=backward,
            dialect=stated, differentiable=gradients,
        )  # fmt: skip
    dialect = {**_attributes(function, loss, found), **stated}
    own_held = carried(function, loss, found)
    read = {k: v for k, v in own_held.held.items() if k not in stated_held}
    one_width({**read, **stated_held}, loss)
    return Implementation(
        loss=loss.name,
        backend=backend,
        forward=Picking(binding.adapted(run, found, loss)),
        reverse=None if backward is None else binding.pulled(backward, found, loss),
        dialect=dialect,
        differentiable=gradients,
        options=tuple(k for k in found.options if k not in dialect),
        optional=tuple(k for k in found.arguments if loss.arguments[k].optional and k not in read),
        held={**read, **stated_held},
        doubtful=tuple(k for k in own_held.doubtful if k in read),
        reducible=found.reduction is not None,
        open=found.open,
        bound=found.words(),
    )


def _parted(target: str) -> tuple[str, str, str]:
    """Where, a colon and the expression; the colon of a drive letter belongs to the path."""
    head, colon, tail = target.partition(".py:")
    if colon:
        return f"{head}.py", ":", tail
    return target.partition(":")


def _module(where: str) -> ModuleType:
    try:
        if not where.endswith(".py"):
            if "" not in sys.path and str(Path.cwd()) not in sys.path:
                sys.path.insert(0, str(Path.cwd()))
            return importlib.import_module(where)
        path = Path(where)
        if not path.is_file():
            raise UsageError(f"{where}: no such file")
        beside = str(path.resolve().parent)
        if beside not in sys.path:
            sys.path.append(beside)
        # a name of its own: the file must neither hide nor be hidden by a module of that name
        name = f"lossproof_target_{zlib.crc32(str(path.resolve()).encode()):08x}"
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise UsageError(f"{where}: not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module
    except UsageError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        words = f"{where} cannot be imported: {type(error).__name__}: {error}"
        if "no known parent package" in str(error):
            words += "; a file of a package goes by package.module:name"
        raise UsageError(f"{words}{shadowing(where, words)}") from error


def shadowing(where: str, words: str) -> str:
    """Files beside a target, or here, that an error speaks of, where they stand in the place of
    libraries."""
    folders = {Path.cwd(), Path(where).resolve().parent}
    known = {*sys.stdlib_module_names, "torch", "jax", "numpy", "keras"} & set(
        re.findall(r"\w+", words)
    )
    found = sorted(str(path) for f in folders for path in f.glob("*.py") if path.stem in known)
    return f"; {', '.join(found)} may be imported in the place of a library" if found else ""


def _evaluated(expression: str, module: ModuleType, where: str) -> Any:
    """The value of an expression on the names of a module."""
    try:
        tree = ast.parse(expression, mode="eval")
    except SyntaxError as error:
        raise UsageError(f"{expression!r} is not an expression: {error.msg}") from error
    names = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)]
    for name in names[:1]:
        if not hasattr(module, name):
            functions = tuple(
                k for k, v in vars(module).items() if callable(v) and not k.startswith("_")
            )
            if not functions:
                raise UsageError(f"{where} holds no function")
            choose(f"function in {where}", name, functions)
    try:
        return eval(compile(tree, where, "eval"), dict(vars(module)))  # noqa: S307
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise UsageError(
            f"{expression} cannot be evaluated: {type(error).__name__}: {error}"
        ) from error


def _backward(
    named: str | None, expression: str, module: ModuleType, where: str
) -> Callable[..., Any] | None:
    """The gradient by hand: the one named, else the one beside the function by its name."""
    if named is not None:
        found = _evaluated(named, module, where)
        if not callable(found):
            raise UsageError(f"{named} is not a function but of type {type(found).__name__}")
        given: Callable[..., Any] = found
        return given
    return beside(module, expression)


def beside(module: ModuleType, name: str) -> Callable[..., Any] | None:
    """The gradient by hand that stands beside a function, by its name; None without one."""
    found = (getattr(module, f"{name}{end}", None) for end in _BACKWARD)
    return next((f for f in found if callable(f)), None)


def _constructed(
    cls: Callable[..., Any], loss: type[Loss], fixed: Mapping[str, Any]
) -> Callable[..., Any]:
    """A function of the arguments of the loss, and of what the class takes when it is made."""
    parameters = binding.signature(cls) or []
    known = {p.name for p in parameters}
    needed = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    names = {a: key for key in loss.options for a in OPTIONS.get(key, (key,)) if a in known}
    open_ = [n for n in needed if n not in names and n not in fixed]
    shown = getattr(cls, "__name__", repr(cls))
    if open_:
        raise UsageError(f"{shown} needs {', '.join(open_)}; write {shown}({open_[0]}=...)")
    calling = binding.signature(_caller(cls)) or []
    taken = {p.name for p in calling[1:]}
    made = [p for p in parameters if p.name in names or p.name in ("reduction", *fixed)]
    # what is called and what is made may go by one name, as a norm and a positive do by `p`
    made = [p for p in made if p.name not in taken]
    if not made:
        return _made(cls, shown)

    def call(*arguments: Any, **named: Any) -> Any:
        options = {p.name: named.pop(p.name) for p in made if p.name in named}
        return cls(**options)(*arguments, **named)

    order = {p.name: p for p in (*calling[1:], *(p for p in made if p.name not in taken))}
    keyword = {p.name: p.replace(kind=p.KEYWORD_ONLY) for p in made if p.name not in taken}
    listed = [keyword.get(p.name, p) for p in order.values() if p.kind is not p.VAR_KEYWORD]
    call.__signature__ = inspect.Signature(listed)  # type: ignore[attr-defined]
    call.__name__ = shown
    return call


def _made(cls: Callable[..., Any], shown: str) -> Callable[..., Any]:
    """An object of a class that is made of nothing that is asked: one is as good as many, and what
    it carries can be seen."""
    try:
        found = cls()
    except Exception as error:
        raise UsageError(f"{shown}() raises {type(error).__name__}: {error}") from error
    if not callable(found):
        raise UsageError(f"an object of {shown} cannot be called")
    made: Callable[..., Any] = found
    return made


def _caller(cls: Any) -> Any:
    """The function that an object of the class runs when it is called."""
    return getattr(cls, "forward", None) or cls.__call__


def _attributes(function: Any, loss: type[Loss], found: binding.Binding) -> dict[str, Any]:
    """Options that an object was made with and does not take: its attributes of that name."""
    if inspect.isroutine(function):
        return {}
    held = {}
    for key, option in loss.options.items():
        for alias in OPTIONS.get(key, (key,)) if key not in found.options else ():
            value = getattr(function, alias, None)
            if isinstance(value, (bool, int, float)) and option.accepts(value):
                held[key] = value
                break
    return held
