"""The strongest period in a band of frequencies, and what it is worth after so many were looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import fft

from asicrc.analysis.spectra.periodicity import rayleigh_p
from asicrc.analysis.spectra.phases import powers
from asicrc.analysis.spectra.renewal_spectrum import interval_spectrum, smooth_spectrum
from asicrc.evidence import TestResult
from asicrc.evidence.block_bootstrap import Floats

OVERSAMPLING = 2
BINS_A_CYCLE = 8
"""Of the highest frequency of a band; what the binning takes there, 5 % of the power, is given back."""
MOST_POINTS = 1 << 24
CANDIDATES = 3
FEW = 200
"""Below so many intervals they are shuffled; of more their own spectrum says what shuffling gives."""
SHUFFLES = 1999
NEGLIGIBLE = 0.05
"""Power of an even rate at the lowest frequency of a band, in units of what chance gives."""
MOST_PHASES = 60_000_000
_PHASES_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Peak:
    """`relative_power` is in units of `spectrum`, what events without a period have at this frequency."""

    frequency_hz: float
    relative_power: float
    spectrum: float


def strongest(t_s: Floats, low_hz: float, high_hz: float) -> Peak:
    """Of (n,) times since the start: the period of most power over the smooth spectrum, low <= f <= high.

    Transforms find the best few of a grid of half the resolution 1 / T, exact sums the best near these.
    """
    length_s = float(t_s[-1] - t_s[0])
    steps = np.diff(t_s)
    grid_step_hz = 1 / (OVERSAMPLING * length_s)
    found: list[tuple[float, float]] = []
    for first_hz, last_hz in _bands(low_hz, high_hz, grid_step_hz):
        frequencies, power = _transformed(t_s - t_s[0], first_hz, last_hz, grid_step_hz)
        relative = power / smooth_spectrum(steps, frequencies)
        kept = min(4 * CANDIDATES, len(relative))
        best = np.argpartition(relative, len(relative) - kept)[-kept:]
        found += [(float(relative[place]), float(frequencies[place])) for place in best]
    found.sort(reverse=True)
    apart: list[float] = []
    for _, frequency in found:
        if len(apart) < CANDIDATES and all(abs(frequency - other) > 2 * grid_step_hz for other in apart):
            apart.append(frequency)
    peaks = [_refined(t_s, frequency, grid_step_hz, low_hz, high_hz) for frequency in apart]
    return max(peaks, key=lambda peak: peak.relative_power)


def band_powers(t_s: Floats, low_hz: float, high_hz: float) -> tuple[Floats, Floats]:
    """Frequencies of a grid of half the resolution, ascending, and the power over the smooth spectrum."""
    grid_step_hz = 1 / (OVERSAMPLING * float(t_s[-1] - t_s[0]))
    parts = [
        _transformed(t_s - t_s[0], first, last, grid_step_hz)
        for first, last in _bands(low_hz, high_hz, grid_step_hz)
    ]
    frequencies, power = (np.concatenate(values) for values in zip(*parts, strict=True))
    inside = (frequencies >= low_hz) & (frequencies <= high_hz)
    frequencies, power = frequencies[inside], power[inside]
    return frequencies, power / smooth_spectrum(np.diff(t_s), frequencies)


def band_p(peak: Peak, t_s: Floats, low_hz: float, high_hz: float) -> TestResult:
    """p of the strongest peak of a band, corrected for all frequencies in it (Baluev 2008)."""
    n, trials = len(t_s), independent_trials(t_s, low_hz, high_hz)
    return TestResult(
        f"Rayleigh, strongest of about {trials + 1:.4g} frequencies",
        peak.relative_power,
        corrected_p(peak.relative_power, n, trials),
        n,
        "events of one rate behind a dead time",
    )


def shuffled_band_p(peak: Peak, t_s: Floats, low_hz: float, high_hz: float, seed: int = 0) -> TestResult:
    """The same peak against the same intervals in random order.

    A strong period shapes the intervals too, and some of it stays in any order of them: this null asks for
    more. Of fewer than 200 intervals 1,999 orders are drawn, each with its strongest frequency; where that
    would take too long, each at the frequency of the peak, and p by the spectrum that they have there.
    """
    steps, n = np.diff(t_s), len(t_s)
    null = "the same intervals in any order"
    name = "Rayleigh, intervals shuffled"
    power = peak.relative_power * peak.spectrum
    trials = independent_trials(t_s, low_hz, high_hz)
    length_s = float(t_s[-1] - t_s[0])
    points = 1 + math.ceil(OVERSAMPLING * (high_hz - low_hz) * length_s)
    if len(steps) >= FEW:
        relative = power / interval_spectrum(steps, peak.frequency_hz)
        return TestResult(name, relative, corrected_p(relative, n, trials), n, null)
    rng = np.random.default_rng(np.random.SeedSequence([seed, 11]))
    if SHUFFLES * n * points > MOST_PHASES:
        shuffled = _shuffled_powers(steps, np.array([peak.frequency_hz]), rng)
        relative = power / float(shuffled.mean())
        return TestResult(name, relative, corrected_p(relative, n, trials), n, null, SHUFFLES)
    frequencies = np.linspace(low_hz, high_hz, points)
    shuffled = _shuffled_powers(steps, frequencies, rng) / smooth_spectrum(steps, frequencies)
    reached = int(np.count_nonzero(shuffled.max(axis=1) >= peak.relative_power))
    return TestResult(name, peak.relative_power, (1 + reached) / (1 + SHUFFLES), n, null, SHUFFLES)


def _shuffled_powers(steps: Floats, frequencies: Floats, rng: np.random.Generator) -> Floats:
    """(1999, frequencies) powers of the intervals in random orders."""
    n, length_s = len(steps) + 1, float(steps.sum())
    even = n * np.exp(1j * np.pi * frequencies * length_s) * np.sinc(frequencies * length_s)
    rows = max(1, _PHASES_AT_ONCE // (n * len(frequencies)))
    found = np.empty((SHUFFLES, len(frequencies)))
    for first in range(0, SHUFFLES, rows):
        count = min(rows, SHUFFLES - first)
        orders = rng.permuted(np.broadcast_to(steps, (count, len(steps))), axis=1)
        times = np.concatenate([np.zeros((count, 1)), np.cumsum(orders, axis=1)], axis=1)
        sums = np.exp(2j * np.pi * times[:, None, :] * frequencies[None, :, None]).sum(axis=2) - even
        found[first : first + count] = np.abs(sums) ** 2 / n
    return found


def independent_trials(t_s: Floats, low_hz: float, high_hz: float) -> float:
    """Width of the band times sqrt(4 pi var t): how often a spectrum of these times crosses a level anew."""
    return (high_hz - low_hz) * math.sqrt(4 * math.pi * float(np.var(t_s)))


def corrected_p(relative_power: float, n: int, trials: float) -> float:
    """1 - (1 - p) exp(-W p sqrt(P)): that the strongest frequency of a band reaches P without a period."""
    single = rayleigh_p(relative_power, n)
    crossings = trials * single * math.sqrt(max(relative_power, 0.0))
    return min(1.0, -math.expm1(math.log1p(-min(single, 1 - 1e-15)) - crossings))


def level_of_each(alpha: float, trials: float) -> float:
    """The level at one frequency that makes `alpha` over the band: `corrected_p` of many events, inverted."""
    low, high = 1e-300, alpha
    for _ in range(200):
        middle = math.sqrt(low * high)
        power = -math.log(middle)
        low, high = (middle, high) if middle * (1 + trials * math.sqrt(power)) <= alpha else (low, middle)
    return low


def _bands(low_hz: float, high_hz: float, grid_step_hz: float) -> list[tuple[float, float]]:
    """Parts of a band of so few grid points each that their transform fits into memory."""
    points = (high_hz - low_hz) / grid_step_hz
    parts = max(1, math.ceil(points * BINS_A_CYCLE / MOST_POINTS))
    edges = np.linspace(low_hz, high_hz, parts + 1)
    return list(pairwise(edges.tolist()))


def _transformed(t_s: Floats, low_hz: float, high_hz: float, grid_step_hz: float) -> tuple[Floats, Floats]:
    """Frequencies of the grid from low to high and the power at each.

    The middle of the band is brought to 0 first, so that bins need to follow half its width only.
    """
    n, length_s = len(t_s), float(t_s[-1])
    centre_hz = (low_hz + high_hz) / 2
    half_hz = max((high_hz - low_hz) / 2, 2 * grid_step_hz)
    bin_s = 1 / (BINS_A_CYCLE * half_hz)
    bins = int(length_s / bin_s) + 1
    place = np.minimum((t_s / bin_s).astype(np.int64), bins - 1)
    turns = centre_hz * t_s
    angle = -2 * np.pi * (turns - np.floor(turns))
    series = np.empty(bins, np.complex128)
    series.real = np.bincount(place, np.cos(angle), bins)
    series.imag = np.bincount(place, np.sin(angle), bins)
    if n / (np.pi * low_hz * length_s) ** 2 > NEGLIGIBLE:
        series -= _even_rate(n / length_s, centre_hz, bin_s, bins)
    size = fft.next_fast_len(max(bins, math.ceil(1 / (grid_step_hz * bin_s))))
    spectrum = fft.fft(series, size)
    reach = min(math.ceil(half_hz * size * bin_s), size // 2 - 1)
    offset = np.arange(-reach, reach + 1) / (size * bin_s)
    power = np.abs(np.concatenate([spectrum[-reach:], spectrum[: reach + 1]])) ** 2
    power /= n * np.sinc(offset * bin_s) ** 2
    frequencies: Floats = centre_hz + offset
    inside = frequencies > max(low_hz - grid_step_hz, 0.0)
    return frequencies[inside], power[inside]


def _even_rate(rate_hz: float, centre_hz: float, bin_s: float, bins: int) -> np.ndarray:
    """What an even rate puts into the bins: a signal of its own where a band reaches down to few periods."""
    middle_s = (np.arange(bins) + 0.5) * bin_s
    turns = centre_hz * middle_s
    amount = rate_hz * bin_s * np.sinc(centre_hz * bin_s)
    found: np.ndarray = amount * np.exp(-2j * np.pi * (turns - np.floor(turns)))
    return found


def _refined(t_s: Floats, frequency_hz: float, step_hz: float, low_hz: float, high_hz: float) -> Peak:
    """The top of a parabola through exact powers about the frequency, twice, the second time closer."""
    steps = np.diff(t_s)
    found = _peak(t_s, steps, min(max(frequency_hz, low_hz), high_hz))
    for width in (step_hz / 2, step_hz / 6):
        centre = found.frequency_hz
        sides = [_peak(t_s, steps, centre + sign * width) for sign in (-1, 1)]
        left, middle, right = sides[0].relative_power, found.relative_power, sides[1].relative_power
        bend = left - 2 * middle + right
        top = centre + (0.5 * (left - right) / bend * width if bend < 0 else 0.0)
        tried = [*sides, _peak(t_s, steps, min(max(top, centre - step_hz), centre + step_hz))]
        inside = [peak for peak in tried if low_hz <= peak.frequency_hz <= high_hz]
        found = max([found, *inside], key=lambda peak: peak.relative_power)
    return found


def _peak(t_s: Floats, steps: Floats, frequency_hz: float) -> Peak:
    spectrum = float(smooth_spectrum(steps, np.array([frequency_hz]))[0])
    return Peak(frequency_hz, float(powers(t_s, frequency_hz)[0]) / spectrum, spectrum)
