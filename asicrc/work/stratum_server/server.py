"""The work server: one thread that receives for all miners, inside the acquisition process.

It stamps, splits, parses and hands on. Hashing is the storage process's; what it finds comes back by
`judged`, and only what needs no hash to be refused is answered at once. Jobs go out on the session's thread.
"""

from __future__ import annotations

import secrets
import threading
from itertools import count
from math import isnan
from typing import Any

from asicrc.clock import MACHINE_CLOCK
from asicrc.transports.tcp_connection import TcpConnection
from asicrc.transports.tcp_receiver import ListenAddress, TcpReceiver
from asicrc.work.pool_work import EXTRANONCE1_SIZE
from asicrc.work.stratum_server.admission import Admission
from asicrc.work.stratum_server.answers import Answers, Expected
from asicrc.work.stratum_server.arrivals import ArrivalQueue, Arrived, Gathered
from asicrc.work.stratum_server.limits import BoundedLog, ServerLimits
from asicrc.work.stratum_server.miner import MinerConnection
from asicrc.work.stratum_server.records import MinerRecords, Pseudonyms
from asicrc.work.stratum_server.scaled import ScaledAlgorithm
from asicrc.work.stratum_server.work_line import WorkLine
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.device import Clock, Job, NonceBatch, SegmentStart, SettingRefused
from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.stratum_v1 import BIP320_MASK, SHA256D, Algorithm

META_INTERVAL_NS = 2_000_000_000
LOOK_INTERVAL_NS = 250_000_000
LONGEST_DELAY_NS = 1_000_000_000


class WorkServer:
    """Listens from the start; leaving the context ends the thread and closes everything.

    `accept_from` are the addresses that may connect, None all. `difficulty` is in the pool's unit;
    `difficulty_one` stands for 0xffff << 208 where an emulator means less by difficulty 1. Raises DeviceError
    where it cannot listen.
    """

    def __init__(
        self,
        listen: ListenAddress,
        *,
        algorithm: Algorithm = SHA256D,
        difficulty: float,
        version_mask: int = BIP320_MASK,
        accept_from: frozenset[str] | None = None,
        limits: ServerLimits | None = None,
        clock: Clock = MACHINE_CLOCK,
        difficulty_one: int = DIFFICULTY_1_TARGET,
    ) -> None:
        self.algorithm = ScaledAlgorithm(algorithm, difficulty_one)
        self.version_mask = version_mask
        self.limits = limits or ServerLimits()
        self.clock = clock
        self.turned_away = 0
        """Connections of hosts that may not, and beyond the number and the rate that are allowed."""
        self._difficulty = _checked(difficulty)
        self._admission = Admission(self.limits, accept_from)
        self._queue = ArrivalQueue(clock)
        self._answers = Answers(clock, self.limits.answer_within_s)
        self._records = MinerRecords()
        self._pseudonyms = Pseudonyms()
        self._gathered = Gathered()
        self._connections: dict[bytes, MinerConnection] = {}
        self._ready: dict[bytes, MinerConnection] = {}
        self._work: WorkLine | None = None
        self._lock = threading.Lock()
        """Of `_ready`, `_work` and `_difficulty`, so that nobody who comes misses a job or has it twice."""
        self._dispatches = count(1)
        self._job_numbers = count(1)
        self._seqs = count()
        self._extranonces = count(secrets.randbits(8 * EXTRANONCE1_SIZE))
        self._first_id = secrets.randbits(32)
        self._saying = BoundedLog(self.limits)
        self._saying_of_strangers = BoundedLog(self.limits)
        self._next_look_ns = self._next_meta_ns = clock.now_ns()
        self._gone = {"frames": 0, "damaged_frames": 0, "skipped_bytes": 0}
        self._receiver = self._started(listen)

    def __enter__(self) -> WorkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._receiver.address

    @property
    def has_kernel_stamps(self) -> bool:
        return self._receiver.has_kernel_stamps

    @property
    def read_delays_ns(self) -> list[int]:
        """How long after the kernel's stamp the latest reads were stamped; empty without kernel stamps.

        Those that a wall clock that was set has spoilt are left out.
        """
        return [ns for ns in list(self._receiver.delays_ns) if 0 <= ns < LONGEST_DELAY_NS]

    @property
    def difficulty(self) -> float:
        return self._difficulty

    @property
    def miners(self) -> list[MinerConnection]:
        """Those that can be sent work, in the order in which they came."""
        with self._lock:
            return list(self._ready.values())

    def dispatch(self, job: Job, *, clean: bool) -> list[Job]:
        """Send every miner that is ready its own job of this work; who comes later begins with it.

        Returns the jobs as they were sent. Raises SettingRefused for a job that no pool could send.
        """
        if job.version & self.version_mask:
            raise SettingRefused(
                f"job {job.number}: version {job.version:08x} has bits that the miners may roll"
            )
        try:
            work = WorkLine(next(self._dispatches), job, self._first_id, clean=clean)
        except LocalProtocolError as error:
            raise SettingRefused(str(error)) from None
        with self._lock:
            self._work = work
            ready = list(self._ready.values())
        return [sent for sent in (miner.send_work(work) for miner in ready) if sent is not None]

    def take(self, until_ns: int) -> Arrived:
        """What has arrived; waits for something until `until_ns`.

        Raises DeviceLost when it can go on no more, and an error of the receiving thread as it is.
        """
        is_last = until_ns <= self.clock.now_ns()
        arrived = self._queue.take(until_ns)
        now_ns = self.clock.now_ns()
        if is_last or now_ns >= self._next_meta_ns:
            self._next_meta_ns = now_ns + META_INTERVAL_NS
            arrived.meta = self._news()
        return arrived

    def _news(self) -> dict[str, Any]:
        """What the capture keeps under `miners` and `effective_difficulty`, where there is news of it."""
        meta: dict[str, Any] = {}
        if self._records.changed:
            meta["miners"] = self._records.take()
        if self._answers.floor.changed:
            meta["effective_difficulty"] = self._answers.floor.take()
        return meta

    def judged(self, events: NonceBatch) -> None:
        """The verdicts on events that were taken: answer the miners."""
        self._answers.judged(events)

    def set_difficulty(self, difficulty: float) -> None:
        """For the jobs from the next dispatch on. Raises SettingRefused for what is no difficulty."""
        with self._lock:
            self._difficulty = _checked(difficulty)
            ready = list(self._ready.values())
        for miner in ready:
            miner.set_difficulty(difficulty)

    def restart(self) -> None:
        """Close every connection and listen anew at the same address, in a new segment."""
        host, port = self.address
        self._receiver.close("the work server starts anew")
        self._gathered.log.append("the work server was started anew")
        self._hand_over(SegmentStart(self.clock.now_ns(), "the work server was started anew"))
        self._receiver = self._started(ListenAddress(host, port))

    def counters(self) -> dict[str, int]:
        """`frames`, `damaged_frames` and `skipped_bytes` of all lines, and what became of the shares."""
        answers = self._answers.counters
        lines = dict(self._gone)
        for miner in list(self._connections.values()):
            for name, value in miner.line_counters().items():
                lines[name] += value
        return lines | {
            "accepted": answers.accepted,
            "accepted_by_grace": answers.by_grace,
            "refused_21_by_verdict": answers.stale_or_unknown,
            "refused_22": answers.repeated,
            "refused_23": answers.low,
            "refused_20_by_verdict": answers.other,
            "answered_late": answers.late,
            "unanswered": answers.unanswered + self._answers.waiting,
            "turned_away": self.turned_away,
        }

    def close(self) -> None:
        """Harmless when it is closed already."""
        self._receiver.close()

    # For its connections, on the receiver's thread

    def accepted(self, connection: TcpConnection, t_ns: int) -> MinerConnection | None:
        refusal = self._admission.refusal(connection.host, len(self._connections), t_ns)
        if refusal:
            self.turned_away += 1
            self.say(f"{connection.peer} was turned away: {refusal}", of_stranger=True)
            return None
        extranonce1 = (next(self._extranonces) % (1 << 8 * EXTRANONCE1_SIZE)).to_bytes(
            EXTRANONCE1_SIZE, "big"
        )
        miner = MinerConnection(self, connection, extranonce1, t_ns)
        self._connections[extranonce1] = miner
        return miner

    def became_ready(self, miner: MinerConnection, t_ns: int) -> tuple[float, WorkLine | None]:
        key = (miner.host, miner.worker or "")
        was_gone_s = self._records.came(miner.extranonce1, miner.record(), key)
        if was_gone_s is not None:
            gone = "" if isnan(was_gone_s) else f" after {was_gone_s:.3f} s"
            self._hand_over(SegmentStart(t_ns, f"{miner.name} came back{gone}"))
        self._gathered.came.append(miner)
        self.say(f"{miner.name} came: {miner.user_agent or 'of no name'}, worker {miner.worker}")
        with self._lock:
            self._ready[miner.extranonce1] = miner
            return self._difficulty, self._work

    def went(self, miner: MinerConnection, t_ns: int) -> None:
        with self._lock:
            self._ready.pop(miner.extranonce1, None)
        self._connections.pop(miner.extranonce1, None)
        for name, value in miner.line_counters().items():
            self._gone[name] += value
        reason = miner.left or ""
        if miner.ready_ns is not None:
            self._records.left(miner.extranonce1, t_ns, reason, (miner.host, miner.worker or ""))
            self._gathered.went.append(miner)
        self.say(f"{miner.name} went: {reason}", of_stranger=miner.ready_ns is None)

    def next_job_number(self) -> int:
        return next(self._job_numbers)

    def next_seq(self) -> int:
        return next(self._seqs)

    def share(self, seq: int, row: bytes, expected: Expected | None) -> None:
        if expected is not None:
            self._answers.expect(seq, expected)
        self._gathered.rows.append(row)

    def sent_by_itself(self, job: Job) -> None:
        self._gathered.jobs.append(job)

    def pseudonym(self, worker: str) -> str:
        return self._pseudonyms.of(worker)

    def say(self, text: str, *, of_stranger: bool = False) -> None:
        """For the log, unless somebody makes us say too much; strangers drown no line about a miner."""
        saying = self._saying_of_strangers if of_stranger else self._saying
        self._gathered.log += saying.of(text, self.clock.now_ns())

    def turned(self, now_ns: int) -> None:
        self._hand_over()
        if now_ns >= self._next_look_ns:
            self._next_look_ns = now_ns + LOOK_INTERVAL_NS
            for miner in list(self._connections.values()):
                miner.look_at_time(now_ns)

    def failed(self, error: BaseException) -> None:
        self._queue.lose(error)

    def _started(self, listen: ListenAddress) -> TcpReceiver:
        receiver = TcpReceiver(listen, self, unread_bytes=self.limits.unread_bytes, clock=self.clock)
        receiver.start()
        return receiver

    def _hand_over(self, segment: SegmentStart | None = None) -> None:
        if not self._gathered.is_empty:
            gathered, self._gathered = self._gathered, Gathered()
            self._queue.put(gathered)
        self._gathered.segment = segment


def _checked(difficulty: float) -> float:
    if not 0 < difficulty < float("inf"):
        raise SettingRefused(f"a difficulty is above 0 and finite, not {difficulty}")
    return difficulty
