"""A miner that works for a set time on each job, hands in one share of it, and waits for the next job.

What it waits is what a prefetching proxy is about: it is measured here, at the miner. Its own account of the
protocol, with proofs by hashlib.
"""

from __future__ import annotations

import hashlib
import json
import math
import socket
import struct
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.miners.jobs import sha256d, words_swapped

UNIT_DTYPE = np.dtype([("begun_ns", "i8"), ("ended_ns", "i8"), ("next_ns", "i8"), ("accepted", "?")])
"""Of each unit: when work on it began and ended, and when the next job was there, CLOCK_MONOTONIC."""
_DIFFICULTY_1 = 0xFFFF << 208
_LONGEST_LINE = 1 << 16
_MOST_EXTRANONCE2 = 32
_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    struct.error,
)
"""What making sense of a message raises that makes none."""


def mine_units(
    host: str,
    port: int,
    *,
    unit_s: float,
    units: int,
    user: str = "unit.miner",
    difficulty_one: int = _DIFFICULTY_1,
    patience_s: float = 30.0,
) -> NDArray[Any]:
    """Mine `units` units of `unit_s` seconds each, and say how each went: an array of `UNIT_DTYPE`.

    The difficulty has to be one at which a share takes few hashes, for it is found at the start of a unit and
    handed in at its end. Raises OSError when the other side is not there, falls silent, hangs up or sends
    what is no Stratum V1.
    """
    with socket.create_connection((host, port), timeout=patience_s) as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        miner = _UnitMiner(connected, user, difficulty_one)
        try:
            return miner.mine(unit_s, units)
        finally:
            miner.close()


class _Work(NamedTuple):
    """One job with the only extranonce2 that is used of it: all zeros."""

    job_id: str
    extranonce2: str
    ntime: str
    start: bytes
    """Of the header: 76 bytes."""
    target: int


class _UnitMiner:
    def __init__(self, connected: socket.socket, user: str, difficulty_one: int) -> None:
        self._socket = connected
        self._lines = connected.makefile("rb")
        self._user = user
        self._one = difficulty_one
        self._difficulty = 1.0
        self._extranonce1 = b""
        self._extranonce2_size = 0
        self._job: _Work | None = None
        self._job_ns = 0
        self._answers: dict[int, bool] = {}

    def mine(self, unit_s: float, units: int) -> NDArray[Any]:
        self._ask(1, "mining.subscribe", ["unit-miner/1"])
        self._hear_until(lambda: bool(self._extranonce1))
        self._ask(2, "mining.authorize", [self._user, "x"])
        self._hear_until(lambda: self._job is not None)
        rows = np.zeros(units, UNIT_DTYPE)
        for row in range(units):
            job, self._job = self._job, None
            if job is None:
                raise OSError("there is no job")
            begun_ns = time.monotonic_ns()
            share = self._share(job)
            while (left_s := unit_s - (time.monotonic_ns() - begun_ns) / 1e9) > 0:
                time.sleep(left_s)
            ended_ns = time.monotonic_ns()
            self._ask(100 + row, "mining.submit", share)
            # What came while it worked is newer than what it worked on, and waits in the socket.
            self._hear_until(lambda: self._job is not None)
            rows[row] = begun_ns, ended_ns, self._job_ns, False
        self._hear_until(lambda: all(100 + row in self._answers for row in range(units)))
        for row in range(units):
            rows["accepted"][row] = self._answers[100 + row]
        return rows

    def close(self) -> None:
        self._lines.close()

    def _work(self, job: list[Any]) -> _Work:
        job_id, prev_hash, coinbase1, coinbase2, branches, version, nbits, ntime, *_ = job
        extranonce2 = bytes(self._extranonce2_size)
        root = sha256d(bytes.fromhex(coinbase1) + self._extranonce1 + extranonce2 + bytes.fromhex(coinbase2))
        for branch in branches:
            root = sha256d(root + bytes.fromhex(branch))
        start = (
            struct.pack("<I", int(version, 16))
            + words_swapped(bytes.fromhex(prev_hash))
            + root
            + struct.pack("<II", int(ntime, 16), int(nbits, 16))
        )
        return _Work(job_id, extranonce2.hex(), ntime, start, int(self._one / self._difficulty))

    def _share(self, work: _Work) -> list[Any]:
        for nonce in range(1 << 32):
            whole = work.start + struct.pack("<I", nonce)
            digest = hashlib.sha256(hashlib.sha256(whole).digest()).digest()
            if int.from_bytes(digest, "little") <= work.target:
                return [self._user, work.job_id, work.extranonce2, work.ntime, f"{nonce:08x}"]
        raise OSError("the job has no share")

    def _ask(self, number: int, method: str, params: list[Any]) -> None:
        line = json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n"
        self._socket.sendall(line)

    def _hear_until(self, done: Any) -> None:
        while not done():
            line = self._lines.readline(_LONGEST_LINE)
            if not line:
                raise ConnectionResetError("the other side hung up")
            try:
                self._take(json.loads(line))
            except _UNREADABLE as error:
                raise OSError(f"the other side sent what is no Stratum V1: {line[:60]!r}") from error

    def _take(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params")
        if method == "mining.notify" and params:
            self._job_ns = time.monotonic_ns()
            self._job = self._work(params)
        elif method == "mining.set_difficulty" and params:
            self._difficulty = float(params[0])
            if not 0 < self._difficulty < math.inf:
                raise ValueError("a difficulty is above 0")
        elif message.get("id") == 1 and method is None:
            self._extranonce1 = bytes.fromhex(message["result"][1])
            self._extranonce2_size = int(message["result"][2])
            if not 0 <= self._extranonce2_size <= _MOST_EXTRANONCE2:
                raise ValueError("an extranonce2 has no such size")
        elif method is None and isinstance(message.get("id"), int) and message["id"] >= 100:
            self._answers[message["id"]] = message.get("result") is True
