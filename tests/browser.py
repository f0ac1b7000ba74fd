"""A browser for tests: Chromium as it is installed here, driven by Playwright.

Where either is missing, tests skip, unless REQUIRE_BROWSER=1 says that there must be one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

try:
    from playwright import sync_api
except ImportError:
    sync_api = None

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REQUIRED = "REQUIRE_BROWSER"
TIMEOUT = 30_000  # milliseconds: the machine may be busy
#: of the windows that pages are made for: a computer's and a telephone's
WIDTHS = (1280, 360)
HEIGHT = 900
#: of text against what lies behind it, and of lines: WCAG 2.2, 1.4.3 and 1.4.11, level AA
TEXT, LINES = 4.5, 3.0
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")


def find() -> str | None:
    """The path of a browser, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def required() -> bool:
    """Whether a missing browser is a failure."""
    return os.environ.get(REQUIRED) == "1"


def missing() -> str | None:
    """Why no browser can be driven, or None."""
    if find() is None:
        return f"no browser: none of {', '.join(NAMES)} is installed"
    return "no browser: playwright is not installed" if sync_api is None else None


@contextmanager
def launched() -> Iterator[sync_api.Browser]:
    """The browser, without a window; it is gone afterwards."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    sync_api.expect.set_options(timeout=TIMEOUT)
    with sync_api.sync_playwright() as driver:
        # Chromium refuses to sandbox itself as root
        opened = driver.chromium.launch(executable_path=find(), chromium_sandbox=not root)
        try:
            yield opened
        finally:
            opened.close()


@dataclass(frozen=True, kw_only=True)
class Window:
    """A page in a profile of its own; every request and complaint is kept."""

    page: sync_api.Page
    #: the addresses asked for
    requests: list[str] = field(default_factory=list)
    #: what stands in the console, uncaught exceptions, and what a policy has blocked
    complaints: list[str] = field(default_factory=list)

    def open(
        self, file: Path, *, width: int = 1280, fragment: str = "", dark: bool = False
    ) -> None:
        """Load a file in a window of that width; what was seen of earlier ones is forgotten."""
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        # the same file with another fragment would not be loaded again
        self.page.goto("about:blank")
        self.requests.clear()
        self.complaints.clear()
        self.page.goto(file.as_uri() + fragment)

    def settle(self) -> None:
        """Wait until nothing is asked for any more."""
        self.page.wait_for_load_state("networkidle")

    def run(self, program: str) -> Any:
        """The value of a JavaScript expression."""
        return self.page.evaluate(program)

    def click(self, selector: str) -> None:
        """Click as a user does, where the element can be seen and nothing lies above it."""
        self.page.click(selector)

    def expect(self, selector: str) -> sync_api.LocatorAssertions:
        """What is asserted of an element becomes true in a while."""
        return sync_api.expect(self.page.locator(selector))

    def unreadable(self, least: int) -> dict[str, float]:
        """The contrast of what cannot be read; at least so many kinds of things are looked at."""
        found: dict[str, float] = self.run(CONTRAST)
        assert len(found) > least
        return {
            what: round(ratio, 2)
            for what, ratio in found.items()
            if ratio < (TEXT if what.startswith("text") else LINES)
        }

    @property
    def excess(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.run("document.documentElement.scrollWidth - innerWidth"))


@contextmanager
def window(opened: sync_api.Browser) -> Iterator[Window]:
    """A new window, closed afterwards."""
    with opened.new_context() as context:
        context.set_default_timeout(TIMEOUT)
        made = Window(page=context.new_page())
        made.page.on("request", lambda request: made.requests.append(request.url))
        made.page.on("console", lambda message: made.complaints.append(message.text))
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        yield made
