"""One run of a piece of work, read from its capture: jobs with their lives, proofs with their times.

A capture may be somebody else's, so stamps and settings are checked before anything is computed from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.jitter_floor import floor_of_capture
from asicrc.analysis.job_residuals import LATEST_NS
from asicrc.analysis.stamp_quantum import stamp_quantum_s
from asicrc.capture.reader import Capture
from asicrc.devices.scan_settings import scan_order_of, time_scale_of
from asicrc.errors import BadFile, NoAnswer
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.bm13xx import NonceOrder
from firmware_protocols.device import (
    NO_TIME,
    DeviceIdentity,
    Duplicate,
    Job,
    NonceBatch,
    Reading,
    Reason,
    Setting,
    Verdict,
)

UNTRUSTED_ORDER = "low"
"""A scan order of this confidence is no ground to say when a nonce was due."""
SCAN_SETTINGS = ("frequency_mhz", "hash_counting_number")
_ALTERED = "the file is damaged or was altered: get it again from where it was written"


class Header(NamedTuple):
    """What a job asks to be hashed, and by which it is known again whatever its number."""

    prev_hash: bytes
    merkle_root: bytes
    ntime: int
    nbits: int
    version: int


@dataclass(frozen=True, slots=True)
class JobLife:
    """A job as one run saw it. `end_ns` is when the next one was sent, or the run ended."""

    number: int
    sent_ns: int
    end_ns: int
    version: int


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A capture as a run of work.

    `lives` are the jobs whose header came once, by that header. `proofs` are the valid events of any job,
    resent ones left out; `order` is the scan order where the settings determine one that can be relied on,
    `order_unanswered` the reason where not.
    """

    path: Path
    identity: DeviceIdentity
    lives: dict[Header, JobLife]
    repeated: int
    """Headers that came more than once; their jobs are left out."""
    proofs: NonceBatch
    hashless: dict[int, int]
    """By job number, how many events do not hash."""
    order: NonceOrder | None
    order_unanswered: str | None
    time_scale: float
    settings: dict[str, float]
    readings: dict[str, float]
    """Mean of each channel."""
    required_difficulty: float
    floor_s: float | None
    """Upper end of the measured jitter of a stamp, and its rounding, rms; None because of `no_floor`."""
    no_floor: str


def read_run(capture: Capture) -> Run:
    """Raises NoAnswer for a capture that holds no timed work for a chip, BadFile for a forged one."""
    identity = capture.identity
    if identity is None or identity.family != "bm13xx":
        raise NoAnswer(
            f"{capture.path} is no capture of a chip line, whose work could be compared",
            "compare captures of `asicrc capture` from a serial line or an emulated chip",
        )
    jobs = list(capture.iter_jobs())
    sent = [job for job in jobs if job.sent_ns != NO_TIME]
    if not sent:
        raise NoAnswer(
            f"{capture.path} does not say when its jobs were sent",
            "imported data seldom do; compare captures that `asicrc capture` wrote",
        )
    events = capture.events()
    _check_stamps(capture, np.array([job.sent_ns for job in sent], np.int64), events["t_ns"])
    lives, repeated = _lives(sent, _end_ns(capture, events))
    settings = capture.settings()
    order, why_not = _order(identity, settings)
    timed = ~events["synthetic"] & (events["t_ns"] != NO_TIME)
    valid = timed & (events["verdict"] == Verdict.VALID)
    proofs = events[valid & (events["duplicate_reason"] != Duplicate.RESENT)]
    wrong = events[timed & (events["verdict"] == Verdict.LOW) & (events["reason"] == Reason.DOES_NOT_HASH)]
    numbers, counts = np.unique(wrong["job"], return_counts=True)
    floor_s, no_floor = _floor_s(capture, proofs["t_ns"])
    return Run(
        path=capture.path,
        identity=identity,
        lives=lives,
        repeated=repeated,
        proofs=proofs,
        hashless=dict(zip(numbers.tolist(), counts.tolist(), strict=True)),
        order=order,
        order_unanswered=why_not,
        time_scale=time_scale_of(identity),
        settings=_last_read_back(settings),
        readings=_means(capture.readings()),
        required_difficulty=max(DIFFICULTY_1_TARGET / max(job.target, 1) for job in sent),
        floor_s=floor_s,
        no_floor=no_floor,
    )


def _check_stamps(capture: Capture, *stamps: NDArray[np.int64]) -> None:
    """Differences of stamps have to fit into 64 bits."""
    for column in stamps:
        known = column[column != NO_TIME]
        if np.any((known > LATEST_NS) | (known < -LATEST_NS)):
            raise BadFile(f"{capture.path}: a stamp is more than 146 years from zero", _ALTERED)


def _end_ns(capture: Capture, events: NonceBatch) -> int:
    """When the last job's life ended; in a capture that does not say so, at the last event."""
    end_ns = capture.number("pulled", "end_ns")
    if end_ns is None:
        known = events["t_ns"][events["t_ns"] != NO_TIME]
        return int(known.max()) if len(known) else -LATEST_NS
    if abs(end_ns) > LATEST_NS:
        raise BadFile(
            f"{capture.path}: the end of its observation is more than 146 years from zero", _ALTERED
        )
    return int(end_ns)


def _lives(sent: list[Job], end_ns: int) -> tuple[dict[Header, JobLife], int]:
    """Undamaged jobs by header. A damaged one ends the life of the job before it as well: the chip may or may
    not have taken it."""
    in_order = sorted(sent, key=lambda job: job.sent_ns)
    ends_ns = [job.sent_ns for job in in_order[1:]] + [end_ns]
    lives: dict[Header, JobLife] = {}
    repeated: set[Header] = set()
    for job, job_end_ns in zip(in_order, ends_ns, strict=True):
        if job.damaged or job.merkle_root is None:
            continue
        header = Header(job.prev_hash, job.merkle_root, job.ntime, job.nbits, job.version)
        if header in lives:
            repeated.add(header)
        lives[header] = JobLife(job.number, job.sent_ns, max(job_end_ns, job.sent_ns), job.version)
    for header in repeated:
        del lives[header]
    return lives, len(repeated)


def _order(identity: DeviceIdentity, settings: list[Setting]) -> tuple[NonceOrder | None, str | None]:
    for name in SCAN_SETTINGS:
        values = {s.read_back for s in settings if s.kind == "set" and s.name == name}
        if len(values) > 1:
            return None, f"{name} was changed on the way"
    order = scan_order_of(identity, settings)
    if order is None:
        return None, f"the settings do not determine the scan order of this {identity.model}"
    if order.confidence == UNTRUSTED_ORDER:
        return None, f"the scan order of the {identity.model} is not known well enough"
    return order, None


def _last_read_back(settings: list[Setting]) -> dict[str, float]:
    return {s.name: s.read_back for s in settings if s.kind == "set" and s.read_back is not None}


def _means(readings: list[Reading]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for reading in readings:
        if np.isfinite(reading.value):
            values.setdefault(reading.channel, []).append(reading.value)
    return {channel: float(np.mean(all_)) for channel, all_ in values.items()}


def _floor_s(capture: Capture, t_ns: NDArray[np.int64]) -> tuple[float | None, str]:
    """The floor with its rounding, or None and the reason."""
    try:
        jitter_s = floor_of_capture(capture, t_ns).high
    except NoAnswer as error:
        return None, f"{capture.path.name}: {error.message}"
    return float(np.hypot(jitter_s, (stamp_quantum_s(t_ns) or 0.0) / np.sqrt(12))), ""
