"""Putting a device back at the end of a session, on every way out, and keeping whether that worked."""

from __future__ import annotations

from collections.abc import Callable

from asicrc.capture.recorder import Recorder
from asicrc.capture.schema import RESTORED_KEY
from asicrc.errors import AsicrcError, ExitCode
from firmware_protocols.device import DeviceLost, DeviceProtocol, SafetyStop, Setting, SettingRefused
from firmware_protocols.errors import ProtocolError

_FAILURES = (DeviceLost, SafetyStop, SettingRefused, ProtocolError, AsicrcError)


def originals_of(settings: list[Setting]) -> list[Setting]:
    """The newest originals in a capture's settings, and what was restored since.

    A session that went on with a capture whose device had been put back read them anew.
    """
    last = next((i for i in range(len(settings) - 1, -1, -1) if settings[i].kind == "original"), None)
    if last is None:
        return []
    first = last
    while first and settings[first - 1].kind == "original":
        first -= 1
    return [s for s in settings[first:] if s.kind in ("original", "restored")]


class WayBack:
    """Of one device. `touched` says whether anything was written that has to be put back."""

    def __init__(self, device: DeviceProtocol, recorder: Recorder) -> None:
        self._device = device
        self._recorder = recorder
        self.touched = False
        self.restored: bool | None = None
        """Whether it was; None where nothing was written."""
        self.not_restored: tuple[str, ...] = ()
        """Settings that were not read back as they had been."""

    def restore(self, ended: tuple[str, ExitCode]) -> tuple[str, ExitCode]:
        return self._go(ended, self._device.restore)

    def make_safe(self, ended: tuple[str, ExitCode]) -> tuple[str, ExitCode]:
        """After a stop for safety, instead of `restore`."""
        return self._go(ended, self._device.make_safe)

    def restore_without_storage(self, error: BaseException) -> None:
        """Where the session fails by itself; what was not put back is said with the error."""
        if not self.touched:
            return
        try:
            failed = [setting.name for setting in self._device.restore() if not setting.came_true]
        except _FAILURES as lost:
            failed = [str(lost)]
        self.restored = not failed
        if failed:
            said = f"the device was not restored either: {', '.join(failed)}"
            error.add_note(said)
            if isinstance(error, AsicrcError):
                error.hint += f"; {said}"

    def _go(self, ended: tuple[str, ExitCode], way: Callable[[], list[Setting]]) -> tuple[str, ExitCode]:
        """Restore, then keep with the capture whether that worked: `asicrc restore` asks for it.

        The first reason of the end stays; only one that was none gives way to a device that could not be put
        back.
        """
        settings: list[Setting] = []
        if self.touched:
            self.restored = False
            said = ""
            try:
                settings = way()
                self.not_restored = tuple(dict.fromkeys(s.name for s in settings if not s.came_true))
                self.restored = way == self._device.restore and not self.not_restored
            except DeviceLost as error:
                said = f"device lost: {error}"
            except _FAILURES as error:
                said = f"the device was not put back: {error}"
            if said:
                self._recorder.log(said, "error")
            if not self.restored and ended[1] in (ExitCode.OK, ExitCode.INTERRUPTED):
                code = ExitCode.DEVICE if said.startswith("device lost") else ExitCode.REFUSED
                ended = said or f"{ended[0]}, but the device was not put back", code
        # Storage comes after the device: it may be what failed.
        if ended[1] is not ExitCode.OK:
            self._recorder.log(ended[0], "error")
        self._recorder.settings(settings)
        self._recorder.last_words()
        if self.restored is not None:
            self._recorder.meta(RESTORED_KEY, self.restored)
        return ended
