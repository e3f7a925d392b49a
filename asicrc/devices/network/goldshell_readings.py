"""What a Goldshell box says of its boards, in its web interface or on its command port, as readings."""

from __future__ import annotations

from collections.abc import Sequence

from firmware_protocols.cgminer_api import Device
from firmware_protocols.device import Reading
from firmware_protocols.goldshell import BoxBoard

Values = dict[str, float | None]


def board_values(boards: Sequence[BoxBoard | Device]) -> list[Values]:
    """By board, the same names from both interfaces: `hash_rate_ghs`, `temperature_c` (the hottest), ..."""
    return [_of_box(board) if isinstance(board, BoxBoard) else _of_device(board) for board in boards]


def readings(values: Sequence[Values], t_ns: int) -> list[Reading]:
    found = [
        Reading(t_ns, f"board{place}_{name}", float(value))
        for place, board in enumerate(values)
        for name, value in board.items()
        if value is not None
    ]
    rate_ghs, hottest_c = total(values, "hash_rate_ghs"), highest(values, "temperature_c")
    if rate_ghs is not None:
        found.append(Reading(t_ns, "hash_rate_ghs", rate_ghs))
    if hottest_c is not None:
        found.append(Reading(t_ns, "temperature_c", hottest_c))
    return found


def total(values: Sequence[Values], name: str) -> float | None:
    told = [value for board in values if (value := board.get(name)) is not None]
    return sum(told) if told else None


def highest(values: Sequence[Values], name: str) -> float | None:
    return max((value for board in values if (value := board.get(name)) is not None), default=None)


def _of_box(board: BoxBoard) -> Values:
    return {
        "hash_rate_ghs": board.rate_ghs,
        "hash_rate_average_ghs": board.rate_average_ghs,
        "temperature_c": board.temperature_c,
        "accepted_n": board.accepted,
        "rejected_n": board.rejected,
        "hardware_errors_n": board.hardware_errors,
        "power_plan": board.plan,
        "uptime_s": board.elapsed_s,
        **{f"fan{number}_rpm": rpm for number, rpm in enumerate(board.fans_rpm)},
    }


def _of_device(board: Device) -> Values:
    temperatures = [t for t in (*board.temperatures_c, board.temperature_c) if t is not None]
    return {
        "hash_rate_ghs": board.rate_20s_ghs if board.rate_20s_ghs is not None else board.rate_5s_ghs,
        "hash_rate_average_ghs": board.rate_average_ghs,
        "temperature_c": max(temperatures, default=None),
        "accepted_n": board.accepted,
        "rejected_n": board.rejected,
        "hardware_errors_n": board.hardware_errors,
        "frequency_mhz": board.clock_mhz,
        "overheat": None if board.overheat is None else float(board.overheat),
        "restarts_n": board.restarts,
        "uptime_s": board.elapsed_s,
        **{f"temperature{number}_c": t for number, t in enumerate(board.temperatures_c)},
        **{f"fan{number}_rpm": rpm for number, rpm in enumerate(board.fans_rpm)},
    }
