"""The filters as the papers trained them, so that their figures come out before any question is asked."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from asicrc.filtering.accounting import FilterAccount, account
from asicrc.filtering.windows import WindowTable

HASH_BITS = 256
ABORT_ROUND = 5
ROUNDS = 64
LAYERS = (16, 8, 4)
NETWORK_SEED = 42
TWIN_CYCLES = 20_000
TWIN_TRAINING = 5_000
TWIN_ZERO_BITS = 20
TWIN_VOLTAGE = 0.4
WINDOW_THRESHOLD = 0.3


@dataclass(frozen=True, slots=True)
class Network:
    """The papers' 16-8-4 network on one window's own features: its test table and its number of weights."""

    confusion: tuple[tuple[int, int], tuple[int, int]]
    parameters: int

    def as_json(self) -> dict[str, Any]:
        return {"confusion": [list(row) for row in self.confusion], "parameters": self.parameters}


def published_network(table: WindowTable) -> Network:
    """Trained and tested on rows drawn from one table, scaled on all of it, as published
    (Speaking-to-Silicon repository, tpf_train_deep_readout.py): scikit-learn, seed 42, a fifth to test."""
    scaled = StandardScaler().fit_transform(table.features)
    parts = train_test_split(scaled, table.label.astype(int), test_size=0.2, random_state=NETWORK_SEED)
    x_train, x_test, y_train, y_test = parts
    network = MLPClassifier(hidden_layer_sizes=LAYERS, max_iter=2000, random_state=NETWORK_SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is taken as it was published
        network.fit(x_train, y_train)
    (tn, fp), (fn, tp) = confusion_matrix(y_test, network.predict(x_test), labels=[0, 1]).tolist()
    parameters = sum(w.size for w in network.coefs_) + sum(b.size for b in network.intercepts_)
    return Network(((tn, fp), (fn, tp)), parameters)


def published_window_filter(table: WindowTable) -> FilterAccount:
    """Ridge (alpha 1) trained and scored on the same windows, continued above 0.3; a window counts as one
    candidate that costs 5 or 64 rounds by assignment (tpf_hardware_informed_v1.py)."""
    scaled = StandardScaler().fit_transform(table.features)
    score = Ridge(alpha=1.0).fit(scaled, table.label.astype(float)).predict(scaled)
    return account(score > WINDOW_THRESHOLD, table.label, rounds_before=ABORT_ROUND, rounds=ROUNDS)


@dataclass(frozen=True, slots=True)
class TwinRun:
    """The published digital twin with a target of `zero_bits`; `expected_hits` of its cycles."""

    zero_bits: int
    expected_hits: float
    account: FilterAccount

    def as_json(self) -> dict[str, Any]:
        return {"zero_bits": self.zero_bits, "expected_hits": self.expected_hits} | self.account.as_json()


def published_twin(
    seed: np.random.SeedSequence, zero_bits: tuple[int, ...] = (TWIN_ZERO_BITS, 8, 4, 2)
) -> list[TwinRun]:
    """The rule of the published digital twin, trained once as published, on targets that are hit oftener.

    Each cycle hashes a nonce alone (4 bytes, SHA-256 once); its signature in five rounds is
    sin(nonce + r) * (hash mod 100) plus noise, and a ridge readout (alpha 0.1) of 5,000 cycles continues
    above 0.5 (THERMODYNAMIC_PROBABILITY_FILTER_TPF_experiment.py). The signature holds the final hash.
    """
    rng = np.random.default_rng(seed)
    x, value = _signatures(rng, TWIN_TRAINING)
    eased = value < 2.0 ** (HASH_BITS - TWIN_ZERO_BITS) * 100
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0] = 1.0
    design = np.column_stack([(x - mean) / spread, np.ones(len(x))])
    weights = np.linalg.solve(design.T @ design + 0.1 * np.eye(design.shape[1]), design.T @ eased)
    x, value = _signatures(rng, TWIN_CYCLES)
    score = np.column_stack([(x - mean) / spread, np.ones(len(x))]) @ weights
    runs = []
    for bits in zero_bits:
        hit = value < 2.0 ** (HASH_BITS - bits)
        of_all = account(score >= 0.5, hit, rounds_before=ABORT_ROUND, rounds=ROUNDS)
        runs.append(TwinRun(bits, TWIN_CYCLES * 2.0**-bits, of_all))
    return runs


def _signatures(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 5) signatures and (n,) hash values, the latter rounded to a float."""
    nonces = rng.integers(0, 10**9, n, endpoint=True)
    digests = [
        int.from_bytes(hashlib.sha256(int(nonce).to_bytes(4, "little")).digest(), "big") for nonce in nonces
    ]
    rest = np.array([digest % 100 for digest in digests], float)
    rounds = np.arange(ABORT_ROUND)
    noise = rng.normal(0, 0.01 * (1 - TWIN_VOLTAGE), (n, ABORT_ROUND))
    signature = np.sin(nonces[:, None] + rounds) * rest[:, None] + noise
    return signature, np.array(digests, float)
