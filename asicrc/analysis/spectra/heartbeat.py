"""Is there a heartbeat: a period in the arrivals that no host brings?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from asicrc.analysis.arrivals.fitness import Asks, reason_against
from asicrc.analysis.event_stream import EventStream
from asicrc.analysis.spectra.depth import depth_estimate, detectable_depth, kept_share
from asicrc.analysis.spectra.host_periods import HostLine, HostPeriod, host_line
from asicrc.analysis.spectra.periodicity import H_HARMONICS, h_test, relative_powers, z_squared_test
from asicrc.analysis.spectra.search import (
    band_p,
    independent_trials,
    level_of_each,
    shuffled_band_p,
    strongest,
)
from asicrc.analysis.spectra.sinusoid import rate_sinusoid
from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import (
    DESIGN_LEVEL,
    PROMISED_LEVEL,
    ClaimMargins,
    Estimate,
    EvidenceVerdict,
    Finding,
    TestResult,
    judge_claim,
    not_testable,
)

CLAIMED_HZ = 2.4
TOLERANCE = 0.02
"""A frequency that was printed with two digits is known to 2 %; all of that is searched."""
DEPTH_MARGINS = ClaimMargins(claimed=0.25, tolerated=0.01)
MIN_INTERVALS = 20
BAND_HZ = (0.5, 5.0)
LEAST_PERIODS = 10
"""In the record: slower ones are drift."""
LEAST_KEPT = 0.5
"""Of a modulation, after jitter and rounding of the stamps."""
STEPS_A_PERIOD = 4
MOST_FREQUENCIES = 4_000_000
"""That are searched unless a band is asked for: a matter of seconds."""
MOST_ASKED_FOR = 1_000_000_000
"""That are searched at all: a matter of an hour."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`depth` is of the strongest frequency within `low_hz` .. `high_hz`. `host` is the host's period that it
    cannot be told from. Where the record cannot be asked, `finding` says why and the others are None."""

    finding: Finding
    low_hz: float
    high_hz: float
    frequency_hz: float | None = None
    detectable_depth: float | None = None
    host: HostLine | None = None
    tests: tuple[TestResult, ...] = ()
    rate_depth: float | None = None
    """The same depth by counts: a sinusoid fitted to the rate in bins (Lomb 1976), not to phases."""
    spectrum: float | None = None
    """Power that events of this law have at the frequency without a period; 1 for a Poisson process."""

    def as_json(self) -> dict[str, Any]:
        effect = self.finding.effect.as_json()
        return {
            "depth": effect["estimate"],
            "low": effect["low"],
            "high": effect["high"],
            "n": effect["n"],
            "p_corrected": self.finding.as_json()["p_corrected"],
            "detectable_depth": self.detectable_depth,
            "verdict": self.finding.verdict.value,
            "frequency_hz": self.frequency_hz,
            "rate_depth": self.rate_depth,
            "searched_hz": [self.low_hz, self.high_hz],
            "host_side": None if self.host is None else self.host.as_json(),
            "tests": [test.as_json() for test in (*self.finding.nulls, *self.tests)],
            "note": self.finding.note,
        }


def heartbeat_at(
    stream: EventStream,
    frequency_hz: float = CLAIMED_HZ,
    *,
    tolerance_hz: float | None = None,
    hosts: Sequence[HostPeriod] = (),
    margins: ClaimMargins = DEPTH_MARGINS,
    seed: int = 0,
) -> Heartbeat:
    """A period at a frequency that was claimed beforehand, known to `tolerance_hz` (None: 2 %)."""
    if not 0 < frequency_hz < math.inf:
        raise UsageError(f"{frequency_hz:g} Hz is no frequency", "give one above 0")
    off_hz = TOLERANCE * frequency_hz if tolerance_hz is None else tolerance_hz
    if not 0 <= off_hz < frequency_hz:
        raise UsageError(f"a tolerance of {off_hz:g} Hz about {frequency_hz:g} Hz", "0 or more, and less")
    question = f"Do the arrivals have a period at {frequency_hz:g} Hz?"
    return _heartbeat(stream, question, frequency_hz - off_hz, frequency_hz + off_hz, hosts, margins, seed)


def heartbeat_in(
    stream: EventStream,
    low_hz: float | None = None,
    high_hz: float | None = None,
    *,
    hosts: Sequence[HostPeriod] = (),
    margins: ClaimMargins = DEPTH_MARGINS,
    seed: int = 0,
) -> Heartbeat:
    """Any period within a band. Without limits the band is 0.5 to 5 Hz as far as the record can show it."""
    t_s = stream.longest_s
    length_s = float(t_s[-1]) if len(t_s) else 0.0
    if low_hz is None:
        low_hz = max(BAND_HZ[0], LEAST_PERIODS / length_s) if length_s else BAND_HZ[0]
    if high_hz is None:
        widest_hz = MOST_FREQUENCIES / length_s if length_s else BAND_HZ[1]
        high_hz = max(min(BAND_HZ[1], _highest_hz(stream), low_hz + widest_hz), low_hz)
    if not 0 < low_hz <= high_hz < math.inf:
        raise UsageError(f"{low_hz:g} to {high_hz:g} Hz is no band", "from low to high, both above 0")
    question = f"Do the arrivals have a period between {low_hz:.4g} and {high_hz:.4g} Hz?"
    return _heartbeat(stream, question, low_hz, high_hz, hosts, margins, seed)


def _heartbeat(
    stream: EventStream,
    question: str,
    low_hz: float,
    high_hz: float,
    hosts: Sequence[HostPeriod],
    margins: ClaimMargins,
    seed: int,
) -> Heartbeat:
    t_s = stream.longest_s
    why = reason_against(stream, Asks.RATE, MIN_INTERVALS) or _why_not_here(stream, low_hz, high_hz)
    if why:
        return Heartbeat(not_testable(question, max(0, len(t_s) - 1), why), low_hz, high_hz)
    peak = strongest(t_s, low_hz, high_hz)
    # Below a half the share that is kept depends on more than the rms of the jitter: no depth is mended.
    whole = kept_share(peak.frequency_hz, stream.floor_s, stream.quantum_s)
    kept = whole if whole >= LEAST_KEPT else 1.0
    effect = depth_estimate(peak.relative_power, len(t_s), peak.spectrum, kept)
    test, shuffled = band_p(peak, t_s, low_hz, high_hz), shuffled_band_p(peak, t_s, low_hz, high_hz, seed)
    each = level_of_each(DESIGN_LEVEL, independent_trials(t_s, low_hz, high_hz))
    seen = detectable_depth(len(t_s), peak.spectrum, each, kept=kept)
    host = host_line(peak, t_s, hosts) if test.p_value <= PROMISED_LEVEL else None
    if whole < LEAST_KEPT and test.p_value > DESIGN_LEVEL:
        why = (
            f"the jitter floor of {stream.floor_s:.3g} s may leave {whole:.2g} of a modulation at "
            f"{peak.frequency_hz:.4g} Hz: none was found, and none could have been"
        )
        return Heartbeat(not_testable(question, len(t_s), why), low_hz, high_hz)
    verdict, note = judge_period(effect, test.p_value, shuffled.p_value, host, margins)
    finding = Finding(question, effect, [test, shuffled], seen, verdict, note, test.p_value)
    harmonics = relative_powers(t_s, peak.frequency_hz, H_HARMONICS)
    at_peak = (z_squared_test(harmonics[:2], len(t_s)), h_test(harmonics, len(t_s)))
    tests = tuple(replace(test, name=f"{test.name} at that frequency, not corrected") for test in at_peak)
    by_counts, _ = rate_sinusoid(t_s, peak.frequency_hz)
    return Heartbeat(finding, low_hz, high_hz, peak.frequency_hz, seen, host, tests, by_counts, peak.spectrum)


def judge_period(
    effect: Estimate,
    p_corrected: float,
    p_shuffled: float,
    host: HostLine | None,
    margins: ClaimMargins,
    alpha: float = DESIGN_LEVEL,
) -> tuple[EvidenceVerdict, str]:
    """Supported: a line that no host brings and that the intervals in any order do not have either."""
    verdict = judge_claim(effect, p_corrected, margins, alpha=alpha, any_size=True)
    note = f"margin of the depth {margins.claimed:g}"
    if verdict is not EvidenceVerdict.SUPPORTED:
        return verdict, note
    if host is not None:
        return EvidenceVerdict.NOT_RESOLVED, f"host-side: cannot be told from {host}"
    if p_shuffled > PROMISED_LEVEL:
        return (
            EvidenceVerdict.NOT_RESOLVED,
            f"the intervals have it in any order (p = {p_shuffled:.2g}): their law alone may make it",
        )
    return verdict, note


def line_profile(stream: EventStream, heartbeat: Heartbeat, bins: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Events in each part of the period that was found, and where the parts begin, in turns."""
    if heartbeat.frequency_hz is None:
        raise NoAnswer("no frequency was looked at", heartbeat.finding.note)
    turns = stream.longest_s * heartbeat.frequency_hz
    edges = np.linspace(0, 1, bins + 1)
    return np.histogram(turns - np.floor(turns), edges)[0].astype(float), edges[:-1]


def _why_not_here(stream: EventStream, low_hz: float, high_hz: float) -> str | None:
    t_s = stream.longest_s
    length_s = float(t_s[-1])
    if len(t_s) - 1 < MIN_INTERVALS:
        return f"{len(t_s) - 1} intervals in the longest segment; a period takes {MIN_INTERVALS}"
    if low_hz * length_s < LEAST_PERIODS:
        return (
            f"{length_s:.4g} s hold {low_hz * length_s:.3g} periods of {low_hz:.4g} Hz: "
            f"a record of {LEAST_PERIODS / low_hz:.4g} s at the least"
        )
    if (high_hz - low_hz) * length_s > MOST_ASKED_FOR:
        return (
            f"{low_hz:.4g} to {high_hz:.4g} Hz in {length_s:.4g} s are "
            f"{(high_hz - low_hz) * length_s:.2g} frequencies: ask for a band of "
            f"{MOST_ASKED_FOR / length_s:.4g} Hz at the most"
        )
    if high_hz > _highest_hz(stream) * (1 + 1e-9):
        return f"stamps in steps of {stream.quantum_s:.3g} s show nothing above {_highest_hz(stream):.4g} Hz"
    return None


def _highest_hz(stream: EventStream) -> float:
    """Above it the stamps have too few steps in a period."""
    return 1 / (STEPS_A_PERIOD * stream.quantum_s) if stream.quantum_s else math.inf
