"""The parts on the board's I2C bus: their own account of their registers, from the data sheets' side.

Nothing of firmware_protocols/board_parts is used here, so that a formula that is wrong there does not meet
itself. What is not known of a part reads 0, and a write to it is kept.
"""

from __future__ import annotations

import math
from typing import ClassVar, Protocol

from simulators.bitaxe.circuit import SUPPLY_V, Circuit


class Part(Protocol):
    """Something with an address. Raises Unanswered when it does not acknowledge."""

    def power_on(self) -> None:
        """Be as after power-on."""

    def write(self, data: bytes) -> None: ...

    def read(self, size: int) -> bytes:
        """What it sends after the last write, which names a register."""


class Unanswered(Exception):
    """Nobody acknowledged."""


class Ds4432u:
    """Two current outputs: full scale is Vref 0.997 V over 80 kohm, times 127/16 (ESP-Miner:DS4432U.c,
    where the resistors of the Bitaxe stand too). Code 0 after power-on."""

    _MV_PER_STEP = 4750 * 0.997 / (16 * 80_000) * 1e3
    _MV_AT_ZERO = 600 * (1 + 4750 / 3320)

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self.power_on()

    def power_on(self) -> None:
        self._registers = {0xF8: 0, 0xF9: 0}
        self._pointer = 0xF8
        self._apply()

    def write(self, data: bytes) -> None:
        if not data:
            return
        self._pointer = data[0]
        if len(data) > 1 and self._pointer in self._registers and not self._circuit.voltage_kept:
            self._registers[self._pointer] = data[1]
            self._apply()

    def read(self, size: int) -> bytes:
        return bytes((self._registers.get(self._pointer, 0),)) * size

    def _apply(self) -> None:
        code = self._registers[0xF8]
        change = (code & 0x7F) * self._MV_PER_STEP
        self._circuit.set_voltage(self._MV_AT_ZERO + (-change if code & 0x80 else change))


class Tps546:
    """A regulator, off after power-on and commanded to 1.2 V by its pins (assumed)."""

    _OPERATION, _VOUT_COMMAND, _VOUT_MAX, _VOUT_MIN = 0x01, 0x21, 0x24, 0x2B
    _STATUS_WORD, _STATUS_VOUT = 0x79, 0x7A
    _OFF, _NOT_GOOD, _VOUT_FAULT, _NONE_ABOVE = 0x0040, 0x0800, 0x8000, 0x0001
    _STEP_MV = 1000 / 512
    _POWER_ON: ClassVar = {0x01: b"\0", 0x20: b"\x97", 0x21: b"\x66\x02", 0x24: b"\0\x06", 0x2B: b"\0\x01"}
    _READ_SIZES: ClassVar = {0x01: 1, 0x02: 1, 0x04: 1, 0x20: 1, 0x7A: 1, 0x7B: 1, 0x7C: 1, 0x7D: 1}

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self.power_on()

    def power_on(self) -> None:
        self._registers = dict(self._POWER_ON)
        self._pointer = 0
        self._status_vout = 0
        self._apply()

    def write(self, data: bytes) -> None:
        if not data:
            return
        self._pointer, value = data[0], data[1:]
        if self._pointer == 0x03:
            self._status_vout = 0
        elif value and not (self._pointer == self._VOUT_COMMAND and self._circuit.voltage_kept):
            self._registers[self._pointer] = value
            self._apply()

    def read(self, size: int) -> bytes:
        answer = self._answer(self._pointer)
        return answer[:size] + b"\xff" * (size - len(answer))

    def _answer(self, command: int) -> bytes:
        circuit = self._circuit
        match command:
            case self._STATUS_WORD:
                return self._status().to_bytes(2, "little")
            case self._STATUS_VOUT:
                return bytes((self._status_vout,))
            case 0x88:
                return _slinear11(SUPPLY_V)
            case 0x8B:
                return round(circuit.voltage_mv / self._STEP_MV).to_bytes(2, "little")
            case 0x8C:
                amperes = circuit.model.core_w / circuit.voltage_mv * 1e3 if circuit.voltage_mv else 0.0
                return _slinear11(amperes)
            case 0x8D:
                return _slinear11(circuit.beside_c)
            case 0xAD:
                return bytes.fromhex("06 54 49 54 6D 24 41")
        return self._registers.get(command, bytes(self._READ_SIZES.get(command, 2)))

    def _status(self) -> int:
        off = 0 if self._is_on else self._OFF | self._NOT_GOOD
        fault = self._VOUT_FAULT | self._NONE_ABOVE if self._status_vout else 0
        return off | fault

    @property
    def _is_on(self) -> bool:
        return self._registers[self._OPERATION][0] == 0x80

    def _word(self, command: int) -> int:
        return int.from_bytes(self._registers[command][:2], "little")

    def _apply(self) -> None:
        """The output is the commanded voltage, cut to the limits; a command outside them is flagged."""
        asked = self._word(self._VOUT_COMMAND)
        word = min(max(asked, self._word(self._VOUT_MIN)), self._word(self._VOUT_MAX))
        if word != asked:
            self._status_vout |= 0x08
        self._circuit.set_voltage(word * self._STEP_MV if self._is_on else 0.0)


class Emc2101:
    """Fan controller. After power-on the fan is set to 0, and obeys; the tachometer's pin is an alert."""

    _CONFIG, _FAN_CONFIG, _FAN_SETTING = 0x03, 0x4A, 0x4C
    _TACH_PIN, _BY_SETTING = 0x04, 0x20
    _READ_ONLY = (0x00, 0x01, 0x02, 0x10, 0x46, 0x47, 0xFD, 0xFE, 0xFF)
    _POWER_ON: ClassVar = {0x04: 0x08, 0x17: 0x12, 0x18: 0x08, 0x4A: 0x20, 0xFD: 0x16, 0xFE: 0x5D, 0xFF: 0x01}

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self.power_on()

    def power_on(self) -> None:
        self._registers = dict(self._POWER_ON)
        self._pointer = 0
        self._kept_high = 0xFF
        self._circuit.set_fan(0.0)

    def write(self, data: bytes) -> None:
        self._acknowledge()
        if not data:
            return
        self._pointer = data[0]
        if len(data) < 2 or self._pointer in self._READ_ONLY:
            return
        if self._pointer == self._FAN_SETTING:
            if not self._registers[self._FAN_CONFIG] & self._BY_SETTING:
                return  # the table in the part has the fan
            self._registers[self._FAN_SETTING] = data[1] & 0x3F
            self._circuit.set_fan((data[1] & 0x3F) / 63 * 100)
        else:
            self._registers[self._pointer] = data[1]

    def read(self, size: int) -> bytes:
        self._acknowledge()
        return bytes((self._value(self._pointer),)) * size

    def _acknowledge(self) -> None:
        if self._circuit.sensor_lost:
            raise Unanswered

    def _value(self, register: int) -> int:
        match register:
            case 0x00:
                return min(max(round(self._circuit.beside_c), -128), 127) & 0xFF  # it does not wrap
            case 0x01 | 0x10:
                word = self._diode_word()
                return word >> 8 if register == 0x01 else word & 0xFF
            case 0x46:
                count = self._count()
                self._kept_high = count >> 8
                return count & 0xFF
            case 0x47:
                return self._kept_high
        return self._registers.get(register, 0)

    def _diode_word(self) -> int:
        """Eighths of a degree in the highest 11 bits; an open diode reads 127 degC."""
        if not self._circuit.diode_wired:
            return 0x7F00
        return (math.floor(self._circuit.model.temperature_c * 8) & 0x7FF) << 5

    def _count(self) -> int:
        if not self._registers.get(self._CONFIG, 0) & self._TACH_PIN or self._circuit.rpm < 100:
            return 0xFFFF
        return round(5_400_000 / self._circuit.rpm)


class Ina260:
    """What the whole board draws at its 5 V, in steps of 1.25 mA, 1.25 mV and 10 mW, high byte first."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self.power_on()

    def power_on(self) -> None:
        self._pointer = 0

    def write(self, data: bytes) -> None:
        if data:
            self._pointer = data[0]

    def read(self, size: int) -> bytes:
        watts = self._circuit.model.power_w
        words = {
            0x01: round(watts / SUPPLY_V / 1.25e-3),
            0x02: round(SUPPLY_V / 1.25e-3),
            0x03: round(watts / 0.010),
            0xFE: 0x5449,
            0xFF: 0x2270,
        }
        return (words.get(self._pointer, 0).to_bytes(2, "big") * (size // 2 + 1))[:size]


def _slinear11(value: float) -> bytes:
    """Mantissa of 10 bits and a sign below an exponent of 5, low byte first."""
    exponent = -16
    while abs(round(value * 2.0**-exponent)) > 1023:
        exponent += 1
    return ((exponent & 0x1F) << 11 | round(value * 2.0**-exponent) & 0x7FF).to_bytes(2, "little")
