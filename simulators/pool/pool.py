"""The emulated pool: its port, its connections, its blocks, and when jobs go out."""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress

from firmware_protocols.stratum_v1 import Judgement, Notify, Submit
from simulators.miners.reactor import Reactor, Timer
from simulators.miners.tcp import Port
from simulators.pool.blocks import EXTRANONCE1_SIZE, Blocks
from simulators.pool.client import PoolClient
from simulators.pool.options import PoolOptions
from simulators.pool.truth import PoolTruth

MOST_CLIENTS = 300
_LOOK_S = 0.05


class Pool:
    """Raises OSError for a port that cannot be had, or a file."""

    def __init__(self, options: PoolOptions, reactor: Reactor) -> None:
        self.options = options
        self.reactor = reactor
        self.clients: dict[int, PoolClient] = {}
        self.came = self.accepted_shares = self.jobs = self.turned_away = 0
        self._random = random.Random(options.seed)
        self._blocks = Blocks(options.seed)
        self._truth = PoolTruth(options.truth)
        self._port = Port(reactor, options.port, self._accept)
        self._restart: Timer | None = None
        # What was given out before a restart never comes again: nobody takes an old share for a new one.
        self._first = random.SystemRandom().randrange(1 << 32)

    @property
    def url(self) -> str:
        return f"stratum+tcp://127.0.0.1:{self._port.number}"

    def open(self) -> None:
        self._port.open()
        self.reactor.after(self.options.job_s, self._job_due)
        self.reactor.after(self.options.block_s, self._block_due)
        self.reactor.after(_LOOK_S, self._look)

    def close(self) -> None:
        for client in list(self.clients.values()):
            client.end()
        self._port.shut()
        self._truth.close()

    # For its connections

    def delay_s(self) -> float:
        options = self.options
        jitter_s = self._random.expovariate(1.0) * options.jitter_ms / 1e3 if options.jitter_ms else 0.0
        return options.latency_ms / 2e3 + jitter_s

    def late_s(self) -> float:
        share, seconds = self.options.stall
        return seconds if share and self._random.random() < share else 0.0

    def job_for(self, client: PoolClient, *, clean: bool) -> Notify:
        if clean and self.options.faults.flood:
            self._blocks.next_block()
        self.jobs += 1
        return self._blocks.next_job(int(time.time()), client.codec.jobs.extranonce2_size, clean=clean)

    def accepted(self, client: PoolClient, submit: Submit, judgement: Judgement) -> None:
        job, extranonce2, version = judgement.job, judgement.extranonce2, judgement.version
        if job is None or extranonce2 is None or version is None:
            return
        self.accepted_shares += 1
        merkle_root = job.merkle_root(extranonce2)
        header = client.codec.shares.algorithm.header(
            job.notify, merkle_root, version, submit.ntime, submit.nonce
        )
        self._truth.accepted(
            time.monotonic_ns(), client.number, job.job_id, job.extranonce1.hex(), extranonce2.hex(),
            submit.ntime, submit.nonce, version, job.difficulty, header.hex(),
        )  # fmt: skip

    def left(self, client: PoolClient) -> None:
        self.clients.pop(client.number, None)

    # What happens by itself

    def _accept(self, sock: socket.socket) -> None:
        if len(self.clients) >= MOST_CLIENTS:
            self.turned_away += 1
            sock.close()
            return
        self.came += 1
        extranonce1 = ((self._first + self.came) & 0xFFFFFFFF).to_bytes(EXTRANONCE1_SIZE, "big")
        self.clients[self.came] = PoolClient(self, sock, self.came, extranonce1)
        after_s, _ = self.options.faults.restart
        if self._restart is None and after_s < float("inf"):
            self._restart = self.reactor.after(after_s, self._go_down)

    def _job_due(self) -> None:
        if not self.options.ask:
            late_s = self.late_s()
            for client in list(self.clients.values()):
                client.send_job(clean=False, late_s=late_s)
        self.reactor.after(self.options.job_s, self._job_due)

    def _block_due(self) -> None:
        self._blocks.next_block()
        late_s = self.late_s()
        for client in list(self.clients.values()):
            client.send_job(clean=True, late_s=late_s)
        self.reactor.after(self.options.block_s, self._block_due)

    def _look(self) -> None:
        for client in list(self.clients.values()):
            client.look_at_faults()
        self.reactor.after(_LOOK_S, self._look)

    def _go_down(self) -> None:
        _, for_s = self.options.faults.restart
        with suppress(OSError):  # before its miners learn of it: who comes back at once is refused
            self._port.shut()
        for client in list(self.clients.values()):
            client.end()
        self.reactor.after(for_s, self._port.open)
