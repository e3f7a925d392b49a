from __future__ import annotations

import numpy as np
import pytest

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.metrics import (
    bit_error_rate,
    period_accuracy,
    squared_correlations,
    symbol_error_rate,
)
from asicrc.reservoir.tasks import (
    channel_equalisation,
    nonlinear_memory,
    parity,
    short_term_memory,
    sine_square,
)
from asicrc.reservoir.tasks.channel import TAPS, channel_output


def test_channel_is_that_of_the_literature() -> None:
    sent = np.random.default_rng(1).choice([-3.0, -1.0, 1.0, 3.0], 40)
    n = 20
    q = sum(tap * sent[n + 2 - k] for k, tap in enumerate(TAPS))
    assert channel_output(sent)[n - 7] == pytest.approx(q + 0.036 * q**2 - 0.011 * q**3, rel=1e-12)


@pytest.mark.parametrize("delay", [-2, 0, 2, 9])
def test_channel_target_is_the_symbol_behind_the_input(delay: int) -> None:
    task = channel_equalisation(4000, 2, snr_db=60.0, delay=delay)
    lags = range(-12, 13)
    shared = [np.corrcoef(np.roll(task.y, k)[20:-20], task.u[20:-20])[0, 1] for k in lags]
    # the largest tap is that of d[n], and row t of y is d[t - delay]
    assert list(lags)[int(np.argmax(shared))] == -delay


def test_channel_noise_is_what_was_asked_for() -> None:
    clean, noisy = (channel_equalisation(50_000, 3, snr_db=s) for s in (200.0, 12.0))
    np.testing.assert_array_equal(clean.y, noisy.y)
    ratio = clean.u.var() / np.var(noisy.u - clean.u)
    assert 10 * np.log10(ratio) == pytest.approx(12.0, abs=0.1)
    with pytest.raises(UsageError):
        channel_equalisation(100, 1, delay=-3)


def test_a_linear_equaliser_gets_better_with_the_signal() -> None:
    rates = []
    for snr_db in (12.0, 20.0, 28.0):
        task = channel_equalisation(12_000, 5, snr_db=snr_db)
        x = np.column_stack([np.roll(task.u, k) for k in range(10)] + [np.ones(12_000)])[10:]
        y = task.y[10:]
        weights = np.linalg.lstsq(x[:6000], y[:6000], rcond=None)[0]
        rates.append(symbol_error_rate(y[6000:], x[6000:] @ weights, task.details["symbols"]))
    assert rates[0].low > rates[1].high > rates[2].high
    assert 0 < rates[2].estimate < 0.05


def test_symbol_error_rate_is_exact() -> None:
    sent = np.tile([-3.0, -1.0, 1.0, 3.0], 25)
    received = sent.copy()
    received[:3] += 1.2
    rate = symbol_error_rate(sent, received, (-3, -1, 1, 3))
    assert (rate.estimate, rate.n) == (0.03, 100)
    # published values of Clopper and Pearson for 3 of 100
    assert (rate.low, rate.high) == (pytest.approx(0.00623, abs=1e-5), pytest.approx(0.08518, abs=1e-5))
    assert symbol_error_rate(sent, sent, (-3, -1, 1, 3)).low == 0.0
    with pytest.raises(UsageError, match="none of the symbols"):
        symbol_error_rate(sent, sent, (-1, 1))


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_parity_counts_the_ones(bits: int) -> None:
    task = parity(500, 1, bits=bits, delays=(0, 2))
    for delay, column in ((0, 0), (2, 1)):
        for t in range(bits + 2, 500):
            window = task.u[t - delay - bits + 1 : t - delay + 1]
            assert task.y[t, column] == window.sum() % 2
    assert set(np.unique(task.u)) == {0.0, 1.0}
    assert parity(50, 1).y.ndim == 1
    assert bit_error_rate(task.y[:, 0], task.y[:, 0]).estimate == 0.0


def test_parity_is_not_linear() -> None:
    task = parity(20_000, 3, bits=2)
    x = np.column_stack([task.u[1:], task.u[:-1], np.ones(19_999)])
    weights = np.linalg.lstsq(x, task.y[1:], rcond=None)[0]
    assert squared_correlations(task.y[1:], x @ weights)[0] < 0.001
    solved = np.column_stack([x, x[:, 0] * x[:, 1]])
    weights = np.linalg.lstsq(solved, task.y[1:], rcond=None)[0]
    assert squared_correlations(task.y[1:], solved @ weights)[0] == pytest.approx(1.0)


@pytest.mark.parametrize("distribution", ["uniform", "gaussian", "binary"])
def test_short_term_memory_is_the_past(distribution: str) -> None:
    task = short_term_memory(100, 1, max_delay=5, distribution=distribution)  # type: ignore[arg-type]
    for k in range(1, 6):
        np.testing.assert_array_equal(task.y[k:, k - 1], task.u[:-k])
    assert np.isfinite(task.y).all()
    with pytest.raises(UsageError):
        short_term_memory(100, 1, distribution="other")  # type: ignore[arg-type]


def test_nonlinear_memory_is_the_grid() -> None:
    task = nonlinear_memory(200, 1, strengths=(0.5, 4.0), delays=(0, 3))
    np.testing.assert_array_equal(task.y[:, 0], np.sin(0.5 * task.u))
    np.testing.assert_array_equal(task.y[3:, 3], np.sin(4.0 * task.u[:-3]))
    assert task.alignment == "sin(0.5 u[t]), sin(0.5 u[t-3]), sin(4 u[t]), sin(4 u[t-3])"
    for bad in ({"strengths": ()}, {"delays": (-1,)}, {"strengths": (0.0,)}):
        with pytest.raises(UsageError):
            nonlinear_memory(100, 1, **bad)  # type: ignore[arg-type]


def test_sine_and_square_periods() -> None:
    task = sine_square(1210, 2, points_per_period=12)
    square = task.y == 1
    assert set(np.unique(task.u[square])) == {-1.0, 1.0}
    assert np.abs(task.u[~square]).max() < 1
    np.testing.assert_array_equal(np.sign(task.u[~square])[:12], [1] * 6 + [-1] * 6)
    whole = task.y[:1200].reshape(100, 12)
    assert (whole == whole[:, :1]).all()
    assert 0.3 < whole[:, 0].mean() < 0.7


def test_period_accuracy_votes_over_whole_periods() -> None:
    bits = np.repeat([0.0, 1.0, 1.0, 0.0], 12)
    guess = bits.copy()
    guess[:5] = 1.0  # 5 of 12 wrong: still right by vote
    guess[12:20] = 0.0  # 8 of 12 wrong
    accuracy = period_accuracy(bits, guess, 12)
    assert (accuracy.estimate, accuracy.n) == (0.75, 4)
    with pytest.raises(UsageError, match="inside a period"):
        period_accuracy(bits[3:], guess[3:], 12)
    with pytest.raises(NoAnswer, match="no whole period"):
        period_accuracy(bits[:5], guess[:5], 12)
