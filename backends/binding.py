"""How the arguments and options of a loss reach the parameters of a function.

First what the user says, then the same names, then the names that libraries use, then position.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lossproof.backends.aliases import ARGUMENTS, CLASS_WEIGHTS, COTANGENT, OPTIONS, REDUCTION
from lossproof.backends.usage import UsageError
from lossproof.spec.loss import Loss


@dataclass(frozen=True, kw_only=True)
class Binding:
    """The parameter of the function for each argument and option, constants, and how they came.

    `places` are parameters that are given by position, in order; `how` says for each argument
    whether it was bound by name, alias, position or the user. `whole` is true for a function that
    takes anything by keyword, and is then given every name as it is.
    """

    arguments: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)
    reduction: str | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    how: Mapping[str, str] = field(default_factory=dict)
    #: names that it takes by `**keywords` alone, and may refuse when it is called
    open: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the function may be called with the names of the specification as they are."""
        same = all(k == v for k, v in (*self.arguments.items(), *self.options.items()))
        return same and not self.fixed and not self.places and self.reduction in (None, "reduction")

    def words(self) -> str:
        """What is bound to a parameter of another name, in one line; empty if nothing is."""
        renamed = [
            f"{k} = {v} ({self.how.get(k, 'alias')})"
            for k, v in (*self.arguments.items(), *self.options.items())
            if k != v
        ]
        return ", ".join(renamed)


def bind(
    function: Callable[..., Any],
    loss: type[Loss],
    *,
    mapping: Mapping[str, str] | None = None,
    fixed: Mapping[str, Any] | None = None,
    leading: int = 0,
) -> Binding | None:
    """The binding of a function; None where its signature cannot be known.

    `mapping` is from names of the loss to parameters, `fixed` from parameters to constants. The
    first `leading` parameters are somebody else's. Raises UsageError.
    """
    parameters = signature(function)
    if parameters is None:
        return None
    free = {p.name: p for p in parameters[leading:]}
    name = getattr(function, "__name__", type(function).__name__)
    for key in fixed or {}:
        if key not in free and not _open(free.values()):
            raise UsageError(f"{name} has no parameter {key!r}; it has {_list(free)}")
    found = _Search(loss=loss, name=name, free=free, fixed=dict(fixed or {}))
    found.by_user(mapping or {})
    found.by_name()
    found.by_alias()
    found.by_position()
    return found.finish()


def options_of(
    function: Callable[..., Any],
    loss: type[Loss],
    *,
    mapping: Mapping[str, str] | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> Mapping[str, str]:
    """The parameter of each option that has one, those that are fixed too."""
    found: dict[str, str] = {}
    for free in (None, *(fixed or {})):
        held = {k: v for k, v in (fixed or {}).items() if k != free}
        try:
            bound = bind(function, loss, mapping=mapping, fixed=held)
        except UsageError:
            continue  # what is free now may have no other place
        found |= {} if bound is None else bound.options
    return found


def signature(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """The parameters of a function, or of the `forward` of a module that hides them."""
    hidden = None if inspect.isclass(function) else getattr(function, "forward", None)
    inner = hidden if callable(hidden) and not inspect.isroutine(function) else function
    try:
        return list(inspect.signature(inner).parameters.values())
    except (TypeError, ValueError):
        return None


@dataclass(kw_only=True)
class _Search:
    loss: type[Loss]
    name: str
    free: dict[str, inspect.Parameter]
    fixed: dict[str, Any]
    bound: dict[str, str] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)

    @property
    def wanted(self) -> tuple[str, ...]:
        return (*self.loss.arguments, *self.loss.options, "reduction")

    def take(self, key: str, parameter: str, how: str) -> None:
        self.bound[key] = parameter
        self.how[key] = how

    def left(self) -> list[inspect.Parameter]:
        """Parameters that have a name of their own and nothing to do yet."""
        used = {*self.bound.values(), *self.fixed}
        return [
            p
            for p in self.free.values()
            if p.name not in used and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]

    def kept_for_arguments(self, key: str) -> set[str]:
        """Parameters that an option may not have: `p` of `f(a, p, n)` is the positive, no norm."""
        if key in self.loss.arguments:
            return set()
        missing = [k for k, a in self.loss.arguments.items() if not a.optional]
        missing = [k for k in missing if k not in self.bound]
        places = {
            p.name for p in self.left() if p.default is p.empty and p.kind is not p.KEYWORD_ONLY
        }
        return places if len(places) <= len(missing) else set()

    def by_user(self, mapping: Mapping[str, str]) -> None:
        for key, parameter in mapping.items():
            if key not in self.wanted:
                raise UsageError(
                    f"{self.loss.name} has no argument or option {key!r}; "
                    f"it has {_list(self.wanted)}"
                )
            if parameter not in self.free and not _open(self.free.values()):
                raise UsageError(
                    f"{self.name} has no parameter {parameter!r}; it has {_list(self.free)}"
                )
            twice = next((k for k, p in self.bound.items() if p == parameter), None)
            if twice is not None:
                raise UsageError(f"parameter {parameter!r} is given to both {twice} and {key}")
            self.take(key, parameter, "given")

    def by_name(self) -> None:
        for key in self.wanted:
            names = {p.name for p in self.left()} - self.kept_for_arguments(key)
            if key in self.bound or key not in names:
                continue
            if key == "weight" and self._weighs_classes() and names & CLASS_WEIGHTS:
                continue  # then `weight` is that of the samples
            if key != "reduction" or not self._switch(key):
                self.take(key, key, "name")

    def _weighs_classes(self) -> bool:
        stated = self.loss.arguments.get("weight")
        return stated is not None and stated.shape == "C"

    def _switch(self, parameter: str) -> bool:
        """Whether a parameter is one of True and False, as the `reduce` of old releases is."""
        return isinstance(self.free[parameter].default, bool)

    def by_alias(self) -> None:
        known = {**ARGUMENTS, **OPTIONS, "reduction": REDUCTION}
        for key in self.wanted:
            if key in self.bound:
                continue
            kept = self.kept_for_arguments(key)
            names = {
                p.name.lower(): p.name
                for p in self.left()
                if p.name not in kept and not (key == "reduction" and self._switch(p.name))
            }
            alias = next((a for a in known.get(key, ()) if a.lower() in names), None)
            if alias is not None:
                self.take(key, names[alias.lower()], "alias")

    def by_position(self) -> None:
        missing = [k for k, a in self.loss.arguments.items() if not a.optional]
        missing = [k for k in missing if k not in self.bound]
        places = [
            p for p in self.left() if p.default is p.empty and p.kind is not p.KEYWORD_ONLY
        ] or [p for p in self.left() if p.kind is not p.KEYWORD_ONLY]
        for key, parameter in zip(missing, places, strict=False):
            self.take(key, parameter.name, "position")

    def finish(self) -> Binding:
        missing = [
            k for k, a in self.loss.arguments.items() if not a.optional and k not in self.bound
        ]
        if missing and _star(self.free.values()):
            return self._by_star()
        if missing and not _open(self.free.values()):
            raise UsageError(
                f"{self.name} has no parameter for {_list(missing)} of {self.loss.name}; "
                f"it has {_list(self.free)}: bind one with --map {missing[0]}=PARAMETER"
            )
        unsettled = [p.name for p in self.left() if p.default is p.empty]
        if unsettled:
            raise UsageError(
                f"{self.name} needs {_list(unsettled)}, which {self.loss.name} does not have; "
                f"settle it with --fix {unsettled[0]}=VALUE or --map NAME={unsettled[0]}"
            )
        return self._binding(self.bound)

    def _by_star(self) -> Binding:
        """`f(*args, ...)`: the arguments that the loss always has, by position."""
        required = [k for k, a in self.loss.arguments.items() if not a.optional]
        binding = self._binding({k: v for k, v in self.bound.items() if k not in required})
        how = {**self.how, **dict.fromkeys(required, "position")}
        arguments = {**{k: k for k in required}, **binding.arguments}
        return Binding(
            arguments=arguments,
            options=binding.options,
            reduction=binding.reduction,
            fixed=self.fixed,
            places=tuple(required),
            how=how,
            open=binding.open,
        )

    def _binding(self, bound: Mapping[str, str]) -> Binding:
        if _open(self.free.values()):
            # **keywords: it may take every name as it is
            bound = {**{k: k for k in self.wanted if k not in self.fixed}, **bound}
        only = [p.name for p in self.free.values() if p.kind is p.POSITIONAL_ONLY]
        return Binding(
            arguments={k: bound[k] for k in self.loss.arguments if k in bound},
            options={k: bound[k] for k in self.loss.options if k in bound},
            reduction=bound.get("reduction"),
            fixed=self.fixed,
            places=tuple(only),
            how=self.how,
            open=tuple(k for k in bound if k not in self.bound),
        )


def adapted(function: Callable[..., Any], binding: Binding, loss: type[Loss]) -> Callable[..., Any]:
    """The function under the names of the specification, arguments by position or by name."""
    if binding.plain and tuple(binding.arguments) == tuple(binding.arguments.values()):
        return function
    order = tuple(binding.arguments)
    names = {**binding.arguments, **binding.options}
    if binding.reduction is not None:
        names["reduction"] = binding.reduction

    def call(*arrays: Any, **named: Any) -> Any:
        given = {**dict(zip(order, arrays, strict=False)), **named}
        keywords = {names.get(k, k): v for k, v in given.items()}
        keywords |= binding.fixed
        first = [keywords.pop(place) for place in binding.places if place in keywords]
        return function(*first, **keywords)

    functools.update_wrapper(call, function, updated=())
    return call


def pulled(
    backward: Callable[..., Any], binding: Binding, loss: type[Loss]
) -> Callable[..., dict[str, Any]]:
    """A backward under the names of the specification: `f(cotangent, *arrays, **options)`.

    It may return a dict by its own names, a sequence in the order of the differentiable arguments,
    or one array for the first of them. One without a parameter for the cotangent is the gradient
    itself, and is multiplied by the cotangent. Raises UsageError.
    """
    parameters = signature(backward)
    leading = 1 if parameters is None or _takes_cotangent(parameters, binding) else 0
    mapping = _kept(binding, parameters)
    try:
        back = bind(backward, loss, leading=leading, mapping=mapping)
    except UsageError:
        # by another name than the cotangent has, the first may be the prediction
        if not leading or parameters is None or parameters[0].name in COTANGENT:
            raise
        leading, back = 0, bind(backward, loss, mapping=mapping)
    names = tuple(loss.differentiable())
    own: dict[str, str] = {v: k for k, v in binding.arguments.items()}

    def call(cotangent: Any, *arrays: Any, **named: Any) -> dict[str, Any]:
        given = {**dict(zip(binding.arguments, arrays, strict=False)), **named}
        if back is not None:
            taken = {**back.arguments, **back.options}
            if back.reduction is not None:
                taken["reduction"] = back.reduction
            given = {taken[k]: v for k, v in given.items() if k in taken}
        first = [cotangent] if leading else []
        found = backward(*first, **given)
        by_name: dict[str, Any]
        if isinstance(found, Mapping):
            by_name = {own.get(str(k), str(k)): v for k, v in found.items()}
        elif isinstance(found, (tuple, list)):
            by_name = dict(zip(names, found, strict=False))
        else:
            by_name = {names[0]: found}
        if leading:
            return by_name
        return {k: None if v is None else _times(cotangent, v) for k, v in by_name.items()}

    functools.update_wrapper(call, backward, updated=())
    return call


def _times(cotangent: Any, gradient: Any) -> Any:
    while cotangent.ndim < gradient.ndim:
        cotangent = cotangent[..., None]
    return cotangent * gradient


def _kept(binding: Binding, parameters: Sequence[inspect.Parameter] | None) -> dict[str, str]:
    """What the forward was bound to, as far as the backward has the same parameters."""
    names = {p.name for p in parameters or ()}
    return {k: v for k, v in (*binding.arguments.items(), *binding.options.items()) if v in names}


def _takes_cotangent(parameters: Sequence[inspect.Parameter], binding: Binding) -> bool:
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if not positional:
        return True
    first = positional[0].name
    return first in COTANGENT or first not in binding.arguments.values()


def _open(parameters: Any) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in parameters)


def _star(parameters: Any) -> bool:
    return any(p.kind is p.VAR_POSITIONAL for p in parameters)


def _list(names: Any) -> str:
    return ", ".join(names) or "no parameters"
