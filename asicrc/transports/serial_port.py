"""A serial line: pyserial configures it, a thread that does nothing else reads and stamps."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
import termios
import threading
import time

import serial

from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import DeviceError
from asicrc.transports.arrivals import Arrivals
from asicrc.transports.latency_timer import AdapterLatency
from asicrc.transports.transport import LatencyTimer
from firmware_protocols.device import Clock, DeviceLost, Direction, Stamp, WireChunk

READ_SIZE = 4096
WRITE_TIMEOUT_S = 2.0
IN_USE_PATIENCE_S = 3.0
IN_USE = (errno.EBUSY, errno.EAGAIN)


class SerialTransport:
    """An open port. Bytes that arrive are stamped with CLOCK_MONOTONIC straight after `read`."""

    def __init__(self, path: str, baud: int, clock: Clock = MACHINE_CLOCK) -> None:
        self.path = path
        self.clock = clock
        self._port = _open_port(path, baud)
        self._fd = self._port.fileno()
        self._latency = AdapterLatency(self._port, path)
        self._arrivals = Arrivals(clock)
        self._stop_read, self._stop_write = os.pipe()
        self._reader = threading.Thread(target=self._read_loop, name=f"reader {path}", daemon=True)
        self._reader.start()

    @property
    def baud(self) -> int:
        return int(self._port.baudrate)

    @property
    def descriptor(self) -> int | None:
        return self._fd

    @property
    def latency_timer(self) -> LatencyTimer:
        return self._latency.timer

    def set_baud(self, baud: int) -> None:
        """Change the host's speed once all that was written has left."""
        try:
            self._drain()
            self._port.baudrate = baud
        except (serial.SerialException, termios.error, OSError, ValueError) as error:
            raise DeviceLost(f"{self.path} does not take {baud} baud: {error}") from None

    def _drain(self) -> None:
        """Wait until everything written has left; tcdrain would wait for ever on a held line."""
        deadline_ns = self.clock.now_ns() + round(WRITE_TIMEOUT_S * 1e9)
        while int(struct.unpack("i", fcntl.ioctl(self._fd, termios.TIOCOUTQ, bytes(4)))[0]):
            if self.clock.now_ns() > deadline_ns:
                raise DeviceLost(f"{self.path} keeps bytes for {WRITE_TIMEOUT_S:.0f} s: is the line held?")
            time.sleep(0.001)

    def write(self, data: bytes) -> Stamp:
        """Write all of `data`; the stamp is taken just before. Raises DeviceLost."""
        stamp = Stamp(self.clock.now_ns())
        rest = memoryview(data)
        while rest:
            _, writable, _ = select.select([], [self._fd], [], WRITE_TIMEOUT_S)
            if not writable:
                raise DeviceLost(f"{self.path} took no bytes for {WRITE_TIMEOUT_S:.0f} s: is the line held?")
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise DeviceLost(f"{self.path} went away while writing: {error.strerror}") from None
        return stamp

    def read(self, until_ns: int) -> list[WireChunk]:
        """What has arrived; returns empty when `until_ns` passes first. Raises DeviceLost."""
        return self._arrivals.take(until_ns)

    def close(self) -> None:
        os.write(self._stop_write, b".")
        self._reader.join(timeout=2.0)
        self._latency.put_back()
        self._port.close()
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _read_loop(self) -> None:
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        poller.register(self._stop_read, select.POLLIN)
        fd, read, now, put = self._fd, os.read, time.monotonic_ns, self._arrivals.put
        while True:
            ready = poller.poll()
            try:
                data = read(fd, READ_SIZE)
            except BlockingIOError:
                data = None  # woken for the stop pipe only
            except OSError as error:
                self._arrivals.lose(f"{self.path} went away: {error.strerror}")
                return
            t_ns = now()
            if data:
                if not put(WireChunk(Direction.RX, Stamp(t_ns), data)):
                    return
            elif data is not None and any(event & (select.POLLHUP | select.POLLERR) for _, event in ready):
                self._arrivals.lose(f"{self.path} went away: the device hung up")
                return
            if any(readable == self._stop_read for readable, _ in ready):
                return


def _open_port(path: str, baud: int) -> serial.Serial:
    """Open it; one that is in use is tried again for a while: a guardian lets go of it within 2 s."""
    deadline_ns = time.monotonic_ns() + round(IN_USE_PATIENCE_S * 1e9)
    while True:
        try:
            return serial.Serial(path, baud, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            if getattr(error, "errno", None) not in IN_USE or time.monotonic_ns() > deadline_ns:
                raise _explain(path, baud, error) from None
        time.sleep(0.1)


def _explain(path: str, baud: int, error: Exception) -> DeviceError:
    code = getattr(error, "errno", None)
    if code == errno.ENOENT:
        return DeviceError(
            f"there is no port {path}", "list the ports with `asicrc devices`; is the cable plugged in?"
        )
    if code in (errno.EACCES, errno.EPERM):
        return DeviceError(
            f"no permission to open {path}",
            "add yourself to its group (often `sudo usermod -aG dialout $USER`) and log in again",
        )
    if code in IN_USE:
        return DeviceError(
            f"{path} is in use by another program", "close the other program (miner, terminal)"
        )
    if isinstance(error, ValueError):
        return DeviceError(f"{path} cannot be opened at {baud} baud: {error}", "try another ?baud=")
    return DeviceError(f"{path} cannot be opened as a serial port: {error}", "is it a serial device?")
