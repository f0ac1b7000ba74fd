"""The site says what the specification says, links hold together, and nothing in it is raw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any
from xml.etree import ElementTree

import html5lib
import msgspec
import numpy as np
import pytest
from flint import ctx

from lossproof.conformance import documentation
from lossproof.conformance.check import checks
from lossproof.conformance.describe import ulp, ulps
from lossproof.conformance.worked import PRECISION
from lossproof.reports.model import ReportError
from lossproof.reports.site.model import Kink, Portrait, Site
from lossproof.reports.site.pages import pages
from lossproof.reports.site.plot import gradient_plot, value_plot
from lossproof.reports.site.words import linked, short
from lossproof.reports.stated import RelationFacts
from lossproof.spec import evaluate
from lossproof.spec.formats import FLOAT32
from lossproof.spec.loss import catalogue, get
from lossproof.spec.question import Question
from lossproof.spec.tracked import Arithmetic

XHTML = "{http://www.w3.org/1999/xhtml}"
TREE = Path(__file__).parent.parent
FEW = {name: get(name) for name in ("mae", "huber", "pairwise_hinge")}
HOSTILE = "<script>alert(1)</script> & \"quoted\" 'so' </title></pre> {{ 7 * 7 }} \u202egnihton"


@cache
def whole() -> Site:
    return documentation.site()


@cache
def rendered() -> dict[str, str]:
    return pages(whole())


@cache
def tree(path: str) -> ElementTree.Element:
    """A page parsed, by the rules of HTML5 without forgiveness."""
    found: ElementTree.Element = html5lib.HTMLParser(strict=True).parse(rendered()[path])
    return found


HTML = [f"losses/{name}.html" for name in catalogue()] + [
    "index.html", "tolerance.html", "checks.html", "adding.html",
]  # fmt: skip


def text_of(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def links(path: str) -> Iterator[str]:
    for element in tree(path).iter():
        for attribute in ("href", "src"):
            if attribute in element.attrib:
                yield element.attrib[attribute]


def identifiers(path: str) -> list[str]:
    return [e.attrib["id"] for e in tree(path).iter() if "id" in e.attrib]


def test_every_loss_has_a_page_and_is_on_the_index() -> None:
    assert sorted(rendered()) == sorted([*HTML, "style.css"])
    assert {f"losses/{name}.html" for name in catalogue()} <= set(links("index.html"))


@pytest.mark.parametrize("path", HTML)
def test_page_is_valid_html_whose_links_lead_somewhere(path: str) -> None:
    assert len(identifiers(path)) == len(set(identifiers(path)))
    for link in links(path):
        if link.startswith("https://"):
            continue  # a reference; nothing is loaded from it
        target, _, anchor = link.partition("#")
        file = normpath(join(dirname(path), target)) if target else path
        assert file in rendered(), link
        if anchor:
            assert anchor in identifiers(file), link


@pytest.mark.parametrize("path", HTML)
def test_page_loads_nothing_from_elsewhere_and_runs_nothing(path: str) -> None:
    names = {str(element.tag).removeprefix(XHTML) for element in tree(path).iter()}
    assert not names & {"script", "img", "iframe", "object", "embed", "style", "form"}
    loaded = [e.attrib["href"] for e in tree(path).iter(f"{XHTML}link")]
    assert [normpath(join(dirname(path), link)) for link in loaded] == ["style.css"]
    assert "url(http" not in rendered()["style.css"]
    assert "@import" not in rendered()["style.css"]


@pytest.mark.parametrize("name", catalogue())
def test_page_of_a_loss_states_all_of_its_facts(name: str) -> None:
    loss = get(name)
    said = text_of(tree(f"losses/{name}.html"))
    facts = [
        *loss.arguments, *loss.options, *loss.reductions, *loss.kinks, *loss.kinks.values(),
        *(law.sentence for law in loss.laws), *(r.sentence for r in loss.relations),
        *loss.dialects, *loss.dialects.values(), *loss.references,
        *loss.algorithms("value"), *loss.algorithms("gradient"),
        *(line for line in loss.formula().splitlines()),
    ]  # fmt: skip
    for fact in facts:
        assert " ".join(fact.split()) in said
    equations = sum(line.count(r"\qquad") + 1 for line in loss.tex)
    assert rendered()[f"losses/{name}.html"].count("<math ") == equations
    assert rendered()[f"losses/{name}.html"].count('class="plot"') == 2


def test_relations_are_linked_both_ways() -> None:
    count = 0
    for name, loss in catalogue().items():
        for relation in loss.relations:
            if relation.other != name:
                assert f"{relation.other}.html" in links(f"losses/{name}.html")
                assert f"{name}.html" in links(f"losses/{relation.other}.html")
                count += 1
    assert count >= 10


def test_checks_are_listed_with_their_levels() -> None:
    said = text_of(tree("checks.html"))
    for check in checks().values():
        assert f"{check.name}{check.level}{check.sentence}" in said
        assert check.name in identifiers("checks.html")


def test_adding_a_loss_is_told_as_in_contributing() -> None:
    guide = whole().guide.markdown.strip()
    assert f"## Add a loss\n\n{guide}\n\n##" in (TREE / "CONTRIBUTING.md").read_text("utf-8")
    said = text_of(tree("adding.html"))
    assert all(word in said for word in re.findall(r"`([^`]+)`", guide))
    assert " ".join(whole().guide.source.split()) in said


def test_worked_example_is_what_the_arithmetic_gives() -> None:
    worked = whole().tolerance.worked
    pairs = re.findall(r"(\w+) = ([\d.]+)", worked.question)
    given = {name: FLOAT32.round(float(number)) for name, number in pairs}
    question = Question(
        loss=get(worked.loss),
        arguments={k: given[k] for k in ("prediction", "target")},
        options={"delta": 1.35},
    )
    with ctx.workprec(PRECISION):
        stated = evaluate.value(question, Arithmetic(format=FLOAT32))
        exact = stated.x[()]
        p, t, d = (np.float32(given[k]) for k in ("prediction", "target", "delta"))
        got = float(d * (abs(p - t) - d / np.float32(2)))
        last = worked.steps[-1]
        assert last.budget == float(stated.e) / ulp(exact, FLOAT32)
        assert last.error == ulps(exact, got, FLOAT32)
        assert last.exact == exact.mid().str(20, radius=False)
    assert worked.ratio == last.error / last.budget < 1
    assert float(worked.computed) == pytest.approx(got, rel=1e-8)
    said = text_of(tree("tolerance.html"))
    for step in worked.steps:
        for shown in (step.exact, step.computed, short(step.error), short(step.budget)):
            assert shown in said


def test_worked_example_marks_the_branch_that_is_not_taken() -> None:
    steps = whole().tolerance.worked.steps
    unused = [step.expression for step in steps if not step.used]
    assert unused == ["(5) · (5)", "(6) / 2"]
    assert whole().tolerance.worked.comparisons[0].decided


def test_tie_is_the_subdifferential_of_the_absolute_error() -> None:
    tie = whole().tolerance.tie
    assert (short(tie.low), short(tie.high)) == ("−1", "1")
    assert "[−1, 1]" in text_of(tree("tolerance.html"))


def test_portraits_show_declared_kinks_only() -> None:
    for name, portrait in whole().portraits.items():
        if portrait.kinks:
            assert get(name).kinks, name
        for kink in portrait.kinks:
            assert kink.low < kink.high
            assert portrait.gradient[portrait.x.index(kink.x)] is None
    assert whole().portraits["mae"].kinks == (Kink(x=0.0, low=-1.0, high=1.0),)
    assert whole().portraits["pairwise_hinge"].kinks == (Kink(x=1.0, low=-1.0, high=0.0),)
    assert len(whole().portraits["triplet_margin"].kinks) == 1


def test_portrait_is_the_exact_value() -> None:
    portrait = whole().portraits["mse"]
    assert portrait.value == pytest.approx([x * x for x in portrait.x], rel=1e-5)
    assert portrait.gradient == pytest.approx([2 * x for x in portrait.x], rel=1e-5)


def hostile(site: Site) -> Site:
    """The site with hostile text wherever text comes from a loss, a check or a guide."""

    def poisoned(value: Any) -> Any:
        if isinstance(value, str):
            return f"{value} {HOSTILE}"
        if isinstance(value, dict):
            return {f"{k} {HOSTILE}": poisoned(v) for k, v in value.items()}
        if isinstance(value, tuple):
            return tuple(poisoned(v) for v in value)
        if isinstance(value, msgspec.Struct):
            fields = {f: poisoned(getattr(value, f)) for f in value.__struct_fields__}
            return msgspec.structs.replace(value, **fields)
        return value

    losses = []
    for loss in site.losses:
        relations = tuple(RelationFacts(other=r.other, sentence=HOSTILE) for r in loss.relations)
        kept = {"name": loss.name, "tex": loss.tex, "relations": relations}
        losses.append(msgspec.structs.replace(poisoned(loss), **kept))
    return replace(
        site,
        version=HOSTILE,
        losses=tuple(losses),
        portraits={
            k: replace(p, argument=HOSTILE, held=HOSTILE) for k, p in site.portraits.items()
        },
        checks=tuple(replace(c, sentence=HOSTILE) for c in site.checks),
        guide=replace(site.guide, markdown=HOSTILE, source=HOSTILE),
    )


def test_text_from_elsewhere_stays_text() -> None:
    for path, page in pages(hostile(documentation.site(FEW))).items():
        if path.endswith(".html"):
            parsed = html5lib.HTMLParser(strict=True).parse(page)
            names = [str(element.tag).removeprefix(XHTML) for element in parsed.iter()]
            assert "script" not in names
            assert names.count("title") == 1
            assert "{{ 7 * 7 }}" in page
            assert "<script" not in page
            assert "\u202e" not in page


@pytest.mark.parametrize("name", ["../up", "a/b", "a b", ""])
def test_page_cannot_be_named_like_a_path(name: str) -> None:
    site = documentation.site({"mae": get("mae")})
    wrong = msgspec.structs.replace(site.losses[0], name=name)
    with pytest.raises(ReportError, match="a page is named like its loss"):
        pages(replace(site, losses=(wrong,)))


def test_references_are_linked_by_doi_and_arxiv_number() -> None:
    assert linked("Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x") == (
        'Good 1952, <a href="https://doi.org/10.1111/j.2517-6161.1952.tb00104.x">'
        "doi:10.1111/j.2517-6161.1952.tb00104.x</a>"
    )
    assert linked("others, arXiv:1205.2618") == (
        'others, <a href="https://arxiv.org/abs/1205.2618">arXiv:1205.2618</a>'
    )
    assert linked('<b> doi:10.1000/"x') == (
        '&lt;b&gt; <a href="https://doi.org/10.1000/&#34;x">doi:10.1000/&#34;x</a>'
    )


def test_plots_survive_curves_without_numbers() -> None:
    empty = Portrait(argument="x", held="", x=(0.0, 1.0), value=(None, None), gradient=(0.0, 0.0))
    assert value_plot(empty, "none") == ""
    assert "polyline" in gradient_plot(empty, "flat")


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_are_readable_in_both_themes(theme: int) -> None:
    """By the contrast that WCAG 2 asks of small text, on both backgrounds."""
    pairs = re.findall(r"--(\w+): light-dark\((#\w{6}), (#\w{6})\);", rendered()["style.css"])
    tokens = {name: colours[theme] for name, *colours in pairs}
    assert len(tokens) == 8
    grounds = [luminance(tokens.pop(name)) for name in ("paper", "raised")]
    del tokens["line"]
    for name, colour in tokens.items():
        for ground in grounds:
            bright, dark = sorted((luminance(colour), ground), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, name


# ---- on disk
