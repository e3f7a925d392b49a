"""Telling inputs from states of replays that were not learnt from."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from asicrc.errors import NoAnswer
from asicrc.reservoir.metrics import classify_held_out

RUNS, PLACES = 8, 12


def replays(seed: int, size: float) -> NDArray[np.float64]:
    """Three features that repeat by `size` standard deviations of their noise, which hangs together."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(3, 3))
    return (size * rng.normal(size=(PLACES, 3)) + rng.normal(size=(RUNS, PLACES, 3))) @ mixing


def test_inputs_are_told_by_what_repeats() -> None:
    found = classify_held_out(replays(1, size=2.0))
    assert found.accuracy.low > 3 / PLACES
    assert found.test.p_value == pytest.approx(1 / 200)
    assert found.as_json()["chance"] == 1 / PLACES


def test_states_without_input_are_told_at_the_level_of_chance() -> None:
    p = [classify_held_out(replays(seed, size=0.0), surrogates=19).test.p_value for seed in range(80)]
    # With 19 surrogates p is uniform on twentieths, ties aside, which only make it larger.
    assert np.mean(np.array(p) <= 0.05) < 0.13
    assert 0.25 < np.mean(np.array(p) <= 0.5) < 0.66


def test_the_accuracy_is_that_of_leaving_each_replay_out_by_hand() -> None:
    x = replays(3, size=0.7)
    right = 0
    for run in range(RUNS):
        rest = np.delete(x, run, axis=0)
        means = rest.mean(axis=0)
        noise = (rest - means).reshape(-1, 3)
        whiten = np.linalg.inv(noise.T @ noise)
        for place in range(PLACES):
            away = x[run, place] - means
            right += int(np.argmin(np.einsum("ck,kl,cl->c", away, whiten, away)) == place)
    assert classify_held_out(x, surrogates=19).accuracy.estimate == pytest.approx(right / (RUNS * PLACES))


def test_too_few_replays_are_said_to_be() -> None:
    with pytest.raises(NoAnswer, match="replay"):
        classify_held_out(np.zeros((2, PLACES, 3)))
    with pytest.raises(NoAnswer, match="constant"):
        classify_held_out(np.ones((RUNS, PLACES, 3)))
    with pytest.raises(NoAnswer, match="features"):
        classify_held_out(np.random.default_rng(1).normal(size=(3, 2, 5)))
