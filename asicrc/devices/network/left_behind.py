"""What a capture has kept of a miner's own settings: put back, adopted by a later one, or out of date."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from asicrc.devices.network.control import MinerControl, ServerAddress
from asicrc.devices.network.kept_originals import KeptOriginals
from firmware_protocols.device import Setting
from firmware_protocols.json_values import JsonObject

OWN_POOLS = "own_pools"
SAME_WITHIN = 0.01


class LeftBehind:
    """The file of one miner, from the first change to the last step of the way back."""

    def __init__(self, kept: KeptOriginals) -> None:
        self._kept = kept
        self._originals: list[Setting] = []
        self._pools_row: float | None = None
        """What `own_pools` reads back where no pool is to be put back."""
        self._has_pools_row = False
        self._is_ours = False
        """Whether what is kept was taken or written by us: it is forgotten once all of it is back."""
        self.is_left_behind = False
        """Whether the miner still is as an earlier capture left it."""

    def held(self) -> AbstractContextManager[None]:
        """Keep other captures away. Raises DeviceError while another one has the miner."""
        return self._kept.held()

    def of_an_earlier_capture(self, control: MinerControl, log: deque[str]) -> list[Setting] | None:
        """The originals that a capture found which ended without putting the miner back; None without one.

        They count only while the miner is still pointed to that capture's server: otherwise somebody has put
        it back since, and what it has now is its own.
        """
        content = self._kept.load()
        server = None if content is None else _server(content)
        if content is None or server is None:
            return None
        when = _when(content)
        if not control.is_pointed_to(server):
            log.append(f"a capture of {when} did not put this miner back, but somebody has since")
            if changed := _differing(_settings(content), control.originals()):
                log.append(
                    f"that capture found other settings than the miner has now: {changed}. What it has now "
                    "is taken for its own; if that capture changed them, end this one and run `asicrc "
                    "restore FILE` with that one's file"
                )
            self._kept.discard()
            return None
        originals = _settings(content)
        control.adopt_originals(originals, _pools(content, server))
        self.is_left_behind = self._is_ours = True
        log.append(
            f"a capture of {when} did not put this miner back: what it found is taken for its own settings"
        )
        return originals

    def adopt(
        self, control: MinerControl, settings: list[Setting], log: deque[str], *, pointed: bool
    ) -> None:
        """Originals out of a capture file, and the pools out of the file beside it, if it is still there.

        The pools count only while the miner is still as that file's capture left it: others are its owner's.
        """
        content = self._kept.load()
        server = None if content is None else _server(content)
        pools = None if content is None or server is None else _pools(content, server)
        self._is_ours = pointed or pools is None  # pools are of another capture than one without any
        if pointed and pools is not None and server is not None:
            if control.is_pointed_to(server) or control.has_pools(pools):
                control.adopt_originals(settings, pools)
                return
            log.append("the miner is at pools of its owner again: they are left as they are")
            self._pools_row, self._has_pools_row = 1.0, True
        elif pointed and _were_put_back(settings):
            log.append("its own pools were put back already, as the capture says: they are left as they are")
        elif pointed and (back_s := self._kept.back_since_s) is not None:
            self._is_ours, self._pools_row, self._has_pools_row = False, 1.0, True
            log.append(
                f"its own pools were put back on {_utc(back_s)} by another session: they are left as they are"
            )
        elif pointed:
            self._is_ours, self._has_pools_row = False, True
            log.append(
                f"nothing is kept of its own pools on this machine ({self._kept.path.name} in "
                f"{self._kept.path.parent}): they were put back already, or have to be by hand"
            )
        control.adopt_originals(settings, None)

    def keep(
        self, control: MinerControl, server: ServerAddress, realtime_ns: int, *, by_hand: bool = False
    ) -> None:
        """Before the first change; no pools where those are changed by hand.

        Raises SettingRefused where its pools could not be put back.
        """
        numbers: JsonObject = {s.name: s.read_back for s in self._originals if s.read_back is not None}
        self._kept.store(
            {
                "when_ns": realtime_ns,
                "server_host": server.host,
                "server_port": server.port,
                "numbers": numbers,
                "pools": None if by_hand else control.kept(server),
            }
        )
        self._is_ours = True

    def forget(self) -> None:
        """The miner is as it was before."""
        self._kept.discard()
        self.is_left_behind = False

    def found(self, settings: list[Setting]) -> None:
        """What the capture found the miner set to."""
        self._originals = settings

    def after_restore(self, settings: list[Setting], t_ns: int) -> list[Setting]:
        """Forget what was kept once the pools are back, or all of it where those are not ours to put back;
        say it where they are not known to be."""
        pools = [setting for setting in settings if setting.name == OWN_POOLS]
        if self._is_ours and all(setting.came_true for setting in pools or settings):
            self.forget()
        if self._has_pools_row:
            return [Setting(t_ns, OWN_POOLS, 1.0, self._pools_row, "restored")]
        return []


def _were_put_back(settings: list[Setting]) -> bool:
    """Whether the capture's own last word on the pools is that they were."""
    rows = [setting for setting in settings if setting.name == OWN_POOLS and setting.kind == "restored"]
    return bool(rows) and rows[-1].came_true


def _differing(found: list[Setting], now: list[Setting]) -> str:
    """In words, empty where nothing does; measured values scatter by a little."""
    is_now = {setting.name: setting.read_back for setting in now}
    words = []
    for setting in found:
        then, value = setting.read_back, is_now.get(setting.name)
        if then is not None and value is not None and abs(value - then) > SAME_WITHIN * abs(then):
            words.append(f"{setting.name} was {then:g}, is {value:g}")
        elif then is not None and value is None:
            words.append(f"{setting.name} was {then:g}, is not told")
    return "; ".join(words)


def _server(content: JsonObject) -> ServerAddress | None:
    host, port = content.get("server_host"), content.get("server_port")
    return ServerAddress(host, port) if isinstance(host, str) and isinstance(port, int) else None


def _pools(content: JsonObject, server: ServerAddress) -> JsonObject | None:
    pools = content.get("pools")
    if not isinstance(pools, dict):
        return None
    return pools | {"server_host": server.host, "server_port": server.port}


def _settings(content: JsonObject) -> list[Setting]:
    numbers = content.get("numbers")
    when = content.get("when_ns")
    t_ns = when if isinstance(when, int) else 0
    return [
        Setting(t_ns, name, None, float(value), "original")
        for name, value in (numbers.items() if isinstance(numbers, dict) else ())
        if isinstance(value, int | float)
    ]


def _when(content: JsonObject) -> str:
    when = content.get("when_ns")
    if not isinstance(when, int):
        return "an unknown time"
    return _utc(when / 1e9)


def _utc(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
