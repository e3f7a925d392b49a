"""The emulated pool by itself: what it accepts hashes, how late it is, what goes wrong on demand."""

from __future__ import annotations

import csv
import hashlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simulators.bm13xx.option_values import OptionError
from simulators.endpoints import open_sim
from simulators.pool.faults import parse_pool_faults
from simulators.pool.options import parse_pool_options, pool_options_text
from simulators.pool.unit_miner import mine_units

EASY = 2.0**-28
PATIENCE_S = 40.0


class Client:
    """A miner's end, by hand."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.lines = self.socket.makefile("rb")

    def ask(self, number: int, method: str, params: list[Any]) -> None:
        self.socket.sendall(json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n")

    def next(self) -> dict[str, Any]:
        line = self.lines.readline()
        if not line:
            raise EOFError
        found: dict[str, Any] = json.loads(line)
        return found

    def until(self, method: str) -> dict[str, Any]:
        while True:
            message = self.next()
            if message.get("method") == method:
                return message

    def greet(self) -> None:
        self.ask(1, "mining.subscribe", ["by hand"])
        self.ask(2, "mining.authorize", ["rig", "x"])

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


@contextmanager
def pool(query: str = "") -> Iterator[int]:
    with open_sim(f"sim:pool?difficulty={EASY!r}{query}") as url:
        assert url.startswith("stratum+tcp://127.0.0.1:")
        yield int(url.rpartition(":")[2])


@contextmanager
def client(port: int) -> Iterator[Client]:
    connected = Client(port)
    try:
        yield connected
    finally:
        connected.close()


def test_what_it_accepts_is_on_file_and_hashes(tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    with pool(f"&ask=1&latency_ms=40&truth={file}") as port:
        rows = mine_units("127.0.0.1", port, unit_s=0.02, units=5)
        assert rows["accepted"].all()
        assert (rows["next_ns"] - rows["ended_ns"] >= 40e6).all()
        assert (rows["ended_ns"] - rows["begun_ns"] >= 20e6).all()
        with file.open() as lines:
            accepted = list(csv.DictReader(lines))
    assert len(accepted) == 5
    for row in accepted:
        digest = hashlib.sha256(hashlib.sha256(bytes.fromhex(row["header"])).digest()).digest()
        assert int.from_bytes(digest, "little") <= (0xFFFF << 208) / EASY
    assert len({row["job_id"] for row in accepted}) == 5


def test_jobs_come_by_time_and_blocks_are_clean() -> None:
    with pool("&job_s=0.1&block_s=0.35") as port, client(port) as miner:
        miner.greet()
        jobs = [miner.until("mining.notify")["params"] for _ in range(6)]
    assert jobs[0][8] is True
    blocks = [job[1] for job in jobs]
    changes = [new != old for old, new in pairwise(blocks)]
    assert changes == [job[8] for job in jobs[1:]] and any(changes) and not all(changes)
    assert len({job[0] for job in jobs}) == 6


def test_a_late_job_holds_up_what_comes_after_it() -> None:
    with pool("&ask=1&stall=1/0.3") as port:
        rows = mine_units("127.0.0.1", port, unit_s=0.01, units=2)
    assert (rows["next_ns"] - rows["ended_ns"] >= 300e6).all()


@pytest.mark.parametrize(
    "junk",
    [
        b"\xff\n",
        b"[]\n",
        b'{"id":1,"result":null}\n',
        b'{"id":1,"result":[[],"zz",4]}\n',
        b'{"id":1,"result":[[],"00",9999999999999]}\n',
        b'{"method":"mining.set_difficulty","params":[0]}\n',
        b'{"method":"mining.notify","params":["a"]}\n',
        b'{"method":"mining.notify","params":["a","00","","",[],"1ffffffff","0","0",true]}\n',
        b"x" * 70_000 + b"\n",
        b"",
    ],
)
def test_a_unit_miner_says_that_it_was_told_junk(junk: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connected, _ = server.accept()
            with connected, suppress(ConnectionError):  # the miner leaves what is too long unread
                connected.sendall(junk)
                connected.shutdown(socket.SHUT_WR)
                while connected.recv(4096):
                    pass

        answering = threading.Thread(target=answer)
        answering.start()
        with pytest.raises(OSError, match="no Stratum V1" if junk else "hung up"):
            mine_units("127.0.0.1", server.getsockname()[1], unit_s=0.01, units=1)
        answering.join()


@pytest.mark.parametrize(
    ("fault", "sign"),
    [
        ("extranonce:2", lambda miner: miner.next()["result"][2] == 2),
        ("refuse_worker", lambda miner: (miner.next(), miner.next()["error"][0])[1] == 24),
        ("absurd:0.1", lambda miner: _difficulty_after_first(miner) == 1e18),
        ("shrink:0.1", lambda miner: miner.until("mining.set_extranonce")["params"][1] == 1),
        ("flood:500", lambda miner: _jobs_come(miner, 50)),
    ],
)
def test_what_goes_wrong_on_demand(fault: str, sign: Any) -> None:
    with pool(f"&faults={fault}") as port, client(port) as miner:
        miner.greet()
        assert sign(miner)


def test_junk_silence_and_hanging_up() -> None:
    with pool("&faults=junk:0.05") as port, client(port) as miner:
        miner.greet()
        with pytest.raises(ValueError):
            while True:
                miner.next()
    with pool("&faults=silent:0") as port, client(port) as miner:
        miner.greet()
        miner.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            miner.next()
    with pool("&faults=hang_up:0.1") as port, client(port) as miner:
        miner.greet()
        with pytest.raises(EOFError):
            while True:
                miner.next()


def test_a_restart_forgets_everything() -> None:
    with pool("&faults=restart:0.2/1") as port:
        begun_s = time.monotonic()
        with client(port) as miner:
            miner.greet()
            before = miner.next()["result"][1]
            with pytest.raises((EOFError, ConnectionResetError)):
                while True:
                    miner.next()
            try:
                Client(port).close()
            except ConnectionRefusedError:
                pass
            else:
                assert time.monotonic() - begun_s > 1.1, "it is down for a second"
        back = time.monotonic() + PATIENCE_S
        while True:
            try:
                miner = Client(port)
            except ConnectionRefusedError:
                assert time.monotonic() < back
                time.sleep(0.05)
            else:
                break
        miner.greet()
        assert miner.next()["result"][1] != before
        miner.close()


def test_options() -> None:
    options = parse_pool_options([("latency-ms", "200"), ("stall", "0.1/2"), ("version_mask", "0")])
    assert (options.latency_ms, options.stall, options.version_mask) == (200.0, (0.1, 2.0), 0)
    assert parse_pool_faults("refuse_shares,restart:1/2").restart == (1.0, 2.0)
    assert all(name in pool_options_text() for name in ("latency_ms", "junk", "restart", "truth"))
    for wrong in (
        ("colour", "1"),
        ("latency_ms", "-1"),
        ("stall", "1"),
        ("version_mask", "x"),
        ("faults", "no"),
    ):
        with pytest.raises(OptionError):
            parse_pool_options([wrong])
    for text in ("junk:1,junk:2", "flood:0", "junk:x"):
        with pytest.raises(OptionError):
            parse_pool_faults(text)


def test_the_process_says_what_it_was_told_wrongly(tmp_path: Path) -> None:
    for arguments in (["colour=1"], [f"truth={tmp_path}/none/truth.csv"]):
        run = subprocess.run(
            [sys.executable, "-m", "simulators.pool", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert run.returncode == 2 and run.stderr.startswith("emulator: ")


def _difficulty_after_first(miner: Client) -> float:
    miner.until("mining.set_difficulty")
    return float(miner.until("mining.set_difficulty")["params"][0])


def _jobs_come(miner: Client, count: int) -> bool:
    """Where a pool in order sends one in half a minute."""
    begun_s = time.monotonic()
    for _ in range(count):
        miner.until("mining.notify")
    return time.monotonic() - begun_s < PATIENCE_S
