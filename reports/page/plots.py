"""Plots of curves as inline SVG, small: whole numbers, relative moves, colours from the stylesheet.

A series is told from the others by its colour and by its dash or the shape of its marks. At a kink,
where the truth is an interval, lines are parted, and marks show what each implementation answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from lossproof.reports import lines, scales
from lossproof.reports.curve import Curve, Numbers, Trace
from lossproof.reports.text import visible

Point = tuple[int, int]
Of = Callable[[Curve], "Trace | None"]
#: in units of half a pixel, within the axes
WIDE, HIGH = 560, 300
NARROW, LOW = 420, 230
#: the axes, in pixels
LEFT, RIGHT, TOP, BOTTOM = 50, 8, 6, 20
#: the part of a narrow axis that a letter takes
LETTER = 0.045
#: how high an arrow is that stands for what is cut off
ARROW = 12
#: above this part of a narrow axis there is no room for two numbers
CROWDED = 0.93


@dataclass(frozen=True, kw_only=True)
class Series:
    """A curve with the name and the place that its implementation has in the legend."""

    label: str
    slot: int
    curve: Curve


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A plot and its caption."""

    svg: Markup
    title: str
    note: str = ""


def value(curve: Curve) -> Trace | None:
    """Of a curve, the value."""
    return curve.value


def gradient(curve: Curve) -> Trace | None:
    """Of a curve, the gradient."""
    return curve.gradient


def shape(series: Sequence[Series], of: Of, title: str) -> Figure | None:
    """What the implementations answer over a plain range, on top of the truth."""
    shown = [(s, trace) for s in series if (trace := of(s.curve)) is not None and trace.got]
    known = [v for _, t in shown for v in (*t.truth, *t.got) if v is not None and math.isfinite(v)]
    if not known or len(shown[0][0].curve.x) < 2:
        return None
    x = shown[0][0].curve.x
    low, high = scales.heights(known)

    def across(v: float) -> float:
        return (v - x[0]) / (x[-1] - x[0])

    def up(v: float) -> float:
        return min(max((v - low) / (high - low), -1.0), 2.0)

    kinks = _kinks(shown[0][1].truth)
    drawn = [_line("truth", x, shown[0][1].truth, across, up)]
    drawn += [_line(f"s{s.slot % 8}", s.curve.x, t.got, across, up, kinks) for s, t in shown]
    told = []
    for i in kinks:
        answers: dict[float, list[str]] = {}
        for s, trace in shown:
            got = trace.got[i] if s.curve.x == x else None
            if got is not None and math.isfinite(got):
                drawn.append(_answer(s.slot, _point(across(x[i]), up(got), WIDE, HIGH)))
                answers.setdefault(got, []).append(s.label)
        if answers:
            told.append(f"at the kink {scales.number(x[i], 4)}: {_told(answers)}")
    axis = [(across(v), scales.number(v)) for v in scales.even(x[0], x[-1])]
    side = [(up(v), scales.number(v), "zero" if v == 0 else "") for v in scales.even(low, high)]
    label = f"{title} against {shown[0][0].curve.argument}"
    svg = _svg(WIDE, HIGH, axis, side, drawn, "; ".join([label, *told]))
    return Figure(svg=svg, title=title, note="; ".join(told))


def _told(answers: Mapping[float, Sequence[str]]) -> str:
    """Answers in words, and where they are not the same, whose they are."""
    if len(answers) == 1:
        return scales.number(next(iter(answers)), 4)
    return ", ".join(f"{scales.number(a, 4)} ({', '.join(who)})" for a, who in answers.items())


def _kinks(truth: Numbers) -> list[int]:
    """The places where the truth alone is no number: between two that are, it is an interval."""
    known = [v is not None and math.isfinite(v) for v in truth]
    return [
        i for i in range(1, len(known) - 1) if truth[i] is None and known[i - 1] and known[i + 1]
    ]


def far(series: Sequence[Series], of: Of, title: str) -> Figure | None:
    """The errors over all magnitudes, in multiples of the budget, the worst one ringed."""
    shown = [(s, trace) for s in series if (trace := of(s.curve)) is not None and trace.error]
    found = [
        (_size(e), s, i) for s, trace in shown for i, e in enumerate(trace.error) if e is not None
    ]
    if not found:
        return None
    error, worst, place = max(found, key=lambda item: item[0])
    marks, top = scales.decades(error)
    low = math.log10(scales.FLOOR)

    def up(v: float) -> float:
        height = math.log10(max(v, scales.FLOOR)) if v < math.inf else math.inf
        return min((height - low) / (math.log10(top) - low), 1.0)

    beyond = {e for _, t in shown for e in map(_size, filter(None, t.error)) if e > top}

    drawn = []
    for s, trace in shown:
        last = max(len(trace.error) - 1, 1)
        points = [
            None if e is None else _point(i / last, up(_size(e)), NARROW, LOW)
            for i, e in enumerate(trace.error)
        ]
        cut = [e is not None and _size(e) > top for e in trace.error]
        within = [None if c else p for p, c in zip(points, cut, strict=True)]
        drawn.append(_dots(s.slot, within))
        drawn.append(_cut(s.slot, [p for p, c in zip(points, cut, strict=True) if p and c]))
    last = max(len(worst.curve.x) - 1, 1)
    across, down = _point(place / last, up(error), NARROW, LOW)
    if error > top:
        down += ARROW // 2
    if error > 0:
        drawn.append(f'<circle class="worst" cx="{across}" cy="{down}" r="9"/>')
    x = shown[0][0].curve.x
    axis = [(i / max(len(x) - 1, 1), scales.place(x[i], 0)) for i in scales.far(x)]
    room = LETTER * max(len(axis[0][1]), len(axis[-1][1]))
    axis = [(a, text) for a, text in axis if a in (0, 1) or room < a < 1 - room]
    side = [(up(v), _multiple(v), "budget" if v == 1 else "") for v in marks]
    if beyond:
        side = [mark for mark in side if mark[0] < CROWDED]
        side.append((1.0, "∞" if min(beyond) == math.inf else f"≥ {scales.magnitude(top)}", ""))
    where = f"{worst.curve.argument} = {scales.place(worst.curve.x[place])}"
    note = (
        f"worst {_multiple(error)} at {where} ({worst.label})" if error > 0 else "exact everywhere"
    )
    return Figure(
        svg=_svg(NARROW, LOW, axis, side, drawn, f"{title}: {note}"), title=title, note=note
    )


def _size(error: float) -> float:
    return math.inf if math.isnan(error) else error


def _multiple(value: float) -> str:
    return "≤ 0.001" if value == scales.FLOOR else scales.magnitude(value)


def _point(across: float, up: float, width: int, height: int) -> Point:
    return round(across * width), round((1 - up) * height)


def _line(
    kind: str,
    x: Sequence[float],
    numbers: Numbers,
    across: Callable[[float], float],
    up: Callable[[float], float],
    kinks: Sequence[int] = (),
) -> str:
    """A line through the finite numbers, parted where there is none, at kinks and at jumps."""
    path = ""
    parted: list[tuple[float, float | None]] = []
    breaks = set(lines.jumps(numbers))
    for i, (a, b) in enumerate(zip(x, numbers, strict=True)):
        parted.append((a, None if i in kinks else b))
        if i in breaks:
            parted.append((a, None))
    for run in lines.runs(parted):
        points = [_point(across(a), up(b), WIDE, HIGH) for a, b in run]
        path += _moves(lines.thinned(points)) if len(points) > 1 else _moves(points) + "h0"
    return f'<path class="{kind}" d="{path}"/>'


def _moves(points: Sequence[Point]) -> str:
    """A path through points: M, then relative steps."""
    (x, y), *rest = points
    steps: list[int] = []
    for a, b in rest:
        steps += (a - x, b - y)
        x, y = a, b
    return f"M{_joined(points[0])}" + (f"l{_joined(steps)}" if steps else "")


def _joined(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers)).replace(" -", "-")


def _answer(slot: int, point: Point) -> str:
    """What is answered at a kink: a mark such as errors have, but larger."""
    x, y = point
    path = (f"M{x} {y}h0", f"M{x - 12} {y}h24", f"M{x} {y - 12}v24")[slot % 3]
    return f'<path class="at d{slot % 3} s{slot % 8}" d="{path}"/>'


def _cut(slot: int, points: Sequence[Point]) -> str:
    """Arrows up where a point lies beyond the top."""
    if not points:
        return ""
    path = "".join(f"M{x - 6} {y + ARROW}l6-{ARROW} 6 {ARROW}z" for x, y in points)
    return f'<path class="cut s{slot % 8}" d="{path}"/>'


def _dots(slot: int, points: Sequence[Point | None]) -> str:
    """A mark at every point: a dot, a bar that lies, or a bar that stands, by series.

    Points that lie on the floor next to each other are one bar.
    """
    dx, dy = ((0, 0), (3, 0), (0, 3))[slot % 3]
    path, here = "", (0, 0)
    for x, y, width in _bars(points):
        across, down = (width, 0) if width else (2 * dx + bool(dx), 2 * dy + bool(dy))
        start = (x, y) if width else (x - dx, y - dy)
        path += f"m{_joined((start[0] - here[0], start[1] - here[1]))}"
        path += f"v{down}" if down else f"h{across}"
        here = start[0] + across, start[1] + down
    return f'<path class="d{slot % 3} s{slot % 8}" d="{path}"/>'


def _bars(points: Sequence[Point | None]) -> Iterator[tuple[int, int, int]]:
    """(x, y, width) of each point; of neighbours on the floor, of all of them together."""
    first: int | None = None
    for here, after in zip(points, [*points[1:], None], strict=True):
        if here is None:
            continue
        x, y = here
        if y < LOW:
            yield x, y, 0
            continue
        first = x if first is None else first
        if after is None or after[1] < LOW:
            yield first, y, x - first
            first = None


def _svg(
    width: int,
    height: int,
    axis: Sequence[tuple[float, str]],
    side: Sequence[tuple[float, str, str]],
    drawn: Sequence[str],
    label: str,
) -> Markup:
    """A plot: grid and numbers, and within the axes, clipped, what is drawn."""
    w, h = width // 2, height // 2
    lines = {"grid": "", "grid zero": "", "grid budget": ""}
    texts = []
    for up, text, kind in side:
        y = round(TOP + (1 - up) * h)
        lines[f"grid {kind}".rstrip()] += f"M{LEFT} {y}h{w}"
        texts.append(f'<text class="y" x="{LEFT - 5}" y="{y + 4}">{text}</text>')
    for across, text in axis:
        x = round(LEFT + across * w)
        end = " end" if across > 0.97 else " start" if across < 0.03 else ""
        lines["grid"] += f"M{x} {TOP}v{h}"
        texts.append(f'<text class="x{end}" x="{x}" y="{TOP + h + 14}">{text}</text>')
    parts = [f'<path class="{kind}" d="{path}"/>' for kind, path in lines.items() if path]
    parts += texts
    return Markup(
        f'<svg class="plot" viewBox="0 0 {LEFT + w + RIGHT} {TOP + h + BOTTOM}" role="img" '
        f'aria-label="{escape(visible(label))}">{"".join(parts)}'
        f'<svg x="{LEFT}" y="{TOP}" width="{w}" height="{h}" viewBox="0 0 {width} {height}">'
        f"{''.join(drawn)}</svg></svg>"
    )
