"""Commands and answers on a chip line, with everything that passes kept for the capture."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from asicrc.bench.limits import Range
from asicrc.transports.transport import Transport
from firmware_protocols.bm13xx import (
    Answers,
    ChipModel,
    Command,
    LineObserver,
    ReadRegister,
    RegisterResponse,
    WriteRegister,
    encode,
    frame_time_ns,
    pll_from_register,
)
from firmware_protocols.device import Batch, Direction, Job, NonceBatch, SettingRefused, Stamp, WireChunk
from firmware_protocols.errors import ProtocolError

ANSWER_WAIT_S = 0.3
"""For the first answer to a read: 77 chips at 115,740 baud need 73 ms for theirs."""
PATIENT_WAIT_S = 0.9
"""The same where the read before was answered and no damage comes: a host or an adapter that stands still is
then likelier than a chip that has fallen silent."""
SILENCE_S = 0.05
LONGEST_ANSWER_S = 3.0
"""For all answers to a read: a line that still brings new ones then does not answer, it runs on."""
READ_ATTEMPTS = 3
SPOILT_ATTEMPTS = 5
"""Where something comes, but damaged: with a twentieth of them spoilt, one read in 3 million is lost then."""
SETTLE_S = 0.1
"""For answers that are still on their way, before the next attempt."""
ATTEND_NS = 100_000_000
MOST_ANSWERS = 256
"""To one read: addresses have a byte."""
ROUND_TRIPS_KEPT = 10_000


class ChipLine:
    """A transport with an observer on it. Nothing that arrives is lost: `take` returns it all.

    `clock_limits` is the last gate: no clock outside them leaves this machine, whoever asks for it.
    """

    def __init__(self, transport: Transport, model: ChipModel, zero_bits: int, clock_limits: Range) -> None:
        self.transport = transport
        self.clock = transport.clock
        self.model = model
        self.clock_limits = clock_limits
        self.observer = LineObserver(model, zero_bits=zero_bits, baud=transport.baud)
        self._wire: list[WireChunk] = []
        self._nonces: list[NonceBatch] = []
        self._registers: list[RegisterResponse] = []
        self._probe: tuple[int, int] | None = None
        self._left_ns = transport.clock.now_ns()
        """When what was written has left the line: an adapter takes bytes faster than the line does."""
        self.attend: Callable[[], None] = _nothing
        """Called before each write and while waiting: whoever guards the line may have to say it is over."""
        self.heard_ns = transport.clock.now_ns()
        """When bytes last came."""
        self._is_answering = False
        """Whether the newest read that was waited for had an answer."""
        self.was_clear = True
        """Whether nothing but whole frames came while it was waited for."""
        self._asked: int | None = None
        """Register of the newest read: a BM1387 does not say which one it answers for."""
        self.round_trips_ns: deque[int] = deque(maxlen=ROUND_TRIPS_KEPT)
        """From just before the write of a probe to the stamp of its answer, newest last."""

    def set_baud(self, baud: int) -> None:
        """Change the host's speed once everything that was sent has left."""
        self.wait(0.0)
        self.transport.set_baud(baud)

    def send(self, frame: Command) -> tuple[Stamp, list[Job]]:
        """Write one frame; return its stamp and, for a job frame, the job as the observer numbers it.

        Raises SettingRefused for a clock outside the limits, DeviceLost.
        """
        if isinstance(frame, WriteRegister) and frame.register == self.model.registers.pll0:
            self._check_clock(frame.value)
        elif isinstance(frame, ReadRegister):
            self._asked = frame.register
        self.attend()
        data = encode(frame, self.model)
        stamp = self.transport.write(data)
        self._left_ns = max(self._left_ns, stamp.t_ns) + frame_time_ns(len(data), self.transport.baud)
        self._wire.append(WireChunk(Direction.TX, stamp, data))
        return stamp, self.observer.host_sent(data, stamp.t_ns)

    def send_job(self, frame: Command) -> Job:
        _, jobs = self.send(frame)
        return jobs[0]

    def _check_clock(self, register_value: int) -> None:
        try:
            mhz = pll_from_register(self.model, register_value).mhz
        except ProtocolError as error:
            raise SettingRefused(f"the clock was not written: {error}") from None
        self.clock_limits.check("frequency_mhz", mhz)

    def wait(self, seconds: float) -> None:
        """Let time pass, once everything that was sent has left, while keeping what arrives."""
        until_ns = max(self.clock.now_ns(), self._left_ns) + round(seconds * 1e9)
        while (now_ns := self.clock.now_ns()) < until_ns:
            self.attend()
            self._collect(min(until_ns, now_ns + ATTEND_NS))

    def ask(self, frame: ReadRegister, expect: int | None = None) -> list[RegisterResponse]:
        """Send a read and return the answers to it, in order of arrival; empty when none came.

        A chip that does not say what it answers for is heard out, or its next answers would be of this read.
        """
        self.forget_answers()
        self.send(frame)
        found = self.answers(frame.register, expect if self.model.echoes_register else None)
        return found if expect is None else found[:expect]

    def ask_again(self, frame: ReadRegister, expect: int | None = None) -> list[RegisterResponse]:
        """`ask`, a few times, and the fullest of the replies: a bad line spoils an answer now and then.

        Without `expect` a reply is full when nothing damaged came with it. Reading changes no register.
        """
        fullest: list[RegisterResponse] = []
        attempts = 0
        while True:
            fullest = max(fullest, self.ask(frame, expect), key=len)
            attempts += 1
            is_full = len(fullest) >= (expect or 1) and (expect is not None or self.was_clear)
            if is_full or not self.may_ask_again(attempts):
                return fullest
            self.wait(SETTLE_S)

    def may_ask_again(self, attempts: int) -> bool:
        """Whether a read that has failed so often is worth another attempt."""
        return attempts < (READ_ATTEMPTS if self.was_clear else SPOILT_ATTEMPTS)

    def collect(self) -> None:
        """Take in what has arrived, without waiting."""
        self._collect(self.clock.now_ns())

    def forget_answers(self) -> None:
        """What has been answered so far is not the answer to what comes next."""
        self._registers.clear()

    def answers(self, register: int, expect: int | None = None) -> list[RegisterResponse]:
        """Answers for `register`: `expect` of them, or as many as come before the line falls silent.

        More than `MOST_ANSWERS` are those of a line that floods.
        """
        begun_ns = max(self.clock.now_ns(), self._left_ns)
        deadline_ns, end_ns = begun_ns + round(ANSWER_WAIT_S * 1e9), begun_ns + round(LONGEST_ANSWER_S * 1e9)
        patient_ns = begun_ns + round(PATIENT_WAIT_S * 1e9) if self._is_answering else begun_ns
        damage = self._damage()
        most = MOST_ANSWERS + 1 if expect is None else expect
        found: list[RegisterResponse] = []
        while len(found) < most:
            now_ns, is_quiet = self.clock.now_ns(), not found and self._damage() == damage
            until_ns = min(max(deadline_ns, patient_ns) if is_quiet else deadline_ns, end_ns)
            if now_ns >= until_ns:
                break
            if not self._collect(min(until_ns, now_ns + round(SILENCE_S * 1e9))):
                self._keep(self.observer.fell_silent(now_ns))
            matching = [answer for answer in self._registers if answer.register == register]
            self._registers.clear()
            if matching:
                found += matching
                deadline_ns = self.clock.now_ns() + round(SILENCE_S * 1e9)
        self._is_answering = bool(found)
        self.was_clear = self._damage() == damage
        return found

    def _damage(self) -> int:
        """What has come so far that was no frame."""
        counters = self.observer.wire_counters()
        return counters["damaged_frames"] + counters["skipped_bytes"]

    def probe(self, frame: ReadRegister) -> None:
        """Send a read whose answer is only timed: the next answer for its register ends the round trip."""
        stamp, _ = self.send(frame)
        self._probe = (frame.register, stamp.t_ns)

    def take(self, until_ns: int) -> Batch:
        """Everything since the last `take`, waiting until `until_ns` if there is nothing yet."""
        self._registers.clear()
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
            self.heard_ns = chunks[-1].stamp.t_ns
            self._wire.extend(chunks)
            self._keep(self.observer.chip_sent(chunks))
        return chunks

    def _keep(self, answers: Answers) -> None:
        if len(answers.events):
            self._nonces.append(answers.events)
        for answer, t_ns in answers.registers:
            if answer.register is None:
                answer = replace(answer, register=self._asked)
            if self._probe is not None and answer.register == self._probe[0]:
                self.round_trips_ns.append(t_ns - self._probe[1])
                self._probe = None
            self._registers.append(answer)


def _nothing() -> None:
    """Nobody guards it."""
