"""A miner of the cgminer family with its factory's firmware (Antminer S9) as a MinerControl.

That interface tells much and sets nothing but pools, and those only where the owner allows it. Run against
emulators and recorded replies only: no such miner has been attached yet.
"""

from __future__ import annotations

from collections.abc import Mapping

from asicrc.bench.envelope import Envelope
from asicrc.devices.network import cgminer_pools
from asicrc.devices.network.cgminer_client import CgminerClient, active, is_at
from asicrc.devices.network.cgminer_readings import observation
from asicrc.devices.network.control import Habits, MinesAt, Observation, PointedBy, ServerAddress
from asicrc.devices.network.setting_steps import FREQUENCY, check_requested
from asicrc.devices.network.waiting import Waiting
from firmware_protocols.cgminer_api import Pool, S9Stats
from firmware_protocols.device import Capability, Clock, DeviceIdentity, DeviceLost, Setting, SettingRefused
from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.json_values import JsonObject
from firmware_protocols.stratum_v1 import SHA256D

USUAL_DIFFICULTY = 256.0
"""12.3 shares a second of 13.5 TH/s."""


class CgminerControl:
    """Implements `MinerControl`. Made by `asicrc.devices.network.opening`."""

    def __init__(
        self,
        client: CgminerClient,
        identity: DeviceIdentity,
        envelope: Envelope,
        waiting: Waiting,
        clock: Clock,
    ) -> None:
        self.log: list[str] = []
        self.identity = identity
        self.envelope = envelope
        self.habits = Habits(SHA256D, usual_difficulty=USUAL_DIFFICULTY)
        self._client = client
        self._waiting = waiting
        self._clock = clock
        self._kept: JsonObject | None = None
        self._server: ServerAddress | None = None
        self._pointed = False
        self._fans: set[int] = set()
        """Places of the fans that have turned since it was opened."""

    @property
    def capabilities(self) -> dict[str, Capability]:
        return {FREQUENCY: Capability.NONE, "voltage_mv": Capability.NONE, "fan_percent": Capability.NONE}

    def check(self, requested: Mapping[str, float]) -> None:
        check_requested(
            requested,
            set(),
            self.envelope,
            "the factory's interface of this miner, which only tells,",
        )

    def originals(self) -> list[Setting]:
        """Nothing of it can be changed here; the clock is kept, to tell when somebody else changes it."""
        found, now_ns = self._setpoints(self._stats()), self._clock.now_ns()
        return [Setting(now_ns, name, None, value, "original") for name, value in found.items()]

    def adopt_originals(self, settings: list[Setting], kept: JsonObject | None) -> None:
        self._kept = kept
        self._server = _server_of(kept)
        self._pointed = self._server is not None

    def pointed_by(self) -> PointedBy:
        may_write = self._client.may_write()
        if may_write is False:
            self.log.append("the miner lets this machine read only: it has to be pointed by hand")
            return PointedBy.HAND
        return PointedBy.LIVE

    def kept(self, server: ServerAddress) -> JsonObject:
        self._kept = cgminer_pools.kept(self._client.pools(), server)
        return self._kept

    def by_hand(self, server: ServerAddress) -> str:
        return (
            f"in its web page, under Miner Configuration, write {server.url} as pool 1, any worker, any "
            "password, and your own pools behind it; save; afterwards write your own pool back to its place"
        )

    def point_to(self, server: ServerAddress, user: str | None, requested: Mapping[str, float]) -> None:
        self._server = server
        self._pointed = True
        cgminer_pools.point_to(self._client, server, user)
        self.log.append("asicrc is the first of the miner's pools for now, its own ones are behind it")

    def pointed_by_hand_to(self, server: ServerAddress) -> None:
        """Which pool to look for, where its owner writes it there."""
        self._server = server

    def is_pointed_to(self, server: ServerAddress) -> bool:
        return any(is_at(pool, server) for pool in self._client.pools())

    def has_pools(self, kept: JsonObject) -> bool:
        """Never: pools are put back here without a restart, and at the end of it ours is gone."""
        return False

    def configure(self, requested: Mapping[str, float]) -> list[Setting]:
        self.check(requested)
        return []

    def observe(self) -> Observation:
        stats = self._stats()
        self._fans |= {place for place, rpm in stats.fans_rpm.items() if rpm}
        return observation(
            stats,
            self._client.summary(),
            self._clock.now_ns(),
            self._mines_at(self._client.pools()),
            self._setpoints(stats),
            self._fans,
        )

    def calm(self) -> None:
        raise SettingRefused("this firmware lets nobody slow it down: switch the miner off")

    def restore(self, *, overheated: bool) -> list[Setting]:
        return self._restore_pools()

    def close(self) -> None:
        self._client.close()

    def _restore_pools(self) -> list[Setting]:
        if not self._pointed or self._kept is None or self._server is None:
            return []
        reached: float | None = 1.0
        try:
            self._waiting.await_answer(self._client.version)
            cgminer_pools.put_back(self._client, self._kept, self._server, self._waiting)
            self._pointed = False
        except (SettingRefused, DeviceLost, RemoteProtocolError) as error:
            self.log.append(f"its own pools are not restored: {error}")
            reached = None
        return [Setting(self._clock.now_ns(), "own_pools", 1.0, reached, "restored")]

    def _stats(self) -> S9Stats:
        return self._client.stats()

    def _setpoints(self, stats: S9Stats) -> dict[str, float]:
        return {} if stats.frequency_mhz is None else {FREQUENCY: stats.frequency_mhz}

    def _mines_at(self, pools: tuple[Pool, ...]) -> MinesAt:
        now = active(pools)
        if now is None or self._server is None:
            return MinesAt.NOT_TOLD
        return MinesAt.HERE if is_at(now, self._server) else MinesAt.ELSEWHERE


def _server_of(kept: JsonObject | None) -> ServerAddress | None:
    """Where a capture that did not end in order had pointed it."""
    host, port = (kept or {}).get("server_host"), (kept or {}).get("server_port")
    if not isinstance(host, str) or not isinstance(port, int):
        return None
    return ServerAddress(host, port)
