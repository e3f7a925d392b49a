"""What one miner may do to the server, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_protocols.device import NO_TIME


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Going beyond one of these ends that connection, or makes it wait; never another's."""

    connections: int = 256
    line_bytes: int = 8_192
    unread_bytes: int = 65_536
    """What a miner may leave unread, beyond what the kernel holds for it."""
    messages_per_s: float = 2_000.0
    """In the long run; a connection that sends more is read no faster. An S9 at difficulty 8 sends 393."""
    burst_messages: float = 10_000.0
    damaged_in_a_row: int = 16
    bytes_without_message: int = 65_536
    greeting_s: float = 30.0
    """From the connection to the first authorised worker."""
    idle_s: float = 3_600.0
    """Without any message. Those that are gone without a word are found out by the kernel's own probes."""
    jobs_kept: int = 64
    """Jobs of one connection that a share can be of. ESP-Miner's oldest is 16 jobs old."""
    accepted_per_s: float = 20.0
    accepted_burst: float = 300.0
    answer_within_s: float = 2.0
    """A share that is answered later is counted as answered late."""
    log_lines_per_s: float = 1.0
    log_burst: float = 200.0


class Bucket:
    """Tokens that come at a steady rate, up to `burst` of them. Times may not go back."""

    __slots__ = ("_per_ns", "_t_ns", "burst", "left")

    def __init__(self, per_s: float, burst: float) -> None:
        self.burst = burst
        self.left = burst
        self._per_ns = per_s / 1e9
        self._t_ns = NO_TIME

    def take(self, tokens: float, now_ns: int) -> float:
        """Take them even where there are too few; return how many ns it is until the debt is paid."""
        if self._t_ns != NO_TIME:
            self.left = min(self.burst, self.left + (now_ns - self._t_ns) * self._per_ns)
        self._t_ns = now_ns
        self.left -= tokens
        return max(0.0, -self.left / self._per_ns)

    def take_if_any(self, now_ns: int) -> bool:
        """Take one, if there is one."""
        if self.take(0.0, now_ns) or self.left < 1.0:
            return False
        self.left -= 1.0
        return True


class BoundedLog:
    """Lines of log at a bounded rate; what is left out is counted in the next line."""

    def __init__(self, limits: ServerLimits) -> None:
        self._bucket = Bucket(limits.log_lines_per_s, limits.log_burst)
        self._left_out = 0

    def of(self, text: str, now_ns: int) -> list[str]:
        if not self._bucket.take_if_any(now_ns):
            self._left_out += 1
            return []
        before, self._left_out = self._left_out, 0
        return [f"({before} lines were left out here) {text}" if before else text]
