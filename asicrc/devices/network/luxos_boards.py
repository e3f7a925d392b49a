"""Clock and supply voltage of the hash boards of a miner with LuxOS, board by board, set in a session."""

from __future__ import annotations

from dataclasses import dataclass

from asicrc.bench.envelope import Range
from asicrc.devices.network.cgminer_client import CgminerClient
from asicrc.devices.network.waiting import Waiting
from firmware_protocols.cgminer_api import CommandRefused, luxos
from firmware_protocols.device import DeviceLost, SettingRefused
from firmware_protocols.errors import RemoteProtocolError

SAME_MHZ = 0.5
"""Chips of a board whose clocks lie closer together than this run at one."""
NEAREST_MHZ = 26.0
"""An S9 has a table of clocks in steps of 6 to 50 MHz: the nearest is at most half of that away."""
LOWER_TRIES = 6
"""Asked for ever lower clocks where the nearest is above the limits: past the widest step of the table."""
SETTLES_WITHIN_S = 45.0
"""Within the 60 s after which LuxOS ends a session that is not used."""
WITHIN_V = 0.05
"""The supply is measured: 0.05 V is three steps of its controller."""


@dataclass(frozen=True, slots=True)
class BoardState:
    """`frequency_mhz` is None where the board's chips were tuned one by one; `lowest_mhz` to `highest_mhz`
    are theirs. `voltage_mv` is None where the board does not tell it."""

    board: int
    frequency_mhz: float | None
    lowest_mhz: float | None
    highest_mhz: float | None
    voltage_mv: float | None


def states(client: CgminerClient) -> list[BoardState]:
    """Of every board that the miner tells of. Raises DeviceLost, RemoteProtocolError."""
    return [state_of(client, device.number) for device in client.devices()]


def set_frequency(
    client: CgminerClient, session: str, board: int, mhz: float, limits: Range, waiting: Waiting
) -> float:
    """Return the clock that the board then has: the nearest of its table that is not above the limits.

    The miner ramps on its own; all chips have to arrive. Raises SettingRefused.
    """
    goal_mhz = asked_mhz = mhz
    for _ in range(LOWER_TRIES):
        goal_mhz = _begin_ramp(client, session, board, asked_mhz)
        if goal_mhz <= limits.high:
            break
        asked_mhz = max(limits.low, 2 * asked_mhz - goal_mhz)  # twice as far below what it would go to
    if goal_mhz > limits.high or abs(goal_mhz - mhz) > NEAREST_MHZ:
        raise SettingRefused(
            f"frequency_mhz: {mhz:g} was asked for, board {board} goes to {goal_mhz:g}; its table has no "
            f"clock near that within the limit of {limits.high:g} MHz"
        )
    settings = luxos.BoardSettings(board, frequency_mhz=goal_mhz)
    missing: dict[str, tuple[float, float | None]] = {}

    def has_arrived() -> bool:
        nonlocal missing
        missing = luxos.unmet(settings, _chips(client, board), None)
        return not missing

    if not waiting.until(has_arrived, SETTLES_WITHIN_S, each_s=0.5):
        asked, is_now = missing["frequency_mhz"]
        told = "its chips do not tell theirs" if is_now is None else f"a chip stays at {is_now:g}"
        raise SettingRefused(
            f"frequency_mhz: board {board} answered that it goes to {asked:g} MHz, but {told}"
        )
    return goal_mhz


def _begin_ramp(client: CgminerClient, session: str, board: int, mhz: float) -> float:
    """The clock that the board says it goes to. Raises SettingRefused."""
    ramp = luxos.read_ramp(client.do(luxos.set_frequency(session, board, mhz)))
    if isinstance(ramp, CommandRefused):
        raise SettingRefused(f"board {board} takes no clock: {ramp.message}")
    return ramp.frequency_mhz


def set_voltage(client: CgminerClient, session: str, board: int, mv: float, waiting: Waiting) -> float:
    """Return what the board measures then, mV. Raises SettingRefused where that is another voltage."""
    volts = mv / 1000
    client.do(luxos.set_voltage(session, board, volts))
    settings = luxos.BoardSettings(board, voltage_v=volts)
    told: luxos.BoardVoltage | None = None

    def is_there() -> bool:
        nonlocal told
        told = _voltage(client, board)
        return not luxos.unmet(settings, (), told, WITHIN_V)

    arrived = waiting.until(is_there, SETTLES_WITHIN_S, each_s=0.5)
    if told is None or told.voltage_v is None:
        raise SettingRefused(f"voltage_mv: {mv:g} was asked for, and board {board} does not tell what it has")
    if not arrived:
        raise SettingRefused(f"voltage_mv: {mv:g} was asked for, board {board} has {told.voltage_v * 1000:g}")
    return told.voltage_v * 1000


def state_of(client: CgminerClient, board: int) -> BoardState:
    clocks = [chip.frequency_mhz for chip in _chips(client, board) if chip.frequency_mhz is not None]
    voltage = _voltage(client, board)
    even = bool(clocks) and max(clocks) - min(clocks) <= SAME_MHZ
    return BoardState(
        board=board,
        frequency_mhz=clocks[0] if even else None,
        lowest_mhz=min(clocks, default=None),
        highest_mhz=max(clocks, default=None),
        voltage_mv=None if voltage is None or voltage.voltage_v is None else voltage.voltage_v * 1000,
    )


def _chips(client: CgminerClient, board: int) -> tuple[luxos.ChipHealth, ...]:
    chips = client.asked(luxos.chip_health(board), luxos.read_chip_health)
    if isinstance(chips, CommandRefused):
        raise DeviceLost(f"{client.name} does not tell the clocks of board {board}: {chips.message}")
    return chips


def _voltage(client: CgminerClient, board: int) -> luxos.BoardVoltage | None:
    """None where the miner does not tell it."""
    try:
        voltage = client.asked(luxos.get_voltage(board), luxos.read_voltage)
    except RemoteProtocolError:
        return None
    return None if isinstance(voltage, CommandRefused) else voltage
