"""What the site is made from, read from the specification, the checks and the arithmetic."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib.resources import files

from lossproof import __version__
from lossproof.conformance.check import Check, checks
from lossproof.conformance.effort import EFFORTS, Effort
from lossproof.conformance.facts import facts
from lossproof.conformance.portraits import portrait
from lossproof.conformance.worked import tie, worked
from lossproof.reports.site.model import (
    CheckFacts,
    FormatFacts,
    Guide,
    ProfileFacts,
    Site,
    Tolerance,
)
from lossproof.spec import tracked
from lossproof.spec.formats import FLOAT32, FORMATS
from lossproof.spec.loss import Loss, catalogue
from lossproof.spec.profile import IEEE
from lossproof.spec.tracked import summation_growth

#: elementary functions that formulas are written with
FUNCTIONS = ("exp", "expm1", "log", "log1p", "sigmoid", "softplus", "sqrt")
TERMS = (10, 1_000, 100_000, 10_000_000)
#: the file that "add a loss" shows
EXAMPLE = "huber"


def site(losses: Mapping[str, type[Loss]] | None = None) -> Site:
    """All pages' data; of all losses unless some are given."""
    chosen = catalogue() if losses is None else losses
    return Site(
        version=__version__,
        losses=tuple(facts(loss) for loss in chosen.values()),
        portraits={name: portrait(loss) for name, loss in chosen.items()},
        checks=tuple(_check(check) for check in checks().values()),
        profiles=tuple(_profile(effort) for effort in EFFORTS.values()),
        tolerance=tolerance(),
        guide=guide(),
    )


def tolerance() -> Tolerance:
    """The tolerance model, its examples computed now."""
    return Tolerance(
        rules=_rules(),
        worked=worked("huber", FLOAT32, {"prediction": 1.7, "target": 0.3}, delta=1.35),
        tie=tie("mae", FLOAT32, {"prediction": 1.0, "target": 1.0}, "prediction"),
        formats=tuple(
            FormatFacts(
                name=f.name,
                precision=f.precision,
                roundoff=f.unit_roundoff,
                smallest=f.smallest_normal,
                largest=f.largest,
            )
            for f in FORMATS.values()
        ),
        ulps={name: IEEE.error_of(name) for name in FUNCTIONS},
        ulps_source=IEEE.source,
        growth=tuple((terms, summation_growth(terms)) for terms in TERMS),
    )


def guide() -> Guide:
    """How to add a loss: the section of CONTRIBUTING.md, which is kept in the package."""
    text = files("lossproof.conformance").joinpath("adding-a-loss.md").read_text(encoding="utf-8")
    module = inspect.getmodule(catalogue()[EXAMPLE])
    assert module is not None
    return Guide(markdown=text, example=EXAMPLE, source=inspect.getsource(module))


def _check(check: Check) -> CheckFacts:
    return CheckFacts(
        name=check.name,
        level=check.level,
        sentence=check.sentence,
        gradients=check.per_argument,
    )


def _profile(effort: Effort) -> ProfileFacts:
    return ProfileFacts(
        name=effort.name,
        elements=effort.packed["*"],
        rows=effort.packed["N"],
        search=effort.examples,
        sums=effort.scale,
        sufficient=effort.sufficient,
    )


def _rules() -> str:
    """The rules of tracked arithmetic, as its module states them."""
    text = inspect.cleandoc(tracked.__doc__ or "")
    return text[text.index("Rules,") :]
