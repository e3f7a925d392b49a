"""A tiny host of a chip line, written from the wire format alone: it shares no code with what it tests."""

from __future__ import annotations

import hashlib
import json
import os
import select
import struct
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

BAUDS = {
    9600: termios.B9600,
    115200: termios.B115200,
    1_000_000: termios.B1000000,
    1_500_000: termios.B1500000,
    3_000_000: termios.B3000000,
}
CLOCK_485_MHZ = 0x50C20240
HCN = 4325  # 351.36 us of device time: 70.3 ms at a time scale of 200
PATIENCE_S = 40.0
"""For what has to come: a machine that has other work to do may let either side stand for seconds."""
MOST_TRIES = 8


def in_one_of_some(measure: Callable[[], bool]) -> None:
    """That it was on time once: a busy machine delays some measurements, a defect all of them."""
    assert any(measure() for _ in range(MOST_TRIES)), f"late in each of {MOST_TRIES}"


def crc5(data: bytes) -> int:
    crc = 0x1F
    for byte in data:
        for bit in range(7, -1, -1):
            top = (crc >> 4 & 1) ^ (byte >> bit & 1)
            crc = (crc << 1 & 0x1F) ^ (0x05 if top else 0)
    return crc


def crc16(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


def command(*body: int) -> bytes:
    return b"\x55\xaa" + bytes(body) + bytes([crc5(bytes(body))])


def write_register(register: int, value: int, address: int | None = None) -> bytes:
    return command(0x51 if address is None else 0x41, 9, address or 0, register, *value.to_bytes(4, "big"))


def read_register(register: int, address: int | None = None) -> bytes:
    return command(0x52 if address is None else 0x42, 5, address or 0, register)


CHAIN_INACTIVE = command(0x53, 5, 0, 0)


def set_address(address: int) -> bytes:
    return command(0x40, 5, address, 0)


@dataclass(frozen=True)
class WireJob:
    """A header without its nonce, and the id byte it goes out under."""

    header76: bytes
    job_header: int

    @classmethod
    def example(cls, number: int, job_header: int = 0x28) -> WireJob:
        root = hashlib.sha256(b"job %d" % number).digest()
        head = struct.pack("<I", 0x20000000) + hashlib.sha256(b"previous").digest() + root
        return cls(head + struct.pack("<II", 0x6650A000 + number, 0x17034219), job_header)

    def frame(self) -> bytes:
        h = self.header76
        words = lambda data: b"".join(data[i : i + 4] for i in range(28, -4, -4))  # noqa: E731
        body = bytes([0x21, 0x56, self.job_header, 1, 0, 0, 0, 0]) + h[72:76] + h[68:72]
        body += words(h[36:68]) + words(h[4:36]) + h[0:4]
        return b"\x55\xaa" + body + crc16(body).to_bytes(2, "big")

    def hash_value(self, nonce_bytes: bytes, version_bits: int) -> int:
        version = int.from_bytes(self.header76[:4], "little") | version_bits << 13
        header = version.to_bytes(4, "little") + self.header76[4:] + nonce_bytes
        return int.from_bytes(hashlib.sha256(hashlib.sha256(header).digest()).digest(), "little")


@dataclass(frozen=True)
class Result:
    """A nonce frame as it came; `t_ns` is when the read returned."""

    t_ns: int
    raw: bytes

    @property
    def nonce_bytes(self) -> bytes:
        return self.raw[2:6]

    @property
    def word(self) -> int:
        return int.from_bytes(self.raw[2:6], "big")

    @property
    def core(self) -> int:
        return self.word >> 25

    @property
    def excess(self) -> int:
        return self.raw[6]

    @property
    def header(self) -> int:
        return self.raw[7]

    @property
    def version_bits(self) -> int:
        return int.from_bytes(self.raw[8:10], "big") if len(self.raw) == 11 else 0


@dataclass
class Emulator:
    """A running emulator process, and the host's end of its line."""

    options: tuple[str, ...] = ()
    size: int = 11
    preamble: bytes = b"\xaa\x55"
    buffer: bytearray = field(default_factory=bytearray)
    results: list[Result] = field(default_factory=list)
    others: list[bytes] = field(default_factory=list)
    ended: bool = False
    finished: bool = False

    def __enter__(self) -> Emulator:
        began_ns = time.monotonic_ns()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulators.bm13xx", *self.options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.announced: dict[str, Any] = json.loads(self.process.stdout.readline())
        self.start_s = (time.monotonic_ns() - began_ns) / 1e9
        self.fd = os.open(self.announced["pty"], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        self.set_baud(115200)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def finish(self, signal_number: int | None = None) -> None:
        """End it by the end of its stdin, or by a signal; keep what it said and how long it took to go."""
        if self.finished:
            return
        self.finished = True
        assert self.process.stdin and self.process.stdout and self.process.stderr
        began_ns = time.monotonic_ns()
        if signal_number is None:
            self.process.stdin.close()
        else:
            self.process.send_signal(signal_number)
        try:
            self.process.wait(60)
        finally:
            if self.process.poll() is None:
                self.process.kill()
        self.end_s = (time.monotonic_ns() - began_ns) / 1e9
        self.stderr = self.process.stderr.read().decode()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        os.close(self.fd)

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]

    @property
    def report(self) -> dict[str, Any]:
        return next(record for record in self.records if "ended" in record)

    def set_baud(self, baud: int) -> None:
        state = termios.tcgetattr(self.fd)
        state[4] = state[5] = BAUDS[baud]
        termios.tcsetattr(self.fd, termios.TCSANOW, state)

    def send(self, data: bytes) -> int:
        """Write; return the monotonic time just before."""
        now_ns = time.monotonic_ns()
        while data:
            select.select([], [self.fd], [], PATIENCE_S)
            data = data[os.write(self.fd, data) :]
        return now_ns

    def collect(self, seconds: float, until: int | None = None) -> None:
        """Read for some time, or until this many results are there."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and (until is None or len(self.results) < until):
            if not select.select([self.fd], [], [], left)[0]:
                return
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            t_ns = time.monotonic_ns()
            if not data:
                self.ended = True
                return
            self.buffer += data
            while len(self.buffer) >= self.size:
                raw = bytes(self.buffer[: self.size])
                del self.buffer[: self.size]
                start = len(self.preamble)
                assert raw[:start] == self.preamble and crc5(raw[start:]) == 0, raw.hex()
                if raw[-1] & 0xE0 == 0x80:
                    self.results.append(Result(t_ns, raw))
                else:
                    self.others.append(raw)

    def collect_until(self, true: Callable[[], bool]) -> None:
        """Read until it is so, and fail if it does not come about."""
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < deadline and not self.ended, f"{len(self.results)} results came"
            self.collect(0.1, until=len(self.results) + 1)

    def ask(self, frame: bytes, seconds: float = PATIENCE_S, answers: int = 1) -> list[bytes]:
        """Send a read, and wait for its answers."""
        self.others.clear()
        self.send(frame)
        deadline = time.monotonic() + seconds
        while len(self.others) < answers and time.monotonic() < deadline and not self.ended:
            self.collect(0.02)
        return list(self.others)

    def bring_up(
        self,
        addresses: tuple[int, ...] = (0,),
        pll: int = CLOCK_485_MHZ,
        hcn: int = HCN,
        ticket_mask: int = 0,
        rolling: bool = True,
        fast: bool = True,
    ) -> None:
        """Bring the chain up as every known firmware does, without the waits."""
        if rolling:
            for _ in range(3):
                self.send(write_register(0xA4, 0x9000FFFF))
        self.send(write_register(0xA8, 0x00070000) + write_register(0x18, 0xFF0FC100) + CHAIN_INACTIVE)
        for address in addresses:
            self.send(set_address(address))
        self.send(write_register(0x3C, 0x80008540) + write_register(0x3C, 0x80008020))
        self.send(write_register(0x14, ticket_mask))
        for address in addresses:
            self.send(write_register(0xA8, 0x000701F0, address) + write_register(0x18, 0xF000C100, address))
            self.send(write_register(0x3C, 0x800082AA, address))
        self.send(write_register(0x08, pll) + write_register(0x10, hcn))
        if fast:
            self.send(write_register(0x28, 0x11300200))
            self.settle()
            self.set_baud(1_000_000)
            self.settle()

    def settle(self) -> None:
        """Let the line drain."""
        time.sleep(0.05)

    def warm(self) -> None:
        """Let it find something, so that the hash kernel is compiled and imported; forget what came."""
        self.send(WireJob.example(0, 0x78).frame())
        count = len(self.results)
        self.collect(60, until=count + 1)
        assert len(self.results) > count, "nothing found in a minute"
        self.results.clear()
