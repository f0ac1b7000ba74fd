"""What the specification states of a loss, as data for reports."""

from __future__ import annotations

import hashlib
import inspect

from lossproof.reports.stated import ArgumentFacts, LossFacts, OptionFacts, RelationFacts
from lossproof.spec.loss import Argument, Loss


def facts(cls: type[Loss]) -> LossFacts:
    """All that the class of a loss and its file state, formulas as text."""
    text = cls.formula()
    return LossFacts(
        name=cls.name,
        family=cls.family,
        title=text.partition("\n")[0],
        text=text,
        digest=_digest(cls),
        tex=tuple(getattr(cls, "tex", ())),
        arguments=tuple(
            ArgumentFacts(
                name=name,
                shape=_shape(argument),
                domain=argument.domain.name,
                differentiable=argument.differentiable,
                optional=argument.optional,
            )
            for name, argument in cls.arguments.items()
        ),
        options=tuple(
            OptionFacts(name=name, default=repr(option.default), description=option.describe())
            for name, option in cls.options.items()
        ),
        reductions=tuple(cls.reductions),
        algorithms={kind: tuple(cls.algorithms(kind)) for kind in ("value", "gradient")},
        kinks=dict(cls.kinks),
        laws=tuple(law.sentence for law in cls.laws),
        relations=tuple(RelationFacts(other=r.other, sentence=r.sentence) for r in cls.relations),
        dialects=dict(cls.dialects),
        references=tuple(cls.references),
    )


def _shape(argument: Argument) -> str:
    return "any" if argument.shape == "*" else f"({', '.join(argument.axes)})"


def _digest(cls: type[Loss]) -> str:
    """Of the file that states the loss, whatever its line endings."""
    module = inspect.getmodule(cls)
    source = inspect.getsource(cls if module is None else module)
    return hashlib.sha256(source.encode()).hexdigest()[:16]
