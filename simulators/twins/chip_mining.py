"""Mining as a BM1366 does: its scan order, and proofs of work that were really found.

Candidates are hashed in the order in which the chip reaches them, by the emulator's own machinery
(simulators/bm13xx): few cores, few zero bits, and a stretched time make that bearable, and are stated in the
identity, as an emulator's are. What the physics does shows in three places only: the crystal's ppm in the
times, hashes that come out wrong in nonces that are missing and in nonces that prove nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from firmware_protocols.bitcoin import target_from_zero_bits
from firmware_protocols.bm13xx import FullJob, model_by_name, next_job_header
from firmware_protocols.device import Job, NonceBatch, SettingRefused, WorkForm, empty_events
from simulators import sha256d
from simulators.bm13xx.chain import Work
from simulators.bm13xx.chip import LONG_RESPONSE
from simulators.bm13xx.crystal import Crystal
from simulators.bm13xx.faults import Faults
from simulators.bm13xx.proof_faults import ProofFaults
from simulators.bm13xx.proofs import Proof, ProofSource
from simulators.bm13xx.scale import Scale
from simulators.bm13xx.silicon import SILICON
from simulators.bm13xx.sweep import HashSettings, Order, Sweep
from simulators.models import DevicePhysics, Effects
from simulators.twins.arrivals import FAR_NS, Arrivals
from simulators.twins.confounds import Confounds, Delivery, measured_floor
from simulators.twins.mining import PickUp
from simulators.twins.randomness import CandidateColumns, Floats, Streams

CHIP = "bm1366"
MODEL = model_by_name(CHIP)
ALL_VERSIONS = 0xFFFF
_ON_THE_RATE = ("renewal_s", "renewal_gap_s", "fan_pwm_hz", "fan_pwm_depth")
_OF_THE_LAW = ("memory_gain", "heartbeat_depth")


def check_exact(effects: Effects, confounds: Confounds) -> None:
    """Raises ValueError for what a chip in its scan order cannot have: it finds all there is, in order."""
    off = Effects()
    planted = [name for name in _OF_THE_LAW if getattr(effects, name) != getattr(off, name)]
    named = planted + [name for name in _ON_THE_RATE if getattr(confounds, name)]
    if named:
        raise ValueError(
            f"{', '.join(named)}: of a rate that a chip in its scan order does not have; "
            "planted in it can be fingerprint_s, leak_auc and rate_change"
        )


@dataclass(frozen=True, slots=True)
class _Coming:
    from_ns: int
    job: Job
    frame: FullJob


class ChipMining:
    """Implements `Mining` for one BM1366 on a line. Its events are PENDING: they hash, or they do not."""

    def __init__(
        self,
        scale: Scale,
        physics: DevicePhysics,
        settings: Mapping[str, float],
        effects: Effects,
        confounds: Confounds,
    ) -> None:
        """`settings` are the device's, as they are at any time: clock of the PLL, counting number, mask."""
        self._scale = scale
        self._physics = physics
        self._settings = settings
        self._effects = effects
        self._confounds = confounds
        late_s = effects.fingerprint(physics.variation)[0]
        self._late_s = late_s - late_s.min()
        """Of each core; nothing arrives before it is found."""
        self._is_late = effects.has_fingerprint or effects.has_leak

    def begin(self, streams: Streams, now_ns: int) -> None:
        self._origin_ns = now_ns
        self._coming: deque[_Coming] = deque()
        self._job: Job | None = None
        self._frame: FullJob | None = None
        self._order: Order | None = None
        self._source: ProofSource | None = None
        self._newest: Job | None = None
        self._header: int | None = None
        self._found = 0
        self._arrivals = Arrivals()
        self._pick_up = PickUp(self._confounds, streams)
        self._delivery = Delivery(self._confounds, streams, CandidateColumns(streams))
        floor = measured_floor(self._confounds, streams)
        self._leak_s = self._effects.leak_shift_s(floor.rms_s)
        self._crystal = Crystal(now_ns)
        self._seed = int(streams.generator("wrong").integers(1 << 62))
        self._judge_wrong(0.0)

    @property
    def work_form(self) -> WorkForm:
        return WorkForm()

    @property
    def newest(self) -> Job | None:
        return self._newest

    def send(self, job: Job, now_ns: int) -> Job:
        if job.merkle_root is None:
            raise SettingRefused(f"job {job.number} has no merkle root: a chip takes whole headers")
        self._header = 0 if self._header is None else next_job_header(MODEL, self._header)
        frame = FullJob(
            job_header=self._header,
            nbits=job.nbits,
            ntime=job.ntime,
            merkle_root=job.merkle_root,
            prev_hash=job.prev_hash,
            version=job.version,
        )
        target = target_from_zero_bits(self._scale.zero_bits + self._hash_settings().ticket_bits)
        sent = replace(
            job,
            wire_id=f"{self._header:02x}",
            target=target,
            chip_target=target,
            version_mask=ALL_VERSIONS << 13,
            sent_ns=now_ns,
            clean=False,
        )
        from_ns = now_ns + self._pick_up.next_ns()
        while self._coming and self._coming[-1].from_ns >= from_ns:
            self._coming.pop()  # it would never be begun
        self._coming.append(_Coming(from_ns, sent, frame))
        self._newest = sent
        return sent

    @property
    def changes_ns(self) -> int:
        return self._coming[0].from_ns if self._coming else FAR_NS

    def turn_to_next_job(self, now_ns: int) -> None:
        coming = self._coming.popleft()
        self._job = coming.job
        self._load(coming.frame, now_ns)

    def look(self, now_ns: int, since_s: float) -> None:
        """The crystal drifts, the share of wrong hashes moves, a new clock holds in the middle of a job."""
        self._crystal.set_ppm(self._physics.crystal_ppm, now_ns)
        if self._physics.invalid_share != self._wrong_share:
            self._judge_wrong(self._physics.invalid_share)
        settings = self._hash_settings()
        if self._order is not None and self._order.settings != settings:
            self._mine(self._order.changed(self._crystal.chip_ns(now_ns), settings))

    def next_event_ns(self, now_ns: int) -> int:
        return self._arrivals.next_ns

    @property
    def next_arrival_ns(self) -> int:
        return self._arrivals.next_ns

    def has_on_the_way(self, count: int) -> bool:
        return self._arrivals.count >= count

    def pass_time(self, start_ns: int, end_ns: int) -> None:
        source, job = self._source, self._job
        if source is None or job is None:
            return
        if self._physics.rate == 0.0:  # a chip that hangs says nothing, so there is nothing to find
            source.pass_over(self._crystal.chip_ns(end_ns))
            return
        proofs = source.advance(self._crystal.chip_ns(end_ns), sha256d, _never)
        if not proofs:
            return
        found = [outcome.proof for outcome in self._faults.applied(proofs, source) if not outcome.lost]
        found_s = np.array(
            [(min(self._crystal.real_ns(proof.due_ns), end_ns) - self._origin_ns) / 1e9 for proof in found]
        )
        first = self._found
        numbers = np.arange(first, first + len(found))
        self._found += len(found)
        late_s = self._lateness(found, source) if self._is_late else None
        arrived_s, arrives = self._delivery.deliver(found_s, numbers, first, late_s)
        events = _events_of(found, job)[arrives]
        arrived_s = arrived_s[arrives]
        events["t_ns"] = self._delivery.stamp_ns(arrived_s) + self._origin_ns
        self._arrivals.add(np.rint(arrived_s * 1e9).astype(np.int64) + self._origin_ns, events)

    def take(self, now_ns: int, *, one_by_one: bool) -> NonceBatch:
        return self._arrivals.take(now_ns, one_by_one=one_by_one)

    def _lateness(self, proofs: list[Proof], source: ProofSource) -> Floats:
        """What is planted in the time of each: its core's own, and that of a hash that leaks."""
        late_s: Floats = self._late_s[[proof.core for proof in proofs]]
        if self._effects.has_leak and self._job is not None:
            values = [source.blocks.hash_value(proof.variant, proof.nonce) for proof in proofs]
            depth = np.array([value / self._job.target for value in values])
            late_s = late_s + np.where(depth < self._effects.leak_share, self._leak_s, 0.0)
        return late_s

    def _load(self, frame: FullJob, now_ns: int) -> None:
        """A job replaces the one before: the chip starts at its first version and position."""
        self._frame = frame
        at_ns = self._crystal.chip_ns(now_ns)
        self._mine(Sweep(self._hash_settings(), 0, self._scale.time_scale, at_ns))

    def _judge_wrong(self, share: float) -> None:
        """From now on, this share of the hashes comes out wrong."""
        self._wrong_share = share
        self._faults = ProofFaults(replace(self._scale, faults=Faults(invalid=share), seed=self._seed))

    def _mine(self, order: Order) -> None:
        if self._frame is None:
            return
        self._order = order
        self._source = ProofSource(Work(self._frame, (order,), (LONG_RESPONSE,)), self._scale, MODEL)

    def _hash_settings(self) -> HashSettings:
        faster = 1.0 + self._effects.rate_change
        return HashSettings(
            frequency_hz=self._settings["frequency_mhz"] * 1e6 * faster,
            hash_counting_number=int(self._settings["hash_counting_number"]),
            ticket_bits=int(self._settings["difficulty"]).bit_length() - 1,
            version_mask=ALL_VERSIONS,
            overrun_ticks=SILICON[CHIP].overrun_ticks,
            cores=self._scale.cores,
        )


def _events_of(proofs: list[Proof], job: Job) -> NonceBatch:
    """Without their stamps."""
    events = empty_events(len(proofs))
    events["job"], events["ntime"] = job.number, job.ntime
    for row, proof in zip(events, proofs, strict=True):
        row["nonce"], row["version"] = proof.nonce, proof.version
        row["core"], row["subcore"] = proof.core, proof.variant & MODEL.subcore_mask
    events["chip"] = 0
    return events


def _never() -> bool:
    return False
