"""The way to the pools: connecting, waiting, giving up, going to the next one and coming back."""

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from simulators.miners.jobs import PoolJob
from simulators.miners.reactor import Reactor, Timer
from simulators.miners.stratum import Owner, Session
from simulators.miners.tcp import Stream, connect

CONNECT_S = 5.0
_PROBE_BYTES = 1023
_AFTER_LOSS_S = 1.0


@dataclass(frozen=True, slots=True)
class Pool:
    host: str
    port: int
    user: str
    password: str = "x"
    suggests: float | None = None
    subscribes_extranonce: bool = True

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port


@dataclass(frozen=True, slots=True)
class FailOver:
    """What a firmware does about pools that it cannot reach."""

    attempts: float
    """Failures in a row after which it tries the next pool; infinite: it has only one."""
    cuts_power: bool = False
    """Whether it stops the chips when no pool answers, and looks for one now and then."""
    deaf_to_the_end: bool = False
    """Whether it overlooks that a pool has closed, until it writes to it, and then restarts."""


class LinkOwner(Owner, Protocol):
    def pool_lost(self) -> None: ...

    def pools_gone(self, gone: bool) -> None:
        """No pool can be reached, or one can again."""


NewSession = Callable[[Pool, Callable[[bytes], None]], Session]


class PoolLink:
    """At most one connection, to `pools[index]`; that with the lowest index is preferred."""

    def __init__(
        self,
        reactor: Reactor,
        owner: LinkOwner,
        fail_over: FailOver,
        new_session: NewSession,
        agent: str,
        retry_s: float,
        probe_s: float,
    ) -> None:
        self.pools: Sequence[Pool] = ()
        self.index = 0
        self.session: Session | None = None
        self.unreachable: set[tuple[str, int]] = set()
        """Addresses that could not be connected to when they were last tried."""
        self.stays = False
        """Whether it keeps to the pool that it is at, though a preferred one is back."""
        self._reactor = reactor
        self._owner = owner
        self._fail_over = fail_over
        self._new_session = new_session
        self._agent = agent
        self._retry_s = retry_s
        self._probe_s = probe_s
        self._failures = 0
        self._stream: Stream | None = None
        self._dead = False
        self._timer: Timer | None = None
        self._probe: _Probe | None = None
        self._give_up: Callable[[], None] = lambda: None

    def start(self, pools: Sequence[Pool], index: int = 0) -> None:
        """Leave what there is, and connect to a pool."""
        self.stop()
        self.pools = tuple(pools)
        self.index, self._failures = index, 0
        if self.pools:
            self._later(0.0, self._try)

    def stop(self) -> None:
        self._give_up()
        self._give_up = lambda: None
        if self._timer is not None:
            self._timer.cancel()
        if self._probe is not None:
            self._probe.stop()
        self._probe = self._timer = None
        self._disconnect()

    def drop(self) -> None:
        """Cut the connection, as a network does; it is made again."""
        if self._stream is not None:
            self._lost()

    def move(self) -> None:
        """To the next pool, for good, if there is one."""
        if len(self.pools) > 1:
            self.stays = True
            self.start(self.pools, (self.index + 1) % len(self.pools))

    @property
    def connected(self) -> bool:
        return self.session is not None and self.session.authorized and not self._dead

    def submit(self, job: PoolJob, extranonce2: bytes, nonce: int, version: int) -> bool:
        """Whether there was a connection to write to."""
        if self._dead:
            self._dead = False
            self._later(_AFTER_LOSS_S, lambda: self._owner.died("recv"))
        if self._stream is None or self.session is None:
            return False
        self.session.submit(job, extranonce2, nonce, version, time.monotonic_ns())
        return True

    def pool_works(self) -> None:
        """The pool has let us in: its failures are forgotten."""
        self._failures = 0
        if self.index > 0 and not self.stays:
            self._watch_for_better()

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._reactor.after(seconds, call)

    def _try(self) -> None:
        pool = self.pools[self.index]
        self._give_up = connect(self._reactor, pool.address, CONNECT_S, self._connected)

    def _connected(self, sock: socket.socket | None) -> None:
        self._give_up = lambda: None
        address = self.pools[self.index].address
        if sock is None:
            self.unreachable.add(address)
            self._failed(self._retry_s)
            return
        self.unreachable.discard(address)
        stream = Stream(self._reactor, sock, self._receive, self._ended)
        self._stream = stream
        self.session = self._new_session(self.pools[self.index], stream.send)
        self.session.start(time.monotonic_ns())

    def _receive(self, data: bytes) -> None:
        if self.session is not None:
            self.session.receive(data, time.monotonic_ns())

    def _ended(self) -> None:
        if self._fail_over.deaf_to_the_end:
            self._stream, self._dead = None, True
            return
        self._lost()

    def _lost(self) -> None:
        self._disconnect()
        self._owner.pool_lost()
        wait_s = min(_AFTER_LOSS_S, self._retry_s)
        if self._fail_over.attempts > 1:
            self._failed(wait_s)
        else:  # one that takes a single failure for an end does not count a lost connection as one
            self._later(wait_s, self._try)

    def _disconnect(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = self.session = None
        self._dead = False

    def _failed(self, wait_s: float) -> None:
        self._failures += 1
        if self._failures < self._fail_over.attempts:
            self._later(wait_s, self._try)
            return
        self._failures = 0
        if self.index + 1 < len(self.pools):
            self.index += 1
            self._later(0.0, self._try)
        elif self._fail_over.cuts_power:
            self._owner.pools_gone(True)
            self._watch_for_any()
        else:
            self.index = 0
            self._later(self._retry_s, self._try)

    def _look_for(
        self, indices: Sequence[int], found: Callable[[int], None], none: Callable[[], None]
    ) -> None:
        """Probe pools one after the other; call `found` with the first that serves, or `none`."""
        if not indices:
            none()
            return

        def answered(serves: bool) -> None:
            self._probe = None
            if serves:
                found(indices[0])
            else:
                self._look_for(indices[1:], found, none)

        self._probe = _Probe(self._reactor, self.pools[indices[0]], self._agent, answered)

    def _watch_for_better(self) -> None:
        self._later(
            self._probe_s,
            lambda: self._look_for(range(self.index), self._back_to, self._watch_for_better),
        )

    def _watch_for_any(self) -> None:
        self._later(
            self._probe_s,
            lambda: self._look_for(range(len(self.pools)), self._found, self._watch_for_any),
        )

    def _back_to(self, index: int) -> None:
        self._owner.pool_lost()
        self.start(self.pools, index)

    def _found(self, index: int) -> None:
        self._owner.pools_gone(False)
        self.start(self.pools, index)


class _Probe:
    """Whether a pool serves: it is subscribed to, and has to say `mining.notify` within its first kilobyte,
    as bitaxeorg/ESP-Miner:main/tasks/protocol_coordinator.c wants it. The reply to mining.subscribe does."""

    def __init__(self, reactor: Reactor, pool: Pool, agent: str, then: Callable[[bool], None]) -> None:
        self._reactor = reactor
        self._then = then
        self._stream: Stream | None = None
        self._heard = b""
        self._requests = (
            {"id": 1, "method": "mining.subscribe", "params": [agent]},
            {"id": 2, "method": "mining.authorize", "params": [pool.user, pool.password]},
        )
        self._timer: Timer | None = None
        self._give_up = connect(reactor, pool.address, CONNECT_S, self._connected)

    def stop(self) -> None:
        self._give_up()
        if self._timer is not None:
            self._timer.cancel()
        if self._stream is not None:
            self._stream.close()

    def _connected(self, sock: socket.socket | None) -> None:
        self._give_up = lambda: None
        if sock is None:
            self._then(False)
            return
        self._stream = Stream(self._reactor, sock, self._hear, lambda: self._settle(False))
        self._timer = self._reactor.after(CONNECT_S, lambda: self._settle(False))
        self._stream.send(b"".join(json.dumps(request).encode() + b"\n" for request in self._requests))

    def _hear(self, data: bytes) -> None:
        self._heard += data
        if b"mining.notify" in self._heard[:_PROBE_BYTES]:
            self._settle(True)
        elif len(self._heard) >= _PROBE_BYTES:
            self._settle(False)

    def _settle(self, serves: bool) -> None:
        self.stop()
        self._then(serves)


ONE_POOL = FailOver(math.inf, deaf_to_the_end=True)
ESP_POOLS = FailOver(3, cuts_power=True)
CGMINER_POOLS = FailOver(1)
