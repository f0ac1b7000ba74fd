"""The page of reports in a real browser: it loads nothing, can be used, and can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browser
import pytest
from page_reports import whole
from test_page import hostile

from lossproof.reports import page

WIDTHS = (1280, 360)
#: of text against what lies behind it, and of lines: WCAG 2.2, 1.4.3 and 1.4.11, level AA
TEXT, LINES = 4.5, 3.0

CONTRAST = """
(() => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      layers.push(rgba(getComputedStyle(e).backgroundColor));
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const luminance = (color) => {
    const [r, g, b] = color.map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (color, below) => {
    const [a, b] = [luminance(over(rgba(color), below)), luminance(below)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const found = {};
  const note = (kind, element, value) => {
    const name = `${kind} ${element.tagName} ${element.getAttribute("class") || ""}`.trim();
    if (!(name in found) || value < found[name]) found[name] = value;
  };
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility() || element.closest("script, style")) continue;
    const style = getComputedStyle(element);
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (own) {
      const color = element instanceof SVGElement ? style.fill : style.color;
      note("text", element, ratio(color, behind(element)));
    } else if (element.matches(".plot path[class*=s], .budget, circle")) {
      note("line", element, ratio(style.stroke, behind(element)));
    }
  }
  return found;
})()
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[browser.Browser]:
    path = browser.find()
    if path is None:
        if browser.required():
            pytest.fail(f"no browser is installed, and {browser.REQUIRED}=1 asks for one")
        pytest.skip(f"no browser: none of {', '.join(browser.NAMES)} is installed")
    with browser.Browser(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    pages = {
        "one": [whole()],
        "two": [whole(), whole(failing=("ctc",), seed=1)],
        "hostile": [hostile("<script>document.title = 'acted'</script>'\"><b onclick=x>")],
    }
    for name, reports in pages.items():
        (folder / f"{name}.html").write_text(page.render(reports), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


def shown_losses(chromium: browser.Browser) -> list[str]:
    found: list[str] = chromium.run(
        "[...document.querySelectorAll('#_table tbody tr')].filter(r => !r.hidden)"
        ".map(r => r.dataset.loss)"
    )
    return found


def columns(chromium: browser.Browser) -> int:
    return int(
        chromium.run(
            "[...document.querySelectorAll('#_table thead [data-column]')]"
            ".filter(h => !h.hidden).length"
        )
    )


def choose(chromium: browser.Browser, selector: str) -> None:
    chromium.run(f"document.querySelector({selector!r}).click()")


def write(chromium: browser.Browser, text: str) -> None:
    chromium.run(
        f"(() => {{ const field = document.querySelector('[name=text]'); field.value = {text!r};"
        "field.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )


@pytest.mark.parametrize("name", ["one", "two", "hostile"])
def test_it_loads_from_disk_with_no_request_and_no_complaint(
    chromium: browser.Browser, files: dict[str, Path], name: str
) -> None:
    chromium.open(files[name])
    assert chromium.requests == [files[name].as_uri()]
    assert chromium.complaints == []
    assert chromium.run("document.title") != "acted"
    assert chromium.run("document.readyState") == "complete"


def test_a_deep_link_opens_its_loss(chromium: browser.Browser, files: dict[str, Path]) -> None:
    chromium.open(files["one"], fragment="#huber")
    opened = "[...document.querySelectorAll('details.loss[open]')].map(d => d.id)"
    assert chromium.run(opened) == ["huber"]
    top = chromium.run("document.getElementById('huber').getBoundingClientRect().top")
    assert 0 <= top < 200
    chromium.run("new Promise(done => setTimeout(done, 50))")
    assert chromium.run("document.activeElement.parentElement.id") == "huber"
    chromium.run("location.hash = '#ctc'")
    chromium.run("new Promise(done => setTimeout(done, 50))")
    assert chromium.run(opened) == ["ctc", "huber"]


def test_a_deep_link_opens_a_violation(chromium: browser.Browser, files: dict[str, Path]) -> None:
    cell = "mse/value[torch,float16,cpu]"
    chromium.open(files["one"], fragment=f"#{cell}")
    assert chromium.run(f"document.getElementById({cell!r}).checkVisibility()")
    assert chromium.run("document.activeElement.id") == cell


def test_it_filters_by_text_status_backend_and_dtype(
    chromium: browser.Browser, files: dict[str, Path]
) -> None:
    chromium.open(files["one"])
    every = shown_losses(chromium)
    assert len(every) == 33
    assert columns(chromium) == 12
    write(chromium, "HUBER")
    assert shown_losses(chromium) == ["huber"]
    assert chromium.run("document.querySelector('output').value") == "1 of 33 losses"
    write(chromium, "regression squared")
    assert set(shown_losses(chromium)) == {"linear_regression_mse", "mse", "rmse"}
    choose(chromium, "#_filter [type=reset]")
    chromium.run("new Promise(done => setTimeout(done, 50))")
    assert shown_losses(chromium) == every
    choose(chromium, "[name=only]")
    assert shown_losses(chromium) == ["huber", "mse"]
    assert chromium.run("document.getElementById('huber').open")
    assert chromium.run("document.getElementById('mae').hidden")
    choose(chromium, "[name=subject][value='2']")  # torch, where all failures are
    assert columns(chromium) == 8
    assert shown_losses(chromium) == []
    choose(chromium, "[name=only]")
    choose(chromium, "[name=dtype][value=float16]")
    assert columns(chromium) == 6
    chromium.run(
        "(() => { const s = document.querySelector('select'); s.value = 'xfailed';"
        "s.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )
    assert 0 < len(shown_losses(chromium)) < 33
    assert chromium.complaints == []


def test_it_sorts_and_says_how(chromium: browser.Browser, files: dict[str, Path]) -> None:
    chromium.open(files["one"])
    every = shown_losses(chromium)
    assert every == sorted(every)
    heads = "#_table thead tr:last-child th"

    def press(place: int) -> str:
        choose(chromium, f"{heads}:nth-child({place}) button")
        return str(chromium.run(f"document.querySelector('{heads}:nth-child({place})').ariaSort"))

    assert press(2) == "descending"
    assert set(shown_losses(chromium)[:2]) == {"huber", "mse"}
    assert press(2) == "ascending"
    assert set(shown_losses(chromium)[-2:]) == {"huber", "mse"}
    assert press(1) == "ascending"
    assert shown_losses(chromium) == every
    assert chromium.run(f"document.querySelectorAll('{heads}[aria-sort]').length") == 1


def test_the_keyboard_is_enough(chromium: browser.Browser, files: dict[str, Path]) -> None:
    chromium.open(files["one"])
    chromium.press("Tab")
    assert chromium.run("document.activeElement.className") == "skip"
    chromium.press("Enter")
    assert chromium.run("document.activeElement.id") == "_main"
    chromium.run(
        "document.querySelector('#_table thead tr:last-child th:nth-child(2) button').focus()"
    )
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    chromium.press("Enter")
    assert shown_losses(chromium)[0] in ("huber", "mse")
    assert chromium.run(outline) == "solid"
    chromium.run("document.querySelector('#huber summary').focus()")
    chromium.press("Enter")
    assert chromium.run("document.getElementById('huber').open")


def test_two_reports_show_what_differs(chromium: browser.Browser, files: dict[str, Path]) -> None:
    chromium.open(files["two"])
    choose(chromium, "[name=apart]")
    choose(chromium, "[name=only]")
    assert set(shown_losses(chromium)) == {"ctc", "huber", "mse"}
    assert chromium.complaints == []


def test_what_is_to_be_pasted_can_be_copied(
    chromium: browser.Browser, files: dict[str, Path]
) -> None:
    chromium.open(files["one"], fragment="#huber")
    chromium.run("document.addEventListener('copy', () => { window.copied = true; })")
    choose(chromium, "#huber .copy")
    chromium.run("new Promise(done => setTimeout(done, 100))")
    assert chromium.run("document.querySelector('#huber .copy').textContent") == "Copied"
    assert chromium.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["one", "two"])
def test_everything_can_be_read(
    chromium: browser.Browser, files: dict[str, Path], name: str, dark: bool
) -> None:
    chromium.open(files[name], dark=dark)
    choose(chromium, ".legend-of-marks summary")
    for loss in ("huber", "kl_div", "ctc"):
        chromium.run(f"document.getElementById({loss!r}).open = true")
    found: dict[str, Any] = chromium.run(CONTRAST)
    assert len(found) > 30
    weak = {
        what: round(ratio, 2)
        for what, ratio in found.items()
        if ratio < (TEXT if what.startswith("text") else LINES)
    }
    assert not weak


def test_a_theme_can_be_chosen(chromium: browser.Browser, files: dict[str, Path]) -> None:
    chromium.open(files["one"], dark=True)
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    night = chromium.run(paper)
    choose(chromium, "#_theme")
    assert chromium.run("document.querySelector('#_theme').textContent") == "Theme: light"
    assert chromium.run(paper) == "rgb(255, 255, 255)" != night
    choose(chromium, "#_theme")
    assert chromium.run(paper) == night
    choose(chromium, "#_theme")  # as the system has it, for the tests that follow


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["one", "two", "hostile"])
def test_nothing_is_wider_than_the_window(
    chromium: browser.Browser, files: dict[str, Path], name: str, width: int
) -> None:
    chromium.open(files[name], width=width)
    chromium.run("document.querySelector('#_open').click()")
    assert chromium.run("document.documentElement.scrollWidth") == width


def test_it_loads_in_a_second(chromium: browser.Browser, files: dict[str, Path]) -> None:
    """Measured by the processor's time that the page took, for the machine may be busy."""
    chromium.open(files["one"])
    chromium.call("Performance.enable", timeDomain="threadTicks")
    chromium.open(files["one"])
    metrics = chromium.call("Performance.getMetrics")["metrics"]
    spent = {metric["name"]: metric["value"] for metric in metrics}
    assert spent["ScriptDuration"] + spent["LayoutDuration"] + spent["RecalcStyleDuration"] < 1.0
