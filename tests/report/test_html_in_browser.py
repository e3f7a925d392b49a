"""Reports in a browser: silent, readable by everybody, on a telephone, in the dark and on paper."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from report_samples import HOSTILE, UNSEEN, benchmark, claims, plain_capture, sweep_capture

from asicrc.report.html import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.long
KINDS = ("capture", "sweep", "benchmark", "claims")
SHOTS = "ASICRC_SCREENSHOTS"
"""Folder where whole pages are kept to be looked at, where this is set."""
LONG_WORD = "x" * 400
PAPER = (673, 990)
"""A4 between the margins of the style sheet, in px."""


def made(folder: Path, said: str = "") -> dict[str, Path]:
    subjects = {
        "capture": plain_capture(folder / "capture.asicrc", 60, said or "LV06"),
        "sweep": sweep_capture(folder / "sweep.asicrc", said or "LV06"),
        "benchmark": benchmark(said or "twin:lv06"),
        "claims": claims(said or "the CV departs from 1"),
    }
    for kind, subject in subjects.items():
        write_report(subject, folder / f"{kind}.html")
    return {kind: folder / f"{kind}.html" for kind in KINDS}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return made(tmp_path_factory.mktemp("usual"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return made(tmp_path_factory.mktemp("hostile"), f"{HOSTILE}{UNSEEN}{LONG_WORD}")


@pytest.fixture(params=["usual", "hostile"])
def reports(request: pytest.FixtureRequest) -> dict[str, Path]:
    found: dict[str, Path] = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_opens_without_a_word_and_without_a_network(
    chromium_page: Page, reports: dict[str, Path], kind: str
) -> None:
    said: list[str] = []
    asked: list[str] = []
    chromium_page.on("console", lambda message: said.append(message.text))
    chromium_page.on("pageerror", lambda error: said.append(str(error)))
    chromium_page.on("dialog", lambda dialog: said.append(dialog.message))
    chromium_page.on("request", lambda request: asked.append(request.url))
    chromium_page.goto(reports[kind].as_uri())
    drawn = (
        "[...document.querySelectorAll('figure svg, figure img')].map(d => d.getBoundingClientRect().height)"
    )
    heights: list[float] = chromium_page.evaluate(drawn)
    assert heights and min(heights) > 60
    assert not said
    assert asked == [reports[kind].as_uri()]
    if SHOTS in os.environ:
        name = f"{reports[kind].parent.name}-{kind}-1200.png"
        chromium_page.screenshot(path=Path(os.environ[SHOTS]) / name, full_page=True)


@pytest.mark.parametrize("kind", KINDS)
def test_fits_a_telephone(chromium_page: Page, reports: dict[str, Path], kind: str) -> None:
    chromium_page.set_viewport_size({"width": 360, "height": 740})
    chromium_page.goto(reports[kind].as_uri())
    assert chromium_page.evaluate("document.documentElement.scrollWidth") == 360
    wide = """[...document.querySelectorAll('main *')].filter(e => {
        const scrolls = e.closest('.scroll, .plate');
        return !scrolls && e.getBoundingClientRect().right > innerWidth + 1;
    }).map(e => e.outerHTML.slice(0, 200))"""
    assert chromium_page.evaluate(wide) == []
    if SHOTS in os.environ:
        name = f"{reports[kind].parent.name}-{kind}-360.png"
        chromium_page.screenshot(path=Path(os.environ[SHOTS]) / name, full_page=True)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 360)])
@pytest.mark.parametrize("kind", KINDS)
def test_can_be_read_by_everybody(
    chromium_page: Page, usual: dict[str, Path], kind: str, scheme: Any, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    chromium_page.emulate_media(color_scheme=scheme)
    chromium_page.set_viewport_size({"width": width, "height": 800})
    chromium_page.goto(usual[kind].as_uri())
    found = axe.Axe().run(chromium_page)
    assert found.violations_count == 0, found.generate_report()


def test_keyboard_reaches_contents_and_wide_tables(chromium_page: Page, usual: dict[str, Path]) -> None:
    chromium_page.set_viewport_size({"width": 360, "height": 740})
    chromium_page.goto(usual["sweep"].as_uri())
    chromium_page.keyboard.press("Tab")
    focused = "document.activeElement.className + ' ' + document.activeElement.getBoundingClientRect().left"
    assert chromium_page.evaluate(focused) == "skip 0"
    chromium_page.keyboard.press("Enter")
    seen = set()
    for _ in range(30):
        chromium_page.keyboard.press("Tab")
        seen.add(chromium_page.evaluate("document.activeElement.className || document.activeElement.tagName"))
    assert "scroll" in seen


@pytest.mark.parametrize("kind", KINDS)
def test_prints(chromium_page: Page, usual: dict[str, Path], kind: str, tmp_path: Path) -> None:
    chromium_page.goto(usual[kind].as_uri())
    chromium_page.emulate_media(media="print")
    assert chromium_page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    chromium_page.set_viewport_size({"width": PAPER[0], "height": PAPER[1]})
    assert chromium_page.evaluate("document.documentElement.scrollWidth") == PAPER[0]
    printed = chromium_page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF") and len(printed) > 20_000
