"""The serial line that a pseudo-terminal is not: bytes take their time, and both ends need the same speed.

A pty moves bytes at once whatever speed is set. Here a frame occupies the line for 10 bits a byte (8N1) at
the chip's speed, frames queue behind each other, and where host and chip are more than 4.5 % apart what
arrives is what a UART would have sampled.
"""

from __future__ import annotations

import fcntl
import struct
import termios

SPEED_TOLERANCE = 0.045
"""Of the two speeds' ratio: with 10 bits a byte, the last sample drifts by almost half a bit."""

BITS_PER_BYTE = 10

_TCGETS2 = 0x802C542A  # linux:include/uapi/asm-generic/ioctls.h; speeds as numbers, also odd ones
_TERMIOS2 = struct.Struct("<4I20s2I")


class Line:
    """One direction of the line: when the bytes put on it have arrived."""

    def __init__(self) -> None:
        self.free_ns = 0
        """Until when it is occupied."""

    def arrival_ns(self, offered_ns: int, n_bytes: int, baud: float) -> int:
        """When the last of `n_bytes` would be across, without putting them on the line."""
        return max(offered_ns, self.free_ns) + round(n_bytes * BITS_PER_BYTE * 1e9 / baud)

    def occupy(self, offered_ns: int, n_bytes: int, baud: float) -> int:
        """Put bytes on the line; return when the last one is across."""
        self.free_ns = self.arrival_ns(offered_ns, n_bytes, baud)
        return self.free_ns


class HostSpeed:
    """The speed that the host has set on its end of the pty."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._speed = self._read()

    def now(self) -> int:
        """Baud, 0 when the host has hung up by setting B0. Raises OSError when the terminal is gone."""
        speed = self._read()
        if not self._waiting():
            self._speed = speed
        return speed

    def of_waiting_bytes(self) -> tuple[int, ...]:
        """Speeds at which bytes that wait to be read may have been written.

        A pty does not say at which speed a byte was written: a host that writes and then changes its speed
        wrote at the old one. So both the speed seen at the last look and the present one come back.
        """
        before, self._speed = self._speed, self._read()
        return (before, self._speed)

    def _waiting(self) -> int:
        """Bytes that the host has written and that were not read: at which speed is not decided yet."""
        return int(struct.unpack("i", fcntl.ioctl(self._terminal, termios.FIONREAD, bytes(4)))[0])

    def _read(self) -> int:
        state = fcntl.ioctl(self._terminal, _TCGETS2, bytes(_TERMIOS2.size))
        return int(_TERMIOS2.unpack(state)[-1])


def speeds_agree(one: float, other: float) -> bool:
    """Whether two ends at these speeds understand each other."""
    return one > 0 and abs(other / one - 1) <= SPEED_TOLERANCE


def misheard(data: bytes, sent_baud: float, heard_baud: float) -> bytes:
    """What a UART at `heard_baud` reads of bytes sent back to back at `sent_baud`; nothing if either is 0.

    It samples every bit in its middle, counted from the falling edge of the start bit, and keeps bytes
    whose stop bit is missing, as a terminal does that does not check framing.
    """
    if sent_baud <= 0 or heard_baud <= 0:
        return b""
    levels = [
        level for byte in data for level in (0, *(byte >> bit & 1 for bit in range(BITS_PER_BYTE - 2)), 1)
    ]
    period = sent_baud / heard_baud
    heard = bytearray()
    edge = 0
    while (edge := _next_start(levels, edge)) < len(levels):
        bits = [_level(levels, edge + (bit + 1.5) * period) for bit in range(8)]
        heard.append(sum(level << bit for bit, level in enumerate(bits)))
        edge = max(edge + 1, int(edge + 9.5 * period))
        while _level(levels, edge) == 0:
            edge += 1  # a start bit begins with a falling edge, so the line has to be high first
    return bytes(heard)


def _next_start(levels: list[int], position: int) -> int:
    while position < len(levels) and levels[position]:
        position += 1
    return position


def _level(levels: list[int], position: float) -> int:
    return levels[int(position)] if position < len(levels) else 1
