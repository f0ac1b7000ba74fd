"""The page of reports: valid, whole, the same for the same report, and no text in it acts."""

from __future__ import annotations

import math
import random
import re
import time
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import html5lib
import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from page_reports import curve, stated, whole
from test_reports_golden import SMALL
from test_reports_model import NASTY, many, report, result, worst
from test_reports_show import everywhere

from lossproof.conformance.cli import main
from lossproof.reports import jsonl, page, scales
from lossproof.reports.curve import Curve, Trace
from lossproof.reports.model import Report
from lossproof.reports.page import formulas
from lossproof.reports.page.targets import mark
from lossproof.reports.stated import ArgumentFacts, LossFacts, OptionFacts, RelationFacts
from lossproof.reports.summary import group

GOLDEN = Path(__file__).parent / "data" / "page.html"
PLAIN = {"#", "http://", "https://"}


def tree(text: str) -> Any:
    """The parsed page. Raises for what is not valid as the HTML standard has it."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def examined(text: str) -> Any:
    """The parsed page, its ids unique, its links safe and whole, no script but its own."""
    root = tree(text)
    elements = list(root.iter())
    ids = Counter(e.attrib["id"] for e in elements if "id" in e.attrib)
    assert not [name for name, n in ids.items() if n > 1]
    assert not [name for name in ids if not name or re.search(r"\s", name)]
    for element in elements:
        assert not [name for name in element.attrib if str(name).lower().startswith("on")]
        assert "src" not in element.attrib
        link = element.attrib.get("href")
        if link is not None and element.tag != "link":
            assert link.startswith(tuple(PLAIN)), link
            assert not link.startswith("#") or link[1:] in ids, link
    tags = Counter(str(e.tag) for e in elements)
    assert (tags["script"], tags["style"], tags["link"]) == (1, 1, 1)
    assert not {"iframe", "img", "object", "embed", "form"} & set(tags) - {"form"}
    assert not [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf")]
    return root


def body(text: str) -> str:
    """The page without its style and script, and without what they decide."""
    text = re.sub(r"(?s)(<style>).*?(</style>)", r"\1\2", text)
    text = re.sub(r"(?s)(<script>).*?(</script>)", r"\1\2", text)
    return re.sub(r"'sha256-[^']*'", "", text)


DRAWN = replace(
    SMALL,
    losses=(
        LossFacts(
            name="huber", family="regression", title="Huber loss.", text="Huber loss.\n\n  ℓ(r)",
            digest="1", tex=(r"\ell = \frac{r^2}{2}",),
            arguments=(ArgumentFacts(name="prediction", shape="any", domain="real",
                                     differentiable=True, optional=False),),
            options=(OptionFacts(name="delta", default="1.0", description="positive"),),
            reductions=("none", "mean"), algorithms={"value": ("stated",)},
            kinks={"r = 0": "[-1, 1]"}, laws=("it is never negative",),
            relations=(RelationFacts(other="mse", sentence="half of it"),),
            dialects={"torch": "huber_loss"},
            references=("https://example.org/huber", "Huber 1964"),
        ),
    ),
    curves=(
        Curve(loss="huber", backend="torch", dtype="float32", device="cpu", sweep="shape",
              argument="prediction", held="prediction=x, target=0", x=(-1.0, 0.0, 1.0),
              value=Trace(error=(0.5, 0.0, 0.5), got=(0.5, 0.0, 0.5), truth=(0.5, 0.0, 0.5)),
              gradient=Trace(error=(0.1, None, 0.1), got=(-1.0, 0.0, 1.0),
                             truth=(-1.0, None, 1.0))),
        Curve(loss="huber", backend="torch", dtype="float32", device="cpu", sweep="range",
              argument="prediction", held="prediction=x, target=0", x=(-1e38, 0.0, 1e38),
              value=Trace(error=(0.5, 0.0, math.inf))),
    ),
)  # fmt: skip


def test_the_page_is_as_agreed() -> None:
    """After a change that is meant: python tests/test_page.py."""
    assert body(page.render([DRAWN])) == GOLDEN.read_text(encoding="utf-8")


def test_the_page_asks_for_nothing_and_says_so() -> None:
    text = page.render([DRAWN])
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(|@font-face|fetch\(|XMLHttpRequest", text)


@pytest.mark.parametrize("reports", [[SMALL], [DRAWN], [report()], [SMALL, DRAWN], [report()] * 2])
def test_the_page_is_valid(reports: list[Report]) -> None:
    examined(page.render(reports))


def hostile(text: str) -> Report:
    """A report that holds `text` wherever a report holds text."""
    facts = LossFacts(
        name=text, family=text, title=text, text=text, digest=text, tex=(text, rf"\text{{{text}}}"),
        arguments=(ArgumentFacts(name=text, shape=text, domain=text, differentiable=True,
                                 optional=True),),
        options=(OptionFacts(name=text, default=text, description=text),),
        reductions=(text, text), algorithms={text: (text,)}, kinks={text: text}, laws=(text,),
        relations=(RelationFacts(other=text, sentence=text),), dialects={text: text},
        references=(text,),
    )  # fmt: skip
    curves = tuple(
        replace(curve("x", "y", "z", sweep), loss=text, backend=text, dtype=text, device=text,
                argument=text, held=text)
        for sweep in ("shape", "range")
    )  # fmt: skip
    return replace(everywhere(text), losses=(facts,), curves=curves)


@pytest.mark.parametrize(
    "text", [*NASTY, "'\"><img src=x onerror=alert(1)>", "]]>--><!--", "{{ 7 * 7 }}", "\udc80",
             r"\href{javascript:alert(1)}{x}", "</style></script>", "javascript:alert(1)", "_main"]
)  # fmt: skip
def test_no_text_acts(text: str) -> None:
    for reports in ([hostile(text)], [hostile(text), SMALL]):
        rendered = page.render(reports)
        root = examined(rendered)
        assert "49" not in text or "49" in rendered
        assert not [e for e in root.iter() if e.tag in ("b", "i") and "alert" in str(e.attrib)]


@pytest.mark.parametrize(
    "tex",
    [r"\text{<script>alert(1)</script>}", r"\href{javascript:alert(1)}{x}", r"\style{color:red}{x}",
     r"\class{_main}{x}", r"\frac{", "", r"\text{<b>x</b>}", r"\text{&amp;}", "a < b & c"],
)  # fmt: skip
def test_latex_gives_formulas_or_its_own_text(tex: str) -> None:
    shown = str(formulas.line(tex))
    examined(page.render([replace(DRAWN, losses=(replace(DRAWN.losses[0], tex=(tex,)),))]))
    assert not re.search(r"<(?!/?(m[a-z]+|code)\b)|(href|style)=", shown)
    assert "<math" in shown or "<code>" in shown


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308, None])
def test_numbers_that_are_none_are_drawn_as_none(number: float | None) -> None:
    for size in (0, 1, 3):
        some = (number,) * size
        trace = Trace(error=some, got=some, truth=some)
        curves = tuple(
            replace(one, x=tuple(map(float, range(size))), value=trace, gradient=trace)
            for one in (curve("huber", "torch", "float32", s) for s in ("shape", "range"))
        )
        text = page.render([replace(DRAWN, curves=curves)])
        examined(text)
        assert not re.search(r' d="[^"]*(nan|inf)', text)
    shown = report(result(worst=worst(math.nan if number is None else number)))
    examined(page.render([shown]))


def test_nothing_ran_is_said() -> None:
    text = page.render([report()])
    assert "Nothing ran." in text
    assert "No results." in text


def test_what_is_no_evidence_says_so() -> None:
    assert "This smoke run is not sufficient evidence of conformance." in page.render([SMALL])
    cut = Report(header=report().header, results=(result(),))
    assert "The run was cut off after 1 of 4 results." in page.render([cut])
    both = page.render([SMALL, cut])
    assert re.search(r"<b>2 [^<]+\.</b> The run was cut off after 1 of 4 results\.", both)


def test_every_status_is_counted_by_itself() -> None:
    text = page.render([SMALL])
    found = re.findall(r"<b>(\d+)</b> <span>([a-z-]+)</span>", text)
    assert {status: int(n) for n, status in found} == {
        "passed": 3, "failed": 1, "warned": 0, "errored": 0, "skipped": 1, "xfailed": 1,
        "xpassed": 0, "not-run": 0,
    }  # fmt: skip


def shuffled(one: Report, seed: int) -> Report:
    rng = random.Random(seed)
    parts = {k: tuple(rng.sample(getattr(one, k), len(getattr(one, k))))
             for k in ("results", "losses", "curves")}  # fmt: skip
    return replace(one, **parts)


def test_the_order_of_arrival_does_not_show() -> None:
    one = replace(many(300), losses=stated(), curves=DRAWN.curves)
    for seed in range(3):
        assert page.render([shuffled(one, seed)]) == page.render([one])
        both = page.render([shuffled(one, seed), shuffled(DRAWN, seed)])
        assert both == page.render([one, DRAWN])


def test_a_page_of_everything_is_small() -> None:
    text = page.render([whole()])
    assert len(text.encode()) < 2_000_000
    examined(text)


def test_ten_thousand_results_are_a_valid_page() -> None:
    begin = time.process_time()
    text = page.render([many(10_000)])
    assert time.process_time() - begin < 10
    tree(text)


def test_a_violation_shows_its_message_and_what_to_paste() -> None:
    text = page.render([DRAWN])
    assert 'id="huber/gradient.prediction[torch,float32,cpu]"' in text
    assert "huber / gradient.prediction: not the gradient" in text
    assert "<code>import torch\nprint(torch.ones(1))\n</code>" in text
    assert 'href="https://example.org/1_2#x"' in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "0"), (0.456, "0.46"), (290.4, "290"), (850000.0, "8.5e5"), (1e38, "1e38"),
     (-2e-5, "−2e−5"), (math.inf, "inf"), (math.nan, "nan")],
)  # fmt: skip
def test_numbers_are_short(value: float, text: str) -> None:
    assert scales.magnitude(value) == text


@pytest.mark.parametrize(
    ("off", "text"),
    [
        ("8.39e+06 ulp, 2.1 allowed: one rounding of each input", "8.4e6 ulp"),
        ("0.5 ulp, 1 allowed: one rounding of each input", "0.5 ulp"),
        ("by 2.94e-08; 1.23e-07 allowed: one rounding of each input", "by 2.9e−8"),
        ("by 0; 1.72e-38 allowed: one rounding of each input", "by 0"),
        ("not a finite number; 0.0634 allowed: one rounding", "not finite"),
        ("inf ulp, 2 allowed", "inf ulp"),
        ("", ""),
    ],
)
def test_a_place_says_how_far_off_in_whatever_unit_there_is(off: str, text: str) -> None:
    assert mark(group([result(worst=replace(worst(0.5), off=off))])).off == text


def test_a_pass_of_many_ulp_says_why_it_is_one() -> None:
    def note(ratio: float, ulps: float) -> str:
        return mark(group([result("value", worst=worst(ratio, ulps=ulps))])).note

    assert "within the budget where the truth is tiny" in note(0.99, 6.2e15)
    assert note(0.99, 2.0) == note(9.0, 6.2e15) == "value"


def test_points_beside_one_say_how_far_they_are() -> None:
    assert scales.place(1 - 6e-8) == "1−6e−8"
    assert scales.place(1.0) == "1"


def test_no_report_is_no_page() -> None:
    with pytest.raises(ValueError, match="no report"):
        page.render([])


def test_the_command_writes_a_page_of_one_report_or_several(tmp_path: Path) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "page.html"
    jsonl.write(source, DRAWN)
    other = tmp_path / "b.jsonl"
    jsonl.write(other, DRAWN)
    for files in ([str(source)], [str(source), str(other)]):
        done = CliRunner().invoke(main, ["report", *files, "--format", "html", "-o", str(out)])
        assert (done.exit_code, done.output) == (0, "")
        examined(out.read_text(encoding="utf-8"))
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        jsonl.write(tmp_path / folder / "report.jsonl", DRAWN)
    files = [str(tmp_path / folder / "report.jsonl") for folder in ("x", "y")]
    side = CliRunner().invoke(main, ["report", *files, "--format", "html"]).output
    assert "<code>x/report.jsonl</code>" in side
    assert tmp_path.name not in side
    shown = CliRunner().invoke(main, ["report", str(source), "--format", "html"])
    assert shown.output == page.render([jsonl.read(source)])


if __name__ == "__main__":
    GOLDEN.write_text(body(page.render([DRAWN])), encoding="utf-8", newline="\n")
