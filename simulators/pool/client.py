"""One connection of the emulated pool: greeting, jobs, shares judged and answered, at the line's latency."""

from __future__ import annotations

import time
from typing import Protocol

from firmware_protocols.stratum_v1 import (
    Authorize,
    ClientMessage,
    Configure,
    Damaged,
    ErrorCode,
    Judgement,
    Notify,
    Reply,
    ServerConnection,
    Submit,
    Subscribe,
    encode,
    subscription,
)
from simulators.miners.reactor import Reactor, Timer
from simulators.miners.tcp import Stream
from simulators.pool.blocks import ScaledSha256d
from simulators.pool.delay import DelayLine
from simulators.pool.faults import ABSURD_DIFFICULTY, PoolFaults
from simulators.pool.options import PoolOptions

JUNK = b'\x00\xff{{"mining.notify": [\n'
_JUNK_S = 0.01


class House(Protocol):
    """The pool, as its connections see it."""

    reactor: Reactor
    options: PoolOptions

    def delay_s(self) -> float:
        """Of the next message, one way."""

    def job_for(self, client: PoolClient, *, clean: bool) -> Notify: ...

    def late_s(self) -> float:
        """How much later than the line has it the next job comes."""

    def accepted(self, client: PoolClient, submit: Submit, judgement: Judgement) -> None: ...

    def left(self, client: PoolClient) -> None: ...


class PoolClient:
    """`extranonce1` is its own, of all connections that the pool has ever had."""

    def __init__(self, house: House, sock: object, number: int, extranonce1: bytes) -> None:
        self.house = house
        self.number = number
        self.extranonce1 = extranonce1
        self.ready = False
        self.shares = 0
        options = house.options
        self._faults: PoolFaults = options.faults
        self._since_s: float | None = None
        self._flood: Timer | None = None
        self._hang_up: Timer | None = None
        self._junk: Timer | None = None
        self.codec = ServerConnection(
            version_mask=options.version_mask, algorithm=ScaledSha256d(options.difficulty_one)
        )
        self._stream = Stream(house.reactor, sock, self._arrived, self.end)  # type: ignore[arg-type]
        self._inbound = DelayLine(house.reactor, house.delay_s, self._take)
        self._outbound = DelayLine(house.reactor, house.delay_s, self._stream.send)

    def send_job(self, *, clean: bool, late_s: float = 0.0) -> None:
        """The next job, where faults let it go."""
        if not self.ready:
            return
        notify = self.house.job_for(self, clean=clean)
        line, _ = self.codec.notify(notify, at_ns=time.monotonic_ns())
        self._say(line, late_s)

    def end(self) -> None:
        """Close it, or note that it was closed."""
        self._stream.close()
        self._inbound.stop()
        self._outbound.stop()
        for timer in (self._flood, self._hang_up, self._junk):
            if timer is not None:
                timer.cancel()
        self.ready = False
        self.house.left(self)

    def look_at_faults(self) -> None:
        """What begins after a while. Called now and then."""
        faults, seconds = self._faults, self._seconds
        if seconds >= faults.absurd and self.codec.jobs.difficulty != ABSURD_DIFFICULTY:
            self._say(self.codec.set_difficulty(ABSURD_DIFFICULTY))
            self.send_job(clean=False)
        if self.ready and seconds >= faults.shrink and self.codec.jobs.extranonce2_size != 1:
            self._say(self.codec.set_extranonce(self.extranonce1, 1))
        if seconds >= faults.junk and self._junk is None:
            self._send_junk()

    @property
    def _seconds(self) -> float:
        """Since its first job; before that, none have passed."""
        return 0.0 if self._since_s is None else time.monotonic() - self._since_s

    def _arrived(self, data: bytes) -> None:
        self._inbound.put(data)

    def _take(self, data: bytes) -> None:
        for message, _, _ in self.codec.receive_data(data, time.monotonic_ns()):
            self._hear(message)

    def _hear(self, message: ClientMessage | Damaged) -> None:
        match message:
            case Configure():
                self._say(self.codec.answer_configure(message)[0])
            case Subscribe():
                self._subscribe(message)
            case Authorize():
                if self._faults.refuse_worker:
                    self._say(self.codec.refuse(message, ErrorCode.UNAUTHORIZED))
                else:
                    self._say(self.codec.answer_authorize(message))
                    self._begin()
            case Submit():
                self._share(message)
            case _:
                line = self.codec.routine_answer(message)
                if line is not None:
                    self._say(line)

    def _subscribe(self, message: Subscribe) -> None:
        size = self.house.options.extranonce2_size
        told = size if self._faults.extranonce is None else self._faults.extranonce
        if told == 0:  # with which no jobs can be made
            self._say(encode(Reply(message.id, subscription(self.extranonce1, told, "1"))))
            return
        self._say(self.codec.answer_subscribe(message, self.extranonce1, told))
        self._begin()

    def _begin(self) -> None:
        if self.ready or not self.codec.subscribed or not self.codec.workers:
            return
        self.ready = True
        self._say(self.codec.set_difficulty(self.house.options.difficulty))
        self.send_job(clean=True)
        self._since_s = time.monotonic()
        if self._faults.flood:
            self._flood = self.house.reactor.after(0.05, self._send_flood)
        if self._faults.hang_up < float("inf"):
            self._hang_up = self.house.reactor.after(self._faults.hang_up, self.end)

    def _share(self, submit: Submit) -> None:
        judgement = self.codec.judge(submit)
        if self._seconds >= self._faults.deaf:
            return
        if self._faults.refuse_shares:
            self._say(self.codec.refuse(submit, ErrorCode.LOW_DIFFICULTY))
            return
        if judgement.accepted:
            self.shares += 1
            self.house.accepted(self, submit, judgement)
        self._say(self.codec.answer_submit(submit, judgement))
        if judgement.accepted and self.house.options.ask:
            self.send_job(clean=False, late_s=self.house.late_s())

    def _say(self, line: bytes, late_s: float = 0.0) -> None:
        if self._seconds >= self._faults.silent or self._junk is not None:
            return
        self._outbound.put(line, late_s)

    def _send_junk(self) -> None:
        if not self._stream.closed:
            self._stream.send(JUNK)
            self._junk = self.house.reactor.after(_JUNK_S, self._send_junk)

    def _send_flood(self) -> None:
        step_s = 0.05
        for _ in range(max(1, round(self._faults.flood * step_s))):
            self.send_job(clean=True)
        self._flood = self.house.reactor.after(step_s, self._send_flood)
