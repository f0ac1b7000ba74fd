"""The page of reports in a real browser: it loads nothing, can be used, and can be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import WIDTHS, Window
from msgspec.structs import replace
from page_reports import SNIPPET, whole
from test_page import hostile

from lossproof.reports import page


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    pages = {
        "one": [whole()],
        "clean": [whole(failing=())],
        "two": [whole(), whole(failing=("ctc",), seed=1)],
        "hostile": [hostile("<script>document.title = 'acted'</script>'\"><b onclick=x>")],
    }
    both = pages["clean"][0]
    fewer = tuple(r for r in both.results if r.loss != "ctc" or r.dtype != "float16")
    pages["partial"] = [both, replace(both, results=fewer)]
    for name, reports in pages.items():
        (folder / f"{name}.html").write_text(page.render(reports), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


def shown_losses(window: Window) -> list[str]:
    rows = window.page.locator("#_table tbody tr:visible")
    found: list[str] = rows.evaluate_all("rows => rows.map(row => row.dataset.loss)")
    return found


def opened(window: Window) -> list[str]:
    losses = window.page.locator("details.loss[open]")
    found: list[str] = losses.evaluate_all("losses => losses.map(loss => loss.id)")
    return found


def columns(window: Window) -> int:
    return window.page.locator("#_table thead [data-column]:visible").count()


@pytest.mark.parametrize("name", ["one", "two", "hostile"])
def test_it_loads_from_disk_with_no_request_and_no_complaint(
    window: Window, files: dict[str, Path], name: str
) -> None:
    window.open(files[name])
    window.settle()
    assert window.requests == [files[name].as_uri()]
    assert window.complaints == []
    assert window.page.title() not in ("", "acted")
    assert window.run("document.readyState") == "complete"


def test_a_deep_link_opens_its_loss(window: Window, files: dict[str, Path]) -> None:
    window.open(files["one"], fragment="#huber")
    window.expect("#huber summary >> nth=0").to_be_focused()
    assert opened(window) == ["huber"]
    box = window.page.locator("#huber").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 200
    window.run("location.hash = '#ctc'")
    window.expect("#ctc summary >> nth=0").to_be_focused()
    assert opened(window) == ["ctc", "huber"]


def test_a_deep_link_opens_a_violation(window: Window, files: dict[str, Path]) -> None:
    cell = "mse/value[torch,float16,cpu]"
    window.open(files["one"], fragment=f"#{cell}")
    window.expect(f'[id="{cell}"]').to_be_focused()
    window.expect(f'[id="{cell}"]').to_be_in_viewport()


def test_it_filters_by_text_status_backend_and_dtype(
    window: Window, files: dict[str, Path]
) -> None:
    window.open(files["one"])
    every = shown_losses(window)
    assert len(every) == 33
    assert columns(window) == 12
    window.page.fill("[name=text]", "HUBER")
    assert shown_losses(window) == ["huber"]
    window.expect("output").to_have_text("1 of 33 losses")
    window.page.fill("[name=text]", "regression squared")
    assert set(shown_losses(window)) == {"linear_regression_mse", "mse", "rmse"}
    window.click("#_filter [type=reset]")
    window.expect("output").to_have_text("33 of 33 losses")
    assert shown_losses(window) == every
    window.click("[name=only]")
    assert shown_losses(window) == ["huber", "mse"]
    assert opened(window) == ["huber", "mse"]
    window.expect("#mae").to_be_hidden()
    window.click("[name=subject][value='2']")  # torch, where all failures are
    assert shown_losses(window) == []
    window.click("[name=only]")
    assert columns(window) == 8
    window.click("[name=dtype][value=float16]")
    assert columns(window) == 6
    window.page.select_option("select", "xfailed")
    assert 0 < len(shown_losses(window)) < 33
    assert window.complaints == []


WORST = "#_table tr[data-loss=huber] td:nth-child(2)"


def test_the_worst_of_a_row_is_the_worst_of_what_is_shown(
    window: Window, files: dict[str, Path]
) -> None:
    window.open(files["one"])
    window.expect(WORST).to_have_class("m failed")
    window.click("[name=subject][value='2']")  # torch, where all failures are
    seen = window.page.locator("#_table tr[data-loss=huber] td.m:visible")
    worst, *others = seen.evaluate_all("cells => cells.map(c => [+c.dataset.r, c.innerHTML])")
    assert worst == max(others)
    window.expect("#_table td.failed:visible").to_have_count(0)
    window.click("#_filter [type=reset]")
    window.expect(WORST).to_have_class("m failed")


def test_a_failing_place_leads_to_its_message(window: Window, files: dict[str, Path]) -> None:
    window.open(files["one"])
    window.click("#_table tr[data-loss=huber] td.failed a >> nth=1")
    window.expect("article:target .message").to_be_in_viewport()
    window.expect("article:target").to_be_focused()
    window.open(files["two"])
    window.click("#_table tr[data-loss=ctc] td.failed a >> nth=0")
    window.expect("article:target .message").to_be_in_viewport()
    assert window.run("location.hash").startswith("#report2/ctc/value[")


def test_nothing_to_show_is_said_and_can_be_undone(window: Window, files: dict[str, Path]) -> None:
    window.open(files["clean"])
    window.click("[name=only]")
    window.expect("#_nothing b").to_have_text("No failures.")
    for gone in ("#_table", "#_open", "#_losses"):
        window.expect(gone).to_be_hidden()
    window.click("#_nothing button")
    window.expect("#_nothing").to_be_hidden()
    window.expect("#_losses").to_be_visible()
    assert len(shown_losses(window)) == 33
    window.page.fill("[name=text]", "no such loss")
    window.expect("#_nothing b").to_have_text("Nothing matches.")
    window.run("location.hash = '#huber'")
    window.expect("#huber summary >> nth=0").to_be_in_viewport()


def test_only_differences_leaves_out_what_only_some_have(
    window: Window, files: dict[str, Path]
) -> None:
    window.open(files["partial"])
    window.expect("[name=partial]").to_be_hidden()
    window.click("[name=apart]")
    window.expect("#_nothing b").to_have_text("No differences.")
    window.click("[name=partial]")
    assert set(shown_losses(window)) == {"ctc"}


@pytest.mark.parametrize("name", ["one", "two"])
@pytest.mark.parametrize("width", WIDTHS)
def test_heads_and_names_of_the_matrix_stay_in_view(
    window: Window, files: dict[str, Path], name: str, width: int
) -> None:
    window.open(files[name], width=width)
    window.run("""(() => {
      const table = document.querySelector("#_table");
      const region = table.closest(".scroll");
      const row = table.querySelector("tbody tr[data-loss=mae]");
      row.scrollIntoView({ block: "center" });
      region.scrollLeft = 300;
    })()""")
    row = window.page.locator("#_table tbody tr[data-loss=mae] >> nth=0")
    head = window.page.locator("#_table thead tr >> nth=1")
    on_top = """cell => {
      const box = cell.getBoundingClientRect();
      return cell === document.elementFromPoint(box.left + 8, box.bottom - 6)?.closest("th, td");
    }"""
    assert row.locator("th").evaluate(on_top)
    assert head.locator("th >> nth=0").evaluate(on_top)
    box = head.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 120


def test_no_name_is_cut_off_on_a_telephone(window: Window, files: dict[str, Path]) -> None:
    window.open(files["one"], width=WIDTHS[1])
    names = window.page.locator("#_table tbody th")
    assert names.count() == 33
    assert not names.evaluate_all(
        "ths => ths.filter(th => th.scrollWidth > th.clientWidth).map(th => th.textContent)"
    )


def test_it_sorts_and_says_how(window: Window, files: dict[str, Path]) -> None:
    window.open(files["one"])
    every = shown_losses(window)
    assert every == sorted(every)
    heads = "#_table thead tr:last-child th"

    def press(place: int) -> str | None:
        window.click(f"{heads}:nth-child({place}) button")
        return window.page.get_attribute(f"{heads}:nth-child({place})", "aria-sort")

    assert press(2) == "descending"
    assert set(shown_losses(window)[:2]) == {"huber", "mse"}
    assert press(2) == "ascending"
    assert set(shown_losses(window)[-2:]) == {"huber", "mse"}
    assert press(1) == "ascending"
    assert shown_losses(window) == every
    assert press(3) == "descending"
    window.click("#_filter [type=reset]")
    window.expect(f"{heads}:first-child").to_have_attribute("aria-sort", "ascending")
    assert shown_losses(window) == every
    window.expect(f"{heads}[aria-sort]").to_have_count(1)


def test_the_keyboard_is_enough(window: Window, files: dict[str, Path]) -> None:
    window.open(files["one"])
    keyboard = window.page.keyboard
    keyboard.press("Tab")
    window.expect(".skip").to_be_focused()
    keyboard.press("Enter")
    window.expect("#_main").to_be_focused()
    worst = "#_table thead tr:last-child th:nth-child(2) button"
    window.page.focus(worst)
    keyboard.press("Enter")
    assert shown_losses(window)[0] in ("huber", "mse")
    window.expect(worst).to_have_css("outline-style", "solid")
    window.page.focus("#huber summary")
    keyboard.press("Enter")
    assert opened(window) == ["huber"]


def test_two_reports_show_what_differs(window: Window, files: dict[str, Path]) -> None:
    window.open(files["two"])
    window.click("[name=apart]")
    window.click("[name=only]")
    assert set(shown_losses(window)) == {"ctc", "huber", "mse"}
    assert window.complaints == []


def test_what_is_to_be_pasted_can_be_copied(window: Window, files: dict[str, Path]) -> None:
    window.open(files["one"], fragment="#huber")
    window.click("#huber .copy >> nth=0")
    window.expect("#huber .copy >> nth=0").to_have_text("Copied")
    window.page.focus("[name=text]")
    window.page.keyboard.press("ControlOrMeta+V")
    # a field of one line has spaces for the ends of lines
    assert window.page.input_value("[name=text]").split() == SNIPPET.split()
    assert window.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["one", "two"])
def test_everything_can_be_read(
    window: Window, files: dict[str, Path], name: str, dark: bool
) -> None:
    window.open(files[name], dark=dark)
    window.click(".legend-of-marks summary")
    for loss in ("huber", "kl_div", "ctc"):
        window.click(f"#{loss} summary >> nth=0")
    assert window.unreadable(least=30) == {}


def test_a_theme_can_be_chosen_and_is_kept(window: Window, files: dict[str, Path]) -> None:
    window.open(files["one"], dark=True)
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    night = window.run(paper)
    window.click("#_theme")
    window.expect("#_theme").to_have_text("Theme: light")
    assert window.run(paper) == "rgb(255, 255, 255)" != night
    window.open(files["two"], dark=True)
    assert window.run(paper) == "rgb(255, 255, 255)"
    window.click("#_theme")
    window.expect("#_theme").to_have_text("Theme: dark")
    assert window.run(paper) == night


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["one", "two", "hostile"])
def test_nothing_is_wider_than_the_window(
    window: Window, files: dict[str, Path], name: str, width: int
) -> None:
    window.open(files[name], width=width)
    window.click("#_open")
    window.expect("#_open").to_have_text("Close all")
    assert window.excess == 0


def test_it_loads_in_a_second(window: Window, files: dict[str, Path]) -> None:
    """Measured by the processor's time that the page took, for the machine may be busy."""
    session = window.page.context.new_cdp_session(window.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    window.open(files["one"])
    metrics = session.send("Performance.getMetrics")["metrics"]
    spent = {metric["name"]: metric["value"] for metric in metrics}
    parts = [spent[f"{part}Duration"] for part in ("Script", "Layout", "RecalcStyle")]
    assert 0 < sum(parts) < 1.0


def test_on_paper_there_is_a_margin_and_what_has_failed_is_open(
    window: Window, files: dict[str, Path]
) -> None:
    window.open(files["one"])
    window.run("""(() => {
      window.seen = [];
      addEventListener("beforeprint", () => {
        window.seen = [...document.querySelectorAll("details[open]")].map((part) => part.id);
      });
    })()""")
    assert len(window.page.pdf(format="A4")) > 10_000
    assert window.run("seen.filter(Boolean)") == ["huber", "mse"]
    assert opened(window) == []
    window.page.emulate_media(media="print")
    window.expect("#_table tbody td small >> nth=0").to_be_visible()
    window.expect("#_filter").to_be_hidden()
    assert "@page { margin: 14mm" in page.render([whole()])


def test_what_scrolls_can_be_reached_by_the_keyboard_and_has_a_name(
    window: Window, files: dict[str, Path]
) -> None:
    for name in ("one", "two"):
        window.open(files[name], width=WIDTHS[1])
        window.click("#_open")
        nameless = window.run("""[...document.querySelectorAll("main *")].filter((part) =>
          ["auto", "scroll"].includes(getComputedStyle(part).overflowX)
          && part.scrollWidth > part.clientWidth
          && !(part.tabIndex === 0 && part.getAttribute("aria-label") && part.role))
          .map((part) => part.outerHTML.slice(0, 80))""")
        assert nameless == []


def test_a_telephone_draws_little_of_an_indentation_and_copies_all_of_it(
    window: Window, files: dict[str, Path]
) -> None:
    def widths() -> list[float]:
        found: list[float] = window.run("""[...document.querySelectorAll("#huber .indent")]
          .map((part) => part.getBoundingClientRect().width)""")
        return found

    window.open(files["one"], width=WIDTHS[1], fragment="#huber")
    narrow = widths()
    assert window.page.locator("#huber .copied code >> nth=0").text_content() == SNIPPET
    window.open(files["one"], fragment="#huber")
    assert 0 < max(narrow) < max(widths()) / 2
