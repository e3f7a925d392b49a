"""Following a chip line in both directions, so that every answer finds the job it belongs to.

The same observer serves a live driver (which shows it what it writes), a replayed capture and an imported
wire dump. It has no clock: stamps come with the bytes.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.bitcoin import target_from_zero_bits
from firmware_protocols.bm13xx.baud import baud_from_fast_uart, frame_time_ns
from firmware_protocols.bm13xx.decoder import ChipDecoder, HostDecoder
from firmware_protocols.bm13xx.frames import (
    ChainInactive,
    FullJob,
    NonceResponse,
    RegisterResponse,
    Response,
    SetAddress,
    WriteRegister,
)
from firmware_protocols.bm13xx.jobs import job_header_of, rolled_version
from firmware_protocols.bm13xx.models import ChipModel
from firmware_protocols.bm13xx.nonce import NonceFields, nonce_fields
from firmware_protocols.bm13xx.received import Damaged, Received
from firmware_protocols.bm13xx.registers import Register
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

CHIP_ZERO_BITS = 32
"""Leading zero bits below which real silicon reports nothing, whatever the ticket mask."""


@dataclass(slots=True)
class Answers:
    """What the chip said: nonces as PENDING events, and register values."""

    events: NonceBatch
    registers: list[tuple[RegisterResponse, int]] = field(default_factory=list)
    """Each with the stamp of the read that completed it."""


class LineObserver:
    """Keeps the state of one line: jobs by id, registers last written, frames counted.

    `zero_bits` is the chip's own threshold; emulators at reduced scale use fewer than 32.
    With `baud` (which follows FAST_UART as the host writes it), frames that one read returned together are
    stamped one frame time apart, the last one at the read: on a line they cannot have arrived closer.
    """

    def __init__(
        self, model: ChipModel, *, zero_bits: int = CHIP_ZERO_BITS, baud: float | None = None
    ) -> None:
        self.model = model
        self.baud = baud
        self.registers_written: dict[int, int] = {}
        self._zero_bits = zero_bits
        self._from_host = ChipDecoder(model)
        self._from_chip = HostDecoder(model)
        self._addresses: list[int] = []
        self._jobs: dict[int, Job] = {}
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
        mask = self.registers_written.get(Register.TICKET_MASK)
        return 1 if mask is None else difficulty_from_ticket_mask(mask)

    @property
    def chip_target(self) -> int:
        """The largest hash that the chip reports under the present ticket mask."""
        return target_from_zero_bits(self._zero_bits + self.ticket_difficulty.bit_length() - 1)

    def host_sent(self, data: bytes, t_ns: int = NO_TIME) -> list[Job]:
        """Take bytes that the host wrote; return the jobs in them, damaged ones marked."""
        jobs: list[Job] = []
        for received in self._from_host.receive_data(data, t_ns):
            frame = received.frame
            if isinstance(frame, WriteRegister):
                self._note_write(frame)
            elif isinstance(frame, ChainInactive):
                self._addresses.clear()
            elif isinstance(frame, SetAddress):
                insort(self._addresses, frame.address)
            elif isinstance(frame, FullJob):
                jobs.append(self._add_job(frame.job_header, frame, t_ns))
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
            for frames_after, item in zip(range(len(received) - 1, -1, -1), received, strict=True):
                if isinstance(item.frame, NonceResponse):
                    nonces.append((item, item.frame, self._stamp_back(item, frames_after)))
                elif isinstance(item.frame, RegisterResponse):
                    registers.append((item.frame, item.t_ns))
            if received:
                self._last_read_ns = received[-1].t_ns
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
                row["version"] = rolled_version(0, response.version_bits)
                continue
            row["job"] = job.number
            row["version"] = rolled_version(job.version, response.version_bits)
            row["ntime"] = job.ntime
            row["t_sent_ns"] = self._newest_job_ns
        headers = np.array([response.header for _, response, _ in nonces], np.int64)
        fields = nonce_fields(self.model, events["nonce"], headers)
        events["core"], events["subcore"] = fields.core, fields.subcore
        events["chip"] = self._chips(fields)
        return events

    def _chips(self, fields: NonceFields) -> NDArray[np.int64]:
        """Address of the chip that counted to each nonce: a chip starts at its address and counts upwards.

        Without addresses on the record it is the field of the nonce, which holds for factory chains.
        """
        shift = self.model.nonce_start_shift
        if shift is None or not self.model.nonce_has_address or not self._addresses:
            return fields.chip
        known = np.array(self._addresses, np.int64)
        return known[np.searchsorted(known, fields.counter25 >> shift, side="right") - 1]

    def _stamp_back(self, received: Received[Response], frames_after: int) -> int:
        """One frame time earlier for each frame behind it, but after the read before this one."""
        if self.baud is None or not frames_after or received.t_ns == NO_TIME:
            return received.t_ns
        back_ns = received.t_ns - frames_after * frame_time_ns(len(received.raw), self.baud)
        return max(back_ns, self._last_read_ns)

    def _note_write(self, frame: WriteRegister) -> None:
        self.registers_written[frame.register] = frame.value
        if frame.register == Register.FAST_UART:
            self.baud = baud_from_fast_uart(frame.value)  # the host has to follow
        if frame.register == Register.VERSION_MASK:
            self._from_chip.response_size = self.model.response_size

    def _add_job(self, job_header: int, frame: FullJob | None, t_ns: int) -> Job:
        self._jobs_seen += 1
        self._newest_job_ns = t_ns
        target = self.chip_target
        if frame is None:
            job = Job(
                self._jobs_seen, f"{job_header:02x}", 0, bytes(32), 0, 0, target, damaged=True, sent_ns=t_ns
            )
        else:
            job = Job(
                number=self._jobs_seen,
                wire_id=f"{job_header:02x}",
                version=frame.version,
                prev_hash=frame.prev_hash,
                merkle_root=frame.merkle_root,
                ntime=frame.ntime,
                nbits=frame.nbits,
                target=target,
                chip_target=target,
                version_mask=0xFFFF << 13,
                sent_ns=t_ns,
            )
        self._jobs[job_header] = job
        return job
