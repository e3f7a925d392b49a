"""A tiny host of chips that take midstates, BM1387 and BM1397, written from the wire format alone."""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass

from bm1366_host import Emulator, Result, crc5, crc16

BM1387_CLOCK_650_MHZ = 0x00680221
BM1387_CLOCK_500_MHZ = 0x00500221
BM1397_CLOCK_425_MHZ = 0x40880241
INVERT_CLOCK, GATE_BLOCK, MULTI_MIDSTATE = 1 << 21, 1 << 15, 1 << 7
FASTER = INVERT_CLOCK | 1 << 8  # 25 MHz / (8 * 2) = 1.5625 Mbaud
VERSION = 0x20000000


def midstate(block: bytes) -> bytes:
    """FIPS 180-4, one block; the constants are computed from the primes as it says."""
    primes = [n for n in range(2, 312) if all(n % d for d in range(2, math.isqrt(n) + 1))]
    k = [int(p ** (1 / 3) * 2**32) & 0xFFFFFFFF for p in primes]
    h0 = [math.isqrt(p << 64) & 0xFFFFFFFF for p in primes[:8]]
    rotated = lambda x, n: (x >> n | x << 32 - n) & 0xFFFFFFFF  # noqa: E731
    w = list(struct.unpack(">16I", block))
    for t in range(16, 64):
        s0 = rotated(w[t - 15], 7) ^ rotated(w[t - 15], 18) ^ w[t - 15] >> 3
        s1 = rotated(w[t - 2], 17) ^ rotated(w[t - 2], 19) ^ w[t - 2] >> 10
        w.append(w[t - 16] + s0 + w[t - 7] + s1 & 0xFFFFFFFF)
    a, b, c, d, e, f, g, h = h0
    for t in range(64):
        s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
        t1 = h + s1 + (e & f ^ ~e & g) + k[t] + w[t]
        s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
        t2 = s0 + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (t1 + t2) & 0xFFFFFFFF, a, b, c, (d + t1) & 0xFFFFFFFF, e, f, g
    return struct.pack(
        ">8I", *(x + y & 0xFFFFFFFF for x, y in zip(h0, (a, b, c, d, e, f, g, h), strict=True))
    )


@dataclass(frozen=True)
class MidstateJob:
    """A header without its nonce, which goes out as midstates of rolled versions."""

    header76: bytes
    job_id: int
    midstates: int

    @classmethod
    def example(cls, number: int, job_id: int, midstates: int = 4) -> MidstateJob:
        root = hashlib.sha256(b"midstate job %d" % number).digest()
        head = struct.pack("<I", VERSION) + hashlib.sha256(b"previous").digest() + root
        return cls(head + struct.pack("<II", 0x5D5B1746 + number, 0x1723792C), job_id, midstates)

    def version_bytes(self, index: int) -> bytes:
        return (int.from_bytes(self.header76[:4], "little") | index << 13).to_bytes(4, "little")

    def body(self) -> bytes:
        h = self.header76
        data = bytes([0x21, 22 + 32 * self.midstates, self.job_id, self.midstates, 0, 0, 0, 0])
        data += h[72:76] + h[68:72] + h[64:68]
        for index in range(self.midstates):
            state = midstate(self.version_bytes(index) + h[4:64])
            data += b"".join(state[i : i + 4] for i in range(28, -4, -4))
        return data + crc16(data).to_bytes(2, "big")

    def hash_value(self, nonce_bytes: bytes, index: int) -> int:
        header = self.version_bytes(index) + self.header76[4:] + nonce_bytes
        return int.from_bytes(hashlib.sha256(hashlib.sha256(header).digest()).digest(), "little")


def busy_work(job_id: int) -> bytes:
    """The work that opens a core of a BM1387."""
    body = bytes([0x21, 0x36, job_id, 1, 0, 0, 0, 0]) + b"\xff" * 12 + bytes(32)
    return body + crc16(body).to_bytes(2, "big")


def bm1387_command(*body: int) -> bytes:
    return bytes(body) + bytes([crc5(bytes(body))])


def bm1387_write(register: int, value: int, address: int | None = None) -> bytes:
    kind = 0x58 if address is None else 0x48
    return bm1387_command(kind, 9, address or 0, register, *value.to_bytes(4, "big"))


def bm1387_read(register: int, address: int | None = None) -> bytes:
    return bm1387_command(0x54 if address is None else 0x44, 5, address or 0, register)


BM1387_INACTIVE = bm1387_command(0x55, 5, 0, 0)


def bm1387_set_address(address: int) -> bytes:
    return bm1387_command(0x41, 5, address, 0)


@dataclass(frozen=True)
class Solution:
    """A nonce of a BM1387: seven bytes."""

    t_ns: int
    raw: bytes

    @property
    def nonce_bytes(self) -> bytes:
        return self.raw[:4]

    @property
    def address(self) -> int:
        return self.raw[0] & 0xFC

    @property
    def core(self) -> int:
        return self.raw[3] & 0x7F

    @property
    def counter(self) -> int:
        """25 bits: chip and position."""
        return int.from_bytes(self.raw[:4], "big") >> 7

    @property
    def solution_index(self) -> int:
        return self.raw[4]

    @property
    def job_id(self) -> int:
        return self.raw[5]


@dataclass
class Bm1387Emulator(Emulator):
    """An emulated chain of BM1387, and the host's end of its line."""

    size: int = 7
    preamble: bytes = b""

    def solutions(self) -> list[Solution]:
        return [Solution(result.t_ns, result.raw) for result in self.results]

    def bring_up_s9(
        self,
        chips: int = 63,
        interval: int = 4,
        clock: int = BM1387_CLOCK_650_MHZ,
        ticket_mask: int = 0,
        busy_works: int = 114,
        control: int = FASTER | GATE_BLOCK | MULTI_MIDSTATE,
    ) -> None:
        """The S9's bring-up, without its waits: addresses, clock, baud, gates, ticket mask, open cores."""
        for _ in range(3):
            self.send(BM1387_INACTIVE)
        for chip in range(chips):
            self.send(bm1387_set_address(chip * interval))
        self.send(bm1387_write(0x0C, clock))
        self.send(bm1387_write(0x1C, control))
        if not control >> 30 & 1:
            self.settle()
            self.set_baud(1_500_000)
            self.settle()
        self.send(bm1387_write(0x18, ticket_mask))
        for number in range(busy_works):
            self.send(busy_work(number & 0x7F))


def counter_of(result: Result) -> int:
    """The 25 bits of a BM1397's nonce."""
    return result.word & 0x1FFFFFF
