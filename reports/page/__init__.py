"""Reports as one HTML page that needs nothing else: no request, no other file, no font.

Everything that comes from a report is escaped: control and format characters first become visible,
as on the terminal. The page states its own policy, under which no script but its own runs.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lossproof.reports.model import Report
from lossproof.reports.page.overview import overview
from lossproof.reports.page.section import sections
from lossproof.reports.page.sides import sides
from lossproof.reports.text import ADDRESS, visible

HERE = Path(__file__).parent


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
    script, style = _file("page.js"), _file("../look.css") + _file("page.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _templates().get_template(template)
    return page.render(script=Markup(script), style=Markup(style), digest=digest, **view)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    environment.tests["address"] = lambda text: bool(ADDRESS.fullmatch(text))
    return environment


def _shown(value: Any) -> Any:
    """Text with what nobody could see made visible."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
