"""One connected miner of the proxy: pieces of the pool's work out, shares in, the pool's answers out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Protocol

from asicrc.transports.tcp_connection import TcpConnection
from asicrc.work.proxy.extranonce_parts import MINER_EXTRANONCE2_SIZE
from asicrc.work.proxy.limits import ProxyLimits
from asicrc.work.proxy.measures import IdleMeter, WorkDone, hashes_of
from asicrc.work.proxy.share_rate import ShareRate
from asicrc.work.proxy.shares import ShareCounters, ShareUnderWay
from asicrc.work.proxy.upstream_work import Piece, UpstreamWork
from asicrc.work.stratum_server.hub import TalkHub
from asicrc.work.stratum_server.miner_talk import MinerTalk
from firmware_protocols.device import Stamp
from firmware_protocols.errors import LocalProtocolError
from firmware_protocols.stratum_v1 import (
    ClientMessage,
    Configure,
    Damaged,
    ErrorCode,
    Id,
    Judgement,
    Reply,
    StratumError,
    Submit,
    encode,
)

NONCES = 1 << 32


class ProxyHub(TalkHub, Protocol):
    counters: ShareCounters
    idle_durations_ns: deque[int]

    @property
    def pool_limits(self) -> ProxyLimits: ...

    @property
    def ends(self) -> bool:
        """Whether no more shares are sent on."""

    def became_ready(self, miner: ProxyMiner, t_ns: int) -> None: ...

    def next_job_id(self) -> str: ...

    def wants_work(self, miner: ProxyMiner, t_ns: int, *, answered: bool) -> None:
        """It has come to the end of its job: by a share (`answered`), or round to where it began."""


@dataclass(frozen=True, slots=True)
class _Given:
    piece: Piece
    hashes: float
    """What a share of it stands for."""


class ProxyMiner(MinerTalk):
    """On the receiver's thread, all of it."""

    def __init__(self, hub: ProxyHub, tcp: TcpConnection, prefix: bytes, t_ns: int) -> None:
        super().__init__(hub, tcp, prefix, MINER_EXTRANONCE2_SIZE, t_ns)
        self._hub = hub
        self.idle = IdleMeter(hub.idle_durations_ns)
        self.done = WorkDone()
        self.rate = ShareRate(hub.pool_limits.most_shares_per_s, t_ns)
        self.difficulty = 0.0
        self.given_ns: int | None = None
        """When it was sent its newest job."""
        self._given: dict[str, _Given] = {}
        self._job_id = ""

    @property
    def work(self) -> UpstreamWork | None:
        """What its newest job is made of."""
        given = self._given.get(self._job_id)
        return None if given is None else given.piece.work

    def give(self, work: UpstreamWork, now_ns: int, *, clean: bool) -> bool:
        """Send it the next piece of this work. False where there is none left, or it is gone."""
        hub, codec = self._hub, self._codec
        limits = hub.pool_limits
        if self.left is not None:
            return False
        piece = work.piece_for(self.extranonce1, now_ns, limits.ntime_ahead_s)
        if piece is None:
            return False
        lines = []
        mask = work.link.version_mask
        if codec.miner_mask is not None and codec.jobs.version_mask != mask & codec.miner_mask:
            lines.append(codec.set_version_mask(mask))
            self.version_mask = codec.jobs.version_mask
        difficulty = work.job.difficulty * self.rate.before_a_job(now_ns)
        if difficulty != self.difficulty:
            self.difficulty = difficulty
            lines.append(codec.set_difficulty(difficulty))
        job_id = hub.next_job_id()
        notify = piece.notify(job_id, codec.jobs.version_mask, clean=clean)
        try:
            lines.append(encode(notify))
        except LocalProtocolError as error:
            self._say(f"a job of {work.link.name} cannot be sent on: {error}")
            return False
        # Whether a share is stale is the pool's to say: a job of ours may be clean where the pool's is not.
        codec.jobs.bind(replace(notify, clean_jobs=False), at_ns=now_ns)
        self._given[job_id] = _Given(piece, hashes_of(hub.algorithm, difficulty))
        if len(self._given) > hub.limits.jobs_kept:
            del self._given[next(iter(self._given))]
        self._job_id, self.given_ns = job_id, now_ns
        if not self.send(b"".join(lines)):
            return False
        self.jobs_waited += self._tcp.backlog_bytes > 0
        self.idle.with_work(hub.clock.now_ns())
        return True

    def is_due(self, now_ns: int) -> bool:
        """Whether it should have further work before its own runs out."""
        if self.given_ns is None or self.ready_ns is None:
            return False
        limits = self._hub.pool_limits
        had_s = (now_ns - self.given_ns) / 1e9
        if had_s >= limits.renew_s:
            return True
        seconds = (now_ns - self.ready_ns) / 1e9
        space = NONCES << 8 * MINER_EXTRANONCE2_SIZE << self._codec.jobs.version_mask.bit_count()
        return had_s * self.done.hashes / max(seconds, 1e-9) >= limits.space_used * space

    def answer(self, message_id: Id, code: int | None, text: str = "") -> bool:
        """Tell it what became of a share. False where it is gone."""
        if self.left is not None:
            return False
        self.answered(code is None)
        error = None if code is None else StratumError(code, text)
        return self.send(encode(Reply(message_id, True if code is None else None, error)))

    def _begin(self, stamp: Stamp) -> None:
        self._send_answers()
        self.idle.without_work(stamp.t_ns)
        self._hub.became_ready(self, stamp.t_ns)

    def _talk(self, message: ClientMessage | Damaged, stamp: Stamp, n_in_read: int) -> bytes | None:
        if isinstance(message, Configure):
            self._codec.offered_mask = self._hub.version_mask
        return super()._talk(message, stamp, n_in_read)

    def _share(self, submit: Submit, stamp: Stamp, n_in_read: int) -> bytes | None:
        codec, hub = self._codec, self._hub
        found = codec.judge(submit)
        if found.code in (ErrorCode.UNAUTHORIZED, ErrorCode.NOT_SUBSCRIBED):
            self._refused_at_once += 1
            return codec.answer_submit(submit, found)
        self.shares += 1
        self.last_share_ns = stamp.t_ns
        hub.counters.received += 1
        is_newest = submit.job_id == self._job_id
        refused = found
        if found.accepted:
            refused = self._forward(submit, found, stamp) or found
        if found.accepted and self.rate.share(stamp.t_ns):
            self._say(
                f"{self.name} sends many shares: it gets {self.rate.factor:g} times the pool's difficulty"
            )
            hub.wants_work(self, stamp.t_ns, answered=False)
        elif is_newest and (found.accepted or found.code is ErrorCode.DUPLICATE):
            hub.wants_work(self, stamp.t_ns, answered=found.accepted)
        if refused.code is None:
            return None
        self._refused_at_once += 1
        hub.counters.refused_here[refused.code] += 1
        return codec.answer_submit(submit, refused)

    def _forward(self, submit: Submit, found: Judgement, stamp: Stamp) -> Judgement | None:
        """Send it to the pool that its job is of. Why not, if that cannot be."""
        if self._hub.ends:
            return _refusal(ErrorCode.OTHER, "The proxy ends")
        given = self._given.get(submit.job_id)
        job, version, extranonce2 = found.job, found.version, found.extranonce2
        if given is None or job is None or version is None or extranonce2 is None:
            return _refusal(ErrorCode.JOB_NOT_FOUND, ErrorCode.JOB_NOT_FOUND.text)
        work = given.piece.work
        if not work.is_valid:
            return _refusal(ErrorCode.JOB_NOT_FOUND, "Stale: the pool has other work, or is gone")
        if found.by_grace and (found.hash_value or 0) > work.job.target(self._hub.algorithm):
            return _refusal(ErrorCode.LOW_DIFFICULTY, ErrorCode.LOW_DIFFICULTY.text)
        share = ShareUnderWay(self, submit.id, stamp.t_ns, given.hashes)
        problem = work.link.submit(
            work.job, given.piece.split.upstream(extranonce2), submit.ntime, submit.nonce, version, share
        )
        if problem:
            return _refusal(ErrorCode.OTHER, problem)
        self._hub.counters.forwarded += 1
        return None

    def _malformed_share(self, stamp: Stamp, n_in_read: int) -> None:
        """The routine answer refuses it."""
        self.shares += 1
        self._refused_at_once += 1
        self._hub.counters.received += 1
        self._hub.counters.refused_here[ErrorCode.OTHER] += 1


def _refusal(code: ErrorCode, text: str) -> Judgement:
    return Judgement(code, text)
