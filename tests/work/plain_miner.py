"""A miner in the plainest form: JSON lines over a socket, headers by hand, proofs by hashlib.

It uses nothing of the code under test, so that both sides being wrong in the same way is no success.
"""

from __future__ import annotations

import hashlib
import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DIFFICULTY_1 = 0xFFFF << 208


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def lbry_hash(data: bytes) -> bytes:
    from firmware_protocols.lbry import ripemd160  # OpenSSL may have none; held to vectors of its own

    spread = hashlib.sha512(sha256d(data)).digest()
    return sha256d(ripemd160(spread[:32]) + ripemd160(spread[32:]))


def words_turned(data: bytes) -> bytes:
    return b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))


@dataclass
class Work:
    """A job as it came, and the difficulty that it came under."""

    job_id: str
    prev_hash: bytes
    claimtrie: bytes
    coinbase1: bytes
    coinbase2: bytes
    branch: list[bytes]
    version: int
    nbits: int
    ntime: int
    clean: bool
    extranonce1: bytes
    difficulty: float

    @classmethod
    def of(cls, params: list[Any], extranonce1: bytes, difficulty: float) -> Work:
        head, claimtrie = (params[:2], b"") if len(params) == 9 else (params[:2], bytes.fromhex(params[2]))
        rest = params[-7:]
        return cls(
            head[0],
            words_turned(bytes.fromhex(head[1])),
            words_turned(claimtrie),
            bytes.fromhex(rest[0]),
            bytes.fromhex(rest[1]),
            [bytes.fromhex(sibling) for sibling in rest[2]],
            int(rest[3], 16),
            int(rest[4], 16),
            int(rest[5], 16),
            rest[6],
            extranonce1,
            difficulty,
        )

    @property
    def target(self) -> int:
        scale = 256 if self.claimtrie else 1
        return int(DIFFICULTY_1 * scale / self.difficulty)

    def header(self, extranonce2: bytes, nonce: int, version_bits: int = 0) -> bytes:
        root = sha256d(self.coinbase1 + self.extranonce1 + extranonce2 + self.coinbase2)
        for sibling in self.branch:
            root = sha256d(root + sibling)
        version = struct.pack("<I", self.version | version_bits)
        times = struct.pack("<III", self.ntime, self.nbits, nonce)
        return version + self.prev_hash + root + self.claimtrie + times

    def value(self, header: bytes) -> int:
        return int.from_bytes((lbry_hash if self.claimtrie else sha256d)(header), "little")

    def nonces(self, extranonce2: bytes, version_bits: int = 0, *, proofs: bool = True) -> Iterator[int]:
        """Those that are proofs, or those that are none."""
        header = self.header(extranonce2, 0, version_bits)
        for nonce in range(1 << 32):
            if (self.value(header[:-4] + struct.pack("<I", nonce)) <= self.target) is proofs:
                yield nonce


class PlainMiner:
    """Subscribed and authorised from the start, unless told otherwise."""

    def __init__(
        self, address: tuple[str, int], worker: str = "rig.1", *, greet: bool = True, roll: bool = False
    ) -> None:
        self.socket = socket.create_connection(address, timeout=40)
        self.lines = self.socket.makefile("rb")
        self.worker = worker
        self.extranonce1 = b""
        self.difficulty = 0.0
        self.work: Work | None = None
        self.replies: list[dict[str, Any]] = []
        self.mask = 0
        if greet:
            if roll:
                self.send("mining.configure", [["version-rolling"], {"version-rolling.mask": "ffffffff"}], 1)
                self.mask = int(self.reply(1)["result"]["version-rolling.mask"], 16)
            self.send("mining.subscribe", ["plain/1.0"], 2)
            self.extranonce1 = bytes.fromhex(self.reply(2)["result"][1])
            self.send("mining.authorize", [worker, "x"], 3)
            assert self.reply(3)["result"] is True

    def send(self, method: str, params: Any, message_id: Any = 4) -> None:
        self.send_raw(json.dumps({"id": message_id, "method": method, "params": params}).encode() + b"\n")

    def send_raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def submit(
        self, work: Work, nonce: int, extranonce2: bytes = bytes(4), *, version_bits: int | None = None
    ) -> None:
        params: list[Any] = [self.worker, work.job_id, extranonce2.hex(), f"{work.ntime:08x}", f"{nonce:08x}"]
        if version_bits is not None:
            params.append(f"{version_bits:08x}")
        self.send("mining.submit", params)

    def next_message(self) -> dict[str, Any]:
        """Raises EOFError when the server has hung up, TimeoutError when it says nothing."""
        line = self.lines.readline()
        if not line:
            raise EOFError
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == "mining.set_difficulty":
            self.difficulty = message["params"][0]
        elif message.get("method") == "mining.notify":
            self.work = Work.of(message["params"], self.extranonce1, self.difficulty)
        elif "method" not in message:
            self.replies.append(message)
        return message

    def reply(self, message_id: Any = 4) -> dict[str, Any]:
        """The next reply under this id."""
        while True:
            for at, reply in enumerate(self.replies):
                if reply["id"] == message_id:
                    return self.replies.pop(at)
            self.next_message()

    def next_work(self) -> Work:
        self.work = None
        while self.work is None:
            self.next_message()
        return self.work

    def close(self) -> None:
        self.lines.close()
        self.socket.close()

    def __enter__(self) -> PlainMiner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
