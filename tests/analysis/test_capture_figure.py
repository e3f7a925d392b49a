from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from asicrc.analysis.intervals import interval_statistics
from asicrc.analysis.scan_order import scan_order_residuals
from asicrc.report.figures import capture_figure


@pytest.fixture
def stamps() -> np.ndarray:
    return np.cumsum(np.random.default_rng(61).exponential(0.05, 500) * 1e9).astype(np.int64)


def _saved(figure: Figure, folder: Path) -> Path:
    path = folder / "capture.png"
    figure.savefig(path, dpi=60)
    assert path.read_bytes().startswith(b"\x89PNG")
    return path


def _titles(figure: Figure) -> list[str]:
    return [axis.get_title(loc="left") for axis in figure.axes]


def test_a_direct_link_shows_residuals(stamps: np.ndarray, tmp_path: Path) -> None:
    due_s = stamps / 1e9
    # jitter is added event by event, so that neighbours may swap
    late = stamps + np.random.default_rng(62).normal(1e6, 2e4, 500).astype(np.int64)
    scan = scan_order_residuals(
        late, due_s, 687.0, batch=due_s // 0.1, core=stamps % 112, version=stamps % 8, jitter_floor_s=2e-5
    )
    figure = capture_figure(late, title="bm1366", scan=scan, intervals=interval_statistics(late, sort=True))
    _saved(figure, tmp_path)
    titles = _titles(figure)
    assert [title[:3] for title in titles] == ["(a)", "(b)", "(c)", "(d)"]
    assert all("n = " in title for title in titles)
    drawn = figure.axes[1].lines[1].get_ydata()
    np.testing.assert_array_equal(drawn, scan.residual_scaled_ms)
    assert all("(" in axis.get_xlabel() for axis in figure.axes)  # a unit


@pytest.mark.parametrize("step_s", [None, 1e-4])
def test_the_legend_of_the_residuals_stands_clear_of_the_marks(
    stamps: np.ndarray, step_s: float | None
) -> None:
    """Wherever floor and bars lie: here the floor is as wide as all residuals."""
    due_s = stamps / 1e9
    late = stamps + np.random.default_rng(62).normal(1e6, 2e4, 500).astype(np.int64)
    scan = scan_order_residuals(
        late,
        due_s,
        687.0,
        batch=due_s // 0.1,
        core=stamps % 112,
        version=stamps % 8,
        jitter_floor_s=6e-5,
        quantum_s=step_s,
    )
    figure = capture_figure(late, title="bm1366", scan=scan)
    figure.draw_without_rendering()
    axis = figure.axes[2]
    legend = axis.get_legend()
    assert legend is not None
    box = legend.get_window_extent()
    marks = [*axis.lines, *axis.patches]
    assert len(axis.lines) == 2
    assert len(axis.patches) > 8
    assert max(mark.get_window_extent().y1 for mark in marks) < box.y0
    assert box.y1 <= axis.get_window_extent().y1


def test_a_network_miner_shows_latency_and_fano(stamps: np.ndarray, tmp_path: Path) -> None:
    latency = np.append(np.diff(stamps) / 1e9, np.nan)
    figure = capture_figure(stamps, title="lv06", intervals=interval_statistics(stamps), latency_s=latency)
    _saved(figure, tmp_path)
    assert "latency, n = 499" in _titles(figure)[1]
    assert "Fano factor" in _titles(figure)[2]


def test_an_exponential_stays_in_its_band(stamps: np.ndarray) -> None:
    axis = capture_figure(stamps, title="x", intervals=interval_statistics(stamps)).axes[3]
    band = axis.collections[0].get_paths()[0].vertices
    steps = next(line for line in axis.lines if line.get_label() == "intervals")
    x, survival = np.asarray(steps.get_xdata(), float), np.asarray(steps.get_ydata(), float)
    inside = 0
    middle = range(50, 400, 10)
    for k in middle:
        near = band[np.abs(band[:, 0] - x[k]) < 2.0, 1]
        inside += near.min() <= survival[k] <= near.max()
    assert inside >= 0.9 * len(middle)


def test_device_strings_are_not_formulas_and_missing_data_is_said(tmp_path: Path) -> None:
    figure = capture_figure(np.array([5]), title=r"$\frac{1}{ <b> $")
    _saved(figure, tmp_path)  # mathtext would raise here
    texts = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert texts == [
        "1 events",
        "no event has a dispatch stamp",
        "no intervals were analysed",
        "too few intervals to analyse",
    ]
