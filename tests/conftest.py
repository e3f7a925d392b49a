"""Published captures and vectors lie beside the checkout, where they are at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Several test processes share two cores: how long an example takes says nothing about the code.
settings.register_profile(
    "calm", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("calm")

PATIENCE_MS = 120_000
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def published() -> Callable[[str], Path]:
    """Path of a published file by its name; skips the test, saying so, where there is none."""

    def find(name: str) -> Path:
        for folder in ("data", "vectors"):
            if (SHARED / folder / name).is_file():
                return SHARED / folder / name
        pytest.skip(f"{name} is not in ../shared beside the checkout")

    return find


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's own headless browser; skips, saying so, where there is none.

    Of a module, not of the session: while it is there an event loop runs, and other tests bring their own.
    """
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        pytest.skip(f"no browser here: none of {', '.join(CHROMIUM_NAMES)} is on the path")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        # Chromium refuses its sandbox to root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=found, args=arguments, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture
def chromium_page(chromium: Browser) -> Iterator[Page]:
    """A page in a profile of its own, 1200 px wide. What else a test asks of it, it says itself."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()
