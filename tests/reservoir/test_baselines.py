"""The input's delay lines, the memoryless twin and what it measures, the shuffle of histories."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_runs import S, fading_mean, handshake_run, stream_recording, stream_run

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.baselines import (
    RateResponse,
    controller_states,
    history_shuffled,
    measure_delivery,
    measure_twin,
    noise_features,
    quadratic_taps,
    taps,
)
from asicrc.reservoir.baselines.poisson_twin import outside_dead_time
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.encoders import encoder_for
from asicrc.reservoir.states import FeatureSet, StateTable, counts
from firmware_protocols.device import Setting

RNG = np.random.default_rng(11)
U = RNG.uniform(0, 0.5, 3000)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_taps_and_their_products() -> None:
    found = taps(np.arange(5.0), 3)
    assert found.names == ("u", "u@-1", "u@-2")
    assert found.values[4].tolist() == [4, 3, 2]
    assert found.missing.sum(axis=0).tolist() == [0, 1, 2]
    quadratic = quadratic_taps(np.arange(40.0), 30)
    assert quadratic.width == 495
    assert quadratic.column("u@-1*u@-3")[10] == 9 * 7
    with pytest.raises(UsageError, match="taps"):
        taps(U, 0)


def test_noise_is_a_function_of_its_seed() -> None:
    one, two, other = (noise_features(50, 3, np.random.SeedSequence(s)) for s in (1, 1, 2))
    assert np.array_equal(one.values, two.values) and not np.array_equal(one.values, other.values)


def test_the_response_of_a_rate_is_found() -> None:
    x = RNG.random(20_000)
    rate = 5 / (0.5 + x)
    found = RateResponse.fit(x, RNG.poisson(rate * 2.0).astype(float), np.full(len(x), 2.0))
    grid = np.linspace(0, 1, 11)
    np.testing.assert_allclose(found.rate_hz(grid), 5 / (0.5 + grid), rtol=0.03)
    assert found.excess == 0.0
    assert found.flat(x).rate_hz(grid).std() == pytest.approx(0, abs=1e-12)
    assert found.flat(x).rate_hz(grid)[0] == pytest.approx(rate.mean(), rel=0.01)


def test_few_events_give_a_constant_rate_and_none_no_error() -> None:
    x = RNG.random(100)
    assert len(RateResponse.fit(x, np.zeros(100), np.ones(100)).coefficients) == 1
    few = RateResponse.fit(x, (x > 0.7).astype(float), np.ones(100))
    assert len(few.coefficients) == 1
    assert few.rate_hz(x)[0] == pytest.approx((x > 0.7).mean())


def test_a_rate_that_wanders_by_itself_has_its_excess_measured() -> None:
    x = RNG.random(5000)
    wander = RNG.gamma(1 / 0.2, 0.2, 5000)
    found = RateResponse.fit(x, RNG.poisson(20 * wander).astype(float), np.ones(5000))
    assert found.excess == pytest.approx(0.2, rel=0.15)


def test_dead_time_drops_what_comes_too_early() -> None:
    t = np.array([0.0, 0.5, 0.9, 1.2, 1.3, 2.5, 2.6])
    assert outside_dead_time(t, 1.0).tolist() == [True, False, False, True, False, True, False]
    assert outside_dead_time(t, 0.0).all()
    many = np.sort(RNG.uniform(0, 1000, 5000))
    kept, last = [], -np.inf
    for value in many:
        kept.append(value - last >= 0.3)
        last = value if kept[-1] else last
    np.testing.assert_array_equal(outside_dead_time(many, 0.3), kept)


def test_the_delay_is_measured_from_shares_of_earlier_jobs() -> None:
    run = stream_run(U, lambda u: 40 * (u + 0.25), delay_s=0.15, first_job=7)
    found = measure_delivery(run)
    assert found.delay_s == pytest.approx(0.15, rel=0.05)
    assert found.late_s.max() <= 0.15
    assert found.known_jobs == len(run.steps.t_ns)
    assert found.batch_s == 0.0
    assert measure_delivery(stream_run(U, lambda u: 40 * (u + 0.25))).delay_s == 0.0


@pytest.mark.parametrize("name", ["work", "frequency"])
def test_the_twin_has_the_memory_of_the_delay_and_no_other(name: str) -> None:
    """Rate follows u at once, but arrives 0.3 s late: the step before has a part in each count."""
    encoder = encoder_for(name) if name == "work" else encoder_for(name, low=400.0, high=500.0)
    run = stream_run(U, lambda u: 100 * (u + 0.1), encoder, delay_s=0.3)
    twin = measure_twin(run).draw(np.random.default_rng(3))
    for lag in (0, 1, 2):
        u = U[5 - lag : len(U) - lag]
        mine, its = correlation(run.steps.counts[5:], u), correlation(twin.counts[5:], u)
        assert its == pytest.approx(mine, abs=0.05), lag
    assert correlation(twin.counts[5:], U[4:-1]) > 0.2
    assert len(twin.t_ns) == pytest.approx(len(run.steps.t_ns), rel=0.02)


def test_the_twin_does_not_remember_what_the_device_does() -> None:
    run = stream_run(U, lambda u: 100 * (1 + 3 * (fading_mean(u, 4.0) - 0.25)))
    twin = measure_twin(run).draw(np.random.default_rng(3))
    assert correlation(run.steps.counts[5:], U[4:-1]) > 0.3
    assert abs(correlation(twin.counts[5:], U[4:-1])) < 0.06
    assert correlation(twin.counts, U) == pytest.approx(correlation(run.steps.counts, U), abs=0.08)


def test_the_twin_varies_as_little_as_dead_time_lets_it() -> None:
    encoder = encoder_for("frequency", low=400.0, high=500.0)
    run = stream_run(U, lambda u: np.full(len(u), 20.0), encoder, dead_time_s=0.02)
    twin = measure_twin(run)
    drawn = twin.draw(np.random.default_rng(4)).counts
    fano = run.steps.counts.var() / run.steps.counts.mean()
    assert fano < 0.6
    assert drawn.var() / drawn.mean() == pytest.approx(fano, abs=0.08)
    assert drawn.mean() == pytest.approx(run.steps.counts.mean(), rel=0.03)
    assert twin.as_json()["dead_time_s"] == pytest.approx(0.02, rel=0.2)


def test_the_host_path_is_deaf() -> None:
    run = stream_run(U, lambda u: 40 * (u + 0.1))
    deaf = measure_twin(run).deaf().draw(np.random.default_rng(5))
    assert abs(correlation(deaf.counts, U)) < 0.06
    assert correlation(run.steps.counts, U) > 0.4


def test_the_twin_of_a_handshake_lasts_as_long_as_its_waits() -> None:
    run = handshake_run(U, lambda u: 5 * (u + 0.1), latency_s=0.05, timeout_s=3.0)
    twin = measure_twin(run)
    drawn = twin.draw(np.random.default_rng(6))
    mine, its = (np.log(np.diff(steps.starts_ns)) for steps in (run.steps, drawn))
    assert its.mean() == pytest.approx(mine.mean(), abs=0.04)
    assert its.std() == pytest.approx(mine.std(), rel=0.05)
    assert correlation(its, U) == pytest.approx(correlation(mine, U), abs=0.05)
    assert abs(correlation(its[1:], U[:-1])) < 0.06
    assert twin.as_json()["shortest_wait_s"] == pytest.approx(0.05, abs=0.003)
    assert drawn.counts.max() == 1
    deaf = twin.deaf().draw(np.random.default_rng(6))
    assert abs(correlation(np.log(np.diff(deaf.starts_ns)), U)) < 0.06
    np.testing.assert_array_equal(drawn.counts, twin.draw(np.random.default_rng(6)).counts)


def test_a_handshake_without_answers_has_no_twin() -> None:
    with pytest.raises(NoAnswer, match="were answered"):
        measure_twin(handshake_run(U[:100], lambda u: np.full(len(u), 1e-6), timeout_s=0.1))


def test_shares_are_counted_for_the_job_that_they_answer() -> None:
    """With a whole step of delay the arrivals say nothing of the drive of their own step."""
    run = stream_run(U, lambda u: 100 * (u + 0.1), delay_s=1.0)
    twin = measure_twin(run).draw(np.random.default_rng(7))
    assert abs(correlation(run.steps.counts[5:], U[5:])) < 0.06
    assert correlation(twin.counts[5:], U[4:-1]) == pytest.approx(
        correlation(run.steps.counts[5:], U[4:-1]), abs=0.03
    )


def test_the_shuffle_keeps_the_present_and_takes_the_history() -> None:
    memory = fading_mean(U, 3.0)
    table = StateTable.of(("m", "now"), np.column_stack([memory, U**2]))
    parts = [slice(200, 1600), slice(1600, 3000)]
    shuffled = history_shuffled(table, U, parts, np.random.default_rng(8))
    np.testing.assert_allclose(shuffled.column("now"), U**2, atol=0.02)
    before = correlation(table.column("m")[201:], U[200:-1])
    after = correlation(shuffled.column("m")[201:], U[200:-1])
    assert before > 0.4 and abs(after) < 0.08
    assert correlation(shuffled.column("m"), U) == pytest.approx(correlation(memory, U), abs=0.02)
    np.testing.assert_array_equal(shuffled.values[:200], table.values[:200])
    for part in parts:
        np.testing.assert_array_equal(np.sort(shuffled.values[part, 0]), np.sort(memory[part]))


def test_the_controller_is_what_it_wrote_and_how_long_its_steps_last() -> None:
    recording, encoder = stream_recording(U, lambda u: 40 * (u + 0.1))
    recording.written = [
        Setting(t, name, value, value, kind)
        for t, name, value, kind in (
            (0, "fan_percent", 50.0, "set"),
            (5 * S, "fan_percent", 70.0, "set"),
            (6 * S, "difficulty", 256.0, "set"),
            (10**15, "fan_percent", 100.0, "restored"),
        )
    ]
    run = DrivenRun.of(recording, encoder)
    found = controller_states(run, run.steps)
    assert found is not None and found.names == ("set_fan_percent",)
    assert found.values[:7, 0].tolist() == [50, 50, 50, 50, 70, 70, 70]
    plain = stream_run(U, lambda u: 40 * (u + 0.1))
    assert controller_states(plain, plain.steps) is None
    shaken = handshake_run(U, lambda u: 5 * (u + 0.1))
    deaf = measure_twin(shaken).deaf().draw(np.random.default_rng(9))
    lengths = controller_states(shaken, deaf)
    assert lengths is not None and lengths.names == ("step_log_s",)


def test_virtual_nodes_go_through_the_twin() -> None:
    encoder = encoder_for("work", mask=(1.0, -1.0))
    run = stream_run(U, lambda u: 60 * (u + 0.1), encoder)
    assert len(run.nodes) == 2 * len(run.steps) == 6000
    drawn = measure_twin(run).draw(np.random.default_rng(2))
    assert FeatureSet(("counts", "nodes"), nodes=2).states(drawn).values.shape == (3000, 3)
    assert counts(drawn).values.mean() == pytest.approx(counts(run.steps).values.mean(), rel=0.02)


def test_steps_that_are_exchanged_keep_their_batches_and_their_dead_time() -> None:
    recording, encoder = stream_recording(U, lambda u: 80 * (u + 0.1), dead_time_s=0.004, delay_s=0.05)
    beacon_ns = 102_400_000  # what is found waits for the next beacon
    recording.nonces["t_ns"] = -(-recording.nonces["t_ns"] // beacon_ns) * beacon_ns
    run = DrivenRun.of(recording, encoder)
    drawn = measure_twin(run).draw(np.random.default_rng(1))
    for values in (lambda s: s.counts, lambda s: counts(s).values[:, 0]):
        assert values(drawn).std() == pytest.approx(values(run.steps).std(), rel=0.03)
    same = [np.mean(np.diff(s.t_ns) == 0) for s in (run.steps, drawn)]
    assert same[0] > 0.5 and same[1] == pytest.approx(same[0], abs=0.03)
    for lag in (0, 1, 2):
        u = U[5 - lag : len(U) - lag]
        assert correlation(drawn.counts[5:], u) == pytest.approx(
            correlation(run.steps.counts[5:], u), abs=0.05
        )


def test_cores_stay_with_their_shares() -> None:
    recording, encoder = stream_recording(U, lambda u: 40 * (u + 0.1))
    recording.nonces["core"] = np.arange(len(recording.nonces)) % 3
    run = DrivenRun.of(recording, encoder)
    drawn = measure_twin(run).draw(np.random.default_rng(1))
    np.testing.assert_allclose(np.bincount(drawn.core, minlength=3) / len(drawn.core), 1 / 3, atol=0.02)
