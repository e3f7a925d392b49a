"""The pseudo-terminal: a raw line whose far end a host opens like a serial port."""

from __future__ import annotations

import os
import tty


class Terminal:
    """Both ends of a pty. The host's end is held open too, so that hosts may come and go."""

    def __init__(self) -> None:
        self.fd, self._host_end = os.openpty()
        tty.setraw(self._host_end)
        os.set_blocking(self.fd, False)
        self.name = os.ttyname(self._host_end)

    def change_hosts_end(self) -> None:
        """As when the cable is pulled: the host's end is dead from now on, and `name` is another one."""
        fd, host_end = os.openpty()
        tty.setraw(host_end)
        os.dup2(fd, self.fd, inheritable=False)  # the same number: others wait on it
        os.close(fd)
        self.let_host_hang_up()
        self._host_end = host_end
        os.set_blocking(self.fd, False)
        self.name = os.ttyname(host_end)

    def let_host_hang_up(self) -> None:
        """Stop holding the host's end: from now on reading fails when the host closes it."""
        if self._host_end >= 0:
            os.close(self._host_end)
            self._host_end = -1

    def read(self) -> bytes | None:
        """What the host wrote; nothing if nothing waits; None when the host has hung up."""
        try:
            return os.read(self.fd, 65536)
        except BlockingIOError:
            return b""
        except OSError:
            return None  # EIO: no host has the other end open

    def write(self, data: bytes) -> int:
        """How many bytes the pty took."""
        try:
            return os.write(self.fd, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        self.let_host_hang_up()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
