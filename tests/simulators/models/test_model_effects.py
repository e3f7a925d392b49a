"""Planted effects: of the size that is stated when on, and of none when off."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulators.models import MACHINES, Effects, Variation

OFF = Effects()
TIMES_S = np.linspace(0.0, 50.0, 20_001)


def test_off_is_exactly_nothing() -> None:
    assert OFF.nothing
    assert OFF.rate_factor(0.9) == 1.0
    assert OFF.rate_factor(OFF.remember(0.3, 0.5, 0.04)) == 1.0
    assert np.all(OFF.heartbeat(TIMES_S) == 1.0)
    assert OFF.interval_factors() == (1.0, 1.0)
    assert np.all(OFF.interval_factor(np.linspace(0, 1, 100)) == 1.0)
    assert OFF.leak_shift_s(1e-3) == 0.0
    assert not OFF.fingerprint(Variation.of(MACHINES["s9"], 0, 1)).any()


@pytest.mark.parametrize(
    "on",
    [
        Effects(memory_gain=0.2),
        Effects(heartbeat_depth=0.1),
        Effects(leak_auc=0.52),
        Effects(fingerprint_s=50e-6),
        Effects(rate_change=0.25),
    ],
)
def test_one_that_is_on_is_not_nothing(on: Effects) -> None:
    assert not on.nothing


def test_memory_fades_by_e_in_its_time() -> None:
    for effects, step_s, steps in (
        (Effects(memory_gain=1.0, memory_tau=3.0), 0.04, 3),
        (Effects(memory_gain=1.0, memory_tau=0.4, memory_in_s=1.0), 0.04, 10),
    ):
        memory = before = 1.0
        for _ in range(steps):
            memory = effects.remember(memory, 0.0, step_s)
        assert memory / before == pytest.approx(math.exp(-1), rel=1e-12)


def test_the_rate_follows_the_fading_mean_of_the_drive() -> None:
    effects = Effects(memory_gain=0.5, memory_tau=2.0, memory_centre=0.25)
    drive = np.random.default_rng(0).uniform(0, 0.5, 400)
    kept = math.exp(-1 / 2.0)
    memory, factors = effects.memory_centre, []
    for u in drive:
        memory = effects.remember(memory, u, 0.04)
        factors.append(effects.rate_factor(memory))
    lags = np.arange(200)
    weights = (1 - kept) * kept**lags
    expected = [1 + 0.5 * (weights @ drive[k - lags] - 0.25) for k in range(300, 400)]
    assert factors[300:] == pytest.approx(expected, rel=1e-12)
    assert effects.rate_factor(effects.memory_centre) == 1.0
    assert Effects(memory_gain=-10.0).rate_factor(0.5) == 0.0
    assert Effects(rate_change=0.25).rate_factor(0.0) == 1.25


def test_the_heartbeat_has_its_frequency_and_depth() -> None:
    effects = Effects(heartbeat_hz=2.4, heartbeat_depth=0.25, heartbeat_phase=0.3)
    factor = effects.heartbeat(TIMES_S)
    assert (factor.max(), factor.min()) == (pytest.approx(1.25, abs=1e-4), pytest.approx(0.75, abs=1e-4))
    power = np.abs(np.fft.rfft(factor[:-1] - factor[:-1].mean()))
    assert np.fft.rfftfreq(20_000, 50.0 / 20_000)[power.argmax()] == pytest.approx(2.4)
    assert factor[0] == pytest.approx(1 + 0.25 * math.sin(0.3))


@pytest.mark.parametrize("auc", [0.52, 0.6, 0.8])
def test_a_leak_has_its_area_under_the_curve(auc: float) -> None:
    effects = Effects(leak_auc=auc)
    rng = np.random.default_rng(1)
    depth = rng.uniform(size=400_000)
    intervals = rng.exponential(size=depth.size) * effects.interval_factor(depth)
    assert intervals.mean() == pytest.approx(1.0, abs=0.01)
    leaks = depth < 0.25
    assert _auc(intervals, leaks) == pytest.approx(auc, abs=0.004)
    residuals = rng.normal(0.0, 1e-3, depth.size) + np.where(leaks, effects.leak_shift_s(1e-3), 0.0)
    assert _auc(residuals, leaks) == pytest.approx(auc, abs=0.004)


def _auc(values: np.ndarray, positive: np.ndarray) -> float:
    ranks = np.empty(values.size)
    ranks[values.argsort()] = np.arange(1, values.size + 1)
    n, m = positive.sum(), (~positive).sum()
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


def test_a_fingerprint_is_each_devices_own_and_of_its_size() -> None:
    effects, machine = Effects(fingerprint_s=50e-6), MACHINES["s9"]
    one, other = (effects.fingerprint(Variation.of(machine, 0, number)) for number in (0, 1))
    assert one.shape == (189, 114)
    assert one.std() == pytest.approx(50e-6, rel=0.02)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.03
    assert np.array_equal(one, effects.fingerprint(Variation.of(machine, 0, 0)))


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"heart_beat": 1.0}, "no effect is named heart_beat; they are memory_gain"),
        ({"heartbeat_depth": 1.0}, "from 0 to below 1"),
        ({"leak_auc": 0.4}, "0.5"),
        ({"leak_share": 0.0}, "between 0 and 1"),
        ({"memory_tau": 0.0}, "above 0"),
        ({"memory_in_s": 0.5}, "0 or 1"),
        ({"rate_change": -1.0}, "above -1"),
        ({"fingerprint_s": -1e-6}, "0 or more"),
        ({"memory_gain": math.nan}, "no size"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Effects.from_mapping(sizes)


def test_names_and_sizes_of_a_url_are_taken() -> None:
    assert Effects.from_mapping({"heartbeat_depth": 0.25, "rate_change": 1}) == Effects(
        heartbeat_depth=0.25, rate_change=1.0
    )
