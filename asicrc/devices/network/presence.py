"""Whether a miner still mines at our server, by its own words. Its limits are the supervisor's business.

Pure: observations in, DeviceLost or what the miner says is wrong out.
"""

from __future__ import annotations

from asicrc.devices.network.control import MinesAt, Observation
from firmware_protocols.device import DeviceLost

IN_A_ROW = 2
"""Observations that have to say the same: one may be of a moment, or damaged."""


class Presence:
    def __init__(self) -> None:
        self._rows: dict[str, int] = {}

    def look(self, seen: Observation) -> list[str]:
        """Faults that the miner reports. Raises DeviceLost where it mines elsewhere, or not at all."""
        if self._lasts("elsewhere", seen.mines_at is MinesAt.ELSEWHERE):
            raise DeviceLost("the miner has left asicrc's work server and mines at a pool of its own")
        if self._lasts("paused", bool(seen.paused)):
            raise DeviceLost("the miner says that it does not mine any more: it is paused, or asleep")
        faults = ["the miner's firmware says that it overheated"] if seen.overheated else []
        return faults + [f"the miner reports a fault: {fault}" for fault in seen.faults]

    def _lasts(self, what: str, is_so: bool) -> bool:
        self._rows[what] = self._rows.get(what, 0) + 1 if is_so else 0
        return self._rows[what] >= IN_A_ROW
