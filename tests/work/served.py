"""A work server with the rest of a capture in miniature: what arrives is judged, and goes back as answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from asicrc.capture import Verifier
from asicrc.clock import MACHINE_CLOCK
from asicrc.work import PoolWork
from asicrc.work.stratum_server import ListenAddress, MinerConnection, ServerLimits, WorkServer
from firmware_protocols.device import Job, NonceBatch, SegmentStart, empty_events
from firmware_protocols.stratum_v1 import SHA256D, Algorithm

EASY = 2.0**-28
"""One hash in 16 is a share."""
NTIME = 1_700_000_000


class Served:
    """`pump` is what a session and its storage process do, on this thread or on one of its own."""

    def __init__(self, server: WorkServer) -> None:
        self.server = server
        self.work = PoolWork(1, server.algorithm.name)
        self.verifier = Verifier()
        self.jobs: list[Job] = []
        self.batches: list[NonceBatch] = []
        self.segments: list[SegmentStart] = []
        self.came: list[MinerConnection] = []
        self.went: list[MinerConnection] = []
        self.log: list[str] = []
        self.meta: dict[str, object] = {}

    @property
    def events(self) -> NonceBatch:
        return np.concatenate([empty_events(), *self.batches])

    def dispatch(self, *, clean: bool = False, ntime: int = NTIME) -> list[Job]:
        jobs = self.server.dispatch(self.work.next_job(ntime, clean=clean), clean=clean)
        self._keep(jobs)
        return jobs

    def pump(self, wait_s: float = 0.05, *, answer: bool = True) -> NonceBatch:
        """What came first; empty when nothing did."""
        arrived = self.server.take(MACHINE_CLOCK.now_ns() + round(wait_s * 1e9))
        if arrived.segment is not None:
            self.segments.append(arrived.segment)
        self._keep(arrived.jobs)
        self.came += arrived.came
        self.went += arrived.went
        self.log += arrived.log
        self.meta |= arrived.meta
        if len(arrived.events):
            arrived.events["segment"] = len(self.segments)
            self.verifier.judge(arrived.events)
            self.batches.append(arrived.events)
            if answer:
                self.server.judged(arrived.events)
        return arrived.events

    def pump_until(self, true: Callable[[], bool], within_s: float = 30.0) -> None:
        deadline_s = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < deadline_s, "it did not come about in time"
            self.pump()

    @contextmanager
    def pumping(self) -> Iterator[None]:
        """Pump on a thread meanwhile. Its failure is raised at the end."""
        stop = threading.Event()
        failures: list[BaseException] = []

        def run() -> None:
            try:
                while not stop.is_set():
                    self.pump()
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            if failures:
                raise failures[0]

    def _keep(self, jobs: list[Job]) -> None:
        for job in jobs:
            self.verifier.add_job(job)
        self.jobs += jobs


@contextmanager
def serving(
    *,
    algorithm: Algorithm = SHA256D,
    difficulty: float = EASY,
    limits: ServerLimits | None = None,
    port: int = 0,
    accept_from: frozenset[str] | None = None,
    version_mask: int = 0x1FFFE000,
) -> Iterator[Served]:
    with WorkServer(
        ListenAddress("127.0.0.1", port),
        algorithm=algorithm,
        difficulty=difficulty,
        limits=limits,
        accept_from=accept_from,
        version_mask=version_mask,
    ) as server:
        yield Served(server)
