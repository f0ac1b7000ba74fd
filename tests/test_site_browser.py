"""Pages of the site in a real browser: they load only their style, fit, and can be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import WIDTHS, Window
from test_site import rendered

from lossproof.reports.site import folder

PATHS = ("index.html", "losses/huber.html", "tolerance.html")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    folder.write(place, rendered())
    return place


@pytest.mark.parametrize("path", PATHS)
def test_it_loads_from_disk_with_its_style_alone_and_no_complaint(
    window: Window, site: Path, path: str
) -> None:
    window.open(site / path)
    window.settle()
    assert window.requests == [(site / name).as_uri() for name in (path, "style.css")]
    assert window.complaints == []


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_the_window(window: Window, site: Path, width: int) -> None:
    wide = {}
    for page in sorted(site.rglob("*.html")):
        window.open(page, width=width)
        if window.excess:
            wide[page.name] = window.excess
    assert wide == {}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_everything_can_be_read(window: Window, site: Path, path: str, dark: bool) -> None:
    window.open(site / path, dark=dark)
    assert window.unreadable(least=10) == {}


def test_a_card_leads_to_the_page_of_its_loss(window: Window, site: Path) -> None:
    window.open(site / "index.html", width=360)
    window.click("#losses a[href='losses/huber.html']")
    window.expect("h1").to_have_text("huber")
    assert window.complaints == []
