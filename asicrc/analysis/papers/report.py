"""All of the papers' own quantities of one record, and of none where none is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from asicrc.analysis.event_source import EventSource, is_capture, read_event_source
from asicrc.analysis.papers.hamming import HammingResult, forced_zeros_seen, hamming_of_hashes
from asicrc.analysis.papers.hierarchical_numbers import (
    CLAIMED_RATIO,
    CLAIMED_STATES,
    EnergyRow,
    bits_kept,
    energy_ratio_digits,
    energy_table,
    ratio_of_states,
)
from asicrc.analysis.papers.k_sync import KSync, k_sync
from asicrc.analysis.papers.phase_amplitude import Reconstruction, compare_reconstruction
from asicrc.analysis.papers.printed_entropy import PrintedEntropy, printed_entropies
from asicrc.analysis.papers.proof_hashes import proof_hashes, proof_headers
from asicrc.analysis.papers.scrambling import Scrambling, nonce_scrambling
from asicrc.analysis.papers.sweep_transition import SweepTransition, sweep_transition
from asicrc.analysis.papers.window_cv import WindowCv, window_cv
from asicrc.capture.reader import load
from asicrc.errors import NoAnswer
from firmware_protocols.device import NO_TIME

FUTURE = 4
"""Intervals to come that the phase-amplitude encoding is to reconstruct: the state itself is not seen."""
SCRAMBLED = 1000
HEADER = bytes(range(76)) + bytes(4)
"""For the avalanche where no capture brings a header: any header does."""
_T = TypeVar("_T")


@dataclass(slots=True)
class PapersReport:
    """A part that could not be answered is None and stands in `unanswered`."""

    k_sync: KSync | None = None
    entropy: PrintedEntropy | None = None
    window: WindowCv | None = None
    hamming: HammingResult | None = None
    scrambling: Scrambling | None = None
    phase_amplitude: Reconstruction | None = None
    sweep: SweepTransition | None = None
    energy: list[EnergyRow] = field(default_factory=energy_table)
    bits_kept: int | None = None
    unanswered: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        parts = {
            "k_sync": self.k_sync,
            "printed_entropy": self.entropy,
            "window_cv": self.window,
            "hamming": self.hamming,
            "scrambling": self.scrambling,
            "phase_amplitude": self.phase_amplitude,
            "sweep": self.sweep,
        }
        return {
            **{name: None if part is None else part.as_json() for name, part in parts.items()},
            "energy": {
                "rows": [row.as_json() for row in self.energy],
                "claimed_states": CLAIMED_STATES,
                "claimed_ratio": CLAIMED_RATIO,
                "ratio_of_these_states": ratio_of_states(CLAIMED_STATES),
                "digits_of_so_many_bits": energy_ratio_digits(CLAIMED_STATES),
            },
            "hierarchical_bits_kept": self.bits_kept,
            "unanswered": self.unanswered,
        }


def papers_report(
    file: Path | None,
    *,
    jitter_s: float | None,
    clock_hz: float,
    modulation_hz: float,
    point: int | None = None,
    seed: int = 1,
) -> PapersReport:
    """Everything that the file has data for. Raises BadFile, UsageError as `read_event_source`."""
    report = PapersReport()
    headers: list[bytes] = []
    if file is not None and point is None and _is_sweep(file):
        report.sweep = _try(report, "sweep", lambda: sweep_transition(file))
        missing = ("printed_entropy", "window_cv", "hamming", "phase_amplitude")
        report.unanswered |= dict.fromkeys(missing, "the file is a sweep: name one of its points")
    elif file is not None:
        source = read_event_source(file, seed=seed, point=point)
        _of_stream(report, source, seed)
        headers = _try(report, "hamming", lambda: _headers(file, source)) or []
        if jitter_s is None:
            jitter_s = source.stream.floor_s
    else:
        missing = ("printed_entropy", "window_cv", "hamming", "phase_amplitude")
        report.unanswered |= dict.fromkeys(missing, "no record was given")
    if headers:
        hashes = proof_hashes(headers)
        report.bits_kept = bits_kept(hashes[0].tobytes())
        report.hamming = _try(report, "hamming", lambda: hamming_of_hashes(hashes, forced_zeros_seen(hashes)))
    header = headers[0] if headers else HEADER
    report.scrambling = _try(report, "scrambling", lambda: nonce_scrambling(header, SCRAMBLED, seed=seed))
    if jitter_s is None:
        report.unanswered["k_sync"] = "no jitter was given, and none is known of the record"
    else:
        report.k_sync = k_sync(jitter_s, clock_hz, modulation_hz)
    return report


def _of_stream(report: PapersReport, source: EventSource, seed: int) -> None:
    steps = source.stream.intervals_s
    report.entropy = _try(report, "printed_entropy", lambda: printed_entropies(steps))
    report.window = _try(report, "window_cv", lambda: window_cv(steps, seed=seed))
    report.phase_amplitude = _try(report, "phase_amplitude", lambda: _reconstruction(source))


def _reconstruction(source: EventSource) -> Reconstruction:
    """From the intervals up to now, the next four: what a state that is not seen itself would be good for."""
    steps = np.diff(source.stream.longest_s)
    if not np.all(steps > 0):
        raise NoAnswer("several events share a stamp", "use finer stamps")
    if len(steps) <= FUTURE:
        raise NoAnswer(f"{len(steps)} intervals have no {FUTURE} behind them", "a longer series")
    series = np.log(steps)
    ahead = np.stack([series[k : len(series) - FUTURE + k] for k in range(1, FUTURE + 1)], axis=1)
    return compare_reconstruction(series[:-FUTURE], ahead)


def _is_sweep(file: Path) -> bool:
    if not is_capture(file):
        return False
    with load(file) as capture:
        return sum(record.t_start_ns != NO_TIME for record in capture.points()) > 1


def _headers(file: Path, source: EventSource) -> list[bytes]:
    if source.events is None:
        raise NoAnswer("a table of stamps holds no proofs", "`asicrc import` the proofs")
    if source.synthetic:
        raise NoAnswer("a statistical model made the events: no hash stands behind them", "")
    with load(file) as capture:
        return proof_headers(source.events, capture.iter_jobs())


def _try(report: PapersReport, name: str, answer: Callable[[], _T]) -> _T | None:
    try:
        return answer()
    except NoAnswer as error:
        report.unanswered[name] = error.message
        return None
