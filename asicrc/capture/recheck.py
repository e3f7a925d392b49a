"""`verify`: hash every event of a capture again and compare with what the capture says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from asicrc.capture.digest import content_digest
from asicrc.capture.opening import reading
from asicrc.capture.reader import Capture
from asicrc.capture.scan_periods import ScanPeriods
from asicrc.capture.schema import DIGEST_KEY, SCAN_PERIODS_KEY, WIRE_COUNTERS_KEY
from asicrc.capture.verification import JOBS_KEPT, Counters, Verifier
from asicrc.errors import BadFile
from firmware_protocols.device import Job, NonceBatch, Reason, Verdict, empty_events


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What came out of hashing everything again.

    `counters` are the fresh ones. `disagreements` counts events whose stored verdict, reason,
    difficulty or duplicate flag differs from the fresh one. `digest_ok` is None for a capture that is
    not sealed; `frames` and `damaged_frames` are None where the source had no wire.
    """

    path: str
    sealed: bool
    digest_ok: bool | None
    counters: Counters
    disagreements: int
    frames: int | None
    damaged_frames: int | None

    @property
    def ok(self) -> bool:
        """Nothing contradicts the capture."""
        return self.disagreements == 0 and self.digest_ok is not False

    def as_json(self) -> dict[str, Any]:
        """One flat object with stable keys."""
        return {
            "path": self.path,
            **self.counters.as_dict(),
            "frames": self.frames,
            "damaged_frames": self.damaged_frames,
            "sealed": self.sealed,
            "digest_ok": self.digest_ok,
            "disagreements": self.disagreements,
        }


def verify(path: str | os.PathLike[str]) -> VerifyReport:
    """Re-read jobs and events, judge them anew, check the digest. Raises BadFile."""
    capture = Capture(path)
    meta = capture.meta
    verifier, disagreements = _judge_anew(capture, meta)
    wire = meta.get(WIRE_COUNTERS_KEY)
    if wire is not None and not isinstance(wire, dict):
        raise _bad_meta(capture, WIRE_COUNTERS_KEY)
    digest_ok = None
    if capture.sealed:
        with reading(capture.path) as (connection, budget):
            digest_ok = content_digest(connection, budget.spend) == meta.get(DIGEST_KEY)
    return VerifyReport(
        path=str(capture.path),
        sealed=capture.sealed,
        digest_ok=digest_ok,
        counters=verifier.counters,
        disagreements=disagreements,
        frames=None if wire is None else _optional_count(capture, wire, "frames"),
        damaged_frames=None if wire is None else _optional_count(capture, wire, "damaged_frames"),
    )


def recall(path: str | os.PathLike[str]) -> Verifier:
    """A verifier that has seen all jobs and events of a capture, to go on with it after `resume`.

    With it a proof that was there before the interruption is known to be a duplicate after it, and the
    counters go on. Raises BadFile.
    """
    capture = Capture(path)
    return _judge_anew(capture, capture.meta)[0]


def _judge_anew(capture: Capture, meta: dict[str, Any]) -> tuple[Verifier, int]:
    """The verifier after all jobs and events, and how many events it sees differently."""
    try:
        periods = ScanPeriods.of(meta)
    except ValueError:
        raise _bad_meta(capture, SCAN_PERIODS_KEY) from None
    verifier = Verifier()
    disagreements = 0
    chunks = capture.event_chunks()
    # The events are opened before the jobs: in a live file each job is there before its events.
    first = next(chunks, empty_events())
    jobs = _JobsInOrder(capture.iter_jobs(), verifier)
    for stored in chain([first], chunks):
        fresh = _unjudged(stored)
        for part in _parts(fresh):
            jobs.feed(int(part["job"].max()))
            for same in _of_one_period(part, periods):
                verifier.scan_period_ns = periods.at(int(same["seq"][0]))
                verifier.judge(same)
        disagreements += _count_differences(stored, fresh, periods.known)
    jobs.feed()
    return verifier, disagreements


class _JobsInOrder:
    """Feeds jobs up to a number, as they came before the events while the capture was live."""

    def __init__(self, jobs: Iterator[Job], verifier: Verifier) -> None:
        self._jobs = jobs
        self._verifier = verifier
        self._next = next(jobs, None)

    def feed(self, up_to: int | None = None) -> None:
        while self._next is not None and (up_to is None or self._next.number <= up_to):
            self._verifier.add_job(self._next)
            self._next = next(self._jobs, None)


def _parts(events: NonceBatch) -> Iterator[NonceBatch]:
    """Views of the events, split so that feeding a part's jobs ahead makes none forgotten too soon.

    Half of what is remembered is left for events that answer earlier jobs.
    """
    start = 0
    while start < len(events):
        jobs = events["job"][start:].astype(np.int64)
        known = jobs[jobs > 0]
        limit = (int(known[0]) if known.size else 0) + JOBS_KEPT // 2
        beyond = np.flatnonzero(jobs > limit)
        stop = start + (int(beyond[0]) if beyond.size else len(jobs))
        yield events[start:stop]
        start = stop


def _of_one_period(events: NonceBatch, periods: ScanPeriods) -> Iterator[NonceBatch]:
    """Views of the events, split where another scan period begins."""
    start = 0
    while start < len(events):
        change = periods.next_change(int(events["seq"][start]))
        stop = len(events) if change is None else int(np.searchsorted(events["seq"], np.uint64(change)))
        yield events[start:stop]
        start = stop


def _unjudged(stored: NonceBatch) -> NonceBatch:
    """As the events were before they were judged; what only the decoder knew is kept."""
    fresh = stored.copy()
    again = ~stored["synthetic"] & (stored["verdict"] != Verdict.MALFORMED)
    fresh["verdict"][again] = Verdict.PENDING
    fresh["difficulty"][again] = np.nan
    fresh["duplicate"][again] = False
    fresh["duplicate_reason"][again] = 0
    fresh["reason"][again & (stored["job"] != 0) & (stored["reason"] != Reason.CLEANED)] = Reason.NONE
    return fresh


def _count_differences(stored: NonceBatch, fresh: NonceBatch, with_why_again: bool) -> int:
    differs = np.zeros(len(stored), bool)
    for name in ("verdict", "reason", "duplicate"):
        differs |= stored[name] != fresh[name]
    if with_why_again:  # a rescan can be told from a resend only with the scan period
        differs |= stored["duplicate_reason"] != fresh["duplicate_reason"]
    ours, theirs = stored["difficulty"], fresh["difficulty"]
    differs |= (ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs))
    return int(np.count_nonzero(differs))


def _optional_count(capture: Capture, values: dict[str, Any], key: str) -> int | None:
    value = values.get(key)
    if value is not None and (type(value) is not int or not 0 <= value < 1 << 63):
        raise _bad_meta(capture, key)
    return value


def _bad_meta(capture: Capture, key: str) -> BadFile:
    return BadFile(
        f"{capture.path} holds a value under {key!r} in table capture that no asicrc writes",
        "the file is damaged or was altered: get it again from where it was written",
    )
