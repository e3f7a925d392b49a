"""A device on a pty that answers as a test tells it to, from a thread."""

from __future__ import annotations

import os
import pty
import select
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from firmware_protocols.bm13xx import (
    ChipDecoder,
    ReadRegister,
    Register,
    RegisterResponse,
    WriteRegister,
    encode,
    model_by_name,
)

MODEL = model_by_name("BM1366")
Answer = Callable[[object], bytes]
"""From a frame of the driver to the bytes that come back."""


class ObedientChip:
    """One chip that has every register, reads 0 until written, and never hashes."""

    def __init__(self, chip_id: int = 0x13660000, chips: int = 1) -> None:
        self.registers: dict[int, int] = {Register.FAST_UART: 0x01301A00, Register.CHIP_ID: chip_id}
        self.writes: list[WriteRegister] = []
        self._chips = chips

    def __call__(self, frame: object) -> bytes:
        if isinstance(frame, WriteRegister):
            self.writes.append(frame)
            self.registers[frame.register] = frame.value
        if isinstance(frame, ReadRegister):
            value = self.registers.get(frame.register, 0)
            return encode(RegisterResponse(value, 0, frame.register), MODEL) * self._chips
        return b""


@contextmanager
def fuzzing_line(answer: Answer, unasked: Callable[[], bytes] | None = None) -> Iterator[str]:
    """URL of a line on which `answer` meets each frame; `unasked` is sent over and over besides.

    Time is stretched to what the emulator uses, so that the driver's waits are short.
    """
    device, host = pty.openpty()
    tty.setraw(host)
    os.set_blocking(device, False)
    stop_read, stop_write = os.pipe()
    thread = threading.Thread(target=_serve, args=(device, stop_read, answer, unasked))
    thread.start()
    try:
        yield f"serial:{os.ttyname(host)}?chip=bm1366&simulated=1&zero_bits=16&cores=4&subcores=1&waits=0.02"
    finally:
        os.write(stop_write, b".")
        thread.join(60)
        for descriptor in (device, host, stop_read, stop_write):
            os.close(descriptor)


def _serve(device: int, stop: int, answer: Answer, unasked: Callable[[], bytes] | None) -> None:
    decoder = ChipDecoder(MODEL)
    waiting = b""
    while True:
        writers = [device] if waiting or unasked is not None else []
        readable, writable, _ = select.select([device, stop], writers, [], 1.0)
        if stop in readable:
            return
        if device in readable:
            with suppress(OSError):  # nobody has the host's end open at the moment
                for received in decoder.receive_data(os.read(device, 4096), 0):
                    waiting += answer(received.frame)
        if writable:
            if not waiting and unasked is not None:
                waiting = unasked()
            with suppress(BlockingIOError):
                waiting = waiting[os.write(device, waiting) :]
