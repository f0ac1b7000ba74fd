"""Plots of the page: what is cut off is drawn as cut off, and a kink is no slope."""

from __future__ import annotations

import math
import re

import pytest
from msgspec.structs import replace
from test_page import DRAWN

from lossproof.reports import lines
from lossproof.reports.curve import Trace
from lossproof.reports.page import plots


def test_the_worst_point_of_a_plot_is_ringed_and_told() -> None:
    series = [plots.Series(label="torch", slot=0, curve=DRAWN.curves[1])]
    figure = plots.far(series, plots.value, "float32")
    assert figure is not None
    assert figure.note == "worst inf at prediction = 1e38 (torch)"
    assert figure.svg.count('class="worst"') == 1
    assert "∞" in figure.svg


def test_what_lies_beyond_the_top_is_drawn_as_cut_off_and_the_top_says_so() -> None:
    def drawn(*errors: float) -> str:
        one = replace(DRAWN.curves[1], value=Trace(error=errors))
        figure = plots.far([plots.Series(label="torch", slot=0, curve=one)], plots.value, "f")
        assert figure is not None
        return figure.svg

    beyond = drawn(0.5, 1.7e14, 2e12)
    assert "≥ 1e10<" in beyond
    assert re.findall(r'class="cut s0" d="([^"]*)"', beyond)[0].count("z") == 2
    assert "≥ 1e10<" in drawn(0.5, 1.7e14, math.inf)
    assert "∞<" in drawn(0.5, 2.0, math.inf)
    for inside in (drawn(0.5, 2.0, 2e9), drawn(0.5, 0.0, 0.1)):
        assert "≥" not in inside
        assert "cut" not in inside


def gradient(got: list[float], truth: list[float | None], slot: int = 0) -> plots.Series:
    """A gradient over whole numbers."""
    one = replace(
        DRAWN.curves[0],
        x=tuple(float(i) for i in range(len(got))),
        gradient=Trace(error=(0.0,) * len(got), got=tuple(got), truth=tuple(truth)),
    )
    return plots.Series(label=("torch", "jax")[slot], slot=slot, curve=one)


def test_a_kink_parts_the_lines_and_shows_what_each_answers_there() -> None:
    truth = [-1.0, -1.0, None, 1.0, 1.0]
    series = [gradient([-1.0, -1.0, 1.0, 1.0, 1.0], truth),
              gradient([-1.0, -1.0, 0.0, 1.0, 1.0], truth, slot=1)]  # fmt: skip
    figure = plots.shape(series, plots.gradient, "gradient")
    assert figure is not None
    assert figure.note == "at the kink 2: 1 (torch), 0 (jax)"
    paths = re.findall(r'<path class="(truth|s\d)" d="([^"]*)"', figure.svg)
    assert [path.count("M") for _, path in paths] == [2, 2, 2]
    assert figure.svg.count('class="at ') == 2
    same = plots.shape(series[:1], plots.gradient, "gradient")
    assert same is not None
    assert same.note == "at the kink 2: 1"


@pytest.mark.parametrize(
    ("numbers", "places"),
    [
        ([-1.0, -1.0, 1.0, 1.0], [1]),
        ([0.0, 0.0, 0.54, 0.56, 0.58], [1]),
        ([0.0, 0.1, 0.5, 0.9, 1.0], []),
        ([0.0, 0.0, 1e-3, 1e-3, 1.0, 5.0, 9.0], []),
        ([1.0, 1.0, 9.0], []),
        ([1.0, 1.0, None, 9.0, 9.0], []),
        ([1.0] * 5, []),
    ],
)
def test_a_line_jumps_where_it_is_flat_on_both_sides_of_a_step(
    numbers: list[float | None], places: list[int]
) -> None:
    assert lines.jumps(numbers) == places
