"""An Antminer S9 with LuxOS as a MinerControl: clock and supply voltage of its boards, live.

Every change is made in a session of LuxOS, which has one at a time; it is given back after each. Run against
emulators and Luxor's published replies only: no such miner has been attached yet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from asicrc.bench.envelope import Envelope
from asicrc.devices.network import luxos_boards
from asicrc.devices.network.cgminer import CgminerControl
from asicrc.devices.network.cgminer_client import CgminerClient
from asicrc.devices.network.luxos_boards import BoardState
from asicrc.devices.network.setting_steps import (
    FREQUENCY,
    VOLTAGE,
    check_requested,
    checked_originals,
    ordered_steps,
    within_limits,
)
from asicrc.devices.network.waiting import Waiting
from firmware_protocols.cgminer_api import S9Stats
from firmware_protocols.device import Capability, Clock, DeviceIdentity, DeviceLost, Setting, SettingRefused
from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.json_values import JsonObject

_NAME = re.compile(r"board(\d{1,2})_(frequency_mhz|voltage_mv)", re.ASCII)
_RANGES = {FREQUENCY: (10.0, 2000.0), VOLTAGE: (1000.0, 30_000.0)}


class LuxosControl(CgminerControl):
    """Implements `MinerControl`. Made by `asicrc.devices.network.opening`."""

    def __init__(
        self,
        client: CgminerClient,
        identity: DeviceIdentity,
        envelope: Envelope,
        waiting: Waiting,
        clock: Clock,
    ) -> None:
        super().__init__(client, identity, envelope, waiting, clock)
        self._boards: dict[int, dict[str, float]] = {}
        """What was found, by board; of a board whose chips were tuned one by one without a clock."""
        self._tuned: list[BoardState] = []
        self._changed: set[str] = set()

    @property
    def capabilities(self) -> dict[str, Capability]:
        return {FREQUENCY: Capability.LIVE, VOLTAGE: Capability.LIVE, "fan_percent": Capability.NONE}

    def check(self, requested: Mapping[str, float]) -> None:
        check_requested(requested, {FREQUENCY, VOLTAGE}, self.envelope, "LuxOS")

    def originals(self) -> list[Setting]:
        found = luxos_boards.states(self._client)
        self._boards = {state.board: _settings_of(state) for state in found}
        self._tuned = [state for state in found if state.frequency_mhz is None]
        now_ns = self._clock.now_ns()
        return [
            Setting(now_ns, f"board{board}_{name}", None, value, "original")
            for board, values in self._boards.items()
            for name, value in values.items()
        ]

    def adopt_originals(self, settings: list[Setting], kept: JsonObject | None) -> None:
        super().adopt_originals(settings, kept)
        ranges = {
            setting.name: _RANGES[match[2]]
            for setting in settings
            if (match := _NAME.fullmatch(setting.name)) is not None
        }
        self._boards = {}
        for name, value in checked_originals(settings, ranges).items():
            match = _NAME.fullmatch(name)
            if match is not None:
                self._boards.setdefault(int(match[1]), {})[match[2]] = value
        there = {state.board for state in luxos_boards.states(self._client)}
        strange = sorted(set(self._boards) - there)
        if strange:
            raise SettingRefused(
                f"the file has settings of board {strange[0]}, which this miner does not have"
            )
        self._changed = {name for values in self._boards.values() for name in values}

    def configure(self, requested: Mapping[str, float]) -> list[Setting]:
        self.check(requested)
        if not requested:
            return []
        self._check_way_back(requested)
        settings: dict[str, Setting] = {}
        with self._client.luxos_session(self.log, self._waiting) as session:
            for state in luxos_boards.states(self._client):
                for name, reached in self._go_to(session, state, requested).items():
                    settings[f"{name}/{state.board}"] = Setting(
                        self._clock.now_ns(), name, requested[name], reached
                    )
        return list(settings.values())

    def calm(self) -> None:
        """Every board, also where one before it does not go."""
        self._changed.add(FREQUENCY)
        failed: list[str] = []
        coolest_mhz = self.envelope.coolest_mhz
        with self._client.luxos_session(self.log, self._waiting) as session:
            for device in self._client.devices():  # whether a board tells its clock does not matter here
                try:
                    luxos_boards.set_frequency(
                        self._client,
                        session,
                        device.number,
                        coolest_mhz,
                        self.envelope.frequency_mhz,
                        self._waiting,
                    )
                except (SettingRefused, DeviceLost, RemoteProtocolError) as error:
                    failed.append(str(error))
        if failed:
            raise SettingRefused("; ".join(failed))

    def restore(self, *, overheated: bool) -> list[Setting]:
        done = self._restore_boards(overheated) if self._changed else []
        return [*done, *self._restore_pools()]

    def _restore_boards(self, overheated: bool) -> list[Setting]:
        if overheated:
            self.log.append("it had overheated: clock and voltage are left where they make no more heat")
        after: dict[int, dict[str, float]] = {}
        try:
            self._waiting.await_answer(self._client.version)
            with self._client.luxos_session(self.log, self._waiting) as session:
                for board, original in self._boards.items():
                    goal = {name: value for name, value in original.items() if name in self._changed}
                    goal = within_limits(goal, self.envelope, self.log)
                    self._try(session, board, goal, overheated)
            self._client.version()  # one that is gone is not asked for each board
            after = {board: self._after(board) for board in self._boards}
        except (SettingRefused, DeviceLost, RemoteProtocolError) as error:
            self.log.append(f"not restored: {error}")
        return [
            self._restored(board, name, value, after.get(board, {}).get(name))
            for board, values in self._boards.items()
            for name, value in values.items()
            if name in self._changed
        ]

    def _try(self, session: str, board: int, goal: Mapping[str, float], overheated: bool) -> None:
        """One board that does not go back, or does not say where it is, keeps no other from it."""
        try:
            state = luxos_boards.state_of(self._client, board)
            if overheated:
                now = _settings_of(state)
                goal = {name: min(value, now.get(name, value)) for name, value in goal.items()}
            self._go_to(session, state, goal)
        except (SettingRefused, DeviceLost, RemoteProtocolError) as error:
            self.log.append(f"not restored: {error}")

    def _after(self, board: int) -> dict[str, float]:
        try:
            return _settings_of(luxos_boards.state_of(self._client, board))
        except (DeviceLost, RemoteProtocolError) as error:
            self.log.append(f"not known to be restored: {error}")
            return {}

    def _restored(self, board: int, name: str, original: float, now: float | None) -> Setting:
        asked = within_limits({name: original}, self.envelope, [])[name]
        slack = luxos_boards.WITHIN_V * 1000 if name == VOLTAGE else luxos_boards.SAME_MHZ
        if now is not None and abs(now - asked) <= slack:
            now = asked  # as near as it is measured
        return Setting(self._clock.now_ns(), f"board{board}_{name}", asked, now, "restored")

    def _go_to(self, session: str, state: BoardState, goal: Mapping[str, float]) -> dict[str, float]:
        """What the board has then, by name."""
        reached: dict[str, float] = {}
        for name, value in ordered_steps(_settings_of(state), goal, self.envelope):
            self._changed.add(name)
            if name == VOLTAGE:
                self._check_heat()
                self._waiting.pause(self.envelope.step_mv_interval_s or 0.0)
                reached[name] = luxos_boards.set_voltage(
                    self._client, session, state.board, value, self._waiting
                )
            else:
                reached[name] = luxos_boards.set_frequency(
                    self._client, session, state.board, value, self.envelope.frequency_mhz, self._waiting
                )
        return {name: reached.get(name, value) for name, value in goal.items()}

    def _check_heat(self) -> None:
        temperatures = [chain.chip_temp_c or chain.board_temp_c for chain in self._stats().chains]
        known = [t for t in temperatures if t is not None]
        if not known:
            raise SettingRefused("no temperature can be read, so no voltage is written")
        limit = self.envelope.temperature_c
        if limit is not None and max(known) > limit:
            raise SettingRefused(
                f"a chip is at {max(known):g} degC, above {limit:g} degC: no voltage is written"
            )

    def _check_way_back(self, requested: Mapping[str, float]) -> None:
        if FREQUENCY in requested and self._tuned:
            state = self._tuned[0]
            if state.lowest_mhz is None or state.highest_mhz is None:
                raise SettingRefused(
                    f"board {state.board} does not tell its clock, so it could not be put back; nothing was "
                    "written"
                )
            raise SettingRefused(
                f"the chips of board {state.board} are tuned one by one ({state.lowest_mhz:g} to "
                f"{state.highest_mhz:g} MHz), which could not be put back; switch LuxOS' tuner off first"
            )
        if VOLTAGE in requested and any(VOLTAGE not in values for values in self._boards.values()):
            raise SettingRefused("a board does not tell its voltage, so it could not be put back")

    def _setpoints(self, stats: S9Stats) -> dict[str, float]:
        clocks = [chain.frequency_mhz for chain in stats.chains if chain.frequency_mhz]
        return {FREQUENCY: sum(clocks) / len(clocks)} if clocks else {}


def _settings_of(state: BoardState) -> dict[str, float]:
    values = {FREQUENCY: state.frequency_mhz, VOLTAGE: state.voltage_mv}
    return {name: value for name, value in values.items() if value is not None}
