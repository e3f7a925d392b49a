"""One connection to a pool: its greeting, its jobs, our shares and its answers, and what it may not do."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from asicrc.transports.tcp_connection import TcpConnection
from asicrc.work.proxy.extranonce_parts import LEAST_EXTRANONCE2_SIZE, PREFIX_SIZE
from asicrc.work.proxy.limits import ProxyLimits
from asicrc.work.proxy.measures import SAMPLES_KEPT, hashes_of
from asicrc.work.proxy.pools import Pool
from asicrc.work.proxy.shares import ShareUnderWay
from asicrc.work.proxy.upstream_work import UpstreamWork
from asicrc.work.stratum_server.limits import Bucket
from asicrc.work.stratum_server.records import shown_agent
from firmware_protocols.device import Clock, Stamp
from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.stratum_v1 import (
    BIP320_MASK,
    Algorithm,
    Answer,
    Authorize,
    ClientConnection,
    Configure,
    ConfigureResult,
    Damaged,
    ErrorCode,
    ExtranonceSubscribe,
    JsonValue,
    Malformed,
    Reconnect,
    ServerEvent,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
    StratumJob,
    Submit,
    Subscribe,
    SubscribeResult,
    encode,
)

AGENT = "asicrc-proxy/1"
LONGEST_WAIT_S = 60.0
"""That a pool may ask for before we come back."""


class LinkOwner(Protocol):
    """Called on the receiver's thread."""

    clock: Clock
    pool_limits: ProxyLimits
    algorithm: Algorithm

    @property
    def hashes_per_s(self) -> float:
        """Of all miners together, as far as it is known."""

    @property
    def has_other_pools(self) -> bool: ...

    def say(self, text: str, *, of_stranger: bool = False) -> None: ...

    def work_came(self, work: UpstreamWork, t_ns: int) -> None: ...

    def mask_changed(self, link: UpstreamLink) -> None: ...

    def share_answered(self, share: ShareUnderWay, code: int | None, text: str) -> None:
        """`code` is None where it was accepted."""

    def link_ended(self, link: UpstreamLink, reason: str, t_ns: int) -> None: ...


class UpstreamLink:
    """A handler of a `TcpConnection`. It ends once, by `give_up`, by the pool, or by the proxy."""

    def __init__(self, owner: LinkOwner, pool: Pool, place: int, dialled_ns: int, now_ns: int) -> None:
        self.pool = pool
        self.place = place
        self.newest: UpstreamWork | None = None
        self.ended_ns: int | None = None
        self.retires_ns: int | None = None
        """When it is closed, once it is no longer mined for."""
        self.goes_to: tuple[str, int, float] | None = None
        """Where and after how many s the pool wants us to come back."""
        self.jobs = 0
        self.connect_ns = now_ns - dialled_ns
        self.answer_ns: deque[int] = deque(maxlen=SAMPLES_KEPT)
        """From sending a share to its answer."""
        self._owner = owner
        self._codec = ClientConnection()
        self._begun_ns = self._heard_ns = now_ns
        self._tcp: TcpConnection | None = None
        self._shares: dict[int, tuple[ShareUnderWay, int]] = {}
        self._next_share = 1_000
        self._bad_in_a_row = 0
        self._refused_in_a_row = 0
        self._grants_version = False
        limits = owner.pool_limits
        self._rate = Bucket(limits.messages_per_s, limits.burst_messages)
        self._job_rate = Bucket(limits.flood_jobs_per_s, limits.flood_burst)
        self._flood_told = False

    @property
    def name(self) -> str:
        return self.pool.name

    @property
    def version_mask(self) -> int:
        """What it lets miners roll."""
        return self._codec.jobs.version_mask if self._grants_version else 0

    @property
    def under_way(self) -> int:
        """Shares without an answer."""
        return len(self._shares)

    def begin(self, tcp: TcpConnection) -> None:
        self._tcp = tcp
        wish: dict[str, JsonValue] = {
            "version-rolling.mask": f"{BIP320_MASK:08x}",
            "version-rolling.min-bit-count": 2,
        }
        self._send(Configure(("version-rolling",), wish))
        self._send(Subscribe(AGENT))

    def takes(self, job: StratumJob) -> bool:
        """Whether the pool would still take a share of it."""
        jobs = self._codec.jobs
        return self.ended_ns is None and not jobs.is_stale(job) and jobs.find(job.job_id) is job

    def submit(
        self, job: StratumJob, extranonce2: bytes, ntime: int, nonce: int, version: int, share: ShareUnderWay
    ) -> str:
        """Send a share of a job that it `takes`. Returns why that cannot be, or nothing."""
        mask = self.version_mask
        if (version ^ job.notify.version) & ~mask:
            return f"the pool lets {mask:08x} of the version be rolled"
        number = self._next_share
        self._next_share += 1
        self._shares[number] = share, self._owner.clock.now_ns()
        bits = version & mask if self._grants_version else None
        user, job_id = self.pool.user, job.job_id
        if not self._send(Submit(user, job_id, extranonce2.hex(), ntime, nonce, bits, id=number)):
            self._shares.pop(number, None)
            return "the connection to the pool broke"
        return ""

    def give_up(self, reason: str) -> None:
        """Leave the pool for something that it does or does not do."""
        if self._tcp is not None:
            self._tcp.close(reason)

    # From the receiver's thread

    def received(self, data: bytes, stamp: Stamp) -> None:
        messages = self._codec.receive_data(data, stamp.t_ns)
        for message, _, _ in messages:
            if self._tcp is None or self._tcp.closing is not None:
                return  # it was given up for what came before
            if isinstance(message, Damaged | Malformed):
                self._bad(message)
                continue
            self._bad_in_a_row = 0
            self._heard_ns = stamp.t_ns
            self._take(message, stamp.t_ns)
        debt_ns = self._rate.take(len(messages), stamp.t_ns)
        if debt_ns > 0:
            self._pause(stamp.t_ns + round(min(debt_ns, 1e9)))

    def ended(self, reason: str, t_ns: int) -> None:
        self.ended_ns = t_ns
        self._codec.receive_eof(t_ns)
        self._owner.link_ended(self, reason, t_ns)

    def take_unanswered(self) -> list[ShareUnderWay]:
        """The shares that are without an answer at its end."""
        shares = [share for share, _ in self._shares.values()]
        self._shares.clear()
        return shares

    def look_at_time(self, now_ns: int) -> None:
        limits = self._owner.pool_limits
        if self.retires_ns is not None:
            if now_ns >= self.retires_ns:
                self.give_up("it is not mined for any more")
            return
        if self.newest is None and now_ns - self._begun_ns > limits.greeting_s * 1e9:
            self.give_up(f"it has sent no job within {limits.greeting_s:g} s of the connection")
        elif now_ns - self._heard_ns > limits.silent_s * 1e9:
            self.give_up(f"it has said nothing for {limits.silent_s:g} s")
        elif self._shares:
            _, sent_ns = next(iter(self._shares.values()))
            if now_ns - sent_ns > limits.answer_s * 1e9:
                self.give_up(f"it has not answered a share for {limits.answer_s:g} s")

    def _take(self, message: ServerEvent, t_ns: int) -> None:
        match message:
            case StratumJob():
                self._job(message, t_ns)
            case Answer():
                self._answer(message, t_ns)
            case SetDifficulty():
                self._look_at_difficulty(message.difficulty)
            case SetExtranonce():
                self._look_at_size(message.extranonce2_size)
            case SetVersionMask():
                self._grants_version = True
                self._owner.mask_changed(self)
            case Reconnect():
                self._reconnect(message)
            case ShowMessage():
                self._owner.say(f"{self.name} says: {self._shown(message.text)}")
            case _:
                line = self._codec.routine_answer(message, user_agent=AGENT)
                if line is not None and self._tcp is not None:
                    self._tcp.send(line)

    def _job(self, job: StratumJob, t_ns: int) -> None:
        if (job.notify.claimtrie is not None) != (self._owner.algorithm.name == "lbry"):
            self.give_up(f"its jobs are not of {self._owner.algorithm.name}")
            return
        self.jobs += 1
        if self._job_rate.take(1.0, t_ns) > 0:
            rate = self._owner.pool_limits.flood_jobs_per_s
            if self._owner.has_other_pools:
                self.give_up(f"it floods: more than {rate:g} jobs a second")
                return
            if not self._flood_told:
                self._flood_told = True
                self._owner.say(
                    f"{self.name} floods: more than {rate:g} jobs a second; there is no other "
                    "pool, so of those that come together the newest is sent on"
                )
        unfit = self._unfit(job)
        if unfit:
            self.give_up(f"a job of it cannot be sent on: {unfit}")
            return
        self.newest = UpstreamWork(self, job)
        self._owner.work_came(self.newest, t_ns)

    def _unfit(self, job: StratumJob) -> str:
        """Why no miner could be told it; nothing where one can."""
        piece = UpstreamWork(self, job).piece_for(bytes(PREFIX_SIZE), job.t_ns, 0)
        if piece is None:
            return "there is nothing in it to divide"
        try:
            encode(piece.notify("00000000", self.version_mask, clean=True))
        except LocalProtocolError as error:
            return str(error)
        return ""

    def _answer(self, answer: Answer, t_ns: int) -> None:
        request, result = answer.request, answer.result
        match request:
            case Submit():
                self._share_answered(answer, t_ns)
            case Configure() if isinstance(result, ConfigureResult):
                self._grants_version = result.version_mask is not None
            case Subscribe():
                if not isinstance(result, SubscribeResult):
                    self.give_up("it refused mining.subscribe")
                elif self._look_at_size(result.extranonce2_size):
                    self._send(Authorize(self.pool.user, self.pool.password))
            case Authorize():
                if answer.accepted:
                    self._send(ExtranonceSubscribe())
                else:
                    said = "" if answer.error is None else f": {self._shown(answer.error.message)}"
                    self.give_up(f"it refused the worker{said}")

    def _share_answered(self, answer: Answer, t_ns: int) -> None:
        found = self._shares.pop(int(answer.request.id or 0), None)
        if found is None:
            return
        share, sent_ns = found
        self.answer_ns.append(t_ns - sent_ns)
        if answer.accepted:
            self._refused_in_a_row = 0
            self._owner.share_answered(share, None, "")
            return
        error = answer.error
        code = int(ErrorCode.OTHER) if error is None else error.code
        said = "" if error is None else self._shown(error.message)
        self._owner.share_answered(share, code, said)
        self._refused_in_a_row += code != ErrorCode.JOB_NOT_FOUND
        if self._refused_in_a_row >= self._owner.pool_limits.refused_in_a_row:
            self.give_up(f"it refused {self._refused_in_a_row} shares in a row that hash here: {said}")

    def _look_at_difficulty(self, difficulty: float) -> None:
        """One at which nobody would find anything is no work."""
        owner = self._owner
        seconds = hashes_of(owner.algorithm, difficulty) / owner.hashes_per_s
        if seconds > owner.pool_limits.seldom_s:
            self.give_up(
                f"its difficulty of {difficulty:.6g} is absurd: a share in {seconds / 86400:.3g} days"
            )

    def _look_at_size(self, extranonce2_size: int) -> bool:
        if extranonce2_size >= LEAST_EXTRANONCE2_SIZE:
            return True
        self.give_up(
            f"it leaves {extranonce2_size} bytes of extranonce2, and {LEAST_EXTRANONCE2_SIZE} are needed "
            "to tell the miners apart"
        )
        return False

    def _reconnect(self, message: Reconnect) -> None:
        there = message.destination(self.pool.host, self.pool.port)
        if there is None:
            self._owner.say(f"{self.name} wants us to go to another domain: not done")
            return
        self.goes_to = *there, min(message.wait_s or 0.0, LONGEST_WAIT_S)
        self.give_up("it asks us to connect anew")

    def _bad(self, message: Damaged | Malformed) -> None:
        if isinstance(message, Malformed) and message.method == "reply to mining.subscribe":
            self.give_up(f"it cannot be understood: {self._shown(f'{message.method}: {message.reason}')}")
            return
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= self._owner.pool_limits.damaged_in_a_row:
            what = f"{message.method}: " if isinstance(message, Malformed) else ""
            last = self._shown(f"{what}{message.reason}")
            self.give_up(f"it sends junk: {self._bad_in_a_row} bad lines in a row, the last: {last}")

    def _send(self, request: Configure | Subscribe | Authorize | ExtranonceSubscribe | Submit) -> bool:
        if self._tcp is None:
            return False
        try:
            line = self._codec.send(request)
        except LocalProtocolError as error:
            self.give_up(str(error))
            return False
        return self._tcp.send(line)

    def _pause(self, until_ns: int) -> None:
        if self._tcp is not None:
            self._tcp.pause(until_ns)

    def _shown(self, text: str) -> str:
        """What a pool says, without our name and password."""
        return shown_agent(text, self.pool.user, self.pool.password) or ""
