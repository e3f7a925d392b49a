from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import EvidenceVerdict
from asicrc.reservoir.metrics import (
    ANSCOMBE_VARIANCE,
    consistency,
    echo_state,
    echo_state_index,
    fading_memory,
    information_processing_capacity,
    resolvable_capacity_of_counts,
    resolvable_capacity_of_replays,
)


def replays_of(signal: np.ndarray, runs: int, noise: float, seed: int) -> np.ndarray:
    return signal + noise * np.random.default_rng(seed).normal(size=(runs, *signal.shape))


@pytest.fixture(scope="module")
def three_signals() -> tuple[np.ndarray, np.ndarray]:
    """(3, 4000, 8) replays, and the true consistency of the directions."""
    rng = np.random.default_rng(1)
    mixing = rng.normal(size=(3, 8))
    replays = replays_of(rng.normal(size=(4000, 3)) @ mixing, 3, 1.0, 2)
    signal = np.linalg.eigvalsh(mixing.T @ mixing)[::-1]
    return replays, signal[:3] / (signal[:3] + 1)


def test_consistency_spectrum_is_the_share_that_repeats(three_signals: tuple[np.ndarray, np.ndarray]) -> None:
    replays, truth = three_signals
    found = consistency(replays)
    assert found.spectrum[:3] == pytest.approx(truth, abs=0.02)
    assert found.significant == 3
    assert found.capacity.estimate == pytest.approx(truth.sum(), abs=0.06)
    assert np.abs(found.spectrum[3:]).max() < found.threshold
    seen = replays[0] @ found.directions[:, :3]
    assert np.cov(seen.T) == pytest.approx(np.eye(3), abs=0.1)
    again = replays[1] @ found.directions[:, 0]
    assert np.corrcoef(seen[:, 0], again)[0, 1] == pytest.approx(found.spectrum[0], abs=0.02)


def test_consistency_of_each_feature() -> None:
    rng = np.random.default_rng(3)
    drive = rng.normal(size=4000)
    replays = np.stack(
        [
            np.column_stack([drive, drive + rng.normal(size=4000), rng.normal(size=4000), np.full(4000, 7.0)])
            for _ in range(2)
        ]
    )
    found = consistency(replays)
    assert [f.estimate for f in found.features[:3]] == pytest.approx([1.0, 0.5, 0.0], abs=0.05)
    assert found.features[1].low <= 0.5 <= found.features[1].high
    assert found.constant == (3,)
    assert np.isnan(found.features[3].estimate)
    assert found.as_json()["features"][3]["estimate"] is None


def test_independent_runs_are_consistent_in_nothing() -> None:
    covered, alarms, repeats = 0, 0, 60
    for k in range(repeats):
        x = np.cumsum(np.random.default_rng([4, k]).normal(size=(2, 400, 4)), axis=1)
        x = x[:, 10:] - 0.9 * x[:, :-10]  # slow, but stationary enough to be shifted
        x = np.diff(x, axis=1)
        found = consistency(x, surrogates=19)
        covered += found.capacity.low <= 0.0 <= found.capacity.high
        alarms += found.significant > 0
    assert covered >= stats.binom.ppf(0.001, repeats, 0.93)
    assert alarms <= stats.binom.ppf(0.999, repeats, 0.07)


def test_consistency_bounds_what_one_run_computes() -> None:
    rng = np.random.default_rng(5)
    u = rng.uniform(-1, 1, 8000)
    signal = np.column_stack([np.roll(u, 1), np.roll(u, 2) * u, np.roll(u, 3) ** 2])
    replays = replays_of(signal, 2, 0.3, 6)
    capacity = information_processing_capacity(replays[0], u, max_delays={1: 5, 2: 5})
    bound = consistency(replays).capacity
    assert capacity.total.estimate == pytest.approx(bound.estimate, abs=0.06)
    assert capacity.total.estimate < 3 * 0.95


def test_resolvable_capacity_grows_with_the_runs_that_are_averaged(
    three_signals: tuple[np.ndarray, np.ndarray],
) -> None:
    replays, truth = three_signals
    noise_to_signal = 1 / truth - 1
    for shots in (1, 10, 100):
        exact = np.sum(1 / (1 + noise_to_signal / shots))
        by_replay = resolvable_capacity_of_replays(replays, shots=shots)
        by_counts = resolvable_capacity_of_counts(replays[0], 1.0, shots=shots)
        assert by_replay.capacity.estimate == pytest.approx(exact, abs=0.03)
        assert by_counts.capacity.estimate == pytest.approx(exact, abs=0.03)
        assert by_replay.noise_to_signal == pytest.approx(noise_to_signal, rel=0.15)
        assert by_counts.noise_to_signal == pytest.approx(noise_to_signal, rel=0.15)
    averaged = resolvable_capacity_of_counts(replays.mean(axis=0), 1 / 3)
    assert averaged.capacity.estimate == pytest.approx(
        resolvable_capacity_of_counts(replays[0], 1.0, shots=3).capacity.estimate, abs=0.02
    )


def test_poisson_counts_resolve_what_their_rate_varies() -> None:
    rng = np.random.default_rng(7)
    rate = 50 * np.exp(0.2 * rng.normal(size=(5000, 1)))
    counts = rng.poisson(np.broadcast_to(rate, (5000, 4))).astype(float)
    plain = resolvable_capacity_of_counts(counts, counts.mean(axis=0))
    steady = resolvable_capacity_of_counts(np.sqrt(counts + 3 / 8), ANSCOMBE_VARIANCE)
    assert len(plain.noise_to_signal) == len(steady.noise_to_signal) == 1
    signal = rate.var() * 4 / 50
    assert plain.capacity.estimate == pytest.approx(signal / (1 + signal), abs=0.05)
    nothing = rng.poisson(50, (5000, 4)).astype(float)
    assert resolvable_capacity_of_counts(nothing, nothing.mean(axis=0)).capacity.estimate == 0.0
    with pytest.raises(UsageError, match="above 0"):
        resolvable_capacity_of_counts(counts, 0.0)
    with pytest.raises(UsageError, match="0 shots"):
        resolvable_capacity_of_counts(counts, 1.0, shots=0)


def preambled(share: float, runs: int, seed: int, *, forget: float = 1.0) -> tuple[np.ndarray, list[str]]:
    """Runs after preambles "a" and "b"; theirs is `share` of the variance, times forget^t."""
    rng = np.random.default_rng(seed)
    drive = rng.normal(size=(300, 6))
    fade = forget ** np.arange(300)[:, None]
    labels = ["a", "b"] * runs
    states = [
        drive
        + (1 if label == "a" else -1) * np.sqrt(share) * fade
        + 0.3 * rng.normal(size=(300, 6))
        + 0.1 * rng.normal(size=6)  # a run as a whole may be warmer
        for label in labels
    ]
    return np.stack(states), labels


def test_echo_state_holds_when_the_preamble_has_gone() -> None:
    x, labels = preambled(1.0, 5, 1, forget=0.9)
    found = echo_state(x, labels, washout=80)
    assert found.holds is True
    assert found.finding.verdict is EvidenceVerdict.REFUTED
    assert found.share_of_step[0] > 0.3
    assert abs(found.share_of_step[-1]) < 0.05
    assert echo_state(x, labels, washout=0, margin=1e-3).holds is False


def test_echo_state_fails_when_the_preamble_stays() -> None:
    x, labels = preambled(0.3, 5, 2)
    found = echo_state(x, labels, washout=50)
    assert found.holds is False
    assert found.finding.effect.estimate == pytest.approx(0.3 / 1.4, rel=0.15)
    assert found.finding.p_corrected is not None
    assert found.finding.p_corrected <= 0.05


def test_a_test_that_finds_nothing_is_no_echo_state() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(6, 40, 1)) + 2 * rng.normal(size=(6, 1, 1))
    found = echo_state(x, list("ababab"), washout=5)
    assert found.finding.p_corrected is not None
    assert found.finding.p_corrected > 0.05
    assert found.holds is None


def test_share_of_the_preamble_is_unbiased_and_covered() -> None:
    estimates, hits, repeats, truth = [], 0, 100, 0.05 / (1 + 0.05 + 0.09 + 0.01)
    for k in range(repeats):
        x, labels = preambled(0.05, 4, 100 + k)
        effect = echo_state(x, labels, washout=20, replicates=19).finding.effect
        estimates.append(effect.estimate)
        hits += effect.low <= truth <= effect.high
    assert np.mean(estimates) == pytest.approx(truth, abs=4 * np.std(estimates) / 10 + 5e-4)
    assert hits >= stats.binom.ppf(0.001, repeats, 0.93)


def test_false_alarms_of_the_preamble_are_rare() -> None:
    wrong = sum(
        echo_state(*preambled(0.0, 4, 500 + k), washout=20, margin=1e-6, replicates=99).holds is False
        for k in range(100)
    )
    assert wrong <= stats.binom.ppf(0.999, 100, 0.05)


def test_a_simulation_without_noise_needs_no_repeats_to_be_sure() -> None:
    u = np.random.default_rng(4).uniform(-1, 1, 200)
    runs = []
    for start in (0.0, 0.0, 0.0, 1.0, 1.0, 1.0):
        x, path = start, []
        for value in u:
            x = np.tanh(0.5 * x + value)
            path.append([x])
        runs.append(path)
    states = np.array(runs)
    assert echo_state(states, [0, 0, 0, 1, 1, 1], washout=100).holds is True
    assert echo_state_index(states, washout=0) > 1e-4
    assert echo_state_index(states, washout=150) < 1e-12


def changed_drive(
    seed: int, *, decay: float, noise: float, positions: int = 20
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    state = rng.normal(size=(positions, 1, 25, 4))
    kick = decay ** np.arange(25)[None, None, :, None] * rng.normal(size=(positions, 1, 1, 4))
    shape = (positions, 2, 25, 4)
    return state + noise * rng.normal(size=shape), state + kick + noise * rng.normal(size=shape)


def test_lags_of_noise_are_seen_as_seldom_as_stated() -> None:
    found = [
        fading_memory(*changed_drive(200 + k, decay=0.0, noise=1.0), horizon=5).lags_seen for k in range(100)
    ]
    assert np.mean(np.array(found) > 0) <= 0.05 + 3 * (0.05 * 0.95 / 100) ** 0.5
    assert fading_memory(*changed_drive(1, decay=0.8, noise=0.2), horizon=10).lags_seen >= 4


def test_memory_that_fades_is_shown_to_fade() -> None:
    found = fading_memory(*changed_drive(1, decay=0.7, noise=0.2), horizon=10)
    assert found.fades is True
    assert found.response[0] == pytest.approx(1.0, abs=0.35)
    assert found.half_lag in (1, 2)
    ratio = found.response[3] / found.response[0]
    assert ratio == pytest.approx(0.7**6, abs=0.05)
    assert (found.low <= found.response).all()


def test_memory_that_stays_is_found_and_noise_resolves_nothing() -> None:
    assert fading_memory(*changed_drive(2, decay=1.0, noise=0.2), horizon=10).fades is False
    blurred = fading_memory(*changed_drive(3, decay=0.0, noise=8.0, positions=5), horizon=10, margin=0.01)
    assert blurred.fades is None
    exact = fading_memory(*changed_drive(4, decay=0.0, noise=0.0), horizon=5)
    assert exact.fades is True
    assert exact.finding.effect.estimate == 0.0


def test_noise_does_not_make_a_response() -> None:
    late = [
        fading_memory(*changed_drive(50 + k, decay=0.0, noise=1.0), horizon=5).finding for k in range(100)
    ]
    values = np.array([finding.effect.estimate for finding in late])
    assert values.mean() == pytest.approx(0.0, abs=4 * values.std() / 10)
    covered = sum(finding.effect.low <= 0 <= finding.effect.high for finding in late)
    assert covered >= stats.binom.ppf(0.001, 100, 0.95)


def test_replays_that_do_not_fit_are_refused() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(6, 200, 3))
    hole = x.copy()
    hole[1, 2, 0] = np.nan
    for call, error, message in (
        (lambda: consistency(x[:1]), NoAnswer, "1 replay"),
        (lambda: consistency(hole), UsageError, r"first at \(1, 2, 0\)"),
        (lambda: consistency(x, washout=150), NoAnswer, "50 steps"),
        (lambda: consistency(x, surrogates=3), UsageError, "3 surrogates"),
        (lambda: consistency(np.ones((2, 200, 3))), NoAnswer, "constant"),
        (lambda: echo_state(x, list("ababa"), washout=5), UsageError, "5 preambles for 6"),
        (lambda: echo_state(x, list("aabbbb"), washout=5), NoAnswer, "2 runs at the fewest"),
        (lambda: echo_state(x, list("ababab"), washout=200), NoAnswer, "leaves nothing"),
        (lambda: echo_state(x, list("ababab"), washout=5, margin=0), UsageError, "margin"),
        (lambda: fading_memory(x, x, horizon=2), UsageError, r"base has shape \(6, 200, 3\)"),
        (lambda: fading_memory(x[None], x[None], horizon=2), NoAnswer, "1 positions"),
    ):
        with pytest.raises(error, match=message):
            call()
