"""The two ways in which a Bitaxe makes its core voltage, as one: set in mV, read back, turned off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from asicrc.devices.control_channel import ControlChannel
from firmware_protocols.bitaxe_raw import AdcRead, I2cWrite, I2cWriteRead
from firmware_protocols.board_parts import core_adc, ds4432u, tps546, tps546_settings
from firmware_protocols.board_parts.pmbus import VoutMode, byte_from
from firmware_protocols.device import Reading, SafetyStop, SettingRefused

SET_UP_NAMES = {f"regulator_{command.name.lower()}": command for command in tps546_settings.SET_UP_REGISTERS}
"""Names, as settings of a capture, of the registers with which a TPS546 is set up. Values are raw."""


class CoreRegulator(Protocol):
    """Voltages in mV. Whoever sets them has held them to the limits before."""

    can_turn_off: bool
    reach_mv: tuple[float, float]
    """Lowest and highest voltage that the part can be told."""

    def prepare(self, mv: float) -> None:
        """Make it ready to be turned on at this voltage, its output off where it can be off."""

    def set_mv(self, mv: float) -> None: ...

    def turn_on(self) -> None: ...

    def turn_off(self) -> None: ...

    def voltage_mv(self) -> float:
        """What it is set to, by its own registers; 0 while its output is off."""

    def set_up_registers(self) -> dict[str, int]:
        """What `prepare` changes beside the voltage, by name (SET_UP_NAMES); empty for a part without."""

    def restore_set_up(self, registers: Mapping[str, int]) -> None:
        """Put them back. Raises SettingRefused while the output is on, and for one that does not take its
        value."""

    def step_mv(self) -> float:
        """Distance of two voltages that it can tell apart."""

    def readings(self, t_ns: int) -> list[Reading]:
        """What it measures. Raises SafetyStop for a fault that it reports."""

    def writes_for_lowest(self, mv: float) -> list[tuple[str, I2cWrite]]:
        """Requests, each with what it does, that bring the core to its lowest without asking anything."""


class Ds4432uRegulator:
    """A current DAC at the feedback of a buck converter: no measuring, no turning off."""

    can_turn_off = False
    reach_mv = (ds4432u.LOWEST_V * 1e3, ds4432u.HIGHEST_V * 1e3)

    def __init__(self, channel: ControlChannel) -> None:
        self._channel = channel

    def prepare(self, mv: float) -> None:
        self.set_mv(mv)

    def set_mv(self, mv: float) -> None:
        self._channel.ask(I2cWrite(ds4432u.ADDRESS, ds4432u.write_code(ds4432u.code_for(mv / 1e3))))

    def turn_on(self) -> None:
        """It is on whenever the board has power."""

    def turn_off(self) -> None:
        """It cannot be; its lowest voltage is what `set_mv` left."""

    def voltage_mv(self) -> float:
        answer = self._channel.ask(I2cWriteRead(ds4432u.ADDRESS, ds4432u.READ_CODE, 1))
        return ds4432u.volts_of(ds4432u.code_from(answer.data)) * 1e3

    def set_up_registers(self) -> dict[str, int]:
        """Its one register is the voltage."""
        return {}

    def restore_set_up(self, registers: Mapping[str, int]) -> None:
        if registers:
            raise SettingRefused(f"a DS4432U has no {', '.join(registers)}")

    def step_mv(self) -> float:
        return ds4432u.STEP_V * 1e3

    def readings(self, t_ns: int) -> list[Reading]:
        raw = self._channel.ask(AdcRead()).value
        return [
            Reading(t_ns, "core_set_mv", self.voltage_mv()),
            Reading(t_ns, "core_adc_mv", core_adc.core_volts(raw) * 1e3),
        ]

    def writes_for_lowest(self, mv: float) -> list[tuple[str, I2cWrite]]:
        data = ds4432u.write_code(ds4432u.code_for(mv / 1e3))
        return [(f"core at {mv:g} mV", I2cWrite(ds4432u.ADDRESS, data))]


class Tps546Regulator:
    """A TPS546 on its PMBus. `settings` are those of the board."""

    can_turn_off = True

    def __init__(self, channel: ControlChannel, settings: tps546_settings.Tps546Settings) -> None:
        self._channel = channel
        self._settings = settings
        self.reach_mv = (settings.vout_min_v * 1e3, settings.vout_max_v * 1e3)
        self.name = tps546.identify(self._read(tps546.Command.IC_DEVICE_ID, tps546.ID_SIZE))
        self._mode = VoutMode.parse(self._read(tps546.Command.VOUT_MODE, 1))

    def prepare(self, mv: float) -> None:
        for data in tps546_settings.initialisation(self._settings, self._mode, mv / 1e3):
            self._write(data)

    def set_mv(self, mv: float) -> None:
        self._write(tps546.set_volts(mv / 1e3, self._mode))

    def turn_on(self) -> None:
        self._write(tps546.TURN_ON)

    def turn_off(self) -> None:
        self._write(tps546.TURN_OFF)

    def voltage_mv(self) -> float:
        if byte_from(self._read(tps546.Command.OPERATION, 1)) != tps546.OPERATION_ON:
            return 0.0
        return tps546.volts_from(self._read(tps546.Command.VOUT_COMMAND, 2), self._mode) * 1e3

    def set_up_registers(self) -> dict[str, int]:
        return {name: self._register(command) for name, command in SET_UP_NAMES.items()}

    def restore_set_up(self, registers: Mapping[str, int]) -> None:
        """Only what differs is written, in the order of SET_UP_NAMES; faults that are latched are cleared."""
        if self.voltage_mv():
            raise SettingRefused("the core's regulator is on: its set-up can be changed only while it is off")
        for name, command in SET_UP_NAMES.items():
            value = registers.get(name)
            if value is None or value == self._register(command):
                continue
            self._write(tps546_settings.write_register(command, value))
            read = self._register(command)
            if read != value:
                raise SettingRefused(
                    f"{command.name} of the core's regulator was set to {value:#06x} and says {read:#06x}"
                )
        self._write(tps546.CLEAR_FAULTS)

    def step_mv(self) -> float:
        return self._mode.step_v * 1e3

    def readings(self, t_ns: int) -> list[Reading]:
        status = tps546.status_from(self._read(tps546.Command.STATUS_WORD, 2))
        set_mv = self.voltage_mv()
        if status & tps546.FAULTS or (set_mv and status & tps546.Status.OFF):
            raise SafetyStop(
                f"the core's regulator, set to {set_mv:.0f} mV, reports {', '.join(tps546.names(status))}"
            )
        self._write(tps546.READ_ALL_PHASES)
        vin_v, iout_a, regulator_c = (
            tps546.reading_from(self._read(command, 2))
            for command in (
                tps546.Command.READ_VIN,
                tps546.Command.READ_IOUT,
                tps546.Command.READ_TEMPERATURE,
            )
        )
        vout_v = tps546.volts_from(self._read(tps546.Command.READ_VOUT, 2), self._mode)
        return [
            Reading(t_ns, "core_set_mv", set_mv),
            Reading(t_ns, "core_mv", vout_v * 1e3),
            Reading(t_ns, "core_a", iout_a),
            Reading(t_ns, "core_w", iout_a * vout_v),
            Reading(t_ns, "input_v", vin_v),
            Reading(t_ns, "regulator_c", regulator_c),
        ]

    def writes_for_lowest(self, mv: float) -> list[tuple[str, I2cWrite]]:
        return [
            (f"core at {mv:g} mV", I2cWrite(tps546.ADDRESS, tps546.set_volts(mv / 1e3, self._mode))),
            ("core off", I2cWrite(tps546.ADDRESS, tps546.TURN_OFF)),
        ]

    def _register(self, command: tps546.Command) -> int:
        return tps546_settings.register_from(
            command, self._read(command, tps546_settings.register_bytes(command))
        )

    def _write(self, data: bytes) -> None:
        self._channel.ask(I2cWrite(tps546.ADDRESS, data))

    def _read(self, command: int, size: int) -> bytes:
        return self._channel.ask(I2cWriteRead(tps546.ADDRESS, bytes((command,)), size)).data
