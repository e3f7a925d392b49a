"""Periods in events: powers against brute force, p-values against simulation, depths against the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arrival_samples import modulated, stream_at, stream_of
from scipy import signal, stats

from asicrc.analysis.spectra import phases
from asicrc.analysis.spectra.depth import depth_estimate, detectable_depth, kept_share
from asicrc.analysis.spectra.heartbeat import heartbeat_at, heartbeat_in
from asicrc.analysis.spectra.periodicity import h_test, rayleigh_p, relative_powers, z_squared_test
from asicrc.analysis.spectra.phases import phase_sums, powers
from asicrc.analysis.spectra.renewal_spectrum import interval_spectrum, smooth_spectrum
from asicrc.analysis.spectra.search import (
    band_p,
    band_powers,
    corrected_p,
    independent_trials,
    level_of_each,
    shuffled_band_p,
    strongest,
)
from asicrc.analysis.spectra.sinusoid import rate_sinusoid, sinusoid_fit
from asicrc.errors import UsageError


def test_phase_sums_are_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    t = np.cumsum(np.random.default_rng(1).exponential(0.1, 500))
    t -= t[0]
    for k, found in enumerate(phase_sums(t, 1.7, 4), 1):
        fine = np.linspace(0, t[-1], 400_001)
        even = len(t) * np.trapezoid(np.exp(2j * np.pi * k * 1.7 * fine), fine) / t[-1]
        assert found == pytest.approx(complex(np.exp(2j * np.pi * k * 1.7 * t).sum() - even), abs=1e-3)
    whole = phase_sums(t, 1.7, 4)
    monkeypatch.setattr(phases, "_EVENTS_AT_ONCE", 99)  # long records are summed in pieces
    np.testing.assert_allclose(phase_sums(t, 1.7, 4), whole, atol=1e-9)


@pytest.mark.long
def test_the_strongest_of_a_band_is_what_brute_force_finds() -> None:
    t = np.cumsum(np.random.default_rng(2).exponential(0.1, 2000))
    t -= t[0]
    grid = np.arange(0.5, 5, 1 / (30 * t[-1]))
    power = np.array([powers(t, f)[0] for f in grid]) / smooth_spectrum(np.diff(t), grid)
    peak = strongest(t, 0.5, 5.0)
    assert peak.relative_power == pytest.approx(power.max(), rel=0.01)
    assert peak.frequency_hz == pytest.approx(grid[power.argmax()], abs=1 / (10 * t[-1]))
    frequencies, relative = band_powers(t, 0.5, 5.0)
    exact = powers(t, float(frequencies[777]))[0] / smooth_spectrum(np.diff(t), frequencies[777:778])[0]
    assert relative[777] == pytest.approx(exact, abs=0.15)


@pytest.mark.parametrize("law", ["poisson", "dead time", "bunched"])
def test_false_alarms_of_a_band_stay_at_the_level(law: str) -> None:
    draw = {
        "poisson": lambda rng: rng.exponential(0.1, 800),
        "dead time": lambda rng: 0.04 + rng.exponential(0.06, 800),
        "bunched": lambda rng: rng.gamma(0.6, 0.16, 800),
    }[law]
    repeats, alarms = 300, {"smooth": [], "shuffled": []}
    for k in range(repeats):
        t = np.cumsum(draw(np.random.default_rng([3, k])))
        t -= t[0]
        peak = strongest(t, 0.5, 3.0)
        alarms["smooth"].append(band_p(peak, t, 0.5, 3.0).p_value)
        alarms["shuffled"].append(shuffled_band_p(peak, t, 0.5, 3.0).p_value)
    for p in alarms.values():
        for level in (0.05, 0.01):
            assert np.count_nonzero(np.array(p) <= level) <= stats.binom.ppf(0.9999, repeats, level * 1.2)
        assert np.mean(np.array(p) <= 0.3) >= 0.15


def test_single_frequency_statistics_have_their_laws() -> None:
    p: dict[str, list[float]] = {"rayleigh": [], "z": [], "h": []}
    for k in range(1500):
        t = np.cumsum(np.random.default_rng([4, k]).exponential(1.0, 300))
        found = relative_powers(t - t[0], 0.37, 20)
        p["rayleigh"].append(rayleigh_p(float(found[0]), 300))
        p["z"].append(z_squared_test(found[:2], 300).p_value)
        p["h"].append(h_test(found, 300).p_value)
    for name, values in p.items():
        assert stats.binom.cdf(np.count_nonzero(np.array(values) <= 0.05), 1500, 0.05) > 1e-4, name
        assert stats.binom.sf(np.count_nonzero(np.array(values) <= 0.05) - 1, 1500, 0.055) > 1e-4, name
    assert rayleigh_p(8.0, 20) < math.exp(-8.0)  # of few events phases can agree only so far


def test_the_spectrum_of_a_renewal_process() -> None:
    rng = np.random.default_rng(5)
    x = rng.gamma(4.0, 0.025, 200_000)
    f = np.array([0.3, 5.0, 10.0, 40.0])
    shape, scale = 4.0, 0.025
    c = (1 - 2j * np.pi * f * scale) ** -shape
    exact = (1 - np.abs(c) ** 2) / np.abs(1 - c) ** 2
    assert [interval_spectrum(x, v) for v in f] == pytest.approx(exact.tolist(), rel=0.05)
    assert smooth_spectrum(x, f).tolist() == pytest.approx(exact.tolist(), rel=0.05)
    assert smooth_spectrum(rng.exponential(0.1, 50_000), f) == pytest.approx(np.ones(4), rel=0.03)


def test_depths_are_covered_and_would_have_been_seen_as_often_as_said() -> None:
    depth, n, level = 0.2, 800, 0.01
    covered, seen = 0, 0
    needed = detectable_depth(n, 1.0, level)
    for k in range(300):
        rng = np.random.default_rng([6, k])
        t = modulated(n, depth, 2.4, 12.0, rng)
        p = float(powers(t, 2.4)[0])
        found = depth_estimate(p, len(t), 1.0)
        covered += found.low <= depth <= found.high
        just = modulated(n, needed, 2.4, 12.0, rng)
        seen += math.exp(-float(powers(just, 2.4)[0])) <= level
    assert 0.92 <= covered / 300 <= 0.98
    assert seen / 300 == pytest.approx(0.8, abs=0.08)


def test_levels_of_a_band_and_of_one_frequency() -> None:
    t = np.arange(1000) * 0.1
    trials = independent_trials(t, 1.0, 3.0)
    each = level_of_each(0.01, trials)
    assert corrected_p(-math.log(each), 10_000, trials) == pytest.approx(0.01, rel=0.03)
    assert trials == pytest.approx(2.0 * 99.9 * math.sqrt(4 * math.pi / 12), rel=0.01)


def test_jitter_takes_what_it_is_said_to_take() -> None:
    """H10: the mended K_sync is what a planted line really loses."""
    rng = np.random.default_rng(7)
    t = modulated(40_000, 0.3, 2.4, 12.0, rng)
    for jitter_s in (0.02, 0.05, 0.08):
        late = np.sort(t + rng.normal(0, jitter_s, len(t)))
        kept = math.sqrt(float(powers(late - late[0], 2.4)[0]) / float(powers(t - t[0], 2.4)[0]))
        assert kept == pytest.approx(kept_share(2.4, jitter_s, None), abs=0.06)
    assert kept_share(2.4, None, 0.1) == pytest.approx(np.sinc(0.24))


def test_sinusoids_are_those_of_scipy() -> None:
    rng = np.random.default_rng(8)
    t = np.sort(rng.random(300)) * 50
    y = 3.0 + 0.7 * np.sin(2 * np.pi * 1.3 * t) + rng.normal(0, 0.5, 300)
    f = np.linspace(0.2, 3, 40)
    _, share = sinusoid_fit(t, y, f)
    theirs = signal.lombscargle(t, y, 2 * np.pi * f, normalize=True, floating_mean=True)
    assert share == pytest.approx(theirs, abs=1e-9)
    assert sinusoid_fit(t, y, 1.3)[0][0] == pytest.approx(0.7, abs=0.1)
    depth, _ = rate_sinusoid(modulated(20_000, 0.3, 2.4, 50.0, rng), 2.4)
    assert depth == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("frequency_hz", [0.9, 2.4, 4.1])
def test_a_planted_period_is_found_wherever_it_is(frequency_hz: float) -> None:
    stream = stream_at(
        modulated(2588, 0.25, frequency_hz, 12.5, np.random.default_rng([9, int(frequency_hz)]))
    )
    found = heartbeat_in(stream)
    assert found.finding.verdict == "supported"
    assert found.frequency_hz == pytest.approx(frequency_hz, abs=0.005)
    assert found.finding.effect.low < 0.25 < found.finding.effect.high
    assert found.finding.p_corrected is not None
    assert found.finding.p_corrected < 1e-4
    assert found.rate_depth == pytest.approx(found.finding.effect.estimate, abs=0.03)


def test_none_is_refuted_where_n_is_enough_and_not_resolved_where_not() -> None:
    rng = np.random.default_rng(10)
    many = heartbeat_at(stream_of(rng.exponential(0.08, 2588)))
    assert many.finding.verdict == "refuted"
    assert many.detectable_depth is not None
    assert many.detectable_depth < 0.25
    few = heartbeat_at(stream_of(rng.exponential(0.08, 200)))
    assert few.finding.verdict == "not resolved"
    assert few.detectable_depth is not None
    assert few.detectable_depth > 0.25


def test_what_a_band_has_to_be() -> None:
    stream = stream_of(np.random.default_rng(11).exponential(0.1, 300))
    with pytest.raises(UsageError, match="no frequency"):
        heartbeat_at(stream, -1.0)
    with pytest.raises(UsageError, match="no band"):
        heartbeat_in(stream, 3.0, 2.0)
    slow = heartbeat_at(stream, 0.05)
    assert slow.finding.verdict == "not testable here"
    assert "hold 1.4" in slow.finding.note or "periods of" in slow.finding.note
    assert slow.as_json()["depth"] is None
