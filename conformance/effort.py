"""Effort: how many points a run examines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Sizes of packed questions, the regimes of the grid, and examples of the search.

    `packed` are sizes of the axes ("*" elements, "N" rows); `coupled` the questions per regime for
    losses whose samples cannot be packed; `examples` the length of a search; `scale` the sizes at
    which the growth of errors is measured. `exhaustive` says whether a loss of one argument is
    tried at every value of a 16-bit dtype, `every_dtype` whether checks that have nothing to do
    with the dtype are made in all, `thin` whether all but one dtype get values and gradients at
    default options only, `sufficient` whether a pass means conformance. `without` names checks that
    are left out.
    """

    name: str
    packed: Mapping[str, int]
    coupled: int
    regimes: tuple[str, ...]
    examples: int
    scale: tuple[int, ...]
    exhaustive: bool = False
    every_dtype: bool = False
    thin: bool = False
    without: tuple[str, ...] = ()
    sufficient: bool = True


_ALL = (
    "moderate", "landmarks", "coarse", "wide", "near_tie", "equal", "offset", "confident", "small",
    "huge",
)  # fmt: skip
EFFORTS = {
    effort.name: effort
    for effort in (
        Effort(
            name="smoke",
            packed={"*": 128, "N": 24, "C": 4, "D": 3, "T": 5, "S": 2},
            coupled=1,
            regimes=("landmarks", "coarse", "near_tie", "confident", "huge"),
            examples=0,
            scale=(),
            thin=True,
            without=("shapes", "transformations"),
            sufficient=False,
        ),
        Effort(
            name="default",
            packed={"*": 512, "N": 96, "C": 4, "D": 3, "T": 5, "S": 2},
            coupled=3,
            regimes=_ALL,
            examples=20,
            scale=(10_000,),
            exhaustive=True,
        ),
        Effort(
            name="thorough",
            packed={"*": 4096, "N": 768, "C": 4, "D": 3, "T": 5, "S": 2},
            coupled=24,
            regimes=_ALL,
            examples=300,
            scale=(10_000, 1_000_000),
            exhaustive=True,
            every_dtype=True,
        ),
        Effort(
            name="exhaustive",
            packed={"*": 65536, "N": 4096, "C": 4, "D": 3, "T": 5, "S": 2},
            coupled=100,
            regimes=_ALL,
            examples=2000,
            scale=(10_000, 1_000_000),
            exhaustive=True,
            every_dtype=True,
        ),
    )
}
