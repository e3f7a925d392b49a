from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.tasks import henon, lorenz, mackey_glass
from asicrc.reservoir.tasks.henon import henon_series
from asicrc.reservoir.tasks.lorenz import LYAPUNOV_EXPONENT, lorenz_path
from asicrc.reservoir.tasks.mackey_glass import mackey_glass_series


@pytest.mark.parametrize("tau", [17, 30])
def test_mackey_glass_against_the_method_of_steps(tau: int) -> None:
    start, pieces = 1.2, []

    def slope(t: float, x: np.ndarray, past: object) -> np.ndarray:
        delayed = start if past is None else past(t - tau)[0]  # type: ignore[operator]
        return 0.2 * delayed / (1 + delayed**10) - 0.1 * x

    past, x0 = None, np.array([start])
    for k in range(4):
        piece = solve_ivp(
            partial(slope, past=past),
            (k * tau, (k + 1) * tau),
            x0,
            method="DOP853",
            rtol=1e-11,
            atol=1e-12,
            dense_output=True,
        )
        pieces.append([piece.sol(t)[0] for t in range(k * tau + 1, (k + 1) * tau + 1)])
        past, x0 = piece.sol, piece.y[:, -1]
    np.testing.assert_allclose(mackey_glass_series(start, tau, 4 * tau), np.concatenate(pieces), atol=1e-6)


def test_mackey_glass_converges_with_its_step() -> None:
    from asicrc.reservoir.tasks.mackey_glass import _integrate

    coarse, fine, finest = (_integrate(0.9, 17, 200, k) for k in (10, 20, 80))
    assert np.abs(coarse - finest).max() < 1e-6
    assert np.abs(fine - finest).max() < np.abs(coarse - finest).max() / 8


def test_lorenz_against_scipy() -> None:
    def slope(_: float, s: np.ndarray) -> list[float]:
        return [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]]

    start, times = np.array([1.0, 2.0, 20.0]), np.arange(1, 251) * 0.02
    exact = solve_ivp(slope, (0, 5), start, method="DOP853", t_eval=times, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(lorenz_path(start, 0.02, 250), exact.y.T, atol=1e-5)


def test_lorenz_drifts_apart_with_its_lyapunov_exponent() -> None:
    start = lorenz_path(np.array([1.0, 1.0, 25.0]), 0.02, 2500)[-1]
    growth = []
    for _ in range(400):  # renormalised after every unit of time
        near = lorenz_path(start + np.array([1e-8, 0.0, 0.0]), 0.02, 50)[-1]
        start = lorenz_path(start, 0.02, 50)[-1]
        growth.append(np.log(np.linalg.norm(near - start) / 1e-8))
    # a single direction is not the leading one at first, which costs the average a little
    assert np.mean(growth) == pytest.approx(LYAPUNOV_EXPONENT, abs=0.25)


def test_henon_is_the_map_and_has_its_known_exponent() -> None:
    task = henon(20_000, 4)
    x = task.u
    np.testing.assert_allclose(x[2:], 1 - 1.4 * x[1:-1] ** 2 + 0.3 * x[:-2], atol=1e-14)
    np.testing.assert_array_equal(task.y[:-1], x[1:])
    tangent, total = np.array([1.0, 0.0]), 0.0
    for value in x:
        tangent = np.array([-2.8 * value * tangent[0] + 0.3 * tangent[1], tangent[0]])
        total += np.log(np.linalg.norm(tangent))
        tangent /= np.linalg.norm(tangent)
    assert total / len(x) == pytest.approx(0.419, abs=0.01)


def test_henon_escapes_are_drawn_again() -> None:
    redrawn = [henon(3000, s, noise_sd=0.01).details["redraws"] for s in range(8)]
    assert max(redrawn) > 0
    assert np.abs(henon(3000, int(np.argmax(redrawn)), noise_sd=0.01).u).max() < 10
    assert not np.isfinite(henon_series(3.0, 3.0, np.zeros(50))[-1])
    with pytest.raises(NoAnswer, match="diverged in 1000 draws"):
        henon(3000, 1, noise_sd=0.05)


@pytest.mark.parametrize("make", [mackey_glass, partial(mackey_glass, tau=30), lorenz, henon])
def test_rows_are_aligned_and_reproducible(make: partial) -> None:
    task = make(300, 3, horizon=(1, 6))
    assert task.y.shape == (300, 2)
    np.testing.assert_array_equal(task.y[:-1, 0], task.u[1:])
    np.testing.assert_array_equal(task.y[:-6, 1], task.u[6:])
    assert task.alignment == "x[t+1], x[t+6]"
    np.testing.assert_array_equal(make(300, 3, horizon=(1, 6)).u, task.u)
    assert not np.allclose(make(300, 4).u, task.u)


def test_lorenz_may_show_one_coordinate_and_ask_for_all() -> None:
    task = lorenz(100, 1, observed="z", predicted="xyz", horizon=2)
    assert task.y.shape == (100, 3)
    np.testing.assert_array_equal(task.y[:-2, 2], task.u[2:])
    for bad in ({"observed": "xy"}, {"predicted": "w"}, {"dt": 0.0}, {"horizon": 0}):
        with pytest.raises(UsageError):
            lorenz(100, 1, **bad)  # type: ignore[arg-type]


def test_squashed_mackey_glass() -> None:
    np.testing.assert_allclose(mackey_glass(50, 1, squash=True).u, np.tanh(mackey_glass(50, 1).u - 1))
