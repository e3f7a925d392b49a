"""AxeOS (ESP-Miner) as a MinerControl: Bitaxe and LV06-class boards, from v2.0 to the present.

Run against emulators and recorded replies only: no such board has been attached yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asicrc.bench.envelope import Envelope
from asicrc.devices.network import axeos_pools
from asicrc.devices.network.axeos_client import AxeosClient
from asicrc.devices.network.axeos_readings import observation, setpoints
from asicrc.devices.network.control import Habits, Observation, PointedBy, ServerAddress
from asicrc.devices.network.setting_steps import (
    FAN,
    FREQUENCY,
    VOLTAGE,
    check_requested,
    checked_originals,
    ordered_steps,
    possible,
    within_limits,
)
from asicrc.devices.network.waiting import Waiting
from firmware_protocols.axeos import AxeosInfo, AxeosSettings, unmet
from firmware_protocols.device import Capability, Clock, DeviceIdentity, DeviceLost, Setting, SettingRefused
from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.json_values import JsonObject
from firmware_protocols.stratum_v1 import SHA256D

TICKET_DIFFICULTY = 256.0
"""Fixed in every ESP-Miner (main/device_config.h, and v2.1.8 bm1366.c): nothing easier is ever reported."""
FALL_BACK_MHZ = 50.0
"""Where v2.1 to v2.10 leave a miner that overheated (main/tasks/power_management_task.c)."""
REACHES_WITHIN_MHZ = 7.0
"""The PLL's own rounding."""
FOLLOWS_WITHIN_MV = 120.0
"""A regulator measures less than it was set to while the chip draws current; more than this is no drop."""
SETTLES_WITHIN_S = 15.0
AUTO_FAN = "auto_fan"

_REFUSALS = (SettingRefused, DeviceLost, RemoteProtocolError)


class AxeosControl:
    """Implements `MinerControl`. Made by `asicrc.devices.network.opening`.

    `can_set_power` False: clock and voltage are looked at only, as no limits are known for the board.
    """

    def __init__(
        self,
        client: AxeosClient,
        identity: DeviceIdentity,
        envelope: Envelope,
        waiting: Waiting,
        clock: Clock,
        *,
        can_set_power: bool = True,
    ) -> None:
        self.log = client.log
        self.identity = identity
        self.envelope = envelope
        self.habits = Habits(
            SHA256D,
            usual_difficulty=TICKET_DIFFICULTY,
            lowest_difficulty=TICKET_DIFFICULTY,
            fall_back_mhz=FALL_BACK_MHZ,
        )
        self._client = client
        self._profile = client.profile
        self._waiting = waiting
        self._clock = clock
        self._can_set_power = can_set_power
        self._originals: dict[str, float] = {}
        self._changed: set[str] = set()
        self._back: axeos_pools.WayBack | None = None
        self._pointed = False

    @property
    def capabilities(self) -> dict[str, Capability]:
        power = None if self._can_set_power else Capability.NONE
        return {
            FREQUENCY: power or self._profile.settings["frequency_mhz"],
            VOLTAGE: power or self._profile.settings["core_voltage_mv"],
            FAN: self._profile.settings[AUTO_FAN],
        }

    def check(self, requested: Mapping[str, float]) -> None:
        settable = {name for name, how in self.capabilities.items() if how is not Capability.NONE}
        check_requested(requested, settable, self.envelope, f"this miner ({self._profile.name})")
        for name in (FREQUENCY, VOLTAGE, FAN):
            if name in requested:
                self._client.check(_settings(name, requested[name]))

    def originals(self) -> list[Setting]:
        self._originals = setpoints(self._client.info(), self._profile)
        now_ns = self._clock.now_ns()
        return [Setting(now_ns, name, None, value, "original") for name, value in self._originals.items()]

    def adopt_originals(self, settings: list[Setting], kept: JsonObject | None) -> None:
        self._originals = checked_originals(settings, possible(auto_fan=(0.0, 1.0)))
        left_alone = [] if self._can_set_power else [n for n in (FREQUENCY, VOLTAGE) if n in self._originals]
        for name in left_alone:
            del self._originals[name]
        if left_alone:
            self.log.append(
                f"{' and '.join(left_alone)} of the capture are left out: no limits are known for this board"
            )
        self._changed = set(self._originals)
        if kept is not None:
            self._back = axeos_pools.from_json(kept)
            self._pointed = True

    def pointed_by(self) -> PointedBy:
        return PointedBy.RESTART

    def kept(self, server: ServerAddress) -> JsonObject:
        self._back = axeos_pools.way_back(self._client.info(), self._profile)
        return axeos_pools.to_json(self._back)

    def by_hand(self, server: ServerAddress) -> str:
        return (
            f"set its pool to host {server.host}, port {server.port}, any user, in its web page; restart it"
        )

    def point_to(self, server: ServerAddress, user: str | None, requested: Mapping[str, float]) -> None:
        info = self._client.info()
        if self._back is None:
            self._back = axeos_pools.way_back(info, self._profile)
        here = axeos_pools.pointing(info, self._profile, self._back, server, user)
        self._client.check(here)
        self.log.append(axeos_pools.in_words(self._profile, self._back))
        self._before_a_restart(requested)
        self._pointed = True
        self._client.change(here)
        self._client.restart()
        self._client.confirm(here)

    def pointed_by_hand_to(self, server: ServerAddress) -> None:
        """Its answers tell by themselves whether it mines at its fall-back pool."""

    def is_pointed_to(self, server: ServerAddress) -> bool:
        info = self._client.info()
        pool = info.primary_pool
        if self._profile.lists_pools:
            slot = info.primary_pool_index
            pool = next((listed for listed in info.pools or () if listed.slot == slot), None)
        return pool is not None and (pool.host, pool.port) == (server.host, server.port)

    def has_pools(self, kept: JsonObject) -> bool:
        return not unmet(axeos_pools.from_json(kept).settings, self._client.info())

    def configure(self, requested: Mapping[str, float]) -> list[Setting]:
        if not self._pointed:  # by its owner: then there was no restart yet
            self._before_a_restart(requested)
            if self._clock_needs_restart and self._changed & {FREQUENCY, AUTO_FAN}:
                self._client.restart()
        elif self._clock_needs_restart and self._has_other_clock(requested):  # from point to point
            self._before_a_restart(requested)
            self._client.restart()
        self._go_to({name: requested[name] for name in (FREQUENCY, VOLTAGE) if name in requested})
        now = setpoints(self._client.info(), self._profile)
        if FAN in requested and now.get(FAN) != requested[FAN]:  # of a miner at work already
            self._changed |= {FAN, AUTO_FAN}
            info = self._client.change(AxeosSettings(auto_fan=False, fan_percent=int(requested[FAN])))
            now = setpoints(info, self._profile)
        now_ns = self._clock.now_ns()
        return [Setting(now_ns, name, value, now.get(name)) for name, value in requested.items()]

    def observe(self) -> Observation:
        return observation(
            self._client.info(),
            self._profile,
            self._clock.now_ns(),
            chips=self.identity.chips,
            pool_slot=self._pool_slot if self._profile.lists_pools else None,
            pointed=self._pointed,
        )

    def calm(self) -> None:
        """The clock goes to its lowest at once: a step that makes less heat needs no other before it."""
        self._client.await_answer()
        self._changed |= {FREQUENCY, FAN, AUTO_FAN}
        self._client.change(
            AxeosSettings(frequency_mhz=self.envelope.coolest_mhz, auto_fan=False, fan_percent=100)
        )
        if self._clock_needs_restart:
            self._client.restart()

    def restore(self, *, overheated: bool) -> list[Setting]:
        goal = {name: value for name, value in self._originals.items() if name in self._changed}
        goal = within_limits(goal, self.envelope, self.log)
        power = {name: goal[name] for name in (FREQUENCY, VOLTAGE) if name in goal}
        fan = {name: goal[name] for name in (FAN, AUTO_FAN) if name in goal}
        asked = power | fan
        if (asked or self._pointed) and not self._answers():
            now_ns, names = self._clock.now_ns(), {"own_pools": 1.0} if self._pointed else {}
            return [Setting(now_ns, name, v, None, "restored") for name, v in (asked | names).items()]
        if overheated:
            power, fan = self._no_hotter(power), {}
        pools: list[Setting] = []
        if self._clock_needs_restart:
            self._try(lambda: self._before_a_restart(power))
        else:
            self._try(lambda: self._go_to(power))
        self._try(lambda: self._restore_fan(fan))
        if self._pointed and self._back is not None:
            pools = [self._restore_pools(self._back)]
        elif self._clock_needs_restart and (power | fan).keys() & {FREQUENCY, AUTO_FAN}:
            self._try(self._client.restart)
        if self._clock_needs_restart:
            self._try(lambda: self._after_a_restart(power))
        return [*self._read_back(asked), *pools]

    def close(self) -> None:
        self._client.close()

    @property
    def _clock_needs_restart(self) -> bool:
        return self._profile.settings["frequency_mhz"] is Capability.RESTART

    @property
    def _pool_slot(self) -> int | None:
        """Our place in the miner's pool list, None where it has none."""
        if self._back is None:
            return None
        lent = self._back.settings.pools
        return lent[0].slot if lent else self._back.empty_slot

    def _answers(self) -> bool:
        """Once it is up again, where it restarts."""
        try:
            self._client.await_answer()
        except _REFUSALS as error:
            self.log.append(f"not restored: {error}")
            return False
        return True

    def _before_a_restart(self, requested: Mapping[str, float]) -> None:
        """The fan before everything else; and on firmware that reads the clock at its start, the clock, the
        voltage before it where both rise."""
        if FAN in requested:
            self._changed |= {FAN, AUTO_FAN}
            self._client.change(AxeosSettings(auto_fan=False, fan_percent=int(requested[FAN])))
        if not self._clock_needs_restart or FREQUENCY not in requested:
            return
        now = setpoints(self._client.info(), self._profile)
        if now.get(FREQUENCY) == requested[FREQUENCY]:
            return
        voltage = requested.get(VOLTAGE)
        if voltage is not None and voltage > now.get(VOLTAGE, voltage):
            self._go_to({VOLTAGE: voltage})
        self._changed.add(FREQUENCY)
        self._client.change(_settings(FREQUENCY, requested[FREQUENCY]))

    def _after_a_restart(self, power: Mapping[str, float]) -> None:
        """A clock that was not stored before it needs another one: the chip still runs at the old one."""
        if self._has_other_clock(power):
            self._before_a_restart(power)
            self._client.restart()
        self._go_to(power)

    def _has_other_clock(self, requested: Mapping[str, float]) -> bool:
        now = setpoints(self._client.info(), self._profile)
        return FREQUENCY in requested and now.get(FREQUENCY) != requested[FREQUENCY]

    def _go_to(self, goal: Mapping[str, float]) -> None:
        """Step by step, each stored, read back and followed. Raises SettingRefused where one is not."""
        if not goal:
            return
        info = self._client.info()
        for name, value in ordered_steps(setpoints(info, self._profile), goal, self.envelope):
            if name == VOLTAGE:
                self._check_heat(info)
            self._changed.add(name)
            info = self._client.change(_settings(name, value))
            if name == FREQUENCY:
                self._await_following(name, "frequency_actual_mhz", value, REACHES_WITHIN_MHZ)
            else:
                self._waiting.pause(self.envelope.step_mv_interval_s or 0.0)
                self._await_following(name, "core_voltage_actual_mv", value, FOLLOWS_WITHIN_MV)

    def _check_heat(self, info: AxeosInfo) -> None:
        if info.chip_temp_c is None:
            raise SettingRefused(
                "no temperature can be read, so no voltage is written: is the miner paused, or its chip "
                "without power?"
            )
        limit = self.envelope.temperature_c
        if limit is not None and info.chip_temp_c > limit:
            raise SettingRefused(
                f"the chip is at {info.chip_temp_c:g} degC, above {limit:g} degC: no voltage is written"
            )

    def _await_following(self, name: str, member: str, value: float, within: float) -> None:
        """Until the miner measures what is stored; firmware that does not measure it is believed.

        A miner that does not hash, for want of a pool, goes there when it does.
        """
        measured: float | None = None

        def is_there() -> bool:
            nonlocal measured
            info = self._client.info()
            measured = getattr(info, member)
            if info.mining_paused or not info.hash_rate_ghs:
                return True
            return not measured or abs(measured - value) <= within

        if not self._waiting.until(is_there, SETTLES_WITHIN_S):
            raise SettingRefused(f"{name}: {value:g} is stored, but the miner measures {measured:g}")

    def _no_hotter(self, goal: Mapping[str, float]) -> dict[str, float]:
        self.log.append("it had overheated: clock, voltage and fan are left where they make no more heat")
        try:
            now = setpoints(self._client.info(), self._profile)
        except (DeviceLost, RemoteProtocolError) as error:
            self.log.append(f"not restored: {error}")
            return {}
        return {name: min(value, now.get(name, value)) for name, value in goal.items()}

    def _restore_fan(self, fan: Mapping[str, float]) -> None:
        if not fan:
            return
        auto = fan.get(AUTO_FAN)
        self._client.change(
            AxeosSettings(
                auto_fan=None if auto is None else bool(auto),
                fan_percent=int(fan[FAN]) if FAN in fan else None,
            )
        )

    def _restore_pools(self, back: axeos_pools.WayBack) -> Setting:
        """Its own pools, by a restart."""
        try:
            self._client.change(back.settings)
            if back.empty_slot is not None:
                self._client.empty(back.empty_slot)
            self._client.restart()
            self._client.confirm(back.settings)
        except _REFUSALS as error:
            self.log.append(f"its own pools are not restored: {error}")
            return Setting(self._clock.now_ns(), "own_pools", 1.0, None, "restored")
        self._pointed = False
        return Setting(self._clock.now_ns(), "own_pools", 1.0, 1.0, "restored")

    def _read_back(self, goal: Mapping[str, float]) -> list[Setting]:
        if not goal:
            return []
        now: dict[str, float] = {}
        try:
            now = setpoints(self._client.info(), self._profile)
        except (DeviceLost, RemoteProtocolError) as error:
            self.log.append(f"not restored: {error}")
        now_ns = self._clock.now_ns()
        return [Setting(now_ns, name, value, now.get(name), "restored") for name, value in goal.items()]

    def _try(self, step: Callable[[], None]) -> None:
        """The way back goes on where one step of it fails: what is read back at the end shows it."""
        try:
            step()
        except _REFUSALS as error:
            self.log.append(f"not restored: {error}")


def _settings(name: str, value: float) -> AxeosSettings:
    """One of clock, core voltage and fan; whole numbers as such."""
    whole = float(value).is_integer()
    if name == FREQUENCY:
        return AxeosSettings(frequency_mhz=int(value) if whole else value)
    if not whole:
        raise SettingRefused(f"{name} = {value:g}: this firmware takes whole numbers; nothing was written")
    return (
        AxeosSettings(core_voltage_mv=int(value))
        if name == VOLTAGE
        else AxeosSettings(fan_percent=int(value))
    )
