"""The live page in a browser: nothing from elsewhere, no error, readable by everybody, alive."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from live_pages import BEGAN_NS, S, grow, page_of, started

from asicrc.bench.plan_file import plan_from_toml
from asicrc.bench.stored_sweep import sweep_record
from asicrc.capture import CaptureWriter
from asicrc.capture.points import PointRecord, PointState
from asicrc.telemetry.serve import running
from asicrc.telemetry.serve.server import LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.long
CHARTS = ("rate", "intervals", "cv", "errors", "temperature", "power")
PLAN = plan_from_toml(
    'name = "two"\norder = "grid"\n[grid]\nfrequency_mhz = [300, 400]\n[dwell]\nduration_s = 60\n',
    Path("p.toml"),
)
NASTY = "<img src=x onerror=\"document.title='taken'\"><b id=made>bold</b>"


@pytest.fixture(autouse=True)
def _prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LOOK_EVERY_S", 0.1)


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[CaptureWriter]:
    """A sweep in its second point."""
    with started(tmp_path / "a.asicrc", {"device_url": NASTY} | sweep_record(PLAN)) as writer:
        first, second = (point.as_json() for point in PLAN.points())
        marks = {"first_seq": 0, "segment": 0}
        writer.put_point(PointRecord(1, BEGAN_NS, BEGAN_NS + 25 * S, PointState.DONE, first | marks))
        writer.put_point(PointRecord(2, BEGAN_NS + 25 * S, plan=second | marks))
        writer.add_log(NASTY, "warning")
        writer.commit()
        yield writer


@pytest.fixture
def server(sweep: CaptureWriter) -> Iterator[LiveServer]:
    with page_of(sweep.path) as served:
        yield served


@pytest.fixture
def page(chromium_page: Page, server: LiveServer) -> Iterator[Page]:
    """Opened and drawn; at the end nothing was asked of anybody else, and no error was met."""
    troubles: list[str] = []
    asked: list[str] = []
    chromium_page.on(
        "console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None
    )
    chromium_page.on("pageerror", lambda error: troubles.append(str(error)))
    chromium_page.on("request", lambda request: asked.append(request.url))
    chromium_page.goto(server.url)
    drawn(chromium_page)
    yield chromium_page
    assert not troubles
    assert asked and all(url.startswith(server.url) for url in asked)


def drawn(page: Page) -> None:
    until(page, "document.querySelectorAll('.chart:not(.is-empty) .line, .chart .bars').length === 6")


def until(page: Page, condition: str, argument: object = None, within_s: float = 45.0) -> None:
    """As `wait_for_function`, which the page's policy does not let in: it evaluates a string inside of it."""
    ends = time.monotonic() + within_s
    while not page.evaluate(condition, argument):
        assert time.monotonic() < ends, condition
        page.wait_for_timeout(30)


def line(page: Page, chart: str) -> str:
    return page.get_attribute(f"#{chart} path:is(.line, .bars)", "d") or ""


def test_charts_and_words_follow_the_capture(page: Page, sweep: CaptureWriter) -> None:
    before = {chart: line(page, chart) for chart in CHARTS}
    assert all(before.values())
    sweep.add_log("goes on")
    sweep.commit()
    until(page, "document.getElementById('state').textContent === 'being written'")
    assert re.search(
        r"point 2 \(frequency_mhz 400\): running, 1 of 2 taken, .* left", page.inner_text("#point")
    )
    share = page.evaluate("document.getElementById('progress').value")
    assert 0 < share < 1
    grow(sweep, 400)
    until(page, "document.getElementById('counted').textContent.includes('stored 700 rows')")
    until(
        page,
        "([id, d]) => document.querySelector(`#${id} .line`).getAttribute('d') !== d",
        ["rate", before["rate"]],
    )
    assert all(line(page, chart) != before[chart] for chart in CHARTS if chart != "errors")
    assert page.evaluate("document.getElementById('progress').value") > share
    assert "399.8" in page.inner_text("#settings")
    sweep.seal("asked to")
    until(page, "document.getElementById('state').textContent === 'sealed'")
    assert page.inner_text("#state-words") == "ended: asked to"
    assert "ended: asked to" in (page.text_content("#summary") or ""), "a change of state is told at once"


def test_strings_of_a_device_are_shown_and_make_nothing(page: Page) -> None:
    assert page.inner_text("#device") == NASTY
    assert page.inner_text("#log li.loud") == f"warning: {NASTY}"
    assert page.locator("#made, img").count() == 0
    assert page.title() == "a.asicrc: asicrc"


def test_a_chart_is_read_by_keyboard_and_as_a_table(page: Page) -> None:
    slider = page.locator("#rate [role=slider]")
    slider.focus()
    page.keyboard.press("Home")
    assert re.match(
        r"0 s to \d+ s: [\d.]+/s \[[\d.]+, [\d.]+\]", slider.get_attribute("aria-valuetext") or ""
    )
    assert slider.get_attribute("aria-valuenow") == "0"
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuenow") == "1"
    assert page.inner_text("#rate .reading") == slider.get_attribute("aria-valuetext")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    rows = int(slider.get_attribute("aria-valuemax") or 0) + 1
    until(page, "(n) => document.querySelectorAll('#rate details[open] tbody tr').length === n", rows)
    reached = set()
    page.locator("#pause").focus()
    for _ in range(40):
        reached.add(page.evaluate("document.activeElement.closest('figure, section, p')?.id ?? ''"))
        page.keyboard.press("Tab")
    assert set(CHARTS) <= reached


def test_it_can_be_held_still(page: Page, sweep: CaptureWriter) -> None:
    page.click("#pause")
    assert page.get_attribute("#pause", "aria-pressed") == "true"
    before = page.inner_text("main")
    grow(sweep, 300)
    page.wait_for_timeout(600)
    assert page.inner_text("main") == before
    page.click("#pause")
    until(page, "document.getElementById('counted').textContent.includes('stored 600 rows')")


def test_those_who_want_little_to_move_get_less(page: Page, sweep: CaptureWriter) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_timeout(300)
    page.evaluate(
        "() => { window.shown = 0; new MutationObserver(() => { window.shown += 1; }).observe("
        "document.getElementById('counted'), { childList: true, characterData: true, subtree: true }); }"
    )
    began_s = time.monotonic()
    for _ in range(15):
        grow(sweep, 20)
        page.wait_for_timeout(100)
    seconds = time.monotonic() - began_s
    assert page.evaluate("window.shown") <= 1 + seconds / 5, "every five seconds, and not with each change"
    until(page, "document.getElementById('counted').textContent.includes('stored 600 rows')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_fits(page: Page, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.click("#rate summary")
    for width in (1200, 360):
        page.set_viewport_size({"width": width, "height": 800})
        until(page, "(width) => document.documentElement.scrollWidth <= width", width)
        outside = "(drawn) => drawn.getBoundingClientRect().right > innerWidth"
        until(page, f"![...document.querySelectorAll('main svg')].some({outside})")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_what_is_wrong_with_a_file_is_said_and_the_end_of_the_server_too(
    page: Page, sweep: CaptureWriter, server: LiveServer
) -> None:
    sweep.seal("done")
    sweep.path.write_text("no capture")
    # for a moment, while it is written, the file is empty, and the page may say that first
    until(page, "document.getElementById('problem').textContent.includes('is not a capture')")
    assert page.is_visible("#notice")
    assert page.inner_text("#try").startswith("Try: ")
    assert page.is_visible("#charts"), "what was seen before stays"
    server.hub.close()
    until(page, "document.getElementById('connection').textContent.includes('was ended')")
