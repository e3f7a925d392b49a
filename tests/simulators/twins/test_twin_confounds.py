"""Each confound alone and in pairs moves CV, entropy and serial correlation as theory says."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from twin_samples import (
    cv2_of,
    difficulty_for,
    entropy_of,
    fano_of,
    ideal_events,
    intervals_of,
    lag1_of,
    rayleigh,
    reference_intervals,
)

from asicrc.work.pool_work import PoolWork
from firmware_protocols.device import Verdict
from simulators.models import MACHINES
from simulators.twins.confounds import TAIL_SHAPE, Confounds, Delivery, measured_floor
from simulators.twins.named import ideal
from simulators.twins.randomness import CandidateColumns, Streams, point_seed

RATE_HZ = 1000.0
MEAN_S = 1 / RATE_HZ
N = 80_000
CV2_ERROR = 5 * np.sqrt(8 / N)
"""Five standard errors of the squared CV of exponential intervals; of the narrower ones here it is more."""
LAG1_ERROR = 5 / np.sqrt(N)


def coth_cv2(period_s: float, rate_hz: float) -> float:
    """Squared CV of a Poisson process with times on a lattice: a coth(a/2) - 1, a = rate * period.

    With r = exp(-a) an interval is at least k periods long with probability (1 - r)/a r^(k-1).
    """
    a = rate_hz * period_s
    return float(a / np.tanh(a / 2) - 1)


def lattice_probabilities(a: float, n: int) -> np.ndarray:
    r = np.exp(-a)
    k = np.arange(1, n)
    return np.concatenate([[1 - (1 - r) / a], (1 - r) ** 2 / a * r ** (k - 1)])


def entropy_bits(probabilities: np.ndarray) -> float:
    p = probabilities[probabilities > 0]
    return float(-(p * np.log2(p)).sum())


def measured_bits(counts: np.ndarray) -> float:
    """Plug-in entropy with the correction of Miller and Madow."""
    p = counts / counts.sum()
    return entropy_bits(p) + (np.count_nonzero(counts) - 1) / (2 * counts.sum() * np.log(2))


def test_without_any_it_is_a_poisson_process() -> None:
    events = ideal_events(RATE_HZ, N)
    x = intervals_of(events)
    assert x.mean() == pytest.approx(MEAN_S, rel=5 / np.sqrt(N))
    assert cv2_of(x) == pytest.approx(1.0, abs=CV2_ERROR)
    assert abs(lag1_of(x)) < LAG1_ERROR
    assert fano_of(events, 20 * MEAN_S) == pytest.approx(1.0, abs=5 * np.sqrt(2 * 20 / N))
    edges = np.append(np.arange(0, 6, 0.25), np.inf)  # in units of the mean
    counts, _ = np.histogram(x / x.mean(), edges)
    assert measured_bits(counts) == pytest.approx(entropy_bits(-np.diff(np.exp(-edges))), abs=0.01)


@pytest.mark.parametrize("dead_share", [0.1, 0.5, 2.0])
def test_dead_time_is_a_shift_of_the_exponential(dead_share: float) -> None:
    dead_s = dead_share * MEAN_S
    events = ideal_events(RATE_HZ, N, confounds={"dead_time_s": dead_s})
    x = intervals_of(events)
    cv = MEAN_S / (MEAN_S + dead_s)
    assert x.min() >= dead_s - 1e-9
    assert x.mean() == pytest.approx(MEAN_S + dead_s, rel=5 / np.sqrt(len(x)))
    assert np.sqrt(cv2_of(x)) == pytest.approx(cv, rel=5 * np.sqrt(2 / len(x)))
    assert abs(lag1_of(x)) < 5 / np.sqrt(len(x))
    windows = len(x) / 100
    assert fano_of(events, 100 * float(x.mean())) == pytest.approx(cv**2, rel=5 * np.sqrt(2 / windows) + 0.02)
    # the shape: entropy over the mean is that of the exponential plus ln CV
    edges = np.append(np.arange(0, 6, 0.25), np.inf)
    law = 1 - np.exp(-np.maximum(edges - dead_s / (MEAN_S + dead_s), 0) / cv)
    counts, _ = np.histogram(x / x.mean(), edges)
    assert measured_bits(counts) == pytest.approx(entropy_bits(np.diff(law)), abs=0.02)


@pytest.mark.parametrize("name", ["batching_s", "polling_s", "beacon_s", "stamp_s"])
@pytest.mark.parametrize("a", [0.3, 1.0, 3.0])
def test_a_lattice_of_moments_rounds_the_intervals(name: str, a: float) -> None:
    period_s = a * MEAN_S
    x = intervals_of(ideal_events(RATE_HZ, N, confounds={name: period_s}))
    periods = x / period_s
    assert np.abs(periods - np.rint(periods)).max() * period_s < 3e-9
    assert cv2_of(x) == pytest.approx(coth_cv2(period_s, RATE_HZ), abs=CV2_ERROR * max(1.0, a))
    k = np.rint(periods).astype(int)
    law = lattice_probabilities(a, k.max() + 200)
    assert measured_bits(np.bincount(k)) == pytest.approx(entropy_bits(law), abs=0.01)
    if a <= 1.0:  # to second order: errors of neighbours are independent and uniform
        added = a**2 / 12
        assert lag1_of(x) == pytest.approx(-added / (1 + 2 * added), abs=LAG1_ERROR + 0.01 * a)


@pytest.mark.parametrize("loss", [0.05, 0.5])
def test_a_poisson_process_that_is_thinned_is_one(loss: float) -> None:
    x = intervals_of(ideal_events(RATE_HZ, N, confounds={"loss": loss}))
    assert x.mean() == pytest.approx(MEAN_S / (1 - loss), rel=5 / np.sqrt(len(x)))
    assert cv2_of(x) == pytest.approx(1.0, abs=5 * np.sqrt(8 / len(x)))
    assert abs(lag1_of(x)) < 5 / np.sqrt(len(x))


def test_jitter_moves_no_count_and_makes_neighbours_anticorrelated() -> None:
    """A connection delivers in order, so the CV stays between Poisson's (Doob's displacement, order free) and
    that of free displacement, 1 + 2 sigma^2 / mean^2."""
    sigma_s = 0.3 * MEAN_S
    events = ideal_events(RATE_HZ, N, confounds={"jitter_s": sigma_s})
    x = intervals_of(events)
    assert np.all(np.diff(events["t_ns"]) >= 0)
    assert x.mean() == pytest.approx(MEAN_S, rel=5 / np.sqrt(N))
    assert 1.0 + CV2_ERROR < cv2_of(x) < 1.0 + 2 * 0.3**2
    assert -(0.3**2) / (1 + 2 * 0.3**2) < lag1_of(x) < -LAG1_ERROR
    assert fano_of(events, 200 * MEAN_S) == pytest.approx(1.0, abs=5 * np.sqrt(2 * 200 / N))


def test_a_heavy_tail_delays_as_many_as_it_is_asked_to() -> None:
    confounds = Confounds(tail_share=0.1, tail_s=0.02)
    columns = CandidateColumns(Streams(point_seed(1, ())))
    delivery = Delivery(confounds, Streams(point_seed(1, ())), columns)
    sent_s = np.arange(50_000) * 1000.0
    arrived_s, _ = delivery.deliver(sent_s, np.arange(50_000), 0)
    delay_s = arrived_s - sent_s
    for x_s in (1e-6, 0.01, 0.05, 0.2):
        expected = 0.1 * (1 + x_s / 0.02) ** -TAIL_SHAPE
        error = 5 * np.sqrt(expected / 50_000)
        assert np.mean(delay_s > x_s) == pytest.approx(expected, abs=error)


def test_the_renewal_of_work_leaves_a_gap_in_each_period() -> None:
    period_s, gap_s = 0.05, 0.01
    events = ideal_events(RATE_HZ, N, confounds={"renewal_s": period_s, "renewal_gap_s": gap_s})
    t_s = events["t_ns"] / 1e9
    share = gap_s / period_s
    assert len(t_s) == pytest.approx(N * (1 - share), rel=5 / np.sqrt(N))
    phases = np.sort(np.mod(t_s, period_s))
    longest = max(float(np.diff(phases).max()), float(phases[0] + period_s - phases[-1]))
    assert longest == pytest.approx(gap_s, rel=0.01)
    expected = np.sin(np.pi * share) / (np.pi * (1 - share))
    assert rayleigh(t_s, 1 / period_s) == pytest.approx(expected, abs=5 / np.sqrt(N))


def test_the_ripple_of_a_fan_modulates_the_rate() -> None:
    t_s = ideal_events(RATE_HZ, N, confounds={"fan_pwm_hz": 120.0, "fan_pwm_depth": 0.3})["t_ns"] / 1e9
    assert rayleigh(t_s, 120.0) == pytest.approx(0.15, abs=5 / np.sqrt(N))
    assert len(t_s) == pytest.approx(N, rel=5 / np.sqrt(N))


SIZES = {
    "dead_time_s": 0.5 * MEAN_S,
    "loss": 0.2,
    "batching_s": 0.37 * MEAN_S,
    "polling_s": 0.61 * MEAN_S,
    "beacon_s": 0.53 * MEAN_S,
    "stamp_s": 0.41 * MEAN_S,
    "jitter_s": 0.08 * MEAN_S,
}
LATTICES = ("batching_s", "polling_s", "beacon_s", "stamp_s")


@pytest.mark.parametrize("pair", list(combinations(SIZES, 2)), ids=" and ".join)
def test_in_pairs(pair: tuple[str, str]) -> None:
    """What is found is a renewal process of squared CV c; loss p makes it (1-p) c + p; each delay of variance
    s^2 that is independent from nonce to nonce adds 2 s^2 / mean^2, and takes s^2 off the covariance of
    neighbours."""
    sizes = {name: SIZES[name] for name in pair}
    x = intervals_of(ideal_events(RATE_HZ, N, confounds=sizes))
    mean_s = MEAN_S + sizes.get("dead_time_s", 0.0)
    cv2 = (MEAN_S / mean_s) ** 2
    lost = sizes.get("loss", 0.0)
    mean_s, cv2 = mean_s / (1 - lost), (1 - lost) * cv2 + lost
    added = sum(sizes[name] ** 2 / 12 for name in LATTICES if name in sizes)
    added += sizes.get("jitter_s", 0.0) ** 2
    added /= mean_s**2
    assert x.mean() == pytest.approx(mean_s, rel=6 / np.sqrt(len(x)))
    expected_bits = entropy_of(reference_intervals(sizes, MEAN_S, 4 * N), mean_s)
    assert entropy_of(x, mean_s) == pytest.approx(expected_bits, abs=0.025)
    error, lag_error = 5 * np.sqrt(8 / len(x)), 5 / np.sqrt(len(x)) + 0.003
    lag1 = -added / (cv2 + 2 * added)
    if "jitter_s" in sizes and {"batching_s", "polling_s"} & set(pair):
        # several leave at once and are delayed after it: in order they come, so part of the jitter is shared
        shared = 2 * sizes["jitter_s"] ** 2 / mean_s**2
        assert cv2 + 2 * added - shared - error < cv2_of(x) < cv2 + 2 * added + error
        assert lag1 - lag_error < lag1_of(x) < lag_error
    else:
        assert cv2_of(x) == pytest.approx(cv2 + 2 * added, abs=error)
        assert lag1_of(x) == pytest.approx(lag1, abs=lag_error)


OTHERS = {
    "renewal": {"renewal_s": 19.3 * MEAN_S, "renewal_gap_s": 4 * MEAN_S},
    "fan": {"fan_pwm_hz": 0.1 * RATE_HZ, "fan_pwm_depth": 0.6},
    "tail": {"tail_share": 0.3, "tail_s": 0.3 * MEAN_S},
    "flight": {"in_flight_s": 7.3 * MEAN_S},
}
"""Those whose laws have no short form: against the same steps taken by hand, with other draws."""


def check_against_steps_by_hand(sizes: dict[str, float]) -> tuple[float, float, float]:
    """Squared CV, entropy and serial correlation, each within five standard errors. Return them by hand."""
    x, y = (
        intervals_of(ideal_events(RATE_HZ, N // 2, confounds=sizes)),
        reference_intervals(sizes, MEAN_S, 2 * N),
    )
    error = np.sqrt(1 / len(x) + 1 / len(y))
    assert x.mean() == pytest.approx(y.mean(), abs=5 * y.std() * error)
    blocks = np.array_split(y, 40)
    found = []
    for measure in (cv2_of, lambda z: entropy_of(z, float(y.mean())), lag1_of):
        scatter = np.std([measure(block) for block in blocks]) * np.sqrt(len(blocks[0]))
        assert measure(x) == pytest.approx(measure(y), abs=5 * scatter * error)
        found.append(float(measure(y)))
    return found[0], found[1], found[2]


def test_each_of_the_others_moves_what_it_moves() -> None:
    bare = check_against_steps_by_hand({})
    moved = {name: check_against_steps_by_hand(sizes) for name, sizes in OTHERS.items()}
    assert moved.pop("flight") == pytest.approx(bare), "a constant delay is seen by nobody"
    for name, (cv2, _, _) in moved.items():
        assert abs(cv2 - bare[0]) > 0.04, name


@pytest.mark.long
@pytest.mark.parametrize("one", OTHERS)
def test_the_others_in_pairs(one: str) -> None:
    """With each other, and with each of those above."""
    partners = [sizes for name, sizes in OTHERS.items() if name > one]
    for sizes in [*partners, *({name: size} for name, size in SIZES.items())]:
        check_against_steps_by_hand(OTHERS[one] | sizes)


def test_jitter_after_a_dead_time_that_lets_nothing_overtake() -> None:
    dead_s, sigma_s = 2.0 * MEAN_S, 0.2 * MEAN_S
    x = intervals_of(ideal_events(RATE_HZ, N, confounds={"dead_time_s": dead_s, "jitter_s": sigma_s}))
    variance = MEAN_S**2 + 2 * sigma_s**2
    mean_s = MEAN_S + dead_s
    assert cv2_of(x) == pytest.approx(variance / mean_s**2, rel=5 * np.sqrt(8 / len(x)))
    assert lag1_of(x) == pytest.approx(-(sigma_s**2) / variance, abs=5 / np.sqrt(len(x)))


@pytest.mark.parametrize(("pick_up_share", "spread_share"), [(0.25, 0.0), (1.0, 0.2)])
def test_in_a_handshake_the_pick_up_is_dead_time(pick_up_share: float, spread_share: float) -> None:
    rate_hz, n = 20.0, 2000
    mean_s = 1 / rate_hz
    twin = ideal(
        seed=3,
        confounds={"pick_up_s": pick_up_share * mean_s, "pick_up_spread_s": spread_share * mean_s},
    )
    twin.configure({"difficulty": difficulty_for(rate_hz)})
    work = PoolWork(1)
    stamps: list[int] = []
    twin.send(work.next_job(0, clean=True))
    while len(stamps) < n:
        events = twin.read(twin.clock.now_ns() + 10**9).nonces
        if len(events):
            assert twin.clock.now_ns() - events["t_ns"][-1] <= 1
            stamps += events["t_ns"].tolist()
            twin.send(work.next_job(0, clean=True))
    x = np.diff(stamps) / 1e9
    long_s = mean_s * (1 + pick_up_share)
    assert x.mean() == pytest.approx(long_s, rel=5 / np.sqrt(n))
    expected = mean_s * np.sqrt(1 + spread_share**2) / long_s
    assert np.sqrt(cv2_of(x)) == pytest.approx(expected, rel=5 * np.sqrt(2 / n))


def test_what_was_in_flight_when_a_clean_job_came_is_stale() -> None:
    rate_hz, flight_s = 20.0, 0.02
    twin = ideal(seed=5, confounds={"in_flight_s": flight_s})
    twin.configure({"difficulty": difficulty_for(rate_hz)})
    work = PoolWork(1)
    is_stale: list[bool] = []
    newest = twin.send(work.next_job(0, clean=True))[0]
    while len(is_stale) < 2000:
        events = twin.read(twin.clock.now_ns() + 10**9).nonces
        for verdict, job in zip(events["verdict"], events["job"], strict=True):
            assert (verdict == Verdict.STALE) == (job != newest.number)
            is_stale.append(verdict == Verdict.STALE)
        if len(events):
            newest = twin.send(work.next_job(0, clean=True))[0]
    stale = np.array(is_stale)
    # after each valid one: as many as came up within the flight
    expected = rate_hz * flight_s / (1 + rate_hz * flight_s)
    assert stale.mean() == pytest.approx(expected, abs=5 * np.sqrt(expected / 2000))


def test_the_floor_that_a_twin_measures_is_that_of_its_confounds() -> None:
    sizes = Confounds(batching_s=0.01, jitter_s=0.002)
    floor = measured_floor(sizes, Streams(point_seed(7, ())))
    expected = np.sqrt(0.01**2 / 12 + 0.002**2)
    assert floor.rms_s == pytest.approx(expected, rel=0.08)
    assert floor.rms_s < floor.rms_high_s < 1.15 * floor.rms_s
    assert measured_floor(Confounds(), Streams(point_seed(7, ()))).rms_high_s == 1e-9


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"loss": 1.5}, "loss=1.5"),
        ({"jitter_s": -1.0}, "jitter_s=-1"),
        ({"lost": 0.1}, "lost"),
        ({"fan_pwm_depth": 0.1}, "fan_pwm_hz"),
        ({"renewal_s": 1.0, "renewal_gap_s": 2.0}, "renewal_gap_s"),
        ({"jitter_s": float("nan")}, "jitter_s=nan"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Confounds.of(sizes)


def test_telemetry_follows_a_step_with_its_time_constant() -> None:
    twin = ideal("lv06", confounds={"telemetry_s": 5.0})
    twin.read(2 * 10**9)
    before, after = MACHINES["lv06"].rate_ghs(550.0), MACHINES["lv06"].rate_ghs(275.0)
    twin.configure({"frequency_mhz": 275.0})
    start_ns = twin.clock.now_ns()
    readings = [r for r in twin.read(start_ns + 10 * 10**9).readings if r.channel == "hash_rate_ghs"]
    assert len(readings) == 10
    for k, reading in enumerate(readings, 1):
        expected = after + (before - after) * np.exp(-k * 1.0 / 5.0)
        assert reading.value == pytest.approx(expected, rel=1e-6)
