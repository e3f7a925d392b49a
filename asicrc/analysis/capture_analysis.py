"""The first analysis of a capture: arrivals, latency, scan order, what did not come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.arrival_evidence import ArrivalEvidence, arrival_evidence
from asicrc.analysis.effective_difficulty import RateEstimate, rate_estimates
from asicrc.analysis.event_source import source_of_capture
from asicrc.analysis.exponential import exponential_finding
from asicrc.analysis.interval_models import IntervalModels, fit_interval_models
from asicrc.analysis.intervals import (
    IntervalStatistics,
    LatencyStatistics,
    interval_statistics,
    latency_statistics,
)
from asicrc.analysis.jitter_floor import floor_of_capture
from asicrc.analysis.job_residuals import LATEST_NS, places_of, residuals_of_jobs, timed_events
from asicrc.analysis.missing import EnumeratedMissing, RateDeficit, missing_by_enumeration, missing_by_rate
from asicrc.analysis.scan_order import ScanOrderResult
from asicrc.analysis.stamp_quantum import stamp_quantum_s
from asicrc.analysis.with_duplicates import WithDuplicates, with_duplicates
from asicrc.capture.point_capture import load_point
from asicrc.capture.reader import Capture
from asicrc.capture.schema import WIRE_COUNTERS_KEY
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.scan_settings import scan_order_of, time_scale_of
from asicrc.engines import engine
from asicrc.errors import BadFile, NoAnswer, UsageError
from asicrc.evidence import Estimate, EvidenceVerdict, Finding
from asicrc.report.saving import check_figure_name, save_figure
from firmware_protocols.bm13xx import NonceOrder, ScanOrder, addresses
from firmware_protocols.device import (
    NO_TIME,
    DeviceIdentity,
    Job,
    NonceBatch,
    Verdict,
)

NEEDED = {
    "exponential": "the intervals",
    "models": "the intervals",
    "deficit": "the scan order, and the times between which the capture pulled",
    "missing": "the deficit's data, and a chip that is small enough to hash its space again",
}
"""What the parts take that are not tried at all without it."""
LONGEST_QUANTUM_NS = 1e12
ENUMERATION_HASHES = 50_000_000
"""Budget for hashing an emulated chip's space again: a few seconds."""
ENUMERATION_NONCES = 200_000
"""Of these so many at most are looked for one by one: with an easy target every hash would be one."""
LATENCY_ALLOWANCE_S = 0.05
_T = TypeVar("_T")


@dataclass(slots=True)
class CaptureAnalysis:
    """What one capture says. A part that could not be answered is None and stands in `unanswered`."""

    path: Path
    events: int
    distinct: int
    synthetic: int = 0
    """How many of `events` a statistical model made: no proof of work stands behind them."""
    intervals: IntervalStatistics | None = None
    exponential: Finding | None = None
    models: IntervalModels | None = None
    latency: LatencyStatistics | None = None
    with_duplicates: WithDuplicates | None = None
    rates: list[RateEstimate] | None = None
    """Of a miner on the network: the difficulty that its shares have, and its hash rate, by target."""
    arrivals: ArrivalEvidence | None = None
    scan_order: ScanOrderResult | None = None
    scan_confidence: str | None = None
    jitter_floor_ms: Estimate | None = None
    deficit: RateDeficit | None = None
    missing: EnumeratedMissing | None = None
    line_damage: dict[str, int] = field(default_factory=dict)
    """Frames damaged on the line and bytes in no frame: answers that may have been lost there."""
    unanswered: dict[str, str] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)
    """How long each part was computed; resampling is nearly all of it. Not in `as_json`."""

    @property
    def answered(self) -> bool:
        return self.intervals is not None or self.scan_order is not None

    def as_json(self) -> dict[str, Any]:
        parts = {
            "intervals": self.intervals,
            "exponential": self.exponential,
            "models": self.models,
            "latency": self.latency,
            "with_duplicates": self.with_duplicates,
            "arrivals": self.arrivals,
            "scan_order": self.scan_order,
            "deficit": self.deficit,
            "missing": self.missing,
        }
        return {
            "path": str(self.path),
            "events": self.events,
            "distinct": self.distinct,
            "synthetic": self.synthetic,
            **{name: None if part is None else part.as_json() for name, part in parts.items()},
            "rates": None if self.rates is None else [rate.as_json() for rate in self.rates],
            "scan_confidence": self.scan_confidence,
            "jitter_floor_ms": None if self.jitter_floor_ms is None else self.jitter_floor_ms.as_json(),
            "line_damage": self.line_damage,
            "unanswered": self.unanswered,
        }


def analyze_capture(
    path: Path,
    *,
    figure: Path | None = None,
    seed: int = 1,
    include_duplicates: bool = False,
    point: int | None = None,
) -> CaptureAnalysis:
    """Analyse a capture; with `figure`, draw it too. Raises BadFile for what is no capture.

    Valid events count; intervals and latencies are those of distinct proofs unless `include_duplicates`.
    Proofs that a chip found again in a later period stay in the scan-order residual, which folds them.
    Synthetic events are analysed only where there is no other valid one. `point` is one of a sweep, by its
    row; a sweep as a whole has no arrival statistics: UsageError.
    """
    if figure is not None:
        check_figure_name(figure)
    with load_point(path, point) as capture:
        events = capture.events()
        _check_stamps(path, *(events[name] for name in ("t_ns", "t_kernel_ns", "t_sent_ns")))
        events = events[events["verdict"] == Verdict.VALID]
        made = bool(len(events)) and bool(np.all(events["synthetic"]))
        events = events if made else events[~events["synthetic"]]
        distinct = events if include_duplicates else events[~events["duplicate"]]
        analysis = CaptureAnalysis(
            path, len(events), int(np.count_nonzero(~events["duplicate"])), len(events) if made else 0
        )
        for name in ("damaged_frames", "skipped_bytes"):
            analysis.line_damage[name] = int(capture.number(WIRE_COUNTERS_KEY, name) or 0)
        quantum_ns = capture.number("clock", "quantum_ns")
        if quantum_ns is not None and not 1 <= quantum_ns <= LONGEST_QUANTUM_NS:
            raise BadFile(
                f"{path}: stamps in steps of {quantum_ns:g} ns are none", "the file is damaged or was altered"
            )
        quantum_s = None if quantum_ns is None else quantum_ns / 1e9
        imported = "source" in capture.meta
        _analyse_arrivals(analysis, distinct, imported=imported, quantum_s=quantum_s, seed=seed)
        if len(distinct) < len(events):
            analysis.with_duplicates = with_duplicates(events, imported=imported, seed=seed)
        analysis.arrivals = _try(
            analysis,
            "arrivals",
            lambda: arrival_evidence(
                source_of_capture(capture, include_duplicates=include_duplicates, seed=seed), seed
            ),
        )
        _hold_to_the_stamps(analysis)
        _analyse_rates(analysis, capture)
        _analyse_scan(analysis, capture, events, quantum_s, seed)
    for part, needed in NEEDED.items():
        if getattr(analysis, part) is None:
            analysis.unanswered.setdefault(part, f"needs {needed}")
    if figure is not None:
        from asicrc.report.figures import capture_figure  # matplotlib takes longer to load than the rest

        latency = latency_s_of(distinct)
        drawing = capture_figure(
            distinct["t_ns"],
            title=path.name,
            intervals=analysis.intervals,
            scan=analysis.scan_order,
            latency_s=latency if len(latency) else None,
            mixture=None if analysis.arrivals is None else analysis.arrivals.dispatch,
            seed=seed,
        )
        save_figure(drawing, figure)
    return analysis


def _check_stamps(path: Path, *stamps: NDArray[np.int64]) -> None:
    """Raises BadFile for stamps so far out that their differences do not fit into 64 bits."""
    for column in stamps:
        far = int(np.count_nonzero((column != NO_TIME) & ((column > LATEST_NS) | (column < -LATEST_NS))))
        if far:
            raise BadFile(
                f"{path}: {far} of {len(column)} stamps are more than 146 years from zero",
                "the file is damaged or was altered: get it again from where it was written",
            )


def _analyse_arrivals(
    analysis: CaptureAnalysis, events: NonceBatch, *, imported: bool, quantum_s: float | None, seed: int
) -> None:
    known = events[events["t_ns"] != NO_TIME]
    if len(events) and not len(known):
        analysis.unanswered["intervals"] = "no event has an arrival time"
    else:
        analysis.intervals = _try(
            analysis,
            "intervals",
            lambda: interval_statistics(known["t_ns"], known["segment"], seed, sort=imported),
        )
    if analysis.intervals is not None:
        steps = analysis.intervals.intervals_s
        step_s = stamp_quantum_s(known["t_ns"]) if quantum_s is None else quantum_s
        analysis.exponential = _try(
            analysis, "exponential", lambda: exponential_finding(steps, seed, quantum_s=step_s)
        )
        analysis.models = _try(analysis, "models", lambda: fit_interval_models(steps, seed, quantum_s=step_s))
    latency_s = latency_s_of(events)
    if len(latency_s):
        analysis.latency = _try(analysis, "latency", lambda: latency_statistics(latency_s, seed))
    else:
        analysis.unanswered["latency"] = "no event states when its job was sent"


def _hold_to_the_stamps(analysis: CaptureAnalysis) -> None:
    """No departure from the Poisson null is a finding where the law of these stamps cannot be tested."""
    law = None if analysis.arrivals is None else analysis.arrivals.finding("cv")
    if analysis.exponential is None or law is None or law.verdict is not EvidenceVerdict.NOT_TESTABLE_HERE:
        return
    analysis.exponential = replace(analysis.exponential, verdict=law.verdict, note=law.note)


def _analyse_rates(analysis: CaptureAnalysis, capture: Capture) -> None:
    identity = capture.identity
    if analysis.synthetic:
        analysis.unanswered["rates"] = (
            "not testable here: a statistical model made the events, without hashes"
        )
    elif identity is not None and identity.family == "bm13xx":
        analysis.unanswered["rates"] = "a chip on a line is held against its clock: see the deficit"
    else:
        analysis.rates = _try(analysis, "rates", lambda: rate_estimates(capture))


def _analyse_scan(
    analysis: CaptureAnalysis, capture: Capture, events: NonceBatch, quantum_s: float | None, seed: int
) -> None:
    identity = capture.identity
    if analysis.synthetic:
        analysis.unanswered["scan_order"] = (
            "not testable here: a statistical model made the events, without hashing in any order"
        )
        return
    order = None if identity is None else scan_order_of(identity, capture.settings())
    if identity is None or identity.family != "bm13xx":
        analysis.unanswered["scan_order"] = "the scan order is known for chips on a serial line only"
        return
    if order is None:
        analysis.unanswered["scan_order"] = (
            f"the settings do not determine the scan order of this {identity.model}: "
            "it takes one frequency for all chips and the hash counting number"
        )
        return
    jobs = {job.number: job for job in capture.iter_jobs() if job.sent_ns != NO_TIME and not job.damaged}
    _check_stamps(capture.path, np.array([job.sent_ns for job in jobs.values()], np.int64))
    timed = timed_events(events, jobs)
    if not len(timed):
        analysis.unanswered["scan_order"] = "no event has both an arrival time and the time its job was sent"
        return
    analysis.scan_confidence = order.confidence
    floor_s = _try(analysis, "jitter_floor", lambda: floor_of_capture(capture, timed["t_ns"], seed))
    analysis.jitter_floor_ms = None if floor_s is None else floor_s.scaled(1e3)
    no_floor = analysis.unanswered.get("jitter_floor", "").partition(";")[0]
    scale = time_scale_of(identity)
    analysis.scan_order = _try(
        analysis,
        "scan_order",
        lambda: residuals_of_jobs(
            timed, jobs, order, identity.chips, scale, quantum_s, floor_s, no_floor, seed
        ),
    )
    end_ns = capture.number("pulled", "end_ns")
    if analysis.scan_order is not None and not analysis.scan_order.follows:
        for part in ("deficit", "missing"):
            analysis.unanswered[part] = "the arrivals do not follow the scan order that was stated"
    elif end_ns is not None:
        _analyse_missing(analysis, identity, order, events, list(jobs.values()), int(end_ns))


def _analyse_missing(
    analysis: CaptureAnalysis,
    identity: DeviceIdentity,
    order: NonceOrder,
    events: NonceBatch,
    jobs: list[Job],
    end_ns: int,
) -> None:
    """Expected nonces that did not come: by the hash rate, and on an emulator by hashing again."""
    if not jobs or jobs[0].chip_target is None:
        analysis.unanswered["deficit"] = "the capture does not say what the chip's threshold was"
        return
    target, time_scale = jobs[0].chip_target, time_scale_of(identity)
    if not jobs[0].sent_ns < end_ns < LATEST_NS:
        analysis.unanswered["deficit"] = (
            "the observation ended before its first job was sent, as it is stated"
        )
        return
    units = float(identity.details.get("hashing_units") or 0)
    if units > 0:
        analysis.deficit = _try(
            analysis,
            "deficit",
            lambda: missing_by_rate(
                analysis.distinct,
                chips=identity.chips,
                cores=1,
                subcores=units,
                frequency_hz=order.frequency_hz,
                target=target,
                observation_s=_scanning_s(jobs, order, end_ns, time_scale),
            ),
        )
    else:
        analysis.unanswered["deficit"] = "the capture does not say how many units of the chip hash"
    if not isinstance(order, ScanOrder):
        analysis.unanswered["missing"] = "hashing again follows the sweeps of chips that roll versions"
        return
    if not identity.simulated:
        analysis.unanswered["missing"] = "only an emulated chip is small enough to hash its space again"
        return
    try:
        scan = engine("scan_chip_order")
    except UsageError as error:
        analysis.unanswered["missing"] = error.message
        return
    analysis.missing = _try(
        analysis,
        "missing",
        lambda: missing_by_enumeration(
            jobs,
            events,
            order,
            places_of(order, np.array(addresses(identity.chips), np.int64), identity.chips).tolist(),
            int(identity.details.get("cores") or 0),
            target,
            scan,
            min(ENUMERATION_HASHES, ENUMERATION_NONCES * (1 << 256) // (target + 1)),
            until_ns=end_ns,
            time_scale=time_scale,
            latency_s=LATENCY_ALLOWANCE_S,
        ),
    )


def _scanning_s(jobs: list[Job], order: NonceOrder, end_ns: int, time_scale: float) -> float:
    """Chip seconds in which new candidates were scanned: no second period, no waiting for the sweep's end."""
    ends_ns = [job.sent_ns for job in jobs[1:]] + [end_ns]
    lives_s = ((end - job.sent_ns) / 1e9 / time_scale for job, end in zip(jobs, ends_ns, strict=True))
    scanned = min(1.0, order.window * order.position_period_s / order.batch_period_s)
    return scanned * sum(min(max(life_s, 0.0), order.scan_period_s) for life_s in lives_s)


def latency_s_of(events: NonceBatch) -> NDArray[np.float64]:
    """Time from the sending of its job to each event, s; those for which both are known."""
    sent = events[(events["t_sent_ns"] != NO_TIME) & (events["t_ns"] != NO_TIME)]
    return np.asarray((sent["t_ns"] - sent["t_sent_ns"]) / 1e9)


def _try(analysis: CaptureAnalysis, part: str, compute: Callable[[], _T]) -> _T | None:
    """Compute a part, or note why the data cannot answer it."""
    started_ns = MACHINE_CLOCK.now_ns()
    try:
        return compute()
    except NoAnswer as error:
        analysis.unanswered[part] = f"{error.message}; {error.hint}" if error.hint else error.message
        return None
    finally:
        analysis.took_s[part] = (MACHINE_CLOCK.now_ns() - started_ns) / 1e9
