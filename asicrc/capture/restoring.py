"""After a kill: put the device back as its capture found it, and seal the capture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asicrc.capture.reader import load
from asicrc.capture.schema import RESTORED_KEY
from asicrc.capture.writer import CaptureWriter
from asicrc.clock import MACHINE_CLOCK, boot_id
from asicrc.devices import Circumstances, open_device
from asicrc.errors import BadFile, DeviceError, Refused, UsageError
from firmware_protocols.device import DeviceIdentity, DeviceProtocol, SettingRefused

DIRECT = ("serial:", "bitaxe-raw:")
"""Lines that a capture may name: a file does not get to reach into a network."""
NETWORK = ("axeos:", "cgminer:", "luxos:", "goldshell:")


def restore_from(
    path: Path, device_url: str | None = None, circumstances: Circumstances | None = None
) -> dict[str, Any]:
    """Restore the device of a capture that did not do so itself.

    Returns `settings`, `restored` and what became of the `file`. The same number of chips of the same model
    has to answer. Raises UsageError for a capture that has nothing to restore, BadFile, DeviceError, Refused
    for originals that no such chip can have had.
    """
    with load(path) as capture:
        sealed, identity, settings = capture.sealed, capture.identity, capture.settings()
        was_restored = capture.meta.get(RESTORED_KEY) is True
    originals = [setting for setting in settings if setting.kind == "original"]
    if identity is None or not originals:
        raise UsageError(
            f"{path} holds no original settings to put back",
            "the session ended before it wrote any, or the file was imported",
        )
    if sealed and was_restored and device_url is None:
        raise UsageError(
            f"the session of {path} restored the device itself before it ended",
            "name the device with --device to put its settings back all the same",
        )
    with open_device(device_url or _recorded_line(identity, path), circumstances) as device:
        _same_device(device, identity, path)
        try:
            device.adopt_originals([s for s in settings if s.kind in ("original", "restored")])
        except SettingRefused as error:
            raise Refused(
                f"{path}: {error}; nothing was written to the device",
                "the file was damaged or altered; a power cycle brings a chip back to its own defaults",
            ) from None
        restored = device.restore()
        log = device.read(device.clock.now_ns()).log
    state = "left as it was: it is sealed"
    if not sealed:
        writer = CaptureWriter.resume(
            path, t_start_ns=MACHINE_CLOCK.now_ns(), boot_id=boot_id(), reason="restored"
        )
        with writer:
            writer.add_settings(restored)
            for text in log:
                writer.add_log(text, t_ns=MACHINE_CLOCK.now_ns())
            writer.set_meta(RESTORED_KEY, all(setting.came_true for setting in restored))
            writer.seal("the session was killed; device restored and file sealed by `asicrc restore`")
        state = "sealed"
    return {
        "path": str(path),
        "file": state,
        "restored": all(setting.came_true for setting in restored),
        "settings": [{"name": s.name, "requested": s.requested, "read_back": s.read_back} for s in restored],
        "log": log,
    }


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


def _same_device(device: DeviceProtocol, recorded: DeviceIdentity, path: Path) -> None:
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


def _kind(identity: DeviceIdentity) -> tuple[object, ...]:
    return identity.family, identity.model, identity.chips, identity.details.get("board")


def _named(identity: DeviceIdentity) -> str:
    board = identity.details.get("board")
    if identity.family != "bm13xx":
        return f"{identity.family} miner ({board}, {identity.chips} x {identity.model})"
    return f"{identity.chips} x {identity.model} " + (f"on a Bitaxe {board}" if board else "on a bare line")
