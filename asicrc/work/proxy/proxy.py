"""The proxy itself: one thread for miners and pools, so that a share and its answer meet no lock."""

from __future__ import annotations

import queue
import secrets
import threading
from collections import deque
from collections.abc import Sequence
from itertools import count

from asicrc.clock import MACHINE_CLOCK
from asicrc.transports.dialling import Dialled, Dialler
from asicrc.transports.tcp_connection import TcpConnection
from asicrc.transports.tcp_receiver import ListenAddress, TcpReceiver
from asicrc.work.proxy.extranonce_parts import Prefixes
from asicrc.work.proxy.fail_over import FailOver
from asicrc.work.proxy.limits import ProxyLimits
from asicrc.work.proxy.measures import SAMPLES_KEPT, WorkDone
from asicrc.work.proxy.miner import ProxyMiner
from asicrc.work.proxy.pool_record import PoolRecord
from asicrc.work.proxy.pools import Pool
from asicrc.work.proxy.shares import ShareCounters, ShareUnderWay
from asicrc.work.proxy.upstream import UpstreamLink
from asicrc.work.proxy.upstream_work import UpstreamWork
from asicrc.work.stratum_server.admission import Admission
from asicrc.work.stratum_server.limits import BoundedLog, Bucket, ServerLimits
from asicrc.work.stratum_server.records import Pseudonyms
from firmware_protocols.device import Clock
from firmware_protocols.stratum_v1 import BIP320_MASK, SHA256D, Algorithm, ErrorCode

MODES = ("stream", "handshake")
LOOK_INTERVAL_NS = 100_000_000
SHARES_TO_TELL_RATE = 16


class Proxy:
    """Listens from the start; leaving the context ends the thread and closes everything.

    In `stream` miners have further work by time; in `handshake` a share is answered by the next piece of work
    as well. `accept_from` are the addresses that may connect, None all. Raises DeviceError where it cannot
    listen, ValueError for a mode that there is not.
    """

    def __init__(
        self,
        pools: Sequence[Pool],
        listen: ListenAddress,
        *,
        algorithm: Algorithm = SHA256D,
        mode: str = "stream",
        accept_from: frozenset[str] | None = None,
        limits: ServerLimits | None = None,
        pool_limits: ProxyLimits | None = None,
        clock: Clock = MACHINE_CLOCK,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"a proxy has no mode {mode!r}: {', '.join(MODES)}")
        self.algorithm = algorithm
        self.mode = mode
        self.limits = limits or ServerLimits()
        self.pool_limits = pool_limits or ProxyLimits()
        self.clock = clock
        self.counters = ShareCounters()
        self.done = WorkDone()
        self.idle_durations_ns: deque[int] = deque(maxlen=SAMPLES_KEPT)
        self.records = [PoolRecord(pool) for pool in pools]
        self.begun_ns = clock.now_ns()
        self.first_ready_ns: int | None = None
        self.came = self.most = self.turned_away = 0
        self.gone_idle_ns = self.gone_ready_ns = self.gone_jobs = 0
        """Of miners that are not there any more."""
        self._admission = Admission(self.limits, accept_from)
        self._fail_over = FailOver(len(pools), self.pool_limits)
        self._dialled_ns: dict[int, int] = {}
        self._moved: dict[int, tuple[str, int]] = {}
        self._links: dict[int, UpstreamLink] = {}
        self._retired: list[UpstreamLink] = []
        self._active: UpstreamLink | None = None
        self._prefixes = Prefixes()
        self._miners: dict[bytes, ProxyMiner] = {}
        self._pseudonyms = Pseudonyms()
        self._first_id = secrets.randbits(32)
        self._ids = count(1)
        self._dispatching = Bucket(self.pool_limits.dispatches_per_s, self.pool_limits.dispatch_burst)
        self._due_clean: bool | None = None
        """Whether the work that waits to be sent on is clean; None where none waits."""
        self._saying = BoundedLog(self.limits)
        self._saying_of_strangers = BoundedLog(self.limits)
        self._log: queue.SimpleQueue[str | BaseException] = queue.SimpleQueue()
        self._next_look_ns = 0
        self._ending = False
        self._drained = threading.Event()
        self._receiver = TcpReceiver(listen, self, unread_bytes=self.limits.unread_bytes, clock=clock)
        self._dialler = Dialler(self._receiver.wake)
        self._receiver.start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # From any thread

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._receiver.address

    @property
    def active_pool(self) -> str | None:
        """The name of the pool that is mined for."""
        link = self._active
        return None if link is None else link.name

    @property
    def miners(self) -> list[ProxyMiner]:
        """Those that can be sent work."""
        return [miner for miner in list(self._miners.values()) if miner.is_ready]

    def take_log(self, wait_s: float) -> list[str]:
        """What there is to say; waits for the first line. Raises an error of the thread as it is."""
        lines: list[str] = []
        try:
            while True:
                line = self._log.get(timeout=wait_s if not lines else 0)
                if isinstance(line, BaseException):
                    raise line
                lines.append(line)
        except queue.Empty:
            return lines

    def drain(self, within_s: float) -> bool:
        """Take no more shares and wait for the answers to those that are under way. False if some are not."""
        self._ending = True
        return self._drained.wait(within_s)

    def close(self) -> None:
        """Harmless when it is closed already."""
        self._dialler.close()
        self._receiver.close("the proxy ended")

    # For its connections, on the receiver's thread

    @property
    def version_mask(self) -> int:
        """What a miner that asks may roll; all of BIP 320 before a pool has told."""
        return BIP320_MASK if self._active is None else self._active.version_mask

    @property
    def hashes_per_s(self) -> float:
        if self.done.shares < SHARES_TO_TELL_RATE or self.first_ready_ns is None:
            return self.pool_limits.supposed_hashes_per_s
        return self.done.hashes / max(1e-3, (self.clock.now_ns() - self.first_ready_ns) / 1e9)

    @property
    def has_other_pools(self) -> bool:
        return len(self.records) > 1

    @property
    def ends(self) -> bool:
        return self._ending

    def accepted(self, connection: TcpConnection, t_ns: int) -> ProxyMiner | None:
        refusal = self._admission.refusal(connection.host, len(self._miners), t_ns)
        prefix = None if refusal else self._prefixes.take()
        if prefix is None:
            self.turned_away += 1
            self.say(f"{connection.peer} was turned away: {refusal or 'no more miners'}", of_stranger=True)
            return None
        miner = self._miners[prefix] = ProxyMiner(self, connection, prefix, t_ns)
        return miner

    def became_ready(self, miner: ProxyMiner, t_ns: int) -> None:
        if self.first_ready_ns is None:
            self.first_ready_ns = t_ns
        self.came += 1
        self.most = max(self.most, len(self.miners))
        self.say(f"{miner.name} came: {miner.user_agent or 'of no name'}, worker {miner.worker}")
        work = None if self._active is None else self._active.newest
        if work is not None:
            miner.give(work, t_ns, clean=True)

    def went(self, miner: ProxyMiner, t_ns: int) -> None:
        del self._miners[miner.extranonce1]
        self._prefixes.give_back(miner.extranonce1)
        if miner.ready_ns is not None:
            self.gone_idle_ns += miner.idle.total_ns(t_ns)
            self.gone_ready_ns += t_ns - miner.ready_ns
            self.gone_jobs += miner.idle.jobs
        self.say(f"{miner.name} went: {miner.left}", of_stranger=miner.ready_ns is None)

    def wants_work(self, miner: ProxyMiner, t_ns: int, *, answered: bool) -> None:
        if answered and self.mode != "handshake":
            return  # it goes on with what it has
        if self._active is not None and self._active.newest is not None:
            miner.idle.without_work(t_ns)
            miner.give(self._active.newest, self.clock.now_ns(), clean=answered)

    def work_came(self, work: UpstreamWork, t_ns: int) -> None:
        link = work.link
        self.records[link.place].jobs += 1
        if link.retires_ns is not None:
            return
        self._fail_over.works(link.place, t_ns)
        if link is not self._active:
            self._choose(t_ns)
            return
        is_clean = work.job.notify.clean_jobs
        if is_clean and not self._due_clean:
            for miner in self.miners:
                miner.idle.without_work(t_ns)
        elif self.mode == "handshake" and not any(miner.idle.is_idle for miner in self.miners):
            return  # who has a share to find is not disturbed: the next piece will be of it
        if self._due_clean is not None:
            self.records[link.place].coalesced += 1
        self._due_clean = is_clean or bool(self._due_clean)
        self._send_on(t_ns)

    def mask_changed(self, link: UpstreamLink) -> None:
        if link is self._active and link.newest is not None:
            self._due_clean = True
            self._send_on(self.clock.now_ns())

    def share_answered(self, share: ShareUnderWay, code: int | None, text: str) -> None:
        counters = self.counters
        if code is None:
            counters.accepted += 1
            self.done.add(share.hashes)
            share.miner.done.add(share.hashes)
        else:
            counters.refused_there[code] += 1
        if not share.miner.answer(share.id, code, text):
            counters.unanswered += 1

    def link_ended(self, link: UpstreamLink, reason: str, t_ns: int) -> None:
        record = self.records[link.place]
        record.ended(link, reason)
        for share in link.take_unanswered():
            self.counters.lost += 1
            if not share.miner.answer(share.id, ErrorCode.OTHER, "The pool went before it answered"):
                self.counters.unanswered += 1
        if link in self._retired:
            self._retired.remove(link)
            return
        del self._links[link.place]
        self._failed(link.place, reason, t_ns, link.goes_to)
        if link is not self._active:
            return
        self._active = None
        self._due_clean = None
        for miner in self.miners:
            miner.idle.without_work(t_ns)
        self._choose(t_ns)

    def next_job_id(self) -> str:
        return f"{self._first_id + next(self._ids) & 0xFFFFFFFF:08x}"

    def pseudonym(self, worker: str) -> str:
        return self._pseudonyms.of(worker)

    def say(self, text: str, *, of_stranger: bool = False) -> None:
        """For the log, unless somebody makes us say too much; strangers drown no line about a miner."""
        saying = self._saying_of_strangers if of_stranger else self._saying
        for line in saying.of(text, self.clock.now_ns()):
            self._log.put(line)

    def turned(self, now_ns: int) -> None:
        for dialled in self._dialler.take():
            self._dialled(dialled, now_ns)
        if now_ns >= self._next_look_ns:
            self._next_look_ns = now_ns + LOOK_INTERVAL_NS
            self._look(now_ns)
        if self._ending and not any(link.under_way for link in self._all_links()):
            self._drained.set()

    def failed(self, error: BaseException) -> None:
        self._log.put(error)

    def _look(self, now_ns: int) -> None:
        self._retire_spare_links(now_ns)
        for link in self._all_links():
            link.look_at_time(now_ns)
        for miner in list(self._miners.values()):
            miner.look_at_time(now_ns)
        self._choose(now_ns)
        for place in self._fail_over.to_try(now_ns):
            self._fail_over.trying(place, now_ns)
            self._dialled_ns[place] = now_ns
            pool = self.records[place].pool
            host, port = self._moved.get(place, (pool.host, pool.port))
            self._dialler.dial(place, host, port, self.pool_limits.connect_s)
        self._send_on(now_ns)
        work = None if self._active is None else self._active.newest
        if work is not None:
            for miner in self.miners:
                if miner.is_due(now_ns):
                    miner.give(work, now_ns, clean=False)

    def _dialled(self, dialled: Dialled, now_ns: int) -> None:
        place, connected = dialled.key, dialled.connected
        if connected is None:
            self._moved.pop(place, None)
            self._failed(place, dialled.problem, now_ns, None)
            return
        pool = self.records[place].pool
        link = UpstreamLink(self, pool, place, self._dialled_ns[place], now_ns)
        try:
            tcp = self._receiver.adopt(connected, link, who="the pool")
        except OSError as error:
            connected.close()
            self._failed(place, error.strerror or str(error), now_ns, None)
            return
        self._links[place] = link
        self.records[place].connected(link)
        link.begin(tcp)

    def _failed(self, place: int, reason: str, t_ns: int, goes_to: tuple[str, int, float] | None) -> None:
        record = self.records[place]
        record.failures += 1
        record.last_problem = reason
        wait_s = None
        if goes_to is not None:
            host, port, wait_s = goes_to
            self._moved[place] = host, port
        wait_s = self._fail_over.failed(place, t_ns, wait_s=wait_s)
        self.say(f"pool {record.pool.name} was left: {reason}; again in {wait_s:g} s")
        self._next_look_ns = 0  # for the next one

    def _choose(self, now_ns: int) -> None:
        """Mine for the pool that fail-over names, if that is another one."""
        place = self._fail_over.choice(now_ns)
        link = None if place is None else self._links.get(place)
        if place is None or link is None or link is self._active or link.newest is None:
            return
        before = self._active
        self._fail_over.active = place
        self._active = link
        self._due_clean = None
        self._retire_spare_links(now_ns)
        self.say(f"mining for pool {link.name}" + ("" if before is None else f", after {before.name}"))
        self._send_to_all(link.newest, now_ns, clean=True)

    def _retire_spare_links(self, now_ns: int) -> None:
        """A pool behind the one that is mined for takes late shares for a while, and is closed then."""
        for place, link in list(self._links.items()):
            if self._active is not None and place > self._active.place:
                del self._links[place]
                self._retired.append(link)
                link.retires_ns = now_ns + round(self.pool_limits.drain_s * 1e9)
                self._fail_over.retired(place)

    def _send_on(self, now_ns: int) -> None:
        """The newest work, if some waits and enough time has passed since the last."""
        link = self._active
        if self._due_clean is None or link is None or link.newest is None:
            return
        if self._dispatching.take_if_any(now_ns):
            clean, self._due_clean = self._due_clean, None
            self._send_to_all(link.newest, now_ns, clean=clean)

    def _send_to_all(self, work: UpstreamWork, now_ns: int, *, clean: bool) -> None:
        for miner in self.miners:
            miner.give(work, now_ns, clean=clean)

    def _all_links(self) -> list[UpstreamLink]:
        return [*self._links.values(), *self._retired]
