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


class LeftBehind:
    """The file of one miner, from the first change to the last step of the way back."""

    def __init__(self, kept: KeptOriginals) -> None:
        self._kept = kept
        self._originals: list[Setting] = []
        self._pools_missing = False
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
            self._kept.discard()
            return None
        originals = _settings(content)
        control.adopt_originals(originals, _pools(content, server))
        self.is_left_behind = True
        log.append(
            f"a capture of {when} did not put this miner back: what it found is taken for its own settings"
        )
        return originals

    def adopt(
        self, control: MinerControl, settings: list[Setting], log: deque[str], *, pointed: bool
    ) -> None:
        """Originals out of a capture file, and the pools out of the file beside it, if it is still there."""
        content = self._kept.load() if pointed else None
        server = None if content is None else _server(content)
        pools = None if content is None or server is None else _pools(content, server)
        control.adopt_originals(settings, pools)
        if pointed and pools is None:
            self._pools_missing = True
            log.append(
                f"nothing is kept of its own pools on this machine ({self._kept.path.name} in "
                f"{self._kept.path.parent}): they were put back already, or have to be by hand"
            )

    def keep(self, control: MinerControl, server: ServerAddress, realtime_ns: int) -> None:
        """Before the first change. Raises SettingRefused where its pools could not be put back."""
        numbers: JsonObject = {s.name: s.read_back for s in self._originals if s.read_back is not None}
        self._kept.store(
            {
                "when_ns": realtime_ns,
                "server_host": server.host,
                "server_port": server.port,
                "numbers": numbers,
                "pools": control.kept(server),
            }
        )

    def forget(self) -> None:
        """The miner is as it was before."""
        self._kept.discard()
        self.is_left_behind = False

    def found(self, settings: list[Setting]) -> None:
        """What the capture found the miner set to."""
        self._originals = settings

    def after_restore(self, settings: list[Setting], t_ns: int) -> list[Setting]:
        """Forget what was kept once the pools are back; say it where they are not known to be."""
        pools = next((s for s in settings if s.name == OWN_POOLS), None)
        if pools is not None and pools.came_true:
            self.forget()
        if self._pools_missing:
            return [Setting(t_ns, OWN_POOLS, 1.0, None, "restored")]
        return []


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
    return f"{datetime.fromtimestamp(when / 1e9, UTC):%Y-%m-%d %H:%M} UTC"
