"""Planted effects have the size that was asked for, and where none is asked for there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from twin_samples import difficulty_for, events_of, ideal_events, intervals_of, rayleigh

from asicrc.work.pool_work import PoolWork
from firmware_protocols.bm13xx import model_by_name
from firmware_protocols.bm13xx.nonce import nonce_fields
from firmware_protocols.device.drive import with_drive
from simulators.models import MACHINES, Effects, Variation
from simulators.twins.named import ideal, ordinary, planted

RATE_HZ = 1000.0
N = 80_000


def auc_of(x: np.ndarray, is_leaking: np.ndarray) -> float:
    statistic = stats.mannwhitneyu(x[is_leaking], x[~is_leaking]).statistic
    return float(statistic / (is_leaking.sum() * (~is_leaking).sum()))


def auc_error(is_leaking: np.ndarray) -> float:
    n, m = int(is_leaking.sum()), int((~is_leaking).sum())
    return 5 * float(np.sqrt((n + m + 1) / (12 * n * m)))


def best_quarter(events: np.ndarray) -> np.ndarray:
    """Events whose hash is below a quarter of the target."""
    return events["difficulty"][1:] > 4 * difficulty_for(RATE_HZ)


@pytest.mark.parametrize(("hz", "depth"), [(2.4, 0.25), (7.0, 0.6)])
def test_a_heartbeat_has_its_depth(hz: float, depth: float) -> None:
    events = ideal_events(RATE_HZ, N, effects={"heartbeat_hz": hz, "heartbeat_depth": depth})
    t_s = events["t_ns"] / 1e9
    assert rayleigh(t_s, hz) == pytest.approx(depth / 2, abs=4 / np.sqrt(N))
    assert rayleigh(t_s, 1.37 * hz) < 4 / np.sqrt(N)
    assert len(events) == pytest.approx(N, rel=5 / np.sqrt(N))


@pytest.mark.parametrize("auc", [0.52, 0.6])
def test_a_leak_has_its_auc(auc: float) -> None:
    events = ideal_events(RATE_HZ, N, effects={"leak_auc": auc})
    leaks = best_quarter(events)
    x = intervals_of(events)
    assert leaks.mean() == pytest.approx(0.25, abs=5 * np.sqrt(0.25 * 0.75 / N))
    assert auc_of(x, leaks) == pytest.approx(auc, abs=auc_error(leaks))
    assert x.mean() == pytest.approx(1 / RATE_HZ, rel=6 / np.sqrt(N))


def test_a_change_of_the_rate_is_one() -> None:
    plain, faster = (ideal_events(RATE_HZ, N, effects={"rate_change": c}) for c in (0.0, 0.25))
    assert len(faster) / len(plain) == pytest.approx(1.25, rel=1e-3)  # the same luck, and more of it


@pytest.mark.parametrize(("gain", "tau"), [(2.0, 3.0), (-2.0, 8.0)])
def test_a_memory_follows_the_drive_in_the_work(gain: float, tau: float) -> None:
    steps, step_s = 2000, 0.04
    drive = np.random.default_rng(5).uniform(0, 0.5, steps)
    twin = ideal(seed=2, effects={"memory_gain": gain, "memory_tau": tau})
    twin.configure({"difficulty": difficulty_for(RATE_HZ)})
    work, counts = PoolWork(1), np.empty(steps)
    for k, u in enumerate(drive):
        twin.send(with_drive(work.next_job(0, clean=False), float(u)))
        counts[k] = len(events_of(twin, step_s))
    kept = np.exp(-1 / tau)
    memory, value = np.empty(steps), 0.25
    for k, u in enumerate(drive):
        value = kept * value + (1 - kept) * float(np.float32(u))
        memory[k] = value
    fit = stats.linregress(memory - 0.25, counts / (RATE_HZ * step_s))
    assert fit.slope == pytest.approx(gain, abs=5 * fit.stderr)
    assert fit.intercept == pytest.approx(1.0, abs=0.01)
    assert abs(gain) > 15 * fit.stderr  # so that the line above means something
    residual = counts / (RATE_HZ * step_s) - (1 + gain * (memory - 0.25))
    assert residual.var() == pytest.approx(1 / (RATE_HZ * step_s), rel=0.2)


def test_a_memory_in_seconds_fades_with_the_clock() -> None:
    twin = ideal(seed=2, effects={"memory_gain": 2.0, "memory_tau": 10.0, "memory_in_s": 1.0})
    twin.configure({"difficulty": difficulty_for(RATE_HZ)})
    twin.send(with_drive(PoolWork(1).next_job(0, clean=False), 0.75))
    counts = np.array([len(events_of(twin, 2.0)) for _ in range(20)])
    middle = np.arange(20) * 2.0 + 1.0
    expected = 1 + 2.0 * 0.5 * (1 - np.exp(-middle / 10.0))
    assert counts / (2 * RATE_HZ) == pytest.approx(expected, abs=0.12)
    chi2 = float((((counts / (2 * RATE_HZ) - expected) ** 2) * 2 * RATE_HZ / expected).sum())
    assert chi2 < stats.chi2.ppf(0.9999, 20)


def test_nothing_but_the_drive_of_the_work_is_remembered() -> None:
    def counts(values: list[float]) -> list[int]:
        twin = ideal(seed=2, effects={"memory_gain": 2.0})
        work, found = PoolWork(1), []
        for difficulty in values:
            twin.configure({"difficulty": difficulty})
            twin.send(with_drive(work.next_job(0, clean=False), 0.25))
            found.append(len(events_of(twin, 1.0)))
        return found

    plain = difficulty_for(RATE_HZ)
    high_before = counts([plain / 4] * 5 + [plain] * 5)[5:]
    assert np.mean(high_before) == pytest.approx(RATE_HZ, rel=5 / np.sqrt(5 * RATE_HZ))


@pytest.mark.long
def test_a_fingerprint_delays_each_core_by_its_own_time() -> None:
    size_s = 1e-4
    variation = Variation.of(MACHINES["lv06"], 0, 3)
    still = {"jitter_s": 0.0, "tail_share": 0.0, "tail_s": 0.0, "batching_s": 0.0, "polling_s": 0.0}
    still |= {"beacon_s": 0.0, "stamp_s": 0.0, "dead_time_s": 0.0, "loss": 0.0}

    def events(unit: int, size: float) -> np.ndarray:
        twin = ordinary(seed=4, unit=unit, effects={"fingerprint_s": size}, confounds=still)
        twin.send(PoolWork(1).next_job(0, clean=False))
        return events_of(twin, 3600.0)

    plain, marked = events(3, 0.0), events(3, size_s)
    assert len(plain) > 1000 and np.array_equal(plain["nonce"], marked["nonce"])
    core = nonce_fields(model_by_name("bm1366"), plain["nonce"]).core
    assert core.max() < 112
    delay_s = (marked["t_ns"] - plain["t_ns"]) / 1e9
    expected = Effects(fingerprint_s=size_s).fingerprint(variation)[0]
    assert delay_s == pytest.approx((expected - expected.min())[core], abs=2e-9)
    other = Effects(fingerprint_s=size_s).fingerprint(Variation.of(MACHINES["lv06"], 0, 4))[0]
    assert abs(np.corrcoef(expected, other)[0, 1]) < 0.4


def test_an_ideal_twin_has_no_effect() -> None:
    events = ideal_events(RATE_HZ, N)
    leaks = best_quarter(events)
    assert rayleigh(events["t_ns"] / 1e9, 2.4) < 4 / np.sqrt(N)
    assert auc_of(intervals_of(events), leaks) == pytest.approx(0.5, abs=auc_error(leaks))
    assert ideal().identity.details["planted"] is False


def test_an_ordinary_twin_has_nothing_planted_and_a_planted_one_says_what_it_has() -> None:
    assert ordinary().identity.details["planted"] is False
    details = planted().identity.details
    assert details["planted"] is True
    assert (details["effect_heartbeat_hz"], details["effect_heartbeat_depth"]) == (2.4, 0.25)
    assert "effect_leak_auc" not in planted(effects={"heartbeat_depth": 0.1}).identity.details


@pytest.mark.long
def test_the_effects_of_a_planted_twin_are_there_in_spite_of_its_confounds() -> None:
    twin = planted(seed=1, confounds={"beacon_s": 0.0})
    twin.configure({"difficulty": difficulty_for(20.0)})
    twin.send(PoolWork(1).next_job(0, clean=False))
    t_s = events_of(twin, 1000.0)["t_ns"] / 1e9
    assert len(t_s) > 15_000
    # ticks of 10 ms and a few ms of jitter take little off a beat of 417 ms
    assert rayleigh(t_s, 2.4) == pytest.approx(0.125, abs=5 / np.sqrt(len(t_s)))
