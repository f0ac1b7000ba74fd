"""The pages of the site: data in, `{path: text}` out."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment

from lossproof.reports import templates
from lossproof.reports.formula import equations
from lossproof.reports.model import ReportError
from lossproof.reports.site import plot, words
from lossproof.reports.site.model import Site
from lossproof.reports.stated import LossFacts, RelationFacts
from lossproof.reports.templates import resource

PACKAGE, STYLE = "lossproof.reports.site", "style.css"


def pages(site: Site) -> dict[str, str]:
    """Every file of the site by its path, parts joined by "/". Raises ReportError."""
    for loss in site.losses:
        if not loss.name.isidentifier():
            raise ReportError(f"{loss.name!r}: a page is named like its loss, by an identifier")
    env = _environment()
    common = {"version": site.version}
    families = words.family_order({loss.family for loss in site.losses})
    by_family = {f: [loss for loss in site.losses if loss.family == f] for f in families}
    ordered = [loss for family in families for loss in by_family[family]]
    result = {STYLE: resource("look.css") + resource(STYLE, PACKAGE)}
    result["index.html"] = env.get_template("index.html").render(
        **common, here="index", root="", by_family=by_family, site=site
    )
    for name in ("tolerance", "checks", "adding"):
        result[f"{name}.html"] = env.get_template(f"{name}.html").render(
            **common, here=name, root="", site=site
        )
    incoming = _incoming(site.losses)
    known = {loss.name for loss in site.losses}
    for place, loss in enumerate(ordered):
        result[f"losses/{loss.name}.html"] = env.get_template("loss.html").render(
            **common,
            here="",
            root="../",
            loss=loss,
            portrait=site.portraits.get(loss.name),
            incoming=incoming[loss.name],
            known=known,
            before=ordered[place - 1] if place else None,
            after=ordered[place + 1] if place + 1 < len(ordered) else None,
        )
    return result


def _incoming(losses: tuple[LossFacts, ...]) -> dict[str, list[tuple[str, RelationFacts]]]:
    """The relations of other losses that lead to each."""
    found: dict[str, list[tuple[str, RelationFacts]]] = {loss.name: [] for loss in losses}
    for loss in losses:
        for relation in loss.relations:
            if relation.other != loss.name and relation.other in found:
                found[relation.other].append((loss.name, relation))
    return found


@cache
def _environment() -> Environment:
    env = templates.environment(PACKAGE)
    env.filters.update(
        breakable=words.breakable,
        equations=equations,
        linked=words.linked,
        markdown=words.markdown,
        short=words.short,
        slug=words.slug,
    )
    env.globals.update(
        family_words=words.FAMILY_WORDS,
        value_plot=plot.value_plot,
        gradient_plot=plot.gradient_plot,
        sparkline=plot.sparkline,
    )
    return env
