"""The phase-amplitude ("holographic") encoding, held against a delay embedding of equal size (H, section IV).

The papers name it and give no formula. Here it is what the words say, and causal: a series is brought to
phase and amplitude in bands of frequency by one-sided filters, and each band gives amplitude times cosine
and sine of the phase, two numbers. The claim is that states of many dimensions can be reconstructed from
that. So can they from delayed copies of the series (Takens 1981). Both get the same number of features, the
same linear readout and the same rows; what is compared is the error of a reconstruction on rows that were
not trained on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asicrc.errors import NoAnswer
from asicrc.evidence import DESIGN_LEVEL, ClaimMargins, Estimate, EvidenceVerdict, Finding, TestResult
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.finding import POWER_80_SE

BANDS = 4
FOLDS = 10
MIN_ROWS = 200
GAIN_MARGINS = ClaimMargins(claimed=0.05, tolerated=0.0)
"""Of the normalised error."""
RIDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """Normalised errors, 1 being the mean of the training rows. `finding` is about the error of the delay
    embedding less that of the encoding: above 0 the encoding is better."""

    features: int
    encoding_error: Estimate
    delay_error: Estimate
    finding: Finding

    def as_json(self) -> dict[str, Any]:
        return {
            "features": self.features,
            "encoding_error": self.encoding_error.as_json(),
            "delay_error": self.delay_error.as_json(),
            **self.finding.as_json(),
        }


def compare_reconstruction(series: ArrayLike, states: ArrayLike, bands: int = BANDS) -> Reconstruction:
    """Reconstruct (n, k) states from the (n,) series up to each row.

    Raises NoAnswer for fewer than 200 rows, missing or constant values.
    """
    x = np.asarray(series, float)
    y = np.asarray(states, float).reshape(len(x), -1)
    if len(x) < MIN_ROWS or not (np.isfinite(x).all() and np.isfinite(y).all()) or not np.ptp(x):
        raise NoAnswer(
            f"{len(x)} rows, or values that are missing or all the same; this takes {MIN_ROWS}",
            "a longer series",
        )
    features = 2 * bands
    first = features
    encoding = phase_amplitude(x, bands)[first:]
    delays = delay_embedding(x, features)[first:]
    y = y[first:]
    errors = {name: _fold_errors(table, y) for name, table in (("a", encoding), ("b", delays))}
    gain = errors["b"] - errors["a"]
    se = float(gain.std(ddof=1)) / math.sqrt(FOLDS)
    mean, half = float(gain.mean()), float(stats.t.ppf(0.975, FOLDS - 1)) * se
    t = mean / se if se > 0 else math.copysign(math.inf, mean)
    p = 2 * float(stats.t.sf(abs(t), FOLDS - 1))
    effect = Estimate(mean, mean - half, mean + half, len(y), method=f"t over {FOLDS} blocks of time")
    finding = Finding(
        question="Does the phase-amplitude encoding reconstruct the state better than delayed copies?",
        effect=effect,
        nulls=[TestResult("paired t over blocks", t, p, FOLDS, "both errors are equal")],
        smallest_effect=POWER_80_SE * se,
        verdict=_judged(effect, p),
        note=f"error of the delays less that of the encoding, {features} features each",
        p_corrected=p,
    )
    return Reconstruction(features, _estimate(errors["a"], len(y)), _estimate(errors["b"], len(y)), finding)


def _judged(effect: Estimate, p: float) -> EvidenceVerdict:
    """One-sided: an encoding that is worse, or better by less than the margin, is not what was claimed."""
    if effect.high < GAIN_MARGINS.claimed:
        return EvidenceVerdict.REFUTED
    found = p <= DESIGN_LEVEL and effect.low > GAIN_MARGINS.tolerated
    return EvidenceVerdict.SUPPORTED if found else EvidenceVerdict.NOT_RESOLVED


def phase_amplitude(series: ArrayLike, bands: int = BANDS) -> Floats:
    """(n, 2 bands): amplitude times cosine and sine of the phase in octaves below half the sampling rate.

    Each band is a complex resonator, z_t = d e^{i w} z_{t-1} + (1 - d) x_t, whose memory is one period: it
    knows the past alone.
    """
    x = np.asarray(series, float)
    x = x - x.mean()
    columns = []
    for band in range(bands):
        cycles = 0.25 / 2**band
        kept = math.exp(-cycles)
        turn = kept * np.exp(2j * np.pi * cycles)
        z = np.empty(len(x), np.complex128)
        held = 0j
        for t, value in enumerate(x.tolist()):
            held = turn * held + (1 - kept) * value
            z[t] = held
        columns += [z.real, z.imag]
    return np.stack(columns, axis=1)


def delay_embedding(series: ArrayLike, size: int) -> Floats:
    """(n, size): the series and its last size - 1 values, oldest ones 0 in the first rows."""
    x = np.asarray(series, float)
    x = x - x.mean()
    found = np.zeros((len(x), size))
    for lag in range(size):
        found[lag:, lag] = x[: len(x) - lag]
    return found


def _fold_errors(features: Floats, states: Floats) -> Floats:
    """Normalised error of each of ten blocks of time, the readout trained on the others."""
    edges = np.linspace(0, len(states), FOLDS + 1).astype(int)
    gap = features.shape[1]
    errors = np.empty(FOLDS)
    for k in range(FOLDS):
        test = slice(int(edges[k]), int(edges[k + 1]))
        train = np.ones(len(states), bool)
        train[max(0, test.start - gap) : test.stop + gap] = False
        scale = features[train].std(axis=0) + 1e-300
        a = np.column_stack([np.ones(int(train.sum())), features[train] / scale])
        b = np.column_stack([np.ones(test.stop - test.start), features[test] / scale])
        penalty = RIDGE * len(a) * np.eye(a.shape[1])
        penalty[0, 0] = 0.0
        weights = np.linalg.solve(a.T @ a + penalty, a.T @ states[train])
        miss = states[test] - b @ weights
        mean = states[train].mean(axis=0)
        errors[k] = math.sqrt(float(np.sum(miss**2) / np.sum((states[test] - mean) ** 2)))
    return errors


def _estimate(errors: Floats, n: int) -> Estimate:
    half = float(stats.t.ppf(0.975, FOLDS - 1) * errors.std(ddof=1)) / math.sqrt(FOLDS)
    mean = float(errors.mean())
    return Estimate(mean, mean - half, mean + half, n, method=f"t over {FOLDS} blocks of time")
