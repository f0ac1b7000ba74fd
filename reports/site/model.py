"""What the site shows besides the facts of each loss: plots, checks, a worked example, texts."""

from __future__ import annotations

from dataclasses import dataclass

from lossproof.reports.stated import LossFacts


@dataclass(frozen=True, kw_only=True)
class Kink:
    """A point at which the exact slope is an interval."""

    x: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """The exact value and gradient of a loss along one argument, all others held.

    `value` and `gradient` have an entry for each x, None where it is no number: at a kink the
    gradient stands in `kinks`.
    """

    argument: str
    held: str
    x: tuple[float, ...]
    value: tuple[float | None, ...]
    gradient: tuple[float | None, ...]
    kinks: tuple[Kink, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CheckFacts:
    """A requirement; see `conformance.check`."""

    name: str
    level: str
    sentence: str
    gradients: bool  # whether it is repeated for every differentiable argument


@dataclass(frozen=True, kw_only=True)
class ProfileFacts:
    """How much a run asks; see `conformance.effort`."""

    name: str
    elements: int
    rows: int
    search: int
    sums: tuple[int, ...]
    sufficient: bool


@dataclass(frozen=True, kw_only=True)
class Step:
    """One operation of a worked example.

    `exact` encloses the true result within `radius`; `computed` is what the format gives, operation
    by operation. Errors and budgets are in units in the last place of the true result.
    """

    number: int
    expression: str
    rule: str
    exact: str
    radius: str
    computed: str
    error: float
    budget: float
    used: bool  # whether the result depends on it


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A branch of a worked example: the sides differ by so much, and are known to so much."""

    expression: str
    difference: float
    budget: float
    decided: bool


@dataclass(frozen=True, kw_only=True)
class Worked:
    """An evaluation in tracked arithmetic, shown step by step."""

    loss: str
    dtype: str
    question: str
    steps: tuple[Step, ...]
    comparisons: tuple[Comparison, ...]
    exact: str
    computed: str
    ratio: float  # error / budget of the result


@dataclass(frozen=True, kw_only=True)
class Tie:
    """A gradient at a kink: every number of the interval is right."""

    loss: str
    question: str
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class FormatFacts:
    """A floating-point format."""

    name: str
    precision: int
    roundoff: float
    smallest: float
    largest: float


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The tolerance model: its rules as the source states them, its constants, and examples."""

    rules: str
    worked: Worked
    tie: Tie
    formats: tuple[FormatFacts, ...]
    ulps: dict[str, float]  # of elementary functions
    ulps_source: str
    growth: tuple[tuple[int, float], ...]  # terms of a sum -> growth of its error


@dataclass(frozen=True, kw_only=True)
class Guide:
    """How to add a loss: the steps of CONTRIBUTING, and a file that follows them."""

    markdown: str
    example: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Site:
    """All that the site is made from."""

    version: str
    losses: tuple[LossFacts, ...]
    portraits: dict[str, Portrait]
    checks: tuple[CheckFacts, ...]
    profiles: tuple[ProfileFacts, ...]
    tolerance: Tolerance
    guide: Guide
