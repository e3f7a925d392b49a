"""What every emulated miner does: it boots, mines for a pool, counts, keeps its temperature, and restarts.

A subclass says which dialect it speaks, how jobs reach its chips, and serves its management API.
"""

from __future__ import annotations

import dataclasses
import json
import random
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from simulators.miners.dialects import Dialect
from simulators.miners.faults import AFTER
from simulators.miners.feeding import Feed
from simulators.miners.hasher import Hasher, Hit
from simulators.miners.jobs import PoolJob
from simulators.miners.options import MinerOptions
from simulators.miners.pool_link import FailOver, Pool, PoolLink
from simulators.miners.reactor import Reactor, Timer
from simulators.miners.shares import Outlet, ShareCounts
from simulators.miners.stratum import Session
from simulators.miners.truth import Truth

STEP_S = 0.1
_LOG_KEPT = 400
_RESTART_AFTER_S = 0.2  # so that the reply that promises it gets out


class Firmware(ABC):
    """`ring` wakes the loop from another thread; `serve` takes the hits that the hasher has found."""

    def __init__(
        self,
        options: MinerOptions,
        reactor: Reactor,
        ring: Callable[[], None],
        dialect: Dialect,
        fail_over: FailOver,
    ) -> None:
        if options.same_id:
            dialect = dataclasses.replace(dialect, share_id=4)
        self.options = options
        self.scale = options.scale
        self.reactor = reactor
        self.truth = Truth(options.truth)
        self.hasher = Hasher(self.scale.proof, ring)
        self.counts = ShareCounts()
        self.rng = random.Random(options.seed)
        self.dialect = dataclasses.replace(dialect, loose_hex=options.loose_hex)
        self.link = PoolLink(
            reactor, self, fail_over, self._new_session, dialect.agent, options.retry_s, options.probe_s
        )
        self.lines: deque[str] = deque(maxlen=_LOG_KEPT)
        """The firmware's log."""
        self.job: PoolJob | None = None
        """The newest."""
        self.booted_ns = time.monotonic_ns()
        self.up = False
        self.reset_reason = "Reset due to power-on event"
        self.api_hangs = False
        self._jobs = 0
        self._saw_job = False
        self._boot: Timer | None = None
        self._stepped_ns = self.booted_ns
        self.outlet = Outlet(
            reactor,
            self.truth,
            self.counts,
            self._submit,
            self.scale.difficulty_of,
            round(options.batch_ms * 1e6),
            options.jitter_ms / 1e3,
            options.faults,
            self.rng,
        )

    feed: Feed

    @property
    @abstractmethod
    def real_hashes_per_s(self) -> float:
        """Of the chips as they are, at the real miner's scale."""

    @abstractmethod
    def pools(self) -> Sequence[Pool]:
        """Where it is to mine, the preferred one first."""

    @abstractmethod
    def open_api(self) -> None: ...

    @abstractmethod
    def shut_api(self) -> None: ...

    @abstractmethod
    def url(self) -> str:
        """What a host opens."""

    @abstractmethod
    def step(self, dt_s: float) -> None:
        """Let so much time go by: clocks, voltages, fans, heat."""

    @abstractmethod
    def lose_heat_sink(self) -> None: ...

    @abstractmethod
    def lower_settings(self) -> None:
        """Go to a lower clock and voltage, or plan."""

    @abstractmethod
    def booted(self) -> None:
        """What a start does beside opening the API and connecting."""

    def ticket(self, hit: Hit) -> None:  # noqa: B027 - most have no use for it
        """The chips have reported a proof."""

    def good_enough(self, hit: Hit) -> bool:
        """Whether the firmware submits a proof."""
        return hit.found.value <= self.scale.target(hit.work.job.difficulty)

    @property
    def uptime_s(self) -> float:
        return (time.monotonic_ns() - self.booted_ns) / 1e9

    @property
    def model_w(self) -> float:
        """Drawn power, for the closing report."""
        return 0.0

    def boot(self) -> None:
        self._boot = None
        self.up = True
        self.booted_ns = time.monotonic_ns()
        self.truth.noted("booted", self.booted_ns)
        self.booted()
        self.open_api()
        self.link.start(self.pools())

    def restart(self, reason: str, *, after_s: float = _RESTART_AFTER_S) -> None:
        """Go down shortly, and come up again after `boot_s`."""
        if self.up and self._boot is None:
            self._boot = self.reactor.after(after_s, lambda: self._go_down(reason))

    def begin_stepping(self) -> None:
        now_ns = time.monotonic_ns()
        dt_s, self._stepped_ns = (now_ns - self._stepped_ns) / 1e9, now_ns
        self.step(dt_s)
        self.hasher.set_rate(self.real_hashes_per_s / self.scale.hash_rate_scale if self.up else 0.0)
        self.reactor.after(STEP_S, self.begin_stepping)

    def serve(self) -> None:
        """Take what the hasher has found, each proof at the moment at which the chips have it."""
        while self.hasher.hits:
            hit = self.hasher.hits.popleft()
            self.reactor.at(hit.due_ns, partial(self._found, hit))
        if self.hasher.failure is not None:
            self.reactor.end("failure")

    # what a connection to a pool tells (simulators.miners.pool_link.LinkOwner)

    def job_came(self, job: PoolJob) -> None:
        self.counts.jobs += 1
        self.truth.noted("received", job.received_ns, job.job_id)
        self.log(f"New work received {job.job_id[:40]}")
        if not self._saw_job:
            self._saw_job = True
            self._arm_faults()
        if self.options.faults.drop_job and self.rng.random() < self.options.faults.drop_job:
            self.truth.noted("dropped", job.received_ns, job.job_id)
            return
        self.job = job
        self.feed.job_came(job)

    def share_answered(self, accepted: bool, reason: str, took_ms: float) -> None:
        difficulty = self.job.difficulty if self.job is not None else 0.0
        self.counts.answered(accepted, reason, took_ms, difficulty)
        self.log("message result accepted" if accepted else f"message result rejected: {reason}")

    def pool_ready(self) -> None:
        self.truth.noted("connected", time.monotonic_ns(), self.link.index)
        self.link.pool_works()

    def pool_lost(self) -> None:
        self.truth.noted("pool_lost", time.monotonic_ns())
        self.job = None
        self.feed.clear()

    def pools_gone(self, gone: bool) -> None:
        self.truth.noted("pools_gone" if gone else "pools_back", time.monotonic_ns())

    def told_to_reconnect(self, host: str | None, port: int | None) -> None:
        self.log("Pool requested client reconnect...")
        self.link.drop()

    def died(self, reason: str) -> None:
        self.log(f"Restarting System because of Error: {reason}")
        self.restart("Software reset due to exception/panic", after_s=0.0)

    def log(self, text: str) -> None:
        self.lines.append(f"({round(self.uptime_s * 1e3)}) {text}")

    def close(self) -> None:
        self.link.stop()
        self.shut_api()
        self.hasher.stop()
        self.truth.close()

    def report(self, reason: str) -> None:
        """One line of JSON on stderr."""
        count = self.hasher.count
        record = {
            "ended": reason,
            "uptime_s": round(self.uptime_s, 3),
            "hashes": count.hashes,
            "abandoned_ms": count.abandoned_ns / 1e6,
            "jobs": self.counts.jobs,
            "tickets": self.counts.tickets,
            "sent": self.counts.sent,
            "lost": self.counts.lost,
            "accepted": self.counts.accepted,
            "rejected": self.counts.rejected,
            "power_w": round(self.model_w, 3),
        }
        sys.stderr.write(json.dumps(record) + "\n")
        sys.stderr.flush()

    def _go_down(self, reason: str) -> None:
        self.truth.noted("restart", time.monotonic_ns(), reason)
        self.up = False
        self.reset_reason = reason
        self.shut_api()
        self.link.stop()
        self.job = None
        self.feed.clear()
        self.hasher.set_rate(0.0)
        self._boot = self.reactor.after(self.options.boot_s, self.boot)

    def _found(self, hit: Hit) -> None:
        end_ns = hit.spell.end_ns
        if not self.up or (end_ns is not None and hit.due_ns >= end_ns):
            return  # hashed ahead of time, and never done
        self.counts.tickets += 1
        if not self.feed.holds(hit):
            self.counts.lost += 1
            self.truth.lost(hit, "invalid_job")
            self.log("Invalid job nonce found")
            return
        self.ticket(hit)
        difficulty = self.scale.difficulty_of(hit.found.value)
        self.counts.best = max(self.counts.best, difficulty)
        self.log(f"Nonce difficulty {difficulty:.2f} of {hit.work.job.difficulty:g}.")
        if self.options.faults.ignore_difficulty or self.good_enough(hit):
            self.outlet.share(hit)

    def _submit(self, hit: Hit, nonce: int) -> bool:
        found = hit.found
        return self.link.submit(hit.work.job, found.extranonce2, nonce, found.version)

    def _new_session(self, pool: Pool, send: Callable[[bytes], None]) -> Session:
        return Session(
            self.dialect,
            self,
            send,
            pool.user,
            pool.password,
            self._next_job,
            pool.suggests,
            pool.subscribes_extranonce,
        )

    def _next_job(self) -> int:
        self._jobs += 1
        return self._jobs

    def _arm_faults(self) -> None:
        begin: dict[str, Callable[[], None]] = {
            "overheat": self.lose_heat_sink,
            "lower_settings": self.lower_settings,
            "reboot": lambda: self.restart("Reset due to power glitch detected", after_s=0.0),
            "fallback": self.link.move,
            "drop_pool": self.link.drop,
            "hang_api": self._hang_api,
        }
        for name, call in begin.items():
            seconds = AFTER[name](self.options.faults)
            if seconds < float("inf"):
                self.reactor.after(seconds, call)

    def _hang_api(self) -> None:
        self.api_hangs = True
