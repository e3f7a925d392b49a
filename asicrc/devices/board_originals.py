"""Original settings of a board that come out of a capture file: nobody vouches for them."""

from __future__ import annotations

from collections.abc import Iterable

from asicrc.devices.core_regulators import SET_UP_NAMES
from firmware_protocols.board_parts import tps546_settings
from firmware_protocols.device import Setting, SettingRefused

HIGHEST_MV = 3000.0
"""Above what a regulator of these boards can say; whether it may be set is the limits' business."""
_RANGES = {
    "reset_released": (0.0, 1.0),
    "voltage_mv": (0.0, HIGHEST_MV),
    "fan_controller_config": (0.0, 255.0),
    "fan_config": (0.0, 255.0),
    "fan_setting": (0.0, 255.0),
    "diode_ideality": (0.0, 255.0),
    "diode_beta": (0.0, 255.0),
}
_SET_UP_RANGES = {
    name: (0.0, float((1 << 8 * tps546_settings.register_bytes(command)) - 1))
    for name, command in SET_UP_NAMES.items()
}
"""Of a regulator that was found off: a file has all of them or none."""
_ALL_RANGES = _RANGES | _SET_UP_RANGES
_WHOLE = frozenset(_ALL_RANGES) - {"voltage_mv"}


def checked_board_originals(settings: Iterable[Setting]) -> tuple[dict[str, float], list[Setting]]:
    """Values of the board by name, and the settings of its chip, which are checked elsewhere.

    Raises SettingRefused for a value that no board can have had, and for a capture without the board's state.
    """
    of_board: dict[str, float] = {}
    of_chip: list[Setting] = []
    for setting in settings:
        if setting.kind != "original":
            continue
        if setting.name not in _ALL_RANGES:
            of_chip.append(setting)
            continue
        low, high = _ALL_RANGES[setting.name]
        value = setting.read_back
        whole = value is None or setting.name not in _WHOLE or value == int(value)
        if value is None or not low <= value <= high or not whole:
            raise SettingRefused(
                f"the original {setting.name} in the file is {value}: no board has that ({low:g} to {high:g})"
            )
        of_board[setting.name] = value
    wanted = _ALL_RANGES if _SET_UP_RANGES.keys() & of_board.keys() else _RANGES
    missing = sorted(set(wanted) - set(of_board))
    if missing:
        raise SettingRefused(f"the file lacks the board's original {', '.join(missing)}")
    return of_board, of_chip
