"""Plots of a loss as inline SVG: no script, no colour of its own, classes for the stylesheet.

A curve is parted where it is no number, and at a kink, where a bar shows the whole subdifferential.
What would flatten the rest, the pole of a logarithm, say, is cut off at the frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from lossproof.reports import lines, scales
from lossproof.reports.lines import Point
from lossproof.reports.site.model import Kink, Portrait
from lossproof.reports.text import visible

Run = list[Point]
WIDTH, HEIGHT = 360.0, 232.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 10.0, 10.0, 34.0
SPARK_WIDTH, SPARK_HEIGHT = 120.0, 44.0


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where numbers lie on the paper."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: float
    height: float
    left: float
    top: float

    def at(self, x: float, y: float) -> Point:
        """The place of a point."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        # far beyond the frame is as good as at twice its height, and short to write
        up = min(max(up, -1.0), 2.0)
        return self.left + across * self.width, self.top + (1 - up) * self.height


def value_plot(portrait: Portrait, name: str) -> Markup:
    """The value of a loss."""
    runs = list(lines.runs(zip(portrait.x, portrait.value, strict=True)))
    return _plot("value", runs, (), portrait, f"The value of {name} against {portrait.argument}")


def gradient_plot(portrait: Portrait, name: str) -> Markup:
    """The gradient of a loss, with the subdifferentials at its kinks."""
    runs = list(_parted(portrait))
    return _plot(
        "gradient",
        runs,
        portrait.kinks,
        portrait,
        f"The gradient of {name} in {portrait.argument}"
        + (f", with {len(portrait.kinks)} kinks" if len(portrait.kinks) > 1 else "")
        + (", with a kink" if len(portrait.kinks) == 1 else ""),
    )


def sparkline(portrait: Portrait) -> Markup:
    """The value of a loss, as small as a word; decoration, so hidden from screen readers."""
    runs = list(lines.runs(zip(portrait.x, portrait.value, strict=True)))
    if not runs:
        return Markup("")
    frame = Frame(
        x=(portrait.x[0], portrait.x[-1]),
        y=_range(runs, ()),
        width=SPARK_WIDTH - 4,
        height=SPARK_HEIGHT - 6,
        left=2,
        top=3,
    )
    return Markup(
        f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH:g} {SPARK_HEIGHT:g}" aria-hidden="true">'
        f"{''.join(_polyline(frame, run) for run in runs)}</svg>"
    )


def _plot(
    kind: str, runs: Sequence[Run], kinks: Sequence[Kink], portrait: Portrait, label: str
) -> Markup:
    if not runs and not kinks:
        return Markup("")
    frame = Frame(
        x=(portrait.x[0], portrait.x[-1]),
        y=_range(runs, kinks),
        width=WIDTH - LEFT - RIGHT,
        height=HEIGHT - TOP - BOTTOM,
        left=LEFT,
        top=TOP,
    )
    parts = [*_axes(frame, portrait.argument)]
    parts.append(
        f'<clipPath id="frame-{kind}"><rect x="{LEFT:g}" y="{TOP:g}" width="{frame.width:g}" '
        f'height="{frame.height:g}"/></clipPath><g clip-path="url(#frame-{kind})">'
    )
    parts += [_polyline(frame, run) for run in runs]
    parts.append("</g>")
    parts += [part for kink in kinks for part in _kink(frame, kink)]
    svg = Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return svg.format(f"{WIDTH:g}", f"{HEIGHT:g}", visible(label), Markup("".join(parts)))


def _parted(portrait: Portrait) -> Iterator[Run]:
    """The stretches of the gradient between kinks, each drawn up to the end of the interval."""
    ends = {kink.x: (kink.low, kink.high) for kink in portrait.kinks}
    steps = dict(pairwise(portrait.x))
    before = {after: x for x, after in steps.items()}
    for run in lines.runs(zip(portrait.x, portrait.gradient, strict=True)):
        first, last = run[0], run[-1]
        if before.get(first[0]) in ends:
            start = before[first[0]]
            run.insert(0, (start, min(ends[start], key=lambda end: abs(end - first[1]))))
        if steps.get(last[0]) in ends:
            stop = steps[last[0]]
            run.append((stop, min(ends[stop], key=lambda end: abs(end - last[1]))))
        yield run


def _range(runs: Sequence[Run], kinks: Sequence[Kink]) -> tuple[float, float]:
    """The heights that are shown: what would flatten the rest is cut off."""
    ends = [end for kink in kinks for end in (kink.low, kink.high)]
    return scales.heights([*(y for run in runs for _, y in run), *ends])


def _polyline(frame: Frame, run: Run) -> str:
    points = " ".join("{:.1f},{:.1f}".format(*frame.at(x, y)) for x, y in lines.thinned(run))
    return f'<polyline class="curve" points="{points}"/>'


def _kink(frame: Frame, kink: Kink) -> Iterator[str]:
    x, low = frame.at(kink.x, kink.low)
    _, high = frame.at(kink.x, kink.high)
    yield f'<line class="kink" x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}"/>'
    for y in (low, high):
        yield f'<circle class="kink" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'


def _axes(frame: Frame, argument: str) -> Iterator[str]:
    bottom, right = TOP + frame.height, LEFT + frame.width
    for tick in scales.even(*frame.y):
        y = frame.at(frame.x[0], tick)[1]
        kind = "zero" if tick == 0 else "grid"
        yield f'<line class="{kind}" x1="{LEFT:g}" y1="{y:.1f}" x2="{right:g}" y2="{y:.1f}"/>'
        words = scales.number(tick)
        yield f'<text class="tick y" x="{LEFT - 6:g}" y="{y + 3.5:.1f}">{words}</text>'
    for tick in scales.even(*frame.x):
        x = frame.at(tick, frame.y[0])[0]
        kind = "zero" if tick == 0 else "grid"
        yield f'<line class="{kind}" x1="{x:.1f}" y1="{TOP:g}" x2="{x:.1f}" y2="{bottom:g}"/>'
        yield f'<text class="tick x" x="{x:.1f}" y="{bottom + 14:g}">{scales.number(tick)}</text>'
    middle = LEFT + frame.width / 2
    yield str(
        Markup('<text class="name" x="{}" y="{}">{}</text>').format(
            f"{middle:.1f}", f"{HEIGHT - 4:g}", visible(argument)
        )
    )
