"""What is taken from rigs that may be anybody's."""

from __future__ import annotations

from dataclasses import dataclass

from asicrc.telemetry.mqtt.messages import LARGEST_MESSAGE_BYTES


@dataclass(frozen=True, slots=True)
class CollectLimits:
    """Of one `collect`. What is beyond is passed over, and said once."""

    rigs: int = 64
    captures_of_rig: int = 1_000
    open_captures_of_rig: int = 4
    capture_bytes: int = 16 << 30
    waiting_bytes_of_rig: int = 2 * LARGEST_MESSAGE_BYTES
    waiting_bytes: int = 16 * LARGEST_MESSAGE_BYTES
    clock_bytes_of_rig: int = 64 << 20
