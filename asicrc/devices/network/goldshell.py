"""A Goldshell box (LB-Box) as a MinerControl: power plans and telemetry, no clock and no voltage.

Run against emulators and published replies of its sister boxes only: no LB-Box has been attached yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from asicrc.bench.envelope import Envelope
from asicrc.devices.network import goldshell_pools, goldshell_readings
from asicrc.devices.network.control import Habits, MinesAt, Observation, PointedBy, ServerAddress
from asicrc.devices.network.goldshell_client import GoldshellClient
from asicrc.devices.network.setting_steps import check_requested
from asicrc.devices.network.waiting import Waiting
from firmware_protocols.device import (
    Capability,
    Clock,
    DeviceIdentity,
    DeviceLost,
    Setting,
    SettingRefused,
)
from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.goldshell import SLEEP_LEVEL, Change, PowerPlan
from firmware_protocols.goldshell import Setting as BoxSetting
from firmware_protocols.json_values import JsonObject
from firmware_protocols.lbry import DIFFICULTY_SCALE, Lbry

PLAN, MANUAL = "power_plan", "manual_plan"
USUAL_DIFFICULTY = 4096.0
"""2.5 shares a second of 175 GH/s, where the box counts as LBRY pools do."""


class GoldshellControl:
    """Implements `MinerControl`. Made by `asicrc.devices.network.opening`."""

    def __init__(
        self,
        client: GoldshellClient,
        identity: DeviceIdentity,
        envelope: Envelope,
        waiting: Waiting,
        clock: Clock,
    ) -> None:
        self.log: list[str] = []
        self.identity = identity
        self.envelope = envelope
        self.habits = Habits(Lbry(), usual_difficulty=USUAL_DIFFICULTY, other_unit=float(DIFFICULTY_SCALE))
        self._client = client
        self._waiting = waiting
        self._clock = clock
        self._plans: tuple[PowerPlan, ...] = ()
        self._originals: dict[str, float] = {}
        self._changed = False
        self._own: list[goldshell_pools.OwnPool] | None = None
        self._server: ServerAddress | None = None
        self._pointed = False

    @property
    def capabilities(self) -> dict[str, Capability]:
        return {
            PLAN: Capability.LIVE,
            "frequency_mhz": Capability.NONE,
            "voltage_mv": Capability.NONE,
            "fan_percent": Capability.NONE,
        }

    def check(self, requested: Mapping[str, float]) -> None:
        check_requested(requested, {PLAN}, self.envelope, "a Goldshell box")
        if PLAN in requested:
            self._plan(requested[PLAN], self._plans or self._client.setting().plans)

    def originals(self) -> list[Setting]:
        setting = self._client.setting()
        self._plans = setting.plans
        self._originals = _told(setting)
        if (plan := setting.plan) is not None and _sleeps(plan):
            self.log.append("the box was found asleep: without --power-plan it stays so, and finds nothing")
        now_ns = self._clock.now_ns()
        return [Setting(now_ns, name, None, value, "original") for name, value in self._originals.items()]

    def adopt_originals(self, settings: list[Setting], kept: JsonObject | None) -> None:
        self._plans = self._client.setting().plans
        found = {s.name: s.read_back for s in settings if s.kind == "original" and s.name in (PLAN, MANUAL)}
        self._originals = {name: value for name, value in found.items() if value is not None}
        if PLAN in self._originals:  # sleep too, if that is how it was found
            _place_of(self._originals[PLAN], self._plans)
        if self._originals.get(MANUAL, 0.0) not in (0.0, 1.0):
            raise SettingRefused("the original manual_plan in the file is neither 0 nor 1")
        self._changed = bool(self._originals)
        if kept is not None:
            self._own = goldshell_pools.from_json(kept)
            host, port = kept.get("server_host"), kept.get("server_port")
            if isinstance(host, str) and isinstance(port, int):
                self._server = ServerAddress(host, port)
            self._pointed = True

    def pointed_by(self) -> PointedBy:
        return PointedBy.LIVE

    def kept(self, server: ServerAddress) -> JsonObject:
        self._own = goldshell_pools.way_back(self._client.pools(), server)
        return goldshell_pools.to_json(self._own)

    def by_hand(self, server: ServerAddress) -> str:
        return (
            f"in its web page, add {server.url} as a pool, any user, any password, and drag it above your "
            "own; delete it afterwards"
        )

    def pointed_by_hand_to(self, server: ServerAddress) -> None:
        self._server = server

    def is_pointed_to(self, server: ServerAddress) -> bool:
        return any(pool.url == server.url for pool in self._client.pools())

    def point_to(self, server: ServerAddress, user: str | None, requested: Mapping[str, float]) -> None:
        own = self._own if self._own is not None else goldshell_pools.way_back(self._client.pools(), server)
        self._own, self._server, self._pointed = own, server, True
        goldshell_pools.point_to(self._client, own, server, user)
        self.log.append("asicrc is the first of the box's pools for now, its own ones are behind it")

    def has_pools(self, kept: JsonObject) -> bool:
        """Never: pools are put back here without a restart, and at the end of it ours is gone."""
        return False

    def configure(self, requested: Mapping[str, float]) -> list[Setting]:
        self.check(requested)
        if PLAN not in requested:
            return []
        plan = self._plan(requested[PLAN], self._plans)
        self._changed = True
        told = self._client.change(Change(plan_level=plan.level)).plan
        reached = None if told is None else float(told.level)
        return [Setting(self._clock.now_ns(), PLAN, requested[PLAN], reached)]

    def observe(self) -> Observation:
        setting = self._client.setting()
        values = goldshell_readings.board_values(self._client.boards())
        now_ns, plan = self._clock.now_ns(), setting.plan
        overheat = goldshell_readings.highest(values, "overheat")
        return Observation(
            t_ns=now_ns,
            readings=tuple(goldshell_readings.readings(values, now_ns)),
            setpoints={name: value for name, value in _told(setting).items() if name == PLAN},
            temperature_c=goldshell_readings.highest(values, "temperature_c"),
            hash_rate_ghs=goldshell_readings.total(values, "hash_rate_ghs"),
            hash_rate_from_shares=True,
            overheated=None if overheat is None else bool(overheat),
            paused=plan is not None and _sleeps(plan),
            uptime_s=goldshell_readings.highest(values, "uptime_s"),
            mines_at=self._mines_at(),
        )

    def calm(self) -> None:
        """The plan that uses least without stopping, by the clock that its text tells."""
        setting = self._client.setting()
        awake = [plan for plan in setting.plans if not _sleeps(plan)]
        coolest = min(awake, key=_clock_mhz, default=None)
        if coolest is None or _clock_mhz(coolest) == float("inf"):
            raise SettingRefused("the box tells of no plan that is known to use less: switch it off")
        self._changed = True
        self._client.change(Change(plan_level=coolest.level))

    def restore(self, *, overheated: bool) -> list[Setting]:
        return [*self._restore_plan(overheated), *self._restore_pools()]

    def close(self) -> None:
        self._client.close()

    def _restore_plan(self, overheated: bool) -> list[Setting]:
        if not self._changed:
            return []
        now_ns, now = self._clock.now_ns(), dict[str, float]()
        try:
            self._waiting.await_answer(self._client.setting)
            if overheated:
                self.log.append("it had overheated: its power plan is left at the coolest")
            else:
                self._client.write(self._original_setting())
            now = _told(self._client.setting())
        except (SettingRefused, DeviceLost, RemoteProtocolError) as error:
            self.log.append(f"not restored: {error}")
        return [Setting(now_ns, name, v, now.get(name), "restored") for name, v in self._originals.items()]

    def _original_setting(self) -> BoxSetting:
        setting = self._client.setting()
        if PLAN in self._originals:
            place = _place_of(self._originals[PLAN], setting.plans)
            setting = replace(setting, select=place)
        if MANUAL in self._originals:
            setting = replace(setting, manual=bool(self._originals[MANUAL]))
        return setting

    def _restore_pools(self) -> list[Setting]:
        if not self._pointed or self._own is None:
            return []
        reached: float | None = 1.0
        try:
            self._waiting.await_answer(self._client.pools)
            goldshell_pools.put_back(self._client, self._own, self._server)
            self._pointed = False
        except (SettingRefused, DeviceLost, RemoteProtocolError) as error:
            self.log.append(f"its own pools are not restored: {error}")
            reached = None
        return [Setting(self._clock.now_ns(), "own_pools", 1.0, reached, "restored")]

    def _plan(self, level: float, plans: tuple[PowerPlan, ...]) -> PowerPlan:
        """Raises SettingRefused for a plan that the box does not have, and for sleep."""
        offered = ", ".join(f"{plan.level} ({plan.info})" for plan in plans if not _sleeps(plan))
        plan = next((plan for plan in plans if plan.level == level), None)
        if plan is None:
            raise SettingRefused(f"power_plan {level:g}: the box has none such; it has {offered}")
        if _sleeps(plan):
            raise SettingRefused(f"power_plan {level:g} is sleep: nothing would be found; others: {offered}")
        return plan

    def _mines_at(self) -> MinesAt:
        now = next((pool for pool in self._client.pools() if pool.active), None)
        if now is None or self._server is None:
            return MinesAt.NOT_TOLD
        return MinesAt.HERE if now.url == self._server.url else MinesAt.ELSEWHERE


def _told(setting: BoxSetting) -> dict[str, float]:
    """The selected plan, also where a manual one is in force: that is what it goes back to."""
    found: dict[str, float] = {}
    if 0 <= setting.select < len(setting.plans):
        found[PLAN] = float(setting.plans[setting.select].level)
    if setting.manual is not None:
        found[MANUAL] = float(setting.manual)
    return found


def _place_of(level: float, plans: tuple[PowerPlan, ...]) -> int:
    """Raises SettingRefused where the box has no such plan (any more)."""
    place = next((place for place, plan in enumerate(plans) if plan.level == level), None)
    if place is None:
        has = ", ".join(str(plan.level) for plan in plans) or "none"
        raise SettingRefused(f"power_plan {level:g} was found, and the box has none such now; it has {has}")
    return place


def _sleeps(plan: PowerPlan) -> bool:
    """By what its text says, where that can be read; by its level otherwise."""
    point = plan.operating_point
    return plan.level == SLEEP_LEVEL if point is None else point.frequency_mhz == 0


def _clock_mhz(plan: PowerPlan) -> float:
    point = plan.operating_point
    return float("inf") if point is None else point.frequency_mhz
