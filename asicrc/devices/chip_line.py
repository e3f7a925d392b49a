"""Commands and answers on a chip line, with everything that passes kept for the capture."""

from __future__ import annotations

import numpy as np

from asicrc.transports.serial_port import SerialTransport
from firmware_protocols.bm13xx import (
    Answers,
    ChipModel,
    Command,
    FullJob,
    LineObserver,
    ReadRegister,
    RegisterResponse,
    encode,
)
from firmware_protocols.device import Batch, Direction, Job, NonceBatch, Stamp, WireChunk

ANSWER_WAIT_S = 0.3
"""For the first answer to a read: 77 chips at 115,740 baud need 73 ms for theirs."""
SILENCE_S = 0.05


class ChipLine:
    """A transport with an observer on it. Nothing that arrives is lost: `take` returns it all."""

    def __init__(self, transport: SerialTransport, model: ChipModel, zero_bits: int) -> None:
        self.transport = transport
        self.clock = transport.clock
        self.model = model
        self.observer = LineObserver(model, zero_bits=zero_bits, baud=transport.baud)
        self._wire: list[WireChunk] = []
        self._nonces: list[NonceBatch] = []
        self._registers: list[RegisterResponse] = []

    def set_baud(self, baud: int) -> None:
        self.transport.set_baud(baud)

    def send(self, frame: Command) -> tuple[Stamp, list[Job]]:
        """Write one frame; return its stamp and, for a job frame, the job as the observer numbers it."""
        data = encode(frame, self.model)
        stamp = self.transport.write(data)
        self._wire.append(WireChunk(Direction.TX, stamp, data))
        return stamp, self.observer.host_sent(data, stamp.t_ns)

    def send_job(self, frame: FullJob) -> Job:
        _, jobs = self.send(frame)
        return jobs[0]

    def wait(self, seconds: float) -> None:
        """Let time pass while keeping what arrives."""
        until_ns = self.clock.now_ns() + round(seconds * 1e9)
        while self.clock.now_ns() < until_ns:
            self._collect(until_ns)

    def ask(self, frame: ReadRegister, expect: int | None = None) -> list[RegisterResponse]:
        """Send a read and return the answers to it, in order of arrival; empty when none came."""
        self._registers.clear()
        self.send(frame)
        return self.answers(frame.register, expect)

    def answers(self, register: int, expect: int | None = None) -> list[RegisterResponse]:
        """Answers for `register`: `expect` of them, or as many as come before the line falls silent."""
        deadline_ns = self.clock.now_ns() + round(ANSWER_WAIT_S * 1e9)
        found: list[RegisterResponse] = []
        while (now_ns := self.clock.now_ns()) < deadline_ns and (expect is None or len(found) < expect):
            if not self._collect(min(deadline_ns, now_ns + round(SILENCE_S * 1e9))):
                self._keep(self.observer.fell_silent(now_ns))
            matching = [answer for answer in self._registers if answer.register == register]
            self._registers.clear()
            if matching:
                found += matching
                deadline_ns = self.clock.now_ns() + round(SILENCE_S * 1e9)
        return found

    def round_trip_ns(self, frame: ReadRegister) -> int | None:
        """Time from just before the write of a read to the stamp of its answer; None when none came."""
        self._registers.clear()
        stamp, _ = self.send(frame)
        deadline_ns = stamp.t_ns + round(ANSWER_WAIT_S * 1e9)
        while self.clock.now_ns() < deadline_ns:
            chunks = self._collect(deadline_ns)
            if any(answer.register == frame.register for answer in self._registers):
                return chunks[-1].stamp.t_ns - stamp.t_ns
        return None

    def take(self, until_ns: int) -> Batch:
        """Everything since the last `take`, waiting until `until_ns` if there is nothing yet."""
        if not self._wire:
            self._collect(until_ns)
        batch = Batch(wire=self._wire)
        if self._nonces:
            batch.nonces = np.concatenate(self._nonces) if len(self._nonces) > 1 else self._nonces[0]
        self._wire, self._nonces = [], []
        return batch

    def _collect(self, until_ns: int) -> list[WireChunk]:
        """Move what the transport has to the observer; return it."""
        chunks = self.transport.read(until_ns)
        if chunks:
            self._wire.extend(chunks)
            self._keep(self.observer.chip_sent(chunks))
        return chunks

    def _keep(self, answers: Answers) -> None:
        if len(answers.events):
            self._nonces.append(answers.events)
        self._registers.extend(answers.registers)
