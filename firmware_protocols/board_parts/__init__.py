"""The parts round the chip of a Bitaxe, as bytes on I2C: regulators, fan controller, current monitor.

One module a part, to be used under its name (`ds4432u.code_for`, `tps546.set_volts`): each gives the bytes
to write, and reads what comes back. Nothing here reads, writes or waits. QUIRKS.md beside this file tells
where the sources disagree.
"""

from firmware_protocols.board_parts import core_adc, ds4432u, emc2101, ina260, pmbus, tps546, tps546_settings
from firmware_protocols.board_parts.boards import BOARDS, BitaxeBoard

__all__ = [
    "BOARDS",
    "BitaxeBoard",
    "core_adc",
    "ds4432u",
    "emc2101",
    "ina260",
    "pmbus",
    "tps546",
    "tps546_settings",
]
