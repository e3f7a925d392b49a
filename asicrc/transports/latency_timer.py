"""The latency timer of a USB serial adapter: read, lowered while the line is open, put back."""

from __future__ import annotations

from pathlib import Path

import serial

from asicrc.transports.transport import LatencyTimer

LOWEST_MS = 1
"""An FTDI adapter holds bytes back for 16 ms unless told otherwise (linux:drivers/usb/serial/ftdi_sio.c)."""
TTY_CLASS = Path("/sys/class/tty")


class AdapterLatency:
    """The timer of one open port. `timer` says what was found and what it is now."""

    def __init__(self, port: serial.Serial, path: str) -> None:
        self._port = port
        self._node = TTY_CLASS / Path(path).resolve().name / "device" / "latency_timer"
        found_ms = self._read()
        self._by_flag = False
        if found_ms is not None and found_ms > LOWEST_MS:
            self._lower()
        self.timer = LatencyTimer(found_ms, self._read())

    def put_back(self) -> None:
        """Set the timer as it was found. An adapter that was unplugged meanwhile has nothing to put back."""
        found_ms = self.timer.found_ms
        if found_ms is None or found_ms == self.timer.now_ms:
            return
        if self._by_flag:
            self._flag(low=False)
        else:
            self._write(found_ms)

    def _lower(self) -> None:
        """Through the file where this user may write it, else through the port's low-latency flag."""
        if not self._write(LOWEST_MS):
            self._by_flag = self._flag(low=True)

    def _read(self) -> int | None:
        try:
            return int(self._node.read_text())
        except (OSError, ValueError):
            return None  # no such attribute: not an FTDI adapter

    def _write(self, milliseconds: int) -> bool:
        try:
            self._node.write_text(f"{milliseconds}\n")
        except OSError:
            return False  # root may, others as udev says
        return True

    def _flag(self, *, low: bool) -> bool:
        try:
            self._port.set_low_latency_mode(low)
        except (ValueError, NotImplementedError):
            return False  # the driver does not know the flag: the timer that is read back says so
        return True
