"""Reports as one HTML page that needs nothing else: no request, no other file, no font.

Everything that comes from a report is escaped: control and format characters first become visible,
as on the terminal. The page states its own policy, under which no script but its own runs.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from lossproof.reports import templates
from lossproof.reports.model import Report
from lossproof.reports.page.overview import overview
from lossproof.reports.page.section import sections
from lossproof.reports.page.sides import sides
from lossproof.reports.templates import resource
from lossproof.reports.text import ADDRESS, visible


def render(reports: Sequence[Report], names: Sequence[str] = ()) -> str:
    """The page of one report; of several, side by side, with the names of their files.

    Raises ValueError for no report.
    """
    if not reports:
        raise ValueError("no report to render")
    if len(reports) == 1:
        view = {"view": overview(reports[0]), "sections": sections(reports[0])}
        return _filled("report.html", view)
    return _filled("parity.html", {"view": sides(reports, names)})


def _filled(template: str, view: dict[str, Any]) -> str:
    script = resource("page.js", __name__)
    style = resource("look.css") + resource("page.css", __name__)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _templates().get_template(template)
    return page.render(script=Markup(script), style=Markup(style), digest=digest, **view)


@cache
def _templates() -> Environment:
    environment = templates.environment(__name__)
    environment.tests["address"] = lambda text: bool(ADDRESS.fullmatch(text))
    environment.filters["parted"] = _parted
    environment.filters["indented"] = _indented
    return environment


def _indented(code: str) -> Markup:
    """Code with the indentation of each line marked, for a narrow window to draw less of it."""
    lines = []
    for line in visible(code).splitlines(keepends=True):
        rest = line.lstrip(" ")
        blank = line[: len(line) - len(rest)]
        lines.append(
            (Markup('<span class="indent">{}</span>').format(blank) if blank else "") + escape(rest)
        )
    return Markup("").join(lines)


def _parted(name: str) -> Markup:
    """A name that a narrow column may break after its underscores."""
    return Markup(escape(visible(name)).replace("_", Markup("_<wbr>")))
