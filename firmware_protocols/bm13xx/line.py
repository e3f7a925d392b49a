"""Following a chip line in both directions, so that every answer finds the job it belongs to.

The same observer serves a live driver (which shows it what it writes), a replayed capture and an imported
wire dump. It has no clock: stamps come with the bytes. A midstate job does not carry the header that it asks
for: whoever has it announces it (`expect_job`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np

from firmware_protocols.bitcoin import target_from_zero_bits
from firmware_protocols.bm13xx.baud import baud_from_register, frame_time_ns
from firmware_protocols.bm13xx.chip_places import ChipPlaces
from firmware_protocols.bm13xx.decoder import ChipDecoder, HostDecoder
from firmware_protocols.bm13xx.frames import (
    ChainInactive,
    FullJob,
    MidstateJob,
    NonceResponse,
    RegisterResponse,
    Response,
    WriteRegister,
)
from firmware_protocols.bm13xx.jobs import is_open_core, job_header_of, rolled_version
from firmware_protocols.bm13xx.models import ChipModel, midstate_variant
from firmware_protocols.bm13xx.nonce import nonce_fields
from firmware_protocols.bm13xx.received import Damaged, Received
from firmware_protocols.bm13xx.ticket_mask import difficulty_from_ticket_mask
from firmware_protocols.device import (
    NO_JOB,
    NO_TIME,
    Job,
    NonceBatch,
    Reason,
    WireChunk,
    empty_events,
)
from firmware_protocols.errors import LocalProtocolError

CHIP_ZERO_BITS = 32
"""Leading zero bits below which real silicon reports nothing, whatever the ticket mask."""
_ANNOUNCEMENTS_KEPT = 128
"""As many as there are job ids: what was announced before that is not sent any more."""


@dataclass(slots=True)
class Answers:
    """What the chip said: nonces as PENDING events, and register values."""

    events: NonceBatch
    registers: list[tuple[RegisterResponse, int]] = field(default_factory=list)
    """Each with the stamp of the read that completed it."""


class LineObserver:
    """Keeps the state of one line: jobs by id, registers last written, frames counted.

    `zero_bits` is the chip's own threshold; emulators at reduced scale use fewer than 32.
    With `baud` (which follows the chip's divider as the host writes it), frames that one read returned
    together are stamped one frame time apart, the last one at the read: on a line they cannot have arrived
    closer. `model` follows the number of midstates that the jobs carry.
    """

    def __init__(
        self, model: ChipModel, *, zero_bits: int = CHIP_ZERO_BITS, baud: float | None = None
    ) -> None:
        self.model = model
        self.baud = baud
        self.registers_written: dict[int, int] = {}
        self.busy_work_answers = 0
        """Nonces so far that answer busy work, which are no events."""
        self._zero_bits = zero_bits
        self._from_host = ChipDecoder(model)
        self._from_chip = HostDecoder(model)
        self._places = ChipPlaces(model)
        self._announced: deque[Job] = deque(maxlen=_ANNOUNCEMENTS_KEPT)
        self._jobs: dict[int, Job] = {}
        self._busy_ids: set[int] = set()
        self._jobs_seen = 0
        self._newest_job_ns = NO_TIME
        self._next_seq = 0
        self._last_read_ns = NO_TIME

    def wire_counters(self) -> dict[str, int]:
        """Of the chip's bytes: whole `frames`, `damaged_frames` (checksum), `skipped_bytes` (no frame)."""
        decoder = self._from_chip
        return {
            "frames": decoder.frames,
            "damaged_frames": decoder.damaged_frames,
            "skipped_bytes": decoder.skipped_bytes,
        }

    @property
    def ticket_difficulty(self) -> int:
        """Difficulty of the ticket mask last written; 1 while none was."""
        mask = self.registers_written.get(self.model.registers.ticket_mask)
        return 1 if mask is None else difficulty_from_ticket_mask(mask)

    @property
    def chip_target(self) -> int:
        """The largest hash that the chip reports under the present ticket mask."""
        return target_from_zero_bits(self._zero_bits + self.ticket_difficulty.bit_length() - 1)

    def was_reset(self, baud: float) -> None:
        """The chips have lost their registers, addresses and work, and speak at `baud` again.

        Answers are expected in the long form all the same: every bring-up asks for it first, and short ones
        are told by the silence behind them.
        """
        self.baud = baud
        self.registers_written.clear()
        self._places.note(ChainInactive())
        self._jobs.clear()
        self._busy_ids.clear()

    def expect_job(self, job: Job) -> None:
        """Announce the header of a midstate job that is about to be sent (`midstate_job`).

        Raises LocalProtocolError for a job without a merkle root.
        """
        if job.merkle_root is None:
            raise LocalProtocolError(
                f"job {job.number} has no merkle root: what its midstates are of is not known"
            )
        self._announced.append(job)

    def host_sent(self, data: bytes, t_ns: int = NO_TIME) -> list[Job]:
        """Take bytes that the host wrote; return the jobs in them, damaged ones marked.

        A midstate job that nobody announced is a damaged one: its header is not known. Busy work is no job,
        and what answers it is no event.
        """
        jobs: list[Job] = []
        for received in self._from_host.receive_data(data, t_ns):
            frame = received.frame
            self._places.note(frame)
            if isinstance(frame, WriteRegister):
                self._note_write(frame)
            elif isinstance(frame, FullJob):
                jobs.append(self._add_job(frame.job_header, _header_in(frame), t_ns))
            elif isinstance(frame, MidstateJob):
                self.model = midstate_variant(self.model, len(frame.midstates))
                if is_open_core(frame):
                    self._busy_ids.add(self._id_of(frame.job_header))
                else:
                    jobs.append(self._add_job(frame.job_header, self._announced_as(frame), t_ns))
            elif isinstance(frame, Damaged) and frame.job_header is not None:
                jobs.append(self._add_job(frame.job_header, None, t_ns))
        return jobs

    def chip_sent(self, chunks: Iterable[WireChunk]) -> Answers:
        """Take bytes that the chip wrote, as they were read."""
        return self._answers(self._from_chip.receive_data(chunk.data, chunk.stamp.t_ns) for chunk in chunks)

    def fell_silent(self, t_ns: int) -> Answers:
        """The line says no more: decide on bytes that waited for the rest of a frame.

        This is how the short answers of a chip without version rolling are told from cut long ones.
        """
        if not self._from_chip.buffered_bytes:
            return self._answers(())
        received = self._from_chip.flush(t_ns)
        if received and not isinstance(received[-1].frame, Damaged):
            self._from_chip.response_size = len(received[-1].raw)
        return self._answers((received,))

    def _answers(self, reads: Iterable[list[Received[Response]]]) -> Answers:
        registers: list[tuple[RegisterResponse, int]] = []
        nonces: list[tuple[Received[Response], NonceResponse, int]] = []
        for received in reads:
            for t_ns, group in groupby(received, key=lambda item: item.t_ns):
                in_read = list(group)
                for frames_after, item in zip(range(len(in_read) - 1, -1, -1), in_read, strict=True):
                    if isinstance(item.frame, NonceResponse):
                        if self._busy_ids and job_header_of(self.model, item.frame.header) in self._busy_ids:
                            self.busy_work_answers += 1
                            continue
                        nonces.append((item, item.frame, self._stamp_back(item, frames_after)))
                    elif isinstance(item.frame, RegisterResponse):
                        registers.append((item.frame, item.t_ns))
                self._last_read_ns = t_ns
        return Answers(self._events(nonces), registers)

    def _events(self, nonces: list[tuple[Received[Response], NonceResponse, int]]) -> NonceBatch:
        events = empty_events(len(nonces))
        if not nonces:
            return events
        for row, (received, response, t_ns) in zip(events, nonces, strict=True):
            row["t_ns"] = t_ns
            row["n_in_read"] = received.n_in_read
            row["nonce"] = response.nonce
            row["seq"] = self._next_seq
            self._next_seq += 1
            job = self._jobs.get(job_header_of(self.model, response.header))
            if job is None:
                row["job"], row["reason"] = NO_JOB, Reason.NO_JOB
                row["version"] = self._version(0, response)
                continue
            row["job"] = job.number
            row["version"] = self._version(job.version, response)
            row["ntime"] = job.ntime
            row["t_sent_ns"] = self._newest_job_ns
        headers = np.array([response.header for _, response, _ in nonces], np.int64)
        fields = nonce_fields(self.model, events["nonce"], headers)
        events["core"], events["subcore"] = fields.core, fields.subcore
        events["chip"] = self._places.chips_of(fields)
        return events

    def _version(self, job_version: int, response: NonceResponse) -> int:
        """As hashed: the response says the rolled bits, or which midstate it was."""
        if self.model.job_format == "full":
            return rolled_version(job_version, response.version_bits)
        return rolled_version(job_version, response.header & self.model.subcore_mask)

    def _stamp_back(self, received: Received[Response], frames_after: int) -> int:
        """One frame time earlier for each frame behind it in its read, but after the read before this one."""
        if self.baud is None or not frames_after or received.t_ns == NO_TIME:
            return received.t_ns
        back_ns = received.t_ns - frames_after * frame_time_ns(len(received.raw), self.baud)
        return max(back_ns, self._last_read_ns)

    def _note_write(self, frame: WriteRegister) -> None:
        model = self.model
        self.registers_written[frame.register] = frame.value
        if frame.register == model.baud.register and not frame.value & model.baud.hold:
            self.baud = baud_from_register(model, frame.value)  # the host has to follow
        if frame.register == model.registers.version_mask:
            self._from_chip.response_size = model.response_size

    def _announced_as(self, frame: MidstateJob) -> Job | None:
        """The announced job that this is; those before it were not sent, or their frames were lost."""
        for position, job in enumerate(self._announced):
            root = job.merkle_root or b""
            if (job.ntime, job.nbits, root[28:]) == (frame.ntime, frame.nbits, frame.merkle_tail):
                for _ in range(position + 1):
                    self._announced.popleft()
                return replace(job, version_mask=len(frame.midstates) - 1 << 13)
        return None

    def _add_job(self, job_header: int, header: Job | None, t_ns: int) -> Job:
        """Number a job; `header` has the fields of its header, None where they are not known."""
        self._jobs_seen += 1
        self._newest_job_ns = t_ns
        known = header or Job(0, "", 0, bytes(32), 0, 0, 0, damaged=True)
        target = self.chip_target
        job = replace(
            known,
            number=self._jobs_seen,
            wire_id=f"{job_header:02x}",
            target=target,
            chip_target=None if header is None else target,
            sent_ns=t_ns,
        )
        self._jobs[self._id_of(job_header)] = job
        self._busy_ids.discard(self._id_of(job_header))
        return job

    def _id_of(self, job_header: int) -> int:
        """What answers to a job name: those to a midstate job have the midstate in the low bits."""
        return job_header if self.model.job_format == "full" else job_header_of(self.model, job_header)


def _header_in(frame: FullJob) -> Job:
    return Job(
        number=0,
        wire_id="",
        version=frame.version,
        prev_hash=frame.prev_hash,
        merkle_root=frame.merkle_root,
        ntime=frame.ntime,
        nbits=frame.nbits,
        target=0,
        version_mask=0xFFFF << 13,
    )
