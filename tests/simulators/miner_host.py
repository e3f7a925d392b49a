"""A tiny pool and a tiny owner of emulated miners: sockets, json, hashlib, and nothing of the project."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from free_ports import free_port

MASK = "1fffe000"
PATIENCE_S = 40.0
"""For what has to come: a machine that has other work to do may let either side stand for seconds."""


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def lbry_hash(header: bytes) -> bytes:
    spread = hashlib.sha512(sha256d(header)).digest()
    halves = (hashlib.new("ripemd160", half).digest() for half in (spread[:32], spread[32:]))
    return sha256d(b"".join(halves))


@dataclass
class Job:
    """A job as it goes over the wire; `branches` are random, which makes each job new."""

    job_id: str
    clean: bool = True
    version: str = "20000000"
    claimtrie: str | None = None
    prev_hash: str = field(default_factory=lambda: os.urandom(32).hex())
    branches: list[str] = field(default_factory=lambda: [os.urandom(32).hex() for _ in range(2)])
    ntime: str = "68546811"
    nbits: str = "1703255b"
    coinb1: str = (
        "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff1503a0bb0c"
    )
    coinb2: str = "ffffffff0100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac00000000"

    def params(self) -> list[Any]:
        trie = [] if self.claimtrie is None else [self.claimtrie]
        head = [self.job_id, self.prev_hash, *trie, self.coinb1, self.coinb2, self.branches]
        return [*head, self.version, self.nbits, self.ntime, self.clean]

    def header(self, share: list[str], extranonce1: str) -> bytes:
        """Of a share, written from what is known of the wire."""
        _, _, extranonce2, ntime, nonce, *bits = share
        root = sha256d(bytes.fromhex(self.coinb1 + extranonce1 + extranonce2 + self.coinb2))
        for branch in self.branches:
            root = sha256d(root + bytes.fromhex(branch))
        version = int(self.version, 16) ^ (int(bits[0], 16) if bits else 0)
        trie = b"" if self.claimtrie is None else swapped(self.claimtrie)
        return (
            struct.pack("<I", version)
            + swapped(self.prev_hash)
            + root
            + trie
            + struct.pack("<III", int(ntime, 16), int(self.nbits, 16), int(nonce, 16))
        )


def swapped(words: str) -> bytes:
    data = bytes.fromhex(words)
    return struct.pack("<8I", *struct.unpack(">8I", data))


@dataclass
class Share:
    """A mining.submit, and the moment at which it was read."""

    params: list[str]
    number: Any
    at_s: float

    @property
    def job_id(self) -> str:
        return self.params[1]


class Pool:
    """Listens; one miner at a time."""

    def __init__(self) -> None:
        self._sock = socket.create_server(("127.0.0.1", free_port()))
        self.port: int = self._sock.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._lines: list[Line] = []

    def accept(self, seconds: float = 30.0) -> Line:
        self._sock.settimeout(seconds)
        sock, _ = self._sock.accept()
        self._lines.append(Line(sock))
        return self._lines[-1]

    def close(self) -> None:
        self._sock.close()
        for line in self._lines:
            line.close()


class Line:
    """The pool's end of a connection."""

    extranonce1 = "a1b2c3d4"

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.messages: list[dict[str, Any]] = []
        """All that was ever received."""
        self.lines: list[bytes] = []
        self.jobs: dict[str, Job] = {}
        self._held = b""

    def receive(self, seconds: float) -> list[dict[str, Any]]:
        """What comes in one read, if anything does. Raises ConnectionError when the miner has closed."""
        self.sock.settimeout(max(seconds, 1e-3))
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            return []
        if not data:
            raise ConnectionError("the miner has closed")
        *lines, self._held = (self._held + data).split(b"\n")
        self.lines += lines
        new = [json.loads(line) for line in lines]
        self.messages += new
        return new

    def until(self, true: Callable[[dict[str, Any]], bool], seconds: float = 30.0) -> dict[str, Any]:
        """The first message from now on for which it is so."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for message in self.receive(left):
                if true(message):
                    return message
        raise AssertionError(f"nothing such in {seconds} s, but {self.messages[-3:]}")

    def method(self, name: str, seconds: float = 30.0) -> dict[str, Any]:
        return self.until(lambda message: message.get("method") == name, seconds)

    def send(self, **message: Any) -> None:
        self.sock.sendall(json.dumps(message).encode() + b"\n")

    def reply(self, message: dict[str, Any], result: Any, error: Any = None) -> None:
        self.send(id=message["id"], result=result, error=error)

    def welcome(self, mask: str | None = MASK, *, authorize: bool = True, seconds: float = 30.0) -> None:
        """Answer what a miner asks for until it has subscribed and has been let in."""
        deadline = time.monotonic() + seconds
        done: set[str] = set()
        while not {"mining.subscribe", "mining.authorize"} <= done:
            assert time.monotonic() < deadline, self.messages
            for message in self.receive(0.5):
                self.answer(message, mask, authorize=authorize)
                done.add(message.get("method", ""))

    def answer(self, message: dict[str, Any], mask: str | None = MASK, *, authorize: bool = True) -> None:
        match message.get("method"):
            case "mining.subscribe":
                topics = [["mining.set_difficulty", "s1"], ["mining.notify", "s1"]]
                self.reply(message, [topics, self.extranonce1, 4])
            case "mining.configure":
                granted = {"version-rolling": True, "version-rolling.mask": mask}
                self.reply(message, granted if mask is not None else {"version-rolling": False})
            case "mining.authorize":
                self.reply(message, authorize)
            case "mining.suggest_difficulty" | "mining.extranonce.subscribe":
                self.reply(message, True)

    def difficulty(self, value: Any) -> None:
        self.send(id=None, method="mining.set_difficulty", params=[value])

    def notify(self, job: Job) -> Job:
        self.jobs[job.job_id] = job
        self.send(id=None, method="mining.notify", params=job.params())
        return job

    def shares(self, seconds: float, until: int | None = None, result: Any = True) -> list[Share]:
        """Those of this time, answered; ends early with so many."""
        found: list[Share] = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and (until is None or len(found) < until):
            for message in self.receive(left):
                if message.get("method") == "mining.submit":
                    found.append(Share(message["params"], message["id"], time.monotonic()))
                    error = None if result is True else [21, "Job not found", None]
                    self.reply(message, True if result is True else None, error)
                else:
                    self.answer(message)
        return found

    def falls_silent(self) -> None:
        """Half a second without a share, before long: some may still be on their way."""
        deadline = time.monotonic() + PATIENCE_S
        while self.shares(0.5):
            assert time.monotonic() < deadline, "shares go on coming"

    def shares_of(self, job_id: str, count: int, seconds: float = 30.0) -> list[Share]:
        """So many of one job; those of others are answered and left out."""
        found: list[Share] = []
        deadline = time.monotonic() + seconds
        while len(found) < count and (left := deadline - time.monotonic()) > 0:
            found += [share for share in self.shares(left, until=1) if share.job_id == job_id]
        assert len(found) >= count, f"{len(found)} shares of job {job_id} in {seconds} s"
        return found

    def value(self, share: Share, hashed: Callable[[bytes], bytes] = sha256d) -> int:
        header = self.jobs[share.job_id].header(share.params, self.extranonce1)
        return int.from_bytes(hashed(header), "little")

    def close(self) -> None:
        self.sock.close()


@dataclass
class Miner:
    """A running emulator."""

    process: subprocess.Popen[bytes]
    announced: dict[str, Any]

    @property
    def port(self) -> int:
        port = urlsplit(self.announced["url"]).port
        assert port is not None
        return port

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.announced["url"]).query))

    @property
    def difficulty_one(self) -> int:
        return int(self.query["difficulty_one"])

    def http(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        return http(self.port, method, path, body, headers)

    def info(self) -> dict[str, Any]:
        status, body = self.http("GET", "/api/system/info")
        assert status == 200
        value: dict[str, Any] = json.loads(body)
        return value

    def command(self, text: str | dict[str, Any], port: int | None = None) -> bytes:
        """All bytes of the reply to one command."""
        data = text if isinstance(text, str) else json.dumps(text)
        with socket.create_connection(("127.0.0.1", port or self.port), timeout=PATIENCE_S) as sock:
            sock.sendall(data.encode())
            return b"".join(iter(lambda: sock.recv(65536), b""))

    def ask(self, name: str, parameter: str | None = None, port: int | None = None) -> dict[str, Any]:
        """A reply in sound JSON."""
        sent = {"command": name} if parameter is None else {"command": name, "parameter": parameter}
        value: dict[str, Any] = json.loads(self.command(sent, port).rstrip(b"\0"))
        return value

    @contextmanager
    def shuts_its_api(self, path: str) -> Iterator[None]:
        """Within it the miner starts anew: a connection that it has answered on ends.

        Whether it refuses others meanwhile could not be seen by one that comes too late.
        """
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: miner\r\n\r\n".encode())
            assert sock.recv(65536)
            yield
            with suppress(ConnectionResetError):
                while sock.recv(65536):
                    pass

    def when(self, true: Callable[[], bool], seconds: float = 30.0) -> bool:
        deadline = time.monotonic() + seconds
        while not (result := true()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return result


def http(
    port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and body, over a connection of its own."""
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: miner", f"Content-Length: {len(data)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
        sock.sendall("\r\n".join([*lines, "", ""]).encode() + data)
        raw = b"".join(iter(lambda: sock.recv(65536), b""))
    head, _, rest = raw.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), rest


@contextmanager
def miner(*options: str) -> Iterator[Miner]:
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators.miners", *options, "report=0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield Miner(process, json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


@contextmanager
def pool() -> Iterator[Pool]:
    one = Pool()
    try:
        yield one
    finally:
        one.close()
