"""Original settings that come out of a capture file instead of the chip: nobody vouches for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from firmware_protocols.bm13xx import (
    ChipModel,
    VersionMask,
    baud_from_fast_uart,
    difficulty_from_ticket_mask,
    fast_uart_for_baud,
)
from firmware_protocols.device import Setting, SettingRefused
from firmware_protocols.errors import ProtocolError

HOST_BAUD = "host_baud"
SLOWEST_BAUD, FASTEST_BAUD = 1200, 4_000_000
RESET_FAST_UART = 0x01301A00
"""256foundation/mujina:mujina-miner/src/asic/bm13xx/REFERENCE.md."""
_BAUD_TOLERANCE = 0.05  # beyond it 8N1 loses bits, and the chip with them
_DIVIDER = 0x0000FF00


def checked_originals(
    model: ChipModel, settings: Iterable[Setting], registers: Collection[str]
) -> tuple[dict[str, int | None], int | None]:
    """Values by the names in `registers` (None: was not known), and the host's baud rate if it is stated.

    Settings of other kinds and names are left out. The clock is not judged here: what is no PLL setting, or
    lies outside the envelope, is replaced when it is written. Raises SettingRefused for a value that no such
    chip holds, or that would leave it unreachable.
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
        if (fast_uart := values.get("fast_uart_register")) is not None:
            _check_line(model, fast_uart, host_baud)
    except ProtocolError as error:
        raise SettingRefused(f"the original settings in the file cannot be put back: {error}") from None
    return values, host_baud


def _whole(name: str, value: float, lowest: int, highest: int) -> int:
    if not lowest <= value <= highest or value != int(value):
        raise SettingRefused(
            f"the original {name} in the file is {value:g}, no whole number from {lowest} to {highest}"
        )
    return int(value)


def _check_line(model: ChipModel, fast_uart: int, host_baud: int | None) -> None:
    """Only the divider may differ from what is known: nobody knows what the other bits would do."""
    known = {RESET_FAST_UART & ~_DIVIDER, fast_uart_for_baud(model, 1e6) & ~_DIVIDER}
    if fast_uart & ~_DIVIDER not in known:
        raise SettingRefused(
            f"the original fast_uart_register in the file is {fast_uart:08x}: such bits besides the divider "
            f"were never seen on a {model.name}"
        )
    chip_baud = baud_from_fast_uart(fast_uart)
    if host_baud is None or abs(chip_baud - host_baud) > _BAUD_TOLERANCE * host_baud:
        raise SettingRefused(
            f"the original fast_uart_register in the file means {chip_baud:.0f} baud, "
            f"but its host_baud is {host_baud}: the chip could not be reached any more"
        )
