"""What the specification states of one loss, as data: enough to show it without the package `spec`.

A report holds it for every loss that was examined, so that a page can be made from the report alone
and two reports can tell that they were judged against different specifications.
"""

from __future__ import annotations

from msgspec import Struct


class ArgumentFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An array that a loss takes."""

    name: str
    shape: str  # "any", or axes such as "(N, C)"
    domain: str
    differentiable: bool
    optional: bool


class OptionFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hyper-parameter."""

    name: str
    default: str  # as Python writes it
    description: str  # the values that it takes


class RelationFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a loss follows from another one, in a sentence that the suite executes."""

    other: str
    sentence: str


class LossFacts(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="loss", tag_field="kind"
):
    """One loss, as its file in `spec/losses/` states it."""

    name: str
    family: str
    title: str  # the first line of `text`
    text: str  # the formula, in plain text and Unicode
    digest: str  # of the source of its file: the same digest, the same specification
    tex: tuple[str, ...] = ()  # displayed formulas, in LaTeX
    arguments: tuple[ArgumentFacts, ...] = ()
    options: tuple[OptionFacts, ...] = ()
    reductions: tuple[str, ...] = ()
    algorithms: dict[str, tuple[str, ...]] = {}  # of "value" and "gradient", by name
    kinks: dict[str, str] = {}  # where -> the subdifferential there
    laws: tuple[str, ...] = ()
    relations: tuple[RelationFacts, ...] = ()
    dialects: dict[str, str] = {}  # library -> what it calls it, and how it differs
    references: tuple[str, ...] = ()
