"""A tiny host of a Bitaxe's two ports, written from the wire format alone."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bm1366_host import CHAIN_INACTIVE, WireJob, crc5, read_register, set_address, write_register

PATIENCE_S = 40.0
"""For what has to come: a machine that has other work to do may let either side stand for seconds."""
RELEASE, HOLD = bytes.fromhex("06 00 01"), bytes.fromhex("06 00 00")
DS4432U, EMC2101, TPS546, INA260 = 0x48, 0x4C, 0x24, 0x40


def request(number: int, body: bytes) -> bytes:
    """`body` is page, command, data."""
    return (4 + len(body)).to_bytes(2, "little") + bytes((number, 0)) + body


@dataclass
class Host:
    """Both ports of a running emulator."""

    announced: dict[str, Any]
    control: int
    data: int
    version: int
    number: int = 0
    results: list[bytes] = field(default_factory=list)

    def exchange(self, raw: bytes, seconds: float = PATIENCE_S, least: int = 1) -> bytes:
        """Write to the control port, and return what comes before 50 ms of silence, `least` bytes or more."""
        os.write(self.control, raw)
        return self._heard(self.control, seconds, least)

    def ask(self, body: bytes) -> bytes:
        """Data of the answer to a request. Fails on an error."""
        self.number = self.number % 200 + 1
        raw = request(self.number, body)
        os.write(self.control, raw)
        head = 3 if self.version == 0 else 4
        reply = bytearray()
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if select.select([self.control], [], [], 0.05)[0]:
                reply += os.read(self.control, 4096)
            size = int.from_bytes(reply[:2], "little") + (3 if self.version == 0 else 0)
            if len(reply) >= max(head, size):
                break
        assert len(reply) == size, reply.hex(" ")
        assert reply[2] == self.number
        assert self.version == 0 or reply[3] == 0
        return bytes(reply[head:])

    def write_part(self, address: int, *data: int) -> None:
        assert self.ask(bytes((5, 0x20, address, *data))) == bytes((len(data),))

    def read_part(self, address: int, register: int, size: int = 1) -> bytes:
        return self.ask(bytes((5, 0x40, address, register, size)))

    def hold(self, seconds: float = 0.02) -> None:
        assert self.ask(HOLD) == b"\0"
        time.sleep(seconds)
        self.drain()

    def release(self) -> None:
        assert self.ask(RELEASE) == b"\1"

    def chip(self, raw: bytes, seconds: float = PATIENCE_S) -> bytes:
        """Write to the chip, and return what comes before 50 ms of silence."""
        os.write(self.data, raw)
        return self._heard(self.data, seconds)

    def chip_id(self) -> bytes:
        """The two bytes of it."""
        return self.chip(read_register(0))[2:4]

    def is_silent(self) -> bool:
        """Whether the chip does not say what it is."""
        return self.chip(read_register(0), seconds=0.3) == b""

    def start_hashing(self, pll: int, job_number: int = 1) -> None:
        """Bring the one chip up at its first speed, and give it a job."""
        frames = [write_register(0xA4, 0x9000FFFF), CHAIN_INACTIVE, set_address(0)]
        frames += [write_register(0x14, 0), write_register(0x3C, 0x800082AA)]
        frames += [write_register(0x08, pll), write_register(0x10, 4325), WireJob.example(job_number).frame()]
        for frame in frames:
            os.write(self.data, frame)
        time.sleep(0.05)

    def nonces(self, seconds: float, until: int | None = None) -> int:
        """How many results come in this time, or until so many are there."""
        found, buffer = 0, bytearray()
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and (until is None or found < until):
            if not select.select([self.data], [], [], left)[0]:
                break
            buffer += os.read(self.data, 65536)
            while len(buffer) >= 11:
                raw = bytes(buffer[:11])
                assert raw[:2] == b"\xaa\x55" and crc5(raw[2:]) == 0, buffer.hex()
                found += raw[-1] >> 5 == 4
                del buffer[:11]
        return found

    def drain(self, seconds: float = 0.0) -> None:
        """Forget what comes before so much silence."""
        for fd in (self.control, self.data):
            while select.select([fd], [], [], seconds)[0]:
                os.read(fd, 65536)

    def _heard(self, fd: int, seconds: float, least: int = 1) -> bytes:
        heard = b""
        deadline = time.monotonic() + seconds

        def waits_s() -> float:
            return 0.05 if len(heard) >= least else max(0.0, deadline - time.monotonic())

        while select.select([fd], [], [], waits_s())[0]:
            heard += os.read(fd, 65536)
        return heard


@contextmanager
def board(*options: str, version: int = 0) -> Iterator[Host]:
    """An emulated board whose chip asks little of this machine, and finds a hundred nonces a second."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "simulators.bitaxe", f"reply_version={version}", "report=0"),
            *("zero_bits=12", "time_scale=2000", *options),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    fds: list[int] = []
    try:
        announced = json.loads(process.stdout.readline())
        for name in (announced["control"], announced["pty"]):
            fds.append(os.open(name, os.O_RDWR | os.O_NOCTTY))
            tty.setraw(fds[-1])
        subprocess.run(["stty", "-F", announced["pty"], "115200"], check=True)
        yield Host(announced, *fds, version=version)
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
        for fd in fds:
            os.close(fd)
