"""After a kill: put the device back as its capture found it, and seal the capture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asicrc.capture.reader import load
from asicrc.capture.same_device import check_same_device, device_of
from asicrc.capture.schema import RESTORED_KEY
from asicrc.capture.way_back import originals_of
from asicrc.capture.writer import CaptureWriter
from asicrc.clock import MACHINE_CLOCK, boot_id
from asicrc.devices import Circumstances, open_device
from asicrc.errors import AsicrcError, Refused, UsageError
from firmware_protocols.device import DeviceProtocol, Setting, SettingRefused


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
        meta = capture.meta
        was_restored = meta.get(RESTORED_KEY) is True
    originals = originals_of(settings)
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
    with open_device(device_url or device_of(meta, identity, path), circumstances) as device:
        check_same_device(device, identity, path)
        restored = put_back(device, originals, path)
        now_ns = device.clock.now_ns()
        log = device.read(now_ns).log
        is_live = device.clock is MACHINE_CLOCK
    is_back = all(setting.came_true for setting in restored)
    state = "left as it was: it is sealed"
    if not sealed:
        try:
            writer = CaptureWriter.resume(
                path, t_start_ns=now_ns, boot_id=boot_id() if is_live else None, reason="restored"
            )
            with writer:
                writer.add_settings(restored)
                for text in log:
                    writer.add_log(text, t_ns=now_ns)
                writer.set_meta(RESTORED_KEY, is_back)
                writer.seal("the session was killed; device restored and file sealed by `asicrc restore`")
        except AsicrcError as error:
            error.hint += "; the device itself " + ("was put back" if is_back else "was NOT put back")
            raise
        state = "sealed"
    return {
        "path": str(path),
        "file": state,
        "restored": is_back,
        "settings": [{"name": s.name, "requested": s.requested, "read_back": s.read_back} for s in restored],
        "log": log,
    }


def put_back(device: DeviceProtocol, originals: list[Setting], path: Path) -> list[Setting]:
    """Restore a device to what a capture found. Raises Refused for originals that it cannot have had."""
    try:
        device.adopt_originals(originals)
    except SettingRefused as error:
        raise Refused(
            f"{path}: {error}; nothing was written to the device",
            "the file was damaged or altered; a power cycle brings a chip back to its own defaults",
        ) from None
    return device.restore()
