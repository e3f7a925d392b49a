"""Numbers as a reader sees them, and figures that fit into a page."""

# ruff: noqa: RUF001 -- the minus, the dash and the cross are what is tested

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from asicrc.analysis.point_numbers import PointNumbers
from asicrc.evidence import Estimate
from asicrc.evidence.binomial import clopper_pearson
from asicrc.report.calibration_figure import memory_calibration_figure
from asicrc.report.html.capture_parts import _after_start
from asicrc.report.html.inline_figure import LARGEST_SVG_BYTES, inline_figure
from asicrc.report.html.number_text import (
    duration,
    estimate_column,
    estimate_text,
    exact,
    number,
    p_value,
    share,
    three_decimals,
)
from asicrc.report.html.rendering import LONGEST_TEXT, together, visible
from asicrc.report.html.sweep_page import _more_commands, _told_apart
from asicrc.report.readings_figure import reading_panels
from asicrc.report.reservoir_figure import _with_error, scores_panel
from asicrc.report.sweep_figure import levels_of
from asicrc.reservoir.calibration import ClassResult
from firmware_protocols.device import Reading


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, 10, method="made up")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (912, "912"), (12_345_678, "12,345,678"), (0, "0"), (0.0, "0"), (1.003, "1.003"), (16.4, "16.40"),
        (-5017.2, "−5,017"), (1.52594e-05, "1.526 × 10⁻⁵"), (3.2e19, "3.2 × 10¹⁹"), (10**20, "1 × 10²⁰"),
        (math.nan, "–"), (math.inf, "–"), (None, "–"), (True, "–"), ("7", "–"),
    ],
)  # fmt: skip
def test_numbers(value: object, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((1.02231, 0.97034, 1.08761), ("1.022", "[0.970, 1.088]")),
        ((-5016.9, -10546.3, 512.7), ("−5,017", "[−10,546, 513]")),
        ((0.0, 0.0, 0.0049), ("0.0000", "[0.0000, 0.0049]")),
        ((-0.0004, -0.02, 0.02), ("0.000", "[−0.020, 0.020]")),
        ((3.0e-9, 2.0e-9, 4.0e-9), ("3 × 10⁻⁹", "[2 × 10⁻⁹, 4 × 10⁻⁹]")),
        ((5.0, math.nan, math.nan), ("5.000", "–")),
        ((math.nan, 0.0, 1.0), ("–", "–")),
    ],
)
def test_estimates_have_the_digits_that_their_interval_bears(
    interval: tuple[float, float, float], text: tuple[str, str]
) -> None:
    assert estimate_text(estimate(*interval)) == text


def test_estimates_of_one_column_have_the_same_decimals() -> None:
    column = [
        estimate(1.07, 0.97, 1.26),
        estimate(0.9674, 0.897, 1.051),
        None,
        estimate(1.0, math.nan, math.nan),
    ]
    assert [value for value, _ in estimate_column(column)] == ["1.070", "0.967", "–", "1.000"]
    assert estimate_column([None]) == [("–", "–")]
    small = [estimate(0.9, 0.8, 1.0), estimate(0.0004, 0.0003, 0.0005), estimate(0.7, 0.6, 0.8)]
    assert estimate_column(small)[1] == ("0.00040", "[0.00030, 0.00050]"), "no zero that is none"


def test_other_words_for_numbers() -> None:
    assert [p_value(p) for p in (0.0, 1e-9, 0.00043, 0.0187, 0.335, 1.0)] == [
        "< 0.0001", "< 0.0001", "0.0004", "0.019", "0.34", "1",
    ]  # fmt: skip
    assert [share(part) for part in (0.01, 0.12345, None)] == ["1 %", "12.3 %", "–"]
    assert [exact(value) for value in (485.0, 1_041_667, 0.25, -1.5, None)] == [
        "485",
        "1,041,667",
        "0.25",
        "−1.5",
        "–",
    ]
    assert [duration(s) for s in (14.97, 119.0, 260.0, 29_100.0, None)] == [
        "15 s", "119 s", "4 min 20 s", "8 h 5 min", "–",
    ]  # fmt: skip
    assert (
        together("95 % in 3 ms of 12 points") == "95\N{NO-BREAK SPACE}% in 3\N{NO-BREAK SPACE}ms of 12 points"
    )


def test_no_string_is_longer_than_a_page_bears() -> None:
    shown = visible("a" * (LONGEST_TEXT + 5))
    assert isinstance(shown, str) and shown.endswith(f"({LONGEST_TEXT + 5} characters)")


def test_values_of_a_second_setting_are_drawn_in_their_order_and_those_left_out_are_told() -> None:
    mhz = (1000.0, 200.0, 300.0, 90.0, 400.0, 500.0, 600.0)
    numbers = [
        PointNumbers(k, k, 0, "point", "done", {"voltage_mv": float(k), "frequency_mhz": f, "difficulty": f},
                     10.0, 0, None, None, True, None)
        for k, f in enumerate(mhz)
    ]  # fmt: skip
    levels, drawn = levels_of(numbers, "frequency_mhz")
    assert levels == sorted(mhz) and drawn == [90.0, 300.0, 500.0, 1000.0]
    said = _told_apart(numbers, ["voltage_mv", "frequency_mhz", "difficulty"])
    assert said.split(". ") == [
        " Of 7 values of frequency_mhz 4 are drawn", "Points that differ in difficulty are not told apart.",
    ]  # fmt: skip
    assert _told_apart(numbers[:3], ["voltage_mv", "frequency_mhz"]) == ""


def test_what_no_sweep_needs_is_not_told() -> None:
    assert _more_commands("a", False, None) == []
    assert [more.command.split()[1] for more in _more_commands("a", True, 2)] == ["resume", "analyze"]


def test_small_scores_keep_their_digits_in_figures() -> None:
    assert [three_decimals(nrmse) for nrmse in (1.0021, 0.8661, 0.0, 0.0004, math.nan)] == [
        "1.002", "0.866", "0.000", "0.000400", "nan",
    ]  # fmt: skip


def test_intervals_of_scores_and_errors_of_capacities_are_not_cut() -> None:
    assert _with_error(np.array([-0.0004, 0.0002])) == "-0.00010 ± 0.00030"
    assert _with_error(np.array([0.9, 1.3])) == "1.10 ± 0.20"
    for high, shown in ((1.8, 1.8), (60.0, 2.1)):
        scores = {"device": estimate(1.0, 0.2, high), "u_t": estimate(0.9, 0.8, 1.0)}
        assert scores_panel(scores, None).axes[0].get_xlim()[1] >= shown


def test_times_of_two_boots_go_on_and_no_line_joins_them() -> None:
    """The clock of the second begins at 40 s, which is before the first reading."""
    times_s = [1000.0, 1010.0, 1020.0, 40.0, 50.0]
    readings = [Reading(round(t * 1e9), "power_w", 10.0 + t % 7) for t in times_s]
    (line,) = reading_panels(readings)["power_w"].axes[0].lines
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert x.tolist()[:3] == [0.0, 10.0, 20.0] and x.tolist()[4:] == [20.0, 30.0]
    assert np.isnan(x[3]) and np.isnan(y[3])
    assert [_after_start(round(t * 1e9)) for t in (-900.0, -0.1, 2.5)] == ["–", "0 s", "2.500 s"]


def test_labels_of_a_calibration_stay_on_its_figure() -> None:
    results = [
        ClassResult(name, name == "planted, work", clopper_pearson(k, 500), 0.0, {})
        for name, k in (("ordinary, frequency", 0), ("planted, work", 498))
    ]
    figure = memory_calibration_figure(results)
    figure.draw_without_rendering()
    for axis in figure.axes:
        box = axis.xaxis.label.get_window_extent()
        assert 0 < box.x0 < box.x1 < figure.bbox.x1 - 10


def test_svg_has_no_style_no_foreign_reference_and_names_of_its_own() -> None:
    names = set()
    for label in ("a", "b"):
        figure = Figure(figsize=(3, 2))
        axis = figure.subplots()
        axis.plot(np.arange(20), ".", label=r"\$x")
        axis.bar([1], [5], hatch="//")
        axis.legend()
        drawn = inline_figure(figure, label)
        assert drawn.svg is not None and drawn.png is None
        assert "http" not in drawn.svg and "style" not in drawn.svg
        root = ElementTree.fromstring(drawn.svg)
        assert root.attrib["aria-hidden"] == "true" and root.attrib["viewBox"].startswith("0 0 216 144")
        own = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        links = {e.attrib["href"][1:] for e in root.iter() if "href" in e.attrib}
        links |= {v[5:-1] for e in root.iter() for v in e.attrib.values() if v.startswith("url(#")}
        assert own and set(own) == links and len(own) == len(set(own))
        assert not names & set(own)
        names |= set(own)


def test_drawing_that_is_too_large_becomes_pixels() -> None:
    figure = Figure(figsize=(3, 2))
    rng = np.random.default_rng(0)
    figure.subplots().plot(*rng.normal(size=(2, LARGEST_SVG_BYTES // 60)), ".")
    drawn = inline_figure(figure, "a")
    assert drawn.svg is None and drawn.png is not None and drawn.png.startswith("data:image/png;base64,iVBOR")
    assert (drawn.width, drawn.height) == (288, 192)
