"""Scores of the input alone, on the same split with the same search: what a device has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asicrc.reservoir.baselines import noise_features, quadratic_taps, taps
from asicrc.reservoir.benchmark.scoring import Scored, Target, score, score_constant
from asicrc.reservoir.echo_states import EchoStates
from asicrc.reservoir.esn_presets import preset_of
from asicrc.reservoir.states import FeatureSet, StateTable
from asicrc.reservoir.states.digital_memory import leaky_sum
from asicrc.reservoir.states.table import Floats

NOISE_FEATURES = 50
"""Where no device says how many features its states have."""


def input_scores(
    u: Floats,
    target: Target,
    *,
    seed: np.random.SeedSequence,
    noise: int = NOISE_FEATURES,
    esn_units: Sequence[int] = (100,),
) -> dict[str, Scored]:
    """By name: constant, u_t, delay lines, noise, echo state networks. `u` (T,) is the drive as read back."""
    draw = int(seed.generate_state(1)[0])
    tables = {
        "u_t": taps(u, 1),
        "linear_10": taps(u, 10),
        "linear_20": taps(u, 20),
        "quadratic_20": quadratic_taps(u, 20),
        "quadratic_30": quadratic_taps(u, 30),
        "random_features": noise_features(len(u), noise, np.random.SeedSequence([draw, 1])),
    }
    found = {"constant": score_constant(target)}
    found |= {name: score(name, table, target) for name, table in tables.items()}
    for units in esn_units:
        name = f"esn_{units}"
        found[name] = score(name, echo_states(u, units, draw, target.split.test.start), target)
    return found


def echo_states(u: Floats, units: int, seed: int, n_seen: int) -> StateTable:
    """(T, units) states of an echo state network with the hyperparameters that were found for NARMA-10.

    The scale of its input is that of the first `n_seen` steps.
    """
    network = EchoStates(units, **preset_of("narma10", units).parameters(), seed=seed)
    column = u[:, None]
    states = np.asarray(network.fit(column[:n_seen]).transform(column), dtype=np.float64)
    return StateTable.of([f"unit_{i}" for i in range(units)], states)


def same_taps(u: Floats, features: FeatureSet, starts_ns: np.ndarray) -> StateTable:
    """The input with the digital memory that a feature set has: its lags, and its filters."""
    table = taps(u, features.lags + 1)
    if "filters" not in features.features:
        return table
    length_s = np.diff(starts_ns) / 1e9
    columns = [leaky_sum(u * length_s, np.exp(-length_s / tau)) / tau for tau in features.taus_s]
    names = [f"u_filtered_{tau:g}s" for tau in features.taus_s]
    return StateTable.beside([table, StateTable.of(names, np.column_stack(columns))])
