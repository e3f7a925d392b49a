"""Judging events: each proof is rebuilt from its job and hashed again, whoever claims what.

Pure: no file, no clock. The live storage process, the import and `verify` all use it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields
from hashlib import sha256
from itertools import islice

import numpy as np

from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET, merkle_root_from_branch
from firmware_protocols.device import (
    EVENT_DTYPE,
    NO_TIME,
    Duplicate,
    Job,
    NonceBatch,
    Reason,
    Verdict,
)
from firmware_protocols.lbry import proof_hash_from_sha256d

JOBS_KEPT = 65_536
"""Jobs whose headers can still be rebuilt; an event for an older one is of an unknown job."""
JOBS_WITH_SIGHTINGS = 4_096
"""Jobs, in the order of their first proof, whose proofs are remembered to find duplicates."""
SIGHTINGS_KEPT = 1_000_000
"""Proofs remembered in all, about 230 MB: a bound for one job that runs for days."""
RESCAN_TOLERANCE_NS = 100_000_000
RESCAN_TOLERANCE = 0.05
"""Of the scan period; the larger of the two tolerances applies."""

_NAN, _INF = float("nan"), float("inf")
_SEGMENT_SHIFT = 80  # segment << 80 | t_ns: above any difference of two 64-bit stamps
_VALID = (Verdict.VALID, Reason.NONE, 0, Duplicate.NONE)
_BELOW_TARGET = (Verdict.LOW, Reason.BELOW_TARGET, 0, Duplicate.NONE)
_DOES_NOT_HASH = (Verdict.LOW, Reason.DOES_NOT_HASH, 0, Duplicate.NONE)
_STALE = (Verdict.STALE, Reason.EARLIER_JOB, 0, Duplicate.NONE)
_CLEANED_CODE = int(Reason.CLEANED)
_CLEANED = (Verdict.STALE, Reason.CLEANED, 0, Duplicate.NONE)
_BAD_LENGTH = (Verdict.MALFORMED, Reason.BAD_FIELDS, 0, Duplicate.NONE)


@dataclass(slots=True)
class Counters:
    """What became of the events.

    `events` is the sum of the five verdicts; `duplicate` is included in `valid`; `synthetic` events
    are counted there and nowhere else. `min_difficulty` is that of the valid events, None without any.
    """

    events: int = 0
    valid: int = 0
    low: int = 0
    stale: int = 0
    unknown_job: int = 0
    malformed: int = 0
    duplicate: int = 0
    synthetic: int = 0
    min_difficulty: float | None = None

    def add(self, events: NonceBatch) -> None:
        """Count judged events in."""
        real = events[~events["synthetic"]]
        self.synthetic += len(events) - len(real)
        if not len(real):
            return
        tally = np.bincount(real["verdict"], minlength=len(Verdict))
        for verdict in (Verdict.VALID, Verdict.LOW, Verdict.STALE, Verdict.UNKNOWN_JOB, Verdict.MALFORMED):
            name = verdict.name.lower()
            setattr(self, name, getattr(self, name) + int(tally[verdict]))
            self.events += int(tally[verdict])
        valid = real["verdict"] == Verdict.VALID
        self.duplicate += int(np.count_nonzero(valid & real["duplicate"]))
        if tally[Verdict.VALID]:
            lowest = float(real["difficulty"][valid].min())
            self.min_difficulty = lowest if self.min_difficulty is None else min(self.min_difficulty, lowest)

    def as_dict(self) -> dict[str, int | float | None]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Verifier:
    """Gives every event its verdict. Feed jobs before the events that answer them.

    `scan_period_ns` (settable at any time) is the period after which the chip finds the same proof
    again; with it a repeated proof is told apart as `RESCAN` or `RESENT`. Memory is bounded by
    `JOBS_KEPT`, `JOBS_WITH_SIGHTINGS` and `SIGHTINGS_KEPT`.
    """

    def __init__(self, scan_period_ns: int | None = None) -> None:
        self.scan_period_ns = scan_period_ns
        self.counters = Counters()
        self._works: dict[int, _Work] = {}
        self._holder: dict[str, int] = {}  # wire id -> newest undamaged job under it
        self._sightings: dict[int, dict[bytes, int]] = {}
        self._n_sightings = 0

    def add_job(self, job: Job) -> None:
        """Remember a job. Raises ValueError if its header cannot be rebuilt from it."""
        before = self._holder.get(job.wire_id)
        known = self._works.get(job.number)
        self._works[job.number] = _Work(job, known.before if known and before == job.number else before)
        # A chip drops a frame that fails its checksum and goes on with what it had.
        if job.wire_id and not job.damaged:
            self._holder[job.wire_id] = job.number
        if len(self._works) > JOBS_KEPT:
            oldest = next(iter(self._works))
            evicted = self._works.pop(oldest)
            if self._holder.get(evicted.wire_id) == oldest:
                del self._holder[evicted.wire_id]

    def judge(self, events: NonceBatch) -> None:
        """Fill in difficulty, verdict, reason, duplicate and duplicate_reason, in place, and count.

        Events marked `MALFORMED` and synthetic ones stay as they came; a verdict that any other event
        came with is not believed. A reason that is set is kept where there is no job, and CLEANED makes a
        proof stale. The difficulty of a proof of an earlier job is that of the earlier header.
        """
        rows = np.flatnonzero(~events["synthetic"] & (events["verdict"] != Verdict.MALFORMED))
        if rows.size:
            difficulty, judged = self._judge(events[rows])
            events["difficulty"][rows] = difficulty
            columns = np.array(judged, np.uint8).reshape(-1, 4).T
            for name, column in zip(
                ("verdict", "reason", "duplicate", "duplicate_reason"), columns, strict=True
            ):
                events[name][rows] = column
        self.counters.add(events)

    def _judge(self, events: NonceBatch) -> tuple[list[float], list[tuple[int, int, int, int]]]:
        works, sightings = self._works, self._sightings
        sha, from_bytes = sha256, int.from_bytes
        difficulties: list[float] = []
        judged: list[tuple[int, int, int, int]] = []
        for segment, t_ns, number, nonce, version, ntime, extranonce2, length, reason in _ROW.iter_unpack(
            events.astype(EVENT_DTYPE, copy=False).tobytes()
        ):
            work = works.get(number)
            if work is None or work.damaged:
                if work is not None:
                    reason = Reason.DAMAGED_JOB
                elif number or not reason:
                    reason = Reason.NO_JOB
                difficulties.append(_NAN)
                judged.append((Verdict.UNKNOWN_JOB, reason, 0, 0))
                continue
            if length > 16:
                difficulties.append(_NAN)
                judged.append(_BAD_LENGTH)
                continue
            middle = work.middle
            if middle is None:
                middle = work.middle_of(extranonce2[:length])
            digest = sha(sha(version + middle + ntime + work.nbits + nonce).digest()).digest()
            value = from_bytes(proof_hash_from_sha256d(digest) if work.is_lbry else digest, "little")
            if value <= work.target and reason == _CLEANED_CODE:
                verdict = _CLEANED
            elif value <= work.target:
                verdict = _VALID
                seen = sightings.get(number)
                if seen is None:
                    seen = self._remember_job(number)
                key = nonce + version + ntime + extranonce2[:length]
                stamp = (segment << _SEGMENT_SHIFT) + t_ns
                first = seen.get(key)
                if first is None:
                    seen[key] = stamp
                    self._n_sightings += 1
                    if self._n_sightings > SIGHTINGS_KEPT:
                        self._forget_oldest()
                else:
                    verdict = (Verdict.VALID, Reason.NONE, 1, self._why_again(first, stamp))
            elif value <= work.threshold:
                verdict = _BELOW_TARGET
            else:
                verdict = _DOES_NOT_HASH
                earlier = None if work.before is None else works.get(work.before)
                if earlier is not None:
                    header = earlier.header_for(work, version, ntime, nonce, extranonce2[:length])
                    other = earlier.hash_value(header)
                    if other <= earlier.target or other <= earlier.threshold:
                        verdict, value = _STALE, other
            difficulties.append(DIFFICULTY_1_TARGET / value if value else _INF)
            judged.append(verdict)
        return difficulties, judged

    def _remember_job(self, number: int) -> dict[bytes, int]:
        sightings = self._sightings
        if len(sightings) >= JOBS_WITH_SIGHTINGS:
            self._n_sightings -= len(sightings.pop(next(iter(sightings))))
        seen = sightings[number] = {}
        return seen

    def _forget_oldest(self) -> None:
        """Forget the job whose proofs began first, or the older half of the only job's."""
        number, seen = next(iter(self._sightings.items()))
        if len(self._sightings) > 1:
            del self._sightings[number]
            self._n_sightings -= len(seen)
            return
        for key in list(islice(seen, len(seen) // 2)):
            del seen[key]
        self._n_sightings = len(seen)

    def _why_again(self, first: int, again: int) -> Duplicate:
        """RESCAN when whole scan periods lie between two sightings in the same segment."""
        period = self.scan_period_ns
        segment, t_ns = divmod(again + _STAMP_OFFSET, 1 << _SEGMENT_SHIFT)
        first_segment, first_ns = divmod(first + _STAMP_OFFSET, 1 << _SEGMENT_SHIFT)
        # The offset maps NO_TIME, the smallest stamp there is, to 0.
        if not period or segment != first_segment or not t_ns or not first_ns:
            return Duplicate.RESENT
        elapsed = t_ns - first_ns
        periods = max(1, round(elapsed / period))
        tolerance = max(RESCAN_TOLERANCE * period, RESCAN_TOLERANCE_NS)
        if 2 * elapsed >= period and abs(elapsed - periods * period) <= tolerance:
            return Duplicate.RESCAN
        return Duplicate.RESENT


class _Work:
    """A job as the loop wants it: header bytes that are joined, integers that are compared."""

    __slots__ = (
        "_branch", "_claimtrie", "_coinbase1", "_coinbase2", "_last", "_ntime", "_prev_hash", "_version",
        "_version_mask", "before", "damaged", "is_lbry", "middle", "nbits", "target", "threshold", "wire_id",
    )  # fmt: skip

    def __init__(self, job: Job, before: int | None) -> None:
        for name, value in (
            ("prev_hash", job.prev_hash),
            ("merkle_root", job.merkle_root),
            ("claimtrie", job.claimtrie),
        ):
            if value is not None and len(value) != 32 and not job.damaged:
                raise ValueError(f"job {job.number}: {name} has {len(value)} bytes, not 32")
        if job.algorithm not in ("sha256d", "lbry") or (job.claimtrie is None) == (job.algorithm == "lbry"):
            raise ValueError(f"job {job.number}: its header does not go with the proof of {job.algorithm!r}")
        self.wire_id = job.wire_id
        self.before = before
        self.damaged = job.damaged
        self.is_lbry = job.algorithm == "lbry"
        self.nbits = struct.pack("<I", job.nbits)
        self.target = job.target
        self.threshold = DIFFICULTY_1_TARGET if job.chip_target is None else job.chip_target
        self._version = job.version
        self._version_mask = job.version_mask
        self._ntime = struct.pack("<I", job.ntime)
        self._prev_hash = job.prev_hash
        self._coinbase1 = job.coinbase1 + job.extranonce1
        self._coinbase2 = job.coinbase2
        self._branch = job.branch
        self._claimtrie = job.claimtrie or b""
        self._last: tuple[bytes, bytes] | None = None
        self.middle = None
        if job.merkle_root is not None:
            self.middle = job.prev_hash + job.merkle_root + self._claimtrie

    def hash_value(self, header: bytes) -> int:
        digest = sha256(sha256(header).digest()).digest()
        return int.from_bytes(proof_hash_from_sha256d(digest) if self.is_lbry else digest, "little")

    def header_for(
        self, named: _Work, version: bytes, ntime: bytes, nonce: bytes, extranonce2: bytes
    ) -> bytes:
        """The header under this job of an answer whose fields were filled in from the `named` job.

        A chip answers with rolled bits only: base version and ntime of the event are those of the job that
        its id names now. A miner states both itself (`merkle_root` is None then), so they stand.
        """
        middle = self.middle
        if middle is None:
            return version + self.middle_of(extranonce2) + ntime + self.nbits + nonce
        bits = int.from_bytes(version, "little") & self._version_mask
        version = (self._version & ~self._version_mask | bits).to_bytes(4, "little")
        return version + middle + (self._ntime if ntime == named._ntime else ntime) + self.nbits + nonce

    def middle_of(self, extranonce2: bytes) -> bytes:
        """Header bytes from 4 up to the time; those of the last extranonce2 are kept: they come in runs."""
        if self._last is None or self._last[0] != extranonce2:
            root = merkle_root_from_branch(self._coinbase1 + extranonce2 + self._coinbase2, self._branch)
            self._last = (extranonce2, self._prev_hash + root + self._claimtrie)
        return self._last[1]


def _row_layout() -> struct.Struct:
    """Unpacks those fields of an event row that the loop needs; header fields stay bytes."""
    codes = {"segment": "I", "t_ns": "q", "job": "Q", "nonce": "4s", "version": "4s", "ntime": "4s",
             "extranonce2": "16s", "extranonce2_len": "B", "reason": "B"}  # fmt: skip
    layout = "<"
    for name in EVENT_DTYPE.names or ():
        layout += codes.get(name, f"{EVENT_DTYPE[name].itemsize}x")
    return struct.Struct(layout)


_ROW = _row_layout()
_STAMP_OFFSET = -NO_TIME
