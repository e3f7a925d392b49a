"""A Bitaxe whose microcontroller runs bitaxe-raw: the chip on one port, its board on the other.

The bring-up holds the chip in reset while the fan and then the core voltage are set, releases it, and ramps
the clock from its lowest. The way back goes in the opposite order. Run against the emulated board and
recorded bytes only: no board has been attached yet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from asicrc.bench.guardian import SafeStep
from asicrc.devices.bitaxe_board import FAN_REGISTERS, FULL_FAN_PERCENT, Board
from asicrc.devices.board_originals import checked_board_originals
from asicrc.devices.chain_device import ChainDevice
from asicrc.devices.watch import Watch
from asicrc.transports.transport import Transport
from firmware_protocols.board_parts import emc2101
from firmware_protocols.device import (
    Batch,
    Capability,
    Clock,
    DeviceIdentity,
    DeviceLost,
    JitterFloor,
    Job,
    NonceBatch,
    Reading,
    SafetyStop,
    Setting,
    SettingRefused,
    WorkForm,
)

LOWEST_OFFERED_MV = {"ultra": 1100.0, "gamma": 1000.0}
"""Core voltage unless asked: the lowest that bitaxeorg/ESP-Miner:main/device_config.h offers for the chip."""
LOOK_INTERVAL_NS = 1_000_000_000
MISSES_BORNE = 2
"""Looks in a row that may bring no temperature, or a fan that stands: a transfer may fail once."""


class BitaxeRawDevice:
    """Implements `DeviceProtocol`. Made by `asicrc.devices.open_device`."""

    def __init__(
        self, chain: ChainDevice, board: Board, control: Transport, watch: Watch, log: list[str]
    ) -> None:
        self._chain = chain
        self._board = board
        self._control = control
        self._watch = watch
        self._log = log
        self._originals: dict[str, float] = {}
        self._next_look_ns = 0
        self._misses = 0
        self._fan_has_turned = False
        self._chip_answered = False
        """Before anything was changed."""
        self._awake = False
        """Whether there is an answering chip at all: one in reset is not asked."""

    @property
    def identity(self) -> DeviceIdentity:
        return self._chain.identity

    @property
    def capabilities(self) -> dict[str, Capability]:
        return self._chain.capabilities | {
            "voltage_mv": Capability.RESTART,
            "fan_percent": Capability.LIVE,
        }

    @property
    def clock(self) -> Clock:
        return self._chain.clock

    @property
    def stamps(self) -> dict[str, str]:
        return self._chain.stamps

    @property
    def limits(self) -> dict[str, Any]:
        return self._chain.limits

    @property
    def job_interval_s(self) -> float:
        return self._chain.job_interval_s

    def check(self, requested: dict[str, float]) -> None:
        voltage_mv, fan_percent, rest = self._split(requested)
        for name, value, limits in (
            ("voltage_mv", voltage_mv, self._board.envelope.voltage_mv),
            ("fan_percent", fan_percent, self._board.envelope.fan_percent),
        ):
            if limits is not None:
                limits.check(name, value)
        self._chain.check(rest)

    def originals(self) -> list[Setting]:
        """Of the board, and of the chip where it is out of reset and answers."""
        released = self._board.reset_released
        found = {
            "reset_released": float(released),
            "voltage_mv": self._board.regulator.voltage_mv(),
            **{name: float(value) for name, value in self._board.fan_registers().items()},
        }
        self._originals = found
        now_ns = self.clock.now_ns()
        settings = [Setting(now_ns, name, None, value, kind="original") for name, value in found.items()]
        if not released:
            self._log.append("the chip was found in reset: that is what it is put back to")
            return settings
        of_chip = self._chain.originals()
        self._chip_answered = any(
            setting.read_back is not None for setting in of_chip if setting.name != "host_baud"
        )
        self._awake = self._chip_answered
        return settings + of_chip

    def adopt_originals(self, settings: list[Setting]) -> None:
        self._originals, of_chip = checked_board_originals(settings)
        self._chip_answered = bool(of_chip)
        if of_chip:
            self._chain.adopt_originals(of_chip)

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        self.check(requested)
        voltage_mv, fan_percent, rest = self._split(requested)
        self._board.temperature_c()
        self._watch.arm(self._steps_to_safety())
        board, now_ns = self._board, self.clock.now_ns
        board.set_reset(released=False)
        board.prepare_fan()
        fan = Setting(now_ns(), "fan_percent", fan_percent, board.set_fan(fan_percent))
        reached_mv = board.set_voltage(voltage_mv, prepare=True)
        voltage = Setting(now_ns(), "voltage_mv", voltage_mv, reached_mv)
        settings = [fan, voltage, *self._chain.configure(rest)]
        self._next_look_ns = now_ns()
        self._awake = True
        return settings

    def jitter_floor(self) -> JitterFloor | None:
        return self._chain.jitter_floor() if self._awake else None

    @property
    def work_form(self) -> WorkForm:
        return self._chain.work_form

    def send(self, job: Job) -> list[Job]:
        return self._chain.send(job)

    def judged(self, events: NonceBatch) -> None:
        self._chain.judged(events)

    def read(self, until_ns: int) -> Batch:
        self._watch.check()
        readings: list[Reading] = []
        if self._next_look_ns and self.clock.now_ns() >= self._next_look_ns:
            self._next_look_ns = self.clock.now_ns() + LOOK_INTERVAL_NS
            readings = self._look()
        batch = self._chain.read(until_ns)
        batch.readings += readings
        batch.log += self._log
        self._log.clear()
        return batch

    def restore(self) -> list[Setting]:
        """Chip first (halted, or back in reset), then voltage, then fan; goes on when one of them fails."""
        self._next_look_ns = 0
        self._watch.arm_for_the_way_back(self._steps_to_safety(), self._log)
        rises = self._originals.get("voltage_mv", 0.0) > self._board.regulator.voltage_mv()
        stays = bool(self._originals.get("reset_released")) and self._chip_answered
        done = self._restore_voltage() if rises and stays else []
        done += self._chain.restore() if stays else self._hold_in_reset()
        done += [] if rises and stays else self._restore_voltage()
        done += self._restore_fan(running=stays)
        self._watch.disarm()
        return done

    def wire_counters(self) -> dict[str, int]:
        return self._chain.wire_counters()

    def close(self) -> None:
        try:
            self._watch.close()
        finally:
            self._chain.close()
            self._control.close()

    def _split(self, requested: dict[str, float]) -> tuple[float, float, dict[str, float]]:
        rest = dict(requested)
        lowest_mv = LOWEST_OFFERED_MV[self._board.kind.name]
        limits = self._board.envelope.voltage_mv
        usual_mv = lowest_mv if limits is None else limits.clamp(lowest_mv)
        return rest.pop("voltage_mv", usual_mv), rest.pop("fan_percent", FULL_FAN_PERCENT), rest

    def _steps_to_safety(self) -> list[SafeStep]:
        fd = self._control.descriptor
        return [] if fd is None else self._board.steps_to_safety(fd)

    def _look(self) -> list[Reading]:
        """Readings of the board. Raises SafetyStop when they say that it must not go on."""
        try:
            readings = self._board.readings(self.clock.now_ns())
        except SettingRefused as error:
            self._misses += 1
            if self._misses > MISSES_BORNE:
                raise SafetyStop(str(error)) from None
            self._log.append(f"{error} (try {self._misses})")
            return []
        values = {reading.channel: reading.value for reading in readings}
        self._check_heat(values["temperature_c"])
        self._check_power(values)
        rpm = values.get("fan_rpm")
        stands = rpm == 0 and self._fan_has_turned
        self._fan_has_turned = self._fan_has_turned or bool(rpm)
        self._misses = self._misses + 1 if stands else 0
        if self._misses > MISSES_BORNE:
            raise SafetyStop("the fan has stopped turning")
        return readings

    def _check_heat(self, celsius: float) -> None:
        limits = self._board.envelope.temperature_c
        if limits is not None and celsius > limits:
            raise SafetyStop(f"the chip is at {celsius:g} degC, above the limit of {limits:g} degC")

    def _check_power(self, values: dict[str, float]) -> None:
        limit_w = self._board.envelope.power_w
        core_w = values.get("core_w")
        watts = values.get("input_w") if core_w is None else core_w + self._board.kind.other_power_w
        if limit_w is not None and watts is not None and watts > limit_w:
            raise SafetyStop(f"the board draws {watts:.1f} W, above the limit of {limit_w:g} W")

    def _hold_in_reset(self) -> list[Setting]:
        """The way back of a chip that was found in reset, or that could not be read before it was changed."""
        original = self._originals.get("reset_released")
        if original:
            self._log.append("the chip did not answer before it was changed: it is left in reset")
        try:
            self._board.set_reset(released=False)
            reached: float | None = 0.0
        except (SettingRefused, DeviceLost) as error:
            self._log.append(f"not restored: {error}")
            reached = None
        return [Setting(self.clock.now_ns(), "reset_released", original, reached, "restored")]

    def _restore_voltage(self) -> list[Setting]:
        original, limits = self._originals.get("voltage_mv"), self._board.envelope.voltage_mv
        if original is None or limits is None:
            return []
        goal = original if limits.low <= original <= limits.high else limits.low
        if original and goal != original:
            self._log.append(
                f"the original core voltage of {original:.0f} mV is outside the limits: the lowest, "
                f"{goal:g} mV, is set"
            )
        read_back: float | None = None
        try:
            read_back = self._board.set_voltage(goal)
            if not original:
                read_back = self._turn_off()
        except (SettingRefused, DeviceLost) as error:
            self._log.append(f"not restored: {error}")
        asked = goal if original else 0.0
        step_mv = self._board.regulator.step_mv()
        if read_back is not None and abs(read_back - asked) <= step_mv:
            read_back = asked  # as near as the regulator's steps are
        return [Setting(self.clock.now_ns(), "voltage_mv", asked, read_back, "restored")]

    def _turn_off(self) -> float:
        self._board.regulator.turn_off()
        return self._board.regulator.voltage_mv()

    def _restore_fan(self, *, running: bool) -> list[Setting]:
        registers = {name: int(self._originals[name]) for name in FAN_REGISTERS if name in self._originals}
        limits = self._board.envelope.fan_percent
        if running and limits is not None and "fan_setting" in registers:
            slowest = emc2101.duty_for(limits.low)
            if registers["fan_setting"] & emc2101.HIGHEST_DUTY < slowest:
                self._log.append(f"the original fan speed is below the limits: {limits.low:g} % is set")
                registers["fan_setting"] = slowest
        done = [
            Setting(self.clock.now_ns(), name, float(v), float(v), "restored")
            for name, v in registers.items()
        ]
        try:
            self._board.restore_fan(registers)
        except (SettingRefused, DeviceLost) as error:
            self._log.append(f"not restored: {error}")
            done = [replace(setting, read_back=None) for setting in done]
        return done
