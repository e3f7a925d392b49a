"""Does the order of the intervals have a long memory? Detrended fluctuations (Peng et al. 1994).

F(s) is the rms of the summed series about a line in windows of s values; F ~ s^alpha. Without memory alpha is
1/2; 1/f noise has 1. The papers speak of 1/f and show no exponent.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from asicrc.analysis.arrivals.scores import normal_scores
from asicrc.analysis.event_stream import EventStream
from asicrc.errors import NoAnswer
from asicrc.evidence import ClaimMargins, Estimate, Finding, TestResult, judge_claim
from asicrc.evidence.block_bootstrap import Floats
from asicrc.evidence.finding import POWER_80_SE

MIN_INTERVALS = 500
MEMORY_MARGINS = ClaimMargins(claimed=0.1, tolerated=0.03)
MOST_VALUES = 1 << 14
"""Of a longer record neighbours are summed until so many are left: memory is looked for at long times."""
SHORTEST = 8
SCALES = 14
_VALUES_SIMULATED, _FEWEST_SERIES, _MOST_SERIES = 3_000_000, 200, 2000


def long_memory_finding(stream: EventStream, *, margins: ClaimMargins = MEMORY_MARGINS) -> Finding:
    """Is the exponent of the detrended fluctuations another than 1/2? Of the longest segment.

    Null, its mean and its spread are from series of normal scores in random order, of about this length.
    Raises NoAnswer for fewer than 500 intervals.
    """
    steps = np.diff(stream.longest_s)
    n = len(steps)
    if n < MIN_INTERVALS:
        raise NoAnswer(f"{n} intervals in one segment; memory takes {MIN_INTERVALS}", "capture for longer")
    scores = normal_scores(steps)
    together = -(-n // MOST_VALUES)
    if together > 1:
        whole = n // together * together
        scores = scores[:whole].reshape(-1, together).sum(axis=1)
    exponent = fluctuation_exponent(scores)
    mean, spread, series = _null(_bucket(len(scores)))
    value = exponent - mean + 0.5
    half = float(stats.t.ppf(0.975, series - 1)) * spread
    effect = Estimate(value, value - half, value + half, n, method="spread of series in random order")
    p = 2 * float(stats.t.sf(abs(exponent - mean) / spread, series - 1))
    return Finding(
        question="Do the intervals have a long memory?",
        effect=effect,
        nulls=[
            TestResult(
                "exponent of detrended fluctuations",
                exponent,
                p,
                n,
                f"intervals in any order, where it is {mean:.3g} at this length",
                series,
            )
        ],
        smallest_effect=POWER_80_SE * spread,
        verdict=judge_claim(effect, p, margins, null_value=0.5),
        note=f"exponent less its bias, 1/2 without memory; margin {margins.claimed:g}",
        p_corrected=p,
    )


def fluctuation_exponent(values: ArrayLike) -> float:
    """Slope of log F over log s, from windows of 8 values to a tenth of the series."""
    x = np.asarray(values, float)
    scales = fluctuation_scales(len(x))
    fluctuations = detrended_fluctuations(x, scales)
    if not np.all(fluctuations > 0):
        raise NoAnswer("the series does not vary in some of the windows", "a host paces these events")
    return float(np.polyfit(np.log(scales), np.log(fluctuations), 1)[0])


def fluctuation_scales(n: int) -> NDArray[np.int64]:
    """Window lengths, evenly in the logarithm."""
    return np.unique(np.geomspace(SHORTEST, n // 10, SCALES).astype(np.int64))


def detrended_fluctuations(values: ArrayLike, scales: NDArray[np.int64]) -> Floats:
    """F(s) for each window length: windows from the start without overlap, a line taken out of each."""
    x = np.asarray(values, float)
    profile = np.cumsum(x - x.mean())
    found = np.empty(len(scales))
    for place, scale in enumerate(scales.tolist()):
        windows = profile[: len(profile) // scale * scale].reshape(-1, scale)
        t = np.arange(scale) - (scale - 1) / 2
        slope = windows @ t / (t @ t)
        rest = windows - windows.mean(axis=1, keepdims=True) - slope[:, None] * t
        found[place] = np.sqrt(np.mean(rest**2))
    return found


def _bucket(n: int) -> int:
    """Length with two digits: exponents of series of about one length have one null."""
    power = int(10 ** max(0, len(str(n)) - 2))
    return n // power * power


@lru_cache(maxsize=64)
def _null(n: int) -> tuple[float, float, int]:
    """Mean and standard deviation of the exponent of `n` values without order, and of how many series."""
    series = int(np.clip(_VALUES_SIMULATED // n, _FEWEST_SERIES, _MOST_SERIES))
    rng = np.random.default_rng(np.random.SeedSequence([n, 20]))
    found = [fluctuation_exponent(rng.standard_normal(n)) for _ in range(series)]
    return float(np.mean(found)), float(np.std(found, ddof=1)), series
