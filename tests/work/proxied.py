"""Emulated pools in processes of their own, and a proxy to them in this one."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from free_ports import free_port

from asicrc.work.proxy.limits import ProxyLimits
from asicrc.work.proxy.pools import Pool
from asicrc.work.proxy.proxy import Proxy
from asicrc.work.proxy.report import report_of
from asicrc.work.stratum_server import ListenAddress, ServerLimits
from firmware_protocols.stratum_v1 import SHA256D, Algorithm

EASY = 2.0**-28
"""One hash in 16 is a share."""
WALLET, PASSWORD = "bc1qsecretwallet.rig1", "hunter2secret"
QUICK = ProxyLimits(
    connect_s=20.0,
    greeting_s=30.0,
    silent_s=60.0,
    answer_s=30.0,
    retry_s=0.1,
    longest_retry_s=0.5,
    return_after_s=0.3,
    drain_s=0.5,
    patience_s=20.0,
    dispatches_per_s=20.0,
    most_shares_per_s=1e6,
)


class PoolProcess:
    """An emulated pool; `kill` is SIGKILL, `start` again at the same port."""

    def __init__(self, **options: object) -> None:
        self.options = {"difficulty": EASY, "report": 0, **options}
        self.process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def start(self) -> PoolProcess:
        options = self.options | {"port": self.port}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulators.pool", *(f"{key}={value}" for key, value in options.items())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def wait(self) -> PoolProcess:
        """Until it listens."""
        assert self.process is not None and self.process.stdout is not None
        line = json.loads(self.process.stdout.readline())
        assert int(line["url"].rpartition(":")[2]) == self.port
        return self

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self._reap()

    def stop(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
            self._reap()

    def _reap(self) -> None:
        assert self.process is not None
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self.process = None

    @property
    def pool(self) -> Pool:
        return Pool("127.0.0.1", self.port, WALLET, PASSWORD)


@contextmanager
def pools(*options: dict[str, object]) -> Iterator[list[PoolProcess]]:
    """All started side by side, for a start takes a second."""
    started = [PoolProcess(**each).start() for each in options]
    try:
        yield [pool.wait() for pool in started]
    finally:
        for pool in started:
            pool.stop()


@contextmanager
def street(*options: dict[str, object]) -> Iterator[list[Pool]]:
    """Pools in one process, for those that are many and need not be killed."""
    texts = [
        " ".join(f"{key}={value}" for key, value in {"difficulty": EASY, **each}.items()) for each in options
    ]
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("pool_street.py")), *texts],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        urls = json.loads(process.stdout.readline())["urls"]
        yield [Pool("127.0.0.1", int(url.rpartition(":")[2]), WALLET, PASSWORD) for url in urls]
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


class Proxied:
    """A proxy whose log is gathered meanwhile."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.log: list[str] = []
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._gather)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        return self.proxy.address

    @property
    def said(self) -> str:
        return "\n".join(self.log)

    def until(self, true: Callable[[], bool], within_s: float = 30.0) -> None:
        deadline_s = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < deadline_s, f"it did not come about in time:\n{self.said}"
            assert self._failure is None, self._failure
            time.sleep(0.01)

    def report(self) -> dict[str, Any]:
        return report_of(self.proxy)

    def end(self) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        assert "bc1qsecretwallet" not in self.said and PASSWORD not in self.said

    def _gather(self) -> None:
        try:
            while not self._stop.is_set():
                self.log += self.proxy.take_log(0.05)
            self.log += self.proxy.take_log(0.0)
        except BaseException as error:
            self._failure = error


@contextmanager
def proxied(
    *upstreams: PoolProcess | Pool,
    mode: str = "stream",
    limits: ProxyLimits = QUICK,
    server_limits: ServerLimits | None = None,
    algorithm: Algorithm = SHA256D,
) -> Iterator[Proxied]:
    with Proxy(
        [upstream if isinstance(upstream, Pool) else upstream.pool for upstream in upstreams],
        ListenAddress(),
        mode=mode,
        pool_limits=limits,
        limits=server_limits,
        algorithm=algorithm,
    ) as proxy:
        gathering = Proxied(proxy)
        try:
            yield gathering
        finally:
            proxy.close()
            gathering.end()


def truth(path: Path) -> list[dict[str, str]]:
    """The shares that a pool accepted; a line that a kill cut short is none."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row["header"] and len(row["header"]) == 160]
