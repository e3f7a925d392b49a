"""Looking at a device without changing it, and measuring how well its answers are stamped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from asicrc.devices.opening import Circumstances, listening_line, open_device
from firmware_protocols.device import DeviceProtocol, Setting

PULL_NS = 50_000_000


def check_device(url: str, circumstances: Circumstances | None = None) -> dict[str, Any]:
    """Identity, settings as they stand, and the spread of register round trips. Writes no register.

    Raises DeviceError, DeviceLost, UsageError.
    """
    with open_device(url, circumstances) as device:
        identity = device.identity
        report: dict[str, Any] = {
            "device_url": url,
            "line": identity.url,
            "model": identity.model,
            "chips": identity.chips,
            "simulated": identity.simulated,
            **{name: value for name, value in identity.details.items() if value is not None},
            **_as_found(device.originals()),
            "capabilities": {name: str(value) for name, value in device.capabilities.items()},
            **device.limits,
            "jitter_floor": _floor(device),
        }
        batch = device.read(device.clock.now_ns())
        if batch.readings:
            report["readings"] = {reading.channel: reading.value for reading in batch.readings}
        report["log"] = batch.log
        return report


def check_passively(url: str, listen_s: float) -> dict[str, Any]:
    """Listen without sending a byte; report what the bytes that came are."""
    with listening_line(url) as line:
        events = received = 0
        end_ns = line.clock.now_ns() + round(listen_s * 1e9)
        while (now_ns := line.clock.now_ns()) < end_ns:
            batch = line.take(min(end_ns, now_ns + PULL_NS))
            events += len(batch.nonces)
            received += sum(len(chunk.data) for chunk in batch.wire)
        registers = line.observer.wire_counters()["frames"] - events
        return {
            "device_url": url,
            "baud": line.transport.baud,
            "latency_timer_ms": line.transport.latency_timer.now_ms,
            "listened_s": listen_s,
            "bytes": received,
            "nonce_frames": events,
            "register_frames": registers,
            **line.observer.wire_counters(),
        }


def _floor(device: DeviceProtocol) -> dict[str, Any] | None:
    floor = device.jitter_floor()
    return None if floor is None else asdict(floor)


def _as_found(settings: list[Setting]) -> dict[str, float | str | None]:
    found: dict[str, float | str | None] = {}
    for setting in settings:
        is_register = setting.name.endswith("_register") and setting.read_back is not None
        found[setting.name] = f"0x{int(setting.read_back or 0):08x}" if is_register else setting.read_back
    return found
