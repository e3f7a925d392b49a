"""Original settings that come out of a capture file instead of the chip: nobody vouches for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from firmware_protocols.bm13xx import (
    ChipModel,
    VersionMask,
    baud_from_register,
    difficulty_from_ticket_mask,
)
from firmware_protocols.device import Setting, SettingRefused
from firmware_protocols.errors import ProtocolError

HOST_BAUD = "host_baud"
SLOWEST_BAUD, FASTEST_BAUD = 1200, 4_000_000
RESET_FAST_UART = 0x01301A00
"""256foundation/mujina:mujina-miner/src/asic/bm13xx/REFERENCE.md."""
RESET_MISC_CONTROL_BM1397 = 0x00007A31
"""bitaxeorg/ESP-Miner:components/asic/bm1397.c writes this for the rate after reset."""
MISC_CONTROL_BITS_BM1387 = 0x4021C0E0
"""The single bits that xertSuns1/braiins:open/bosminer/bosminer-am1-s9/src/bm1387.rs gives a meaning."""
_BAUD_TOLERANCE = 0.05  # beyond it 8N1 loses bits, and the chip with them


def checked_originals(
    model: ChipModel, settings: Iterable[Setting], registers: Collection[str], baud_name: str
) -> tuple[dict[str, int | None], int | None]:
    """Values by the names in `registers` (None: was not known), and the host's baud rate if it is stated.

    `baud_name` is that of the register with the baud rate. Settings of other kinds and names are left out.
    The clock is not judged here: what is no PLL setting, or lies outside the envelope, is replaced when it is
    written. Raises SettingRefused for a value that no such chip holds, or that would leave it unreachable.
    """
    stated = {setting.name: setting.read_back for setting in settings if setting.kind == "original"}
    values = {
        name: None if value is None else _whole(name, value, 0, 0xFFFFFFFF)
        for name, value in stated.items()
        if name in registers
    }
    baud = stated.get(HOST_BAUD)
    host_baud = None if baud is None else _whole(HOST_BAUD, baud, SLOWEST_BAUD, FASTEST_BAUD)
    try:
        if (mask := values.get("ticket_mask_register")) is not None:
            difficulty_from_ticket_mask(mask)
        if (mask := values.get("version_mask_register")) is not None:
            VersionMask.unpack(mask)
        if (register := values.get(baud_name)) is not None:
            _check_line(model, baud_name, register, host_baud)
    except ProtocolError as error:
        raise SettingRefused(f"the original settings in the file cannot be put back: {error}") from None
    return values, host_baud


def _whole(name: str, value: float, lowest: int, highest: int) -> int:
    if not lowest <= value <= highest or value != int(value):
        raise SettingRefused(
            f"the original {name} in the file is {value:g}, no whole number from {lowest} to {highest}"
        )
    return int(value)


def _check_line(model: ChipModel, name: str, register: int, host_baud: int | None) -> None:
    """Only the divider may differ from what is known: nobody knows what the other bits would do."""
    if not _rest_is_known(model, register & ~(model.baud.mask << model.baud.shift)):
        raise SettingRefused(
            f"the original {name} in the file is {register:08x}: such bits besides the divider were never "
            f"seen on a {model.name}"
        )
    chip_baud = baud_from_register(model, register)
    if host_baud is None or abs(chip_baud - host_baud) > _BAUD_TOLERANCE * host_baud:
        raise SettingRefused(
            f"the original {name} in the file means {chip_baud:.0f} baud, but its host_baud is {host_baud}: "
            "the chip could not be reached any more"
        )


def _rest_is_known(model: ChipModel, rest: int) -> bool:
    if model.registers.fast_uart == model.baud.register:
        known = RESET_FAST_UART
    elif model.echoes_register:
        known = RESET_MISC_CONTROL_BM1397
    else:
        return not rest & ~MISC_CONTROL_BITS_BM1387
    return rest in {base & ~(model.baud.mask << model.baud.shift) for base in (known, model.baud.base)}
