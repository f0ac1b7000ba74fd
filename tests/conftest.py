"""What several files of tests are given: a browser for each file, and a window for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Chromium, started; what needs it skips where it is missing, or fails if it is required."""
    import browser  # loads Playwright, which few tests need

    if reason := browser.missing():
        if browser.required():
            pytest.fail(f"{reason}, and {browser.REQUIRED}=1 asks for one")
        pytest.skip(reason)
    with browser.launched() as opened:
        yield opened


@pytest.fixture
def window(chromium: Any) -> Iterator[Any]:
    """A window that nothing was opened in."""
    import browser

    with browser.window(chromium) as made:
        yield made
