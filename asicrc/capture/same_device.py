"""Whether the device that answers is the one that a capture is of, and which line a file may name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asicrc.errors import BadFile, DeviceError, UsageError
from firmware_protocols.device import DeviceIdentity, DeviceProtocol

DIRECT = ("serial:", "bitaxe-raw:")
"""Lines that a capture may name: a file does not get to reach into a network."""
NETWORK = ("axeos:", "cgminer:", "luxos:", "goldshell:")
TWIN = "twin"
"""Family of what runs in this process alone, on a clock of its own."""


def device_of(meta: Mapping[str, Any], identity: DeviceIdentity, path: Path) -> str:
    """URL of the device that the file names. A twin is a computation of this process: a file may name it."""
    url = meta.get("device_url")
    if _is_twin(identity) and isinstance(url, str) and url.startswith(f"{TWIN}:"):
        return url
    return _recorded_line(identity, path)


def _recorded_line(identity: DeviceIdentity, path: Path) -> str:
    """The line that the file names. A file does not get to start emulators or to read other files."""
    if identity.simulated:
        raise UsageError(
            f"{path} was captured from an emulated chip, whose line may be somebody else's by now",
            "name it with --device, if it still runs",
        )
    if identity.url.startswith(NETWORK):
        raise UsageError(
            f"{path} was captured from a miner on a network, which a file does not get to name",
            f"if it is still there, name it yourself: --device {identity.url!r}",
        )
    if not identity.url.startswith(DIRECT):
        raise BadFile(
            f"{path} names {identity.url!r} as its device, which is no line that settings are put back on",
            "name the device with --device",
        )
    return identity.url


def check_same_device(device: DeviceProtocol, recorded: DeviceIdentity, path: Path) -> None:
    """Raises DeviceError. Nothing has been written by then."""
    found = device.identity
    if _kind(found) != _kind(recorded):
        raise DeviceError(
            f"{path} was captured from {_named(recorded)}, but {_named(found)} answer here",
            "connect the device of the capture, or name it with --device; nothing was written",
        )
    if found.serial != recorded.serial:  # a file without one is of no miner that has one
        raise DeviceError(
            f"{path} was captured from another {_named(recorded)} than answers here, or on another machine",
            "name the miner of the capture with --device, where it was captured; nothing was written",
        )
    if _is_twin(found) and found.details != recorded.details:
        differs = [name for name in {*found.details, *recorded.details}
                   if found.details.get(name) != recorded.details.get(name)]  # fmt: skip
        raise DeviceError(
            f"{path} was captured from another twin: it differs in {', '.join(sorted(differs))}",
            f"leave out --device, or name the same one: {recorded.url!r}",
        )


def _is_twin(identity: DeviceIdentity) -> bool:
    """That of a chip has the family of its chip."""
    return identity.family == TWIN or identity.url.startswith(f"{TWIN}:")


def _kind(identity: DeviceIdentity) -> tuple[object, ...]:
    return identity.family, identity.model, identity.chips, identity.details.get("board")


def _named(identity: DeviceIdentity) -> str:
    board = identity.details.get("board")
    if identity.family != "bm13xx":
        kind = "twin" if identity.family == TWIN else f"{identity.family} miner"
        return f"{kind} ({board or identity.model}, {identity.chips} x {identity.model})"
    return f"{identity.chips} x {identity.model} " + (f"on a Bitaxe {board}" if board else "on a bare line")
