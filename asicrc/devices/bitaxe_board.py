"""The board of a Bitaxe through its control channel: reset, core voltage, fan, temperatures.

Everything that is written here is inside the limits, in steps, and read back. The order is the caller's
(`bitaxe_raw`); what has to be so whatever the order stands here: no voltage without a temperature.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from asicrc.bench.guardian import SafeStep
from asicrc.bench.limits import Envelope
from asicrc.devices.control_channel import ControlChannel, RequestRefused
from asicrc.devices.core_regulators import CoreRegulator, Ds4432uRegulator, Tps546Regulator
from asicrc.errors import DeviceError
from firmware_protocols.bitaxe_raw import (
    ASIC_RESET_PIN,
    GpioGet,
    GpioSet,
    I2cWrite,
    I2cWriteRead,
    Request,
    encode,
)
from firmware_protocols.board_parts import BitaxeBoard, emc2101, ina260, tps546_settings
from firmware_protocols.device import DeviceLost, Reading, SettingRefused
from firmware_protocols.errors import ProtocolError

RESET_HELD_S, RESET_SETTLE_S = 0.5, 0.2
"""256foundation/mujina:board/bitaxe.rs."""
FULL_FAN_PERCENT = 100.0
FIRST_GUARDIAN_ID = 0xC0
"""Ids of the guardian's requests: the host's own count from 1, and a reply to either is told by its id."""
FAN_REGISTERS = {
    "fan_setting": emc2101.Register.FAN_SETTING,
    "fan_config": emc2101.Register.FAN_CONFIG,
    "fan_controller_config": emc2101.Register.CONFIG,
    "diode_ideality": emc2101.Register.IDEALITY,
    "diode_beta": emc2101.Register.BETA,
}
"""Put back as they were found, in this order: FAN_CONFIG decides whether FAN_SETTING is obeyed."""


class Board:
    """Board behind an open control channel. `wait` lets device time pass; `log` takes lines for the capture.

    Raises DeviceError from the start where the parts of another board answer.
    """

    def __init__(
        self,
        channel: ControlChannel,
        kind: BitaxeBoard,
        envelope: Envelope,
        wait: Callable[[float], None],
        log: list[str],
    ) -> None:
        self.kind = kind
        self.envelope = envelope
        self._channel = channel
        self._wait = wait
        self._log = log
        try:
            self.fan_controller = emc2101.identify(
                self._fan_register(emc2101.Register.PRODUCT), self._fan_register(emc2101.Register.MAKER)
            )
            self.regulator: CoreRegulator = (
                Tps546Regulator(channel, tps546_settings.SETTINGS[kind.name])
                if kind.regulator == "tps546"
                else Ds4432uRegulator(channel)
            )
            self.regulator.voltage_mv()
        except (RequestRefused, ProtocolError) as error:
            raise DeviceError(
                f"this is no board of the kind {kind.name}: {error}",
                "name its kind with ?board=ultra or gamma",
            ) from None
        self.has_power_meter = kind.has_ina260 and self._is_power_meter()

    @property
    def reset_released(self) -> bool:
        return self._channel.ask(GpioGet(ASIC_RESET_PIN)).level

    def set_reset(self, *, released: bool) -> None:
        """Raises SettingRefused unless the pin then reads as it was set."""
        self._channel.ask(GpioSet(ASIC_RESET_PIN, released))
        if self.reset_released != released:
            raise SettingRefused(f"the chip's reset line does not go {'high' if released else 'low'}")

    def pulse_reset(self) -> None:
        """Hold the chip in reset, release it, and let it wake up."""
        self.set_reset(released=False)
        self._wait(RESET_HELD_S)
        self.set_reset(released=True)
        self._wait(RESET_SETTLE_S)

    @property
    def attend(self) -> Callable[[], None]:
        """What the channel calls before each request."""
        return self._channel.attend

    @attend.setter
    def attend(self, attend: Callable[[], None]) -> None:
        self._channel.attend = attend

    def check_cool(self) -> None:
        """Raise SettingRefused without a temperature reading, and above the limit."""
        celsius, limit_c = self.temperature_c(), self.envelope.temperature_c
        if limit_c is not None and celsius > limit_c:
            raise SettingRefused(f"the chip is at {celsius:g} degC, above the limit of {limit_c:g} degC")

    def temperature_c(self) -> float:
        """Of the chip, as the board's own firmware reckons it. Raises SettingRefused without a reading."""
        try:
            if not self.kind.temperature_external:
                celsius: float | emc2101.DiodeFault = emc2101.internal_c(
                    self._fan_register(emc2101.Register.INTERNAL_TEMPERATURE)
                )
            else:
                high = self._fan_register(emc2101.Register.EXTERNAL_HIGH)
                celsius = emc2101.external_c(high, self._fan_register(emc2101.Register.EXTERNAL_LOW))
        except RequestRefused as error:
            raise SettingRefused(f"no temperature can be read: {error}") from None
        if isinstance(celsius, emc2101.DiodeFault):
            raise SettingRefused(
                f"no temperature can be read: the chip's diode is {celsius.name.lower()} (EMC2101)"
            )
        return celsius + self.kind.temperature_offset_c

    def prepare_fan(self) -> None:
        """Have the fan follow FAN_SETTING, and its tachometer counted."""
        for data in emc2101.initialisation(ideality=self.kind.ideality, beta=self.kind.beta):
            self._channel.ask(I2cWrite(emc2101.ADDRESS, data))

    def set_fan(self, percent: float) -> float:
        """Returns what is read back. Raises SettingRefused outside the limits and for a fan that disobeys."""
        if self.envelope.fan_percent is not None:
            self.envelope.fan_percent.check("fan_percent", percent)
        duty = emc2101.duty_for(percent)
        self._write_fan_register(emc2101.Register.FAN_SETTING, duty)
        return emc2101.percent_of(duty)

    def fan_rpm(self) -> float | None:
        low = self._fan_register(emc2101.Register.TACH_LOW)
        return emc2101.rpm_of(low, self._fan_register(emc2101.Register.TACH_HIGH))

    def fan_registers(self) -> dict[str, int]:
        return {name: self._fan_register(register) for name, register in FAN_REGISTERS.items()}

    def restore_fan(self, registers: dict[str, int]) -> None:
        """Raises SettingRefused for a register that does not take its value."""
        for name, value in registers.items():
            self._write_fan_register(FAN_REGISTERS[name], value)

    def set_voltage(self, mv: float, *, turn_on: bool = True) -> float:
        """Go to `mv` in steps; return what is read back.

        A regulator that is off, or at a voltage outside the limits, is first set up at their lowest, and
        turned on if `turn_on` says so. Raises SettingRefused outside the limits, when the regulator does not
        confirm, and for a higher voltage without a temperature or above its limit. Lower is always possible:
        it is on the way to safety.
        """
        limits, step_mv = self.envelope.voltage_mv, self.envelope.step_mv
        interval_s = self.envelope.step_mv_interval_s
        if limits is None or step_mv is None or interval_s is None:
            raise SettingRefused(f"no voltages are known that a Bitaxe {self.kind.name} may be set to")
        limits.check("voltage_mv", mv)
        now_mv = self.regulator.voltage_mv()
        if mv > now_mv and turn_on:
            self.check_cool()
        if not limits.low <= now_mv <= limits.high:
            if not now_mv and not turn_on:
                return 0.0
            self.regulator.prepare(limits.low)
            if turn_on:
                self.regulator.turn_on()
            now_mv = limits.low
        for next_mv in _steps(now_mv, mv, step_mv):
            self.regulator.set_mv(next_mv)
            self._wait(interval_s)
        read_mv = self.regulator.voltage_mv()
        if turn_on and not mv - self.regulator.step_mv() - 1e-6 <= read_mv <= mv + 1e-6:
            raise SettingRefused(f"voltage_mv: {mv:g} mV was written, the regulator says {read_mv:.1f} mV")
        return read_mv

    def turn_off(self) -> float:
        """The core off, where its regulator can be; return what it then says, mV."""
        self.regulator.turn_off()
        return self.regulator.voltage_mv()

    def readings(self, t_ns: int) -> list[Reading]:
        """What the board measures now. Raises SettingRefused without a temperature, SafetyStop for a fault of
        the regulator, DeviceLost."""
        found = [Reading(t_ns, "temperature_c", self.temperature_c())]
        try:
            rpm = self.fan_rpm()
            if rpm is not None:
                found.append(Reading(t_ns, "fan_rpm", rpm))
            found.append(Reading(t_ns, "reset_released", float(self.reset_released)))
            duty = self._fan_register(emc2101.Register.FAN_SETTING)
            found.append(Reading(t_ns, "fan_set_percent", emc2101.percent_of(duty & emc2101.HIGHEST_DUTY)))
            found += self.regulator.readings(t_ns)
            if self.has_power_meter:
                found += self._power(t_ns)
        except RequestRefused as error:
            raise DeviceLost(f"a part of the board does not answer any more: {error}") from None
        return found + self._whole_power(found)

    def _whole_power(self, found: list[Reading]) -> list[Reading]:
        """What the whole board draws, as `power_w`: the core and what its kind draws beside it, or all that
        comes in."""
        values = {reading.channel: reading.value for reading in found}
        core_w = values.get("core_w")
        watts = values.get("input_w") if core_w is None else core_w + self.kind.other_power_w
        return [] if watts is None else [Reading(found[0].t_ns, "power_w", watts)]

    def steps_to_safety(self, fd: int) -> list[SafeStep]:
        """For the guardian: reset held, core at its lowest, fan at full speed."""
        lowest_mv = self.envelope.voltage_mv.low if self.envelope.voltage_mv is not None else None
        requests: list[tuple[str, Request]] = [("reset held", GpioSet(ASIC_RESET_PIN, False))]
        if lowest_mv is not None:
            requests += self.regulator.writes_for_lowest(lowest_mv)
        for register, value in (
            (emc2101.Register.FAN_CONFIG, emc2101.DIRECT_FAN),
            (emc2101.Register.FAN_SETTING, emc2101.HIGHEST_DUTY),
        ):
            requests.append(
                ("fan at 100 %", I2cWrite(emc2101.ADDRESS, emc2101.write_register(register, value)))
            )
        return [
            SafeStep(
                fd,
                "write",
                data=encode(request, FIRST_GUARDIAN_ID + number),
                expect_reply=True,
                name=name,
            )
            for number, (name, request) in enumerate(requests)
        ]

    def _write_fan_register(self, register: int, value: int) -> None:
        self._channel.ask(I2cWrite(emc2101.ADDRESS, emc2101.write_register(register, value)))
        read = self._fan_register(register)
        if read != value:
            raise SettingRefused(
                f"register {register:#04x} of the fan controller was set to {value:#04x} and says {read:#04x}"
            )

    def _fan_register(self, register: int) -> int:
        answer = self._channel.ask(I2cWriteRead(emc2101.ADDRESS, bytes((register,)), 1))
        return emc2101.register_from(answer.data)

    def _is_power_meter(self) -> bool:
        try:
            return ina260.is_ina260(self._meter(ina260.Register.MAKER), self._meter(ina260.Register.DIE))
        except RequestRefused:
            self._log.append("no power meter (INA260) answers on this board: its power is not recorded")
            return False

    def _power(self, t_ns: int) -> list[Reading]:
        return [
            Reading(t_ns, "input_v", ina260.voltage_v(self._meter(ina260.Register.VOLTAGE))),
            Reading(t_ns, "input_a", ina260.current_a(self._meter(ina260.Register.CURRENT))),
            Reading(t_ns, "input_w", ina260.power_w(self._meter(ina260.Register.POWER))),
        ]

    def _meter(self, register: int) -> int:
        return ina260.word_from(self._channel.ask(I2cWriteRead(ina260.ADDRESS, bytes((register,)), 2)).data)


def _steps(from_mv: float, to_mv: float, step_mv: float) -> list[float]:
    """Voltages to set one after the other, with `to_mv` at the end."""
    count = max(1, math.ceil(abs(to_mv - from_mv) / step_mv - 1e-9))
    signed = math.copysign(step_mv, to_mv - from_mv)
    return [from_mv + signed * n for n in range(1, count)] + [to_mv]
