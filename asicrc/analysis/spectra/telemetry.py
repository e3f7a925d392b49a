"""A period in telemetry, where readings are fresh often enough to show one.

A firmware that answers ten times a second may measure every second and repeat itself in between. Only
readings that changed count, and only frequencies below half of their rate: the 2.4 Hz that was said of a
power reading takes 4.8 fresh ones a second.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from asicrc.analysis.spectra.depth import DEEPEST, depth_estimate, detectable_depth
from asicrc.analysis.spectra.heartbeat import TOLERANCE, Heartbeat
from asicrc.analysis.spectra.search import corrected_p, independent_trials, level_of_each
from asicrc.analysis.spectra.sinusoid import sinusoid_fit
from asicrc.evidence import (
    DESIGN_LEVEL,
    ClaimMargins,
    Estimate,
    Finding,
    TestResult,
    judge_claim,
    not_testable,
)
from asicrc.evidence.block_bootstrap import Floats

TELEMETRY_MARGINS = ClaimMargins(claimed=0.25)
"""As for arrivals, but that nothing ordinary is known to put a line into readings: every one counts."""
MIN_READINGS = 50
LEAST_PERIODS = 10
NEIGHBOURS = 200
"""Frequencies on both sides that say what the noise of this channel is there."""


def telemetry_heartbeat(
    t_ns: ArrayLike,
    values: ArrayLike,
    channel: str,
    frequency_hz: float,
    *,
    margins: ClaimMargins = TELEMETRY_MARGINS,
) -> Heartbeat:
    """Depth of a sinusoid in a channel, over its mean, within 2 % of a frequency.

    The null is noise as strong as at neighbouring frequencies, whatever its colour there.
    """
    off_hz = TOLERANCE * frequency_hz
    low_hz, high_hz = frequency_hz - off_hz, frequency_hz + off_hz
    question = f"Does {channel} have a period at {frequency_hz:g} Hz?"
    t_s, y = fresh_readings(t_ns, values)
    why = _why_not(t_s, y, channel, low_hz, high_hz)
    if why:
        return Heartbeat(not_testable(question, len(t_s), why), low_hz, high_hz)
    length_s, n = float(t_s[-1] - t_s[0]), len(t_s)
    frequencies = np.arange(low_hz, high_hz, 1 / (4 * length_s))
    amplitude, share = sinusoid_fit(t_s, y, frequencies)
    best = int(np.argmax(share))
    relative = float(share[best] / _noise(t_s, y, low_hz, high_hz))
    trials = independent_trials(t_s, low_hz, high_hz)
    p = corrected_p(relative, n, trials)
    # the noise that a depth is seen against, in the units of a stream of n events: see `depth_estimate`
    depth = float(amplitude[best]) / abs(float(y.mean()))
    spectrum = n * depth**2 / (4 * relative) if relative > 0 else 1.0
    effect = depth_estimate(relative, n, spectrum)
    effect = Estimate(min(depth, DEEPEST), effect.low, effect.high, n, method="generalised Lomb-Scargle")
    seen = detectable_depth(n, spectrum, level_of_each(DESIGN_LEVEL, trials))
    test = TestResult("Lomb-Scargle over its neighbours", relative, p, n, "noise as at nearby frequencies")
    verdict = judge_claim(effect, p, margins, any_size=True)
    note = f"{n} fresh readings, {n / length_s:.3g} a second; margin of the depth {margins.claimed:g}"
    finding = Finding(question, effect, [test], seen, verdict, note, p)
    return Heartbeat(finding, low_hz, high_hz, float(frequencies[best]), seen, spectrum=spectrum)


def fresh_readings(t_ns: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    """Times since the first, s, and values of the readings that differ from the one before them."""
    t, y = np.asarray(t_ns, np.int64), np.asarray(values, float)
    known = np.isfinite(y)
    order = np.flatnonzero(known)[np.argsort(t[known], kind="stable")]
    t, y = t[order], y[order]
    fresh = np.ones(len(y), bool)
    fresh[1:] = y[1:] != y[:-1]
    t, y = t[fresh], y[fresh]
    return (t - t[0]) / 1e9 if len(t) else np.empty(0), y


def _why_not(t_s: Floats, y: Floats, channel: str, low_hz: float, high_hz: float) -> str | None:
    n = len(t_s)
    if n < MIN_READINGS:
        return f"{n} fresh readings of {channel}; a period takes {MIN_READINGS}"
    length_s = float(t_s[-1])
    rate_hz = (n - 1) / length_s if length_s > 0 else 0.0
    if rate_hz < 2 * high_hz:
        return (
            f"{channel} has {rate_hz:.3g} fresh readings a second; {high_hz:.3g} Hz takes {2 * high_hz:.3g}: "
            "a faster sensor, or one that is asked more often and answers anew"
        )
    if low_hz * length_s < LEAST_PERIODS:
        return f"{length_s:.4g} s hold less than {LEAST_PERIODS} periods of {low_hz:.3g} Hz"
    if not abs(float(y.mean())) > 0:
        return f"the mean of {channel} is 0: a share of it says nothing"
    return None


def _noise(t_s: Floats, y: Floats, low_hz: float, high_hz: float) -> float:
    """Mean share of the variance at nearby frequencies, from their median: a line there does not count."""
    step_hz = 1 / float(t_s[-1])
    highest_hz = (len(t_s) - 1) / float(t_s[-1]) / 2
    gap_hz = 3 * step_hz
    below = low_hz - gap_hz - step_hz * np.arange(NEIGHBOURS)
    above = high_hz + gap_hz + step_hz * np.arange(NEIGHBOURS)
    near = np.concatenate([below[below > step_hz], above[above < highest_hz]])
    return float(np.median(sinusoid_fit(t_s, y, near)[1])) / math.log(2)
