from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from asicrc.analysis.intervals import interval_statistics, latency_statistics
from asicrc.errors import NoAnswer
from firmware_protocols.device import NO_TIME

Rows = Callable[[str], list[dict[str, str]]]


def _stamps(intervals_s: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(intervals_s * 1e9)]).astype(np.int64)


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (
            lambda rng: rng.exponential(0.1, 600),
            {"mean_s": 0.1, "cv": 1.0, "cv2": 1.0, "lv": 1.0, "fano": 1.0},
        ),
        (lambda rng: rng.gamma(4.0, 0.025, 600), {"mean_s": 0.1, "cv": 0.5, "lv": 3 / 9}),
        (lambda rng: 0.02 + rng.exponential(0.08, 600), {"mean_s": 0.1, "cv": 0.8}),
    ],
    ids=["poisson", "gamma renewal", "dead time"],
)
def test_intervals_cover_known_truth(
    draw: Callable[[np.random.Generator], np.ndarray], truth: dict[str, float]
) -> None:
    repeats = 200
    covered = dict.fromkeys(truth, 0)
    for k in range(repeats):
        found = interval_statistics(_stamps(draw(np.random.default_rng([11, k]))), seed=k, replicates=399)
        for name, value in truth.items():
            estimate = getattr(found, name)
            covered[name] += estimate.low <= value <= estimate.high
    # LV of a gamma process of shape k is 3 / (2 k + 1) (Shinomoto et al. 2003)
    least, most = stats.binom.ppf([0.0005, 0.9995], repeats, 0.95)
    assert all(least <= hits <= most for hits in covered.values()), covered


def test_no_interval_crosses_a_segment() -> None:
    rng = np.random.default_rng(1)
    t = _stamps(rng.exponential(0.1, 400))
    segment = np.repeat([1, 2], [200, 201])
    t[200:] += 10**12  # a reboot between the segments
    found = interval_statistics(t, segment)
    assert found.n == 399
    assert found.segments == 2
    assert found.intervals_s.max() < 5
    assert found.cv2.n == 397


def test_equal_stamps_are_kept_and_counted() -> None:
    t = _stamps(np.tile([0.0, 0.0, 0.3], 40))
    found = interval_statistics(t)
    assert found.n == 120
    assert found.zero_intervals == 80
    assert found.zero_pairs == 40
    assert found.mean_s.estimate == pytest.approx(0.1)


def test_a_clockwork_has_no_variation() -> None:
    found = interval_statistics(np.arange(100) * 10**9)
    assert found.cv.estimate == found.cv2.estimate == found.lv.estimate == 0
    assert found.fano is None
    assert "windows" in found.fano_note


def test_unordered_stamps_are_an_error_unless_sorting_is_asked_for() -> None:
    t = _stamps(np.random.default_rng(2).exponential(0.1, 100))
    shuffled = t[np.random.default_rng(3).permutation(len(t))]
    with pytest.raises(NoAnswer, match="earlier than the one before"):
        interval_statistics(shuffled)
    found = interval_statistics(shuffled, sort=True)
    assert found.sorted_here
    assert found.mean_s.estimate == interval_statistics(t).mean_s.estimate


def test_what_cannot_be_answered_says_why() -> None:
    with pytest.raises(NoAnswer, match="4 intervals between 5 events; interval statistics need 20"):
        interval_statistics(np.arange(5) * 10**9)
    with pytest.raises(NoAnswer, match="1 of 30 events have no stamp"):
        interval_statistics(np.append(np.arange(29), NO_TIME))
    with pytest.raises(NoAnswer, match="same stamp"):
        interval_statistics(np.zeros(30, np.int64))
    with pytest.raises(NoAnswer, match="not in order"):
        interval_statistics(np.arange(30), np.repeat([2, 1], 15))
    with pytest.raises(NoAnswer, match="1 are missing and 1 are negative"):
        latency_statistics([np.nan, -1.0] + [1.0] * 30)


def test_asked_for_windows_are_used() -> None:
    t = _stamps(np.random.default_rng(4).exponential(0.1, 2000))
    found = interval_statistics(t, windows_s=[0.5, 2.0])
    assert found.fano_window_s == 0.5
    assert [point.window_s for point in found.fano_curve] == [0.5, 2.0]
    assert found.as_json()["fano_curve"][1]["n"] == pytest.approx(t[-1] / 2e9, abs=1)


def test_published_shares_of_an_s9(published_rows: Rows) -> None:
    rows = published_rows("s9_shares.csv")
    seconds = np.array([float(row["timestamp"]) for row in rows])
    found = interval_statistics(np.round(seconds * 1e9).astype(np.int64))
    assert found.cv.estimate == pytest.approx(0.827, abs=5e-4)
    assert found.cv.high < 1
    assert found.fano is not None
    assert found.fano.high < 1
    proof = ("extranonce2", "job_id", "nonce", "ntime", "version")
    first = {tuple(row[key] for key in proof): k for k, row in reversed(list(enumerate(rows)))}
    distinct = interval_statistics(np.round(seconds[sorted(first.values())] * 1e9).astype(np.int64))
    assert distinct.n == len(rows) - 42 - 1
    assert distinct.cv.estimate == pytest.approx(0.813, abs=5e-4)
    latency = latency_statistics([float(row["jitter_ms"]) / 1e3 for row in rows])
    assert latency.cv.estimate == pytest.approx(0.834, abs=5e-4)
