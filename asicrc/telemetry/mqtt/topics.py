"""The topics, and the names that stand in them. A rig is one device on one machine.

PREFIX/RIG/availability                      online or offline, retained; offline is also the last will
PREFIX/RIG/state                             how the capture stands, retained
PREFIX/RIG/captures/CAPTURE/about            which capture is being sent, retained while it is
PREFIX/RIG/captures/CAPTURE/rows/TABLE       rows that are only ever added, in batches
PREFIX/RIG/captures/CAPTURE/changes          rows that are replaced: points, and what the file says of itself
PREFIX/RIG/captures/CAPTURE/end              the source is sealed: why, and the digest of its content
PREFIX/RIG/captures/CAPTURE/ack/COLLECTOR    what a collector has on its disk
PREFIX/RIG/clock/ask/COLLECTOR               what time is it with you?
PREFIX/RIG/clock/answer/COLLECTOR            clock anchor of the rig, taken when it was asked
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path

from asicrc.errors import UsageError

ONLINE, OFFLINE = "online", "offline"
LONGEST_PREFIX = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_CAPTURE = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class RigTopics:
    """Of one rig."""

    prefix: str
    rig: str

    @property
    def availability(self) -> str:
        return f"{self.prefix}/{self.rig}/availability"

    @property
    def state(self) -> str:
        return f"{self.prefix}/{self.rig}/state"

    def clock(self, what: str, collector: str = "+") -> str:
        """`what` is `ask` or `answer`."""
        return f"{self.prefix}/{self.rig}/clock/{what}/{collector}"

    def of_capture(self, capture: str, *parts: str) -> str:
        """`about`, `rows` and the table, `changes`, `end`, or `ack` and the collector."""
        return "/".join((self.prefix, self.rig, "captures", capture, *parts))


def is_rig_name(name: str) -> bool:
    """Whether it may stand in a topic, and name a folder."""
    return _NAME.fullmatch(name) is not None


def is_capture_name(name: str) -> bool:
    return _CAPTURE.fullmatch(name) is not None


def checked_prefix(prefix: str) -> str:
    """What topics may begin with. Raises UsageError."""
    odd = any(c in "+#$" or not c.isprintable() or c.isspace() for c in prefix)
    if odd or not prefix.strip("/") or "//" in prefix or len(prefix) > LONGEST_PREFIX:
        raise UsageError(
            f"{prefix[:100]!r} cannot begin topics",
            f"letters, digits and /, at most {LONGEST_PREFIX} of them",
        )
    return prefix


def checked_rig(name: str) -> str:
    """Raises UsageError."""
    if not is_rig_name(name):
        raise UsageError(
            f"{name[:80]!r} cannot name a rig", "a to z, 0 to 9, - and _, at most 64, a letter or digit first"
        )
    return name


def usual_rig(device_url: str) -> str:
    """The machine's name and the device's: two devices on one machine are two rigs."""
    scheme, _, target = device_url.partition("?")[0].partition(":")
    host = socket.gethostname().partition(".")[0]
    words = re.sub(r"[^a-z0-9]+", "-", f"{host}-{scheme}-{Path(target).name}".lower()).strip("-")
    return words[:64].rstrip("-") or "rig"
