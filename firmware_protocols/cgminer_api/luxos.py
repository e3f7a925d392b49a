"""LuxOS on the wire of cgminer: sessions, frequency and voltage of a board, live.

From Luxor's public manual (docs.luxor.tech, firmware/api: logon, session, sessions, frequencyset, voltageget,
healthchipget, asc). What is not published is told in QUIRKS.md. Boards and chips count from 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from firmware_protocols.cgminer_api.commands import Command, parameters
from firmware_protocols.cgminer_api.record_fields import LooseFields
from firmware_protocols.cgminer_api.reply import Code, CommandRefused, Reply, Severity, Status
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.json_values import JsonObject

SESSION_S = 60
"""After which an unused session ends; each use begins it anew."""

_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Session:
    """The one session that a miner has: it keeps others from changing anything. Empty while there is none."""

    session_id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ramp:
    """The frequency on its way. An S9 has a table of frequencies: `frequency_mhz` is the nearest in it."""

    board: int
    frequency_mhz: float
    step_mhz: float | None
    chip: int | None
    """None: all of them."""


@dataclass(frozen=True, slots=True)
class BoardVoltage:
    """Of the board's supply, not of a chip: some 8.9 V on an S9. None: the board has no such reading."""

    board: int
    voltage_v: float | None
    on_board: bool | None


@dataclass(frozen=True, slots=True)
class ChipHealth:
    """One chip. All but its place is None before it was looked at."""

    board: int
    chip: int
    frequency_mhz: float | None = None
    healthy: bool | None = None
    score: float | None = None
    temperature_c: float | None = None


@dataclass(frozen=True, slots=True)
class BoardSettings:
    """What is to be changed on one board; None is not."""

    board: int
    frequency_mhz: float | None = None
    voltage_v: float | None = None


def logon() -> Command:
    """Begins a session. Refused while there is another."""
    return Command("logon")


def session() -> Command:
    """Which session there is; needs none."""
    return Command("session")


def logoff(session_id: str) -> Command:
    return Command("logoff", parameters(_known(session_id)))


def set_frequency(session_id: str, board: int, frequency_mhz: float, chip: int | None = None) -> Command:
    """Answered with a Ramp at once, and reached step by step: ask `chip_health` or `devs` until it is.

    Of the whole board, or of one chip, which Luxor advises against.
    """
    if not 0 < frequency_mhz < 10_000:
        raise LocalProtocolError(f"{frequency_mhz} MHz is no frequency of a chip")
    place = [] if chip is None else [_place("chip", chip)]
    asked = parameters(_known(session_id), _place("board", board), f"{frequency_mhz:g}", *place)
    return Command("frequencyset", asked)


def get_frequency(board: int, chip: int | None = None) -> Command:
    values = [_place("board", board), *([] if chip is None else [_place("chip", chip)])]
    return Command("frequencyget", parameters(*values))


def set_voltage(session_id: str, board: int, voltage_v: float) -> Command:
    """The order of the parameters is that of `frequencyset`; its own page is not published."""
    if not 0 < voltage_v < 100:
        raise LocalProtocolError(f"{voltage_v} V is no voltage of a board")
    return Command("voltageset", parameters(_known(session_id), _place("board", board), f"{voltage_v:g}"))


def get_voltage(board: int, *, on_board: bool = False) -> Command:
    """What the supply says; `on_board`: what the board's own controller says, where it can."""
    return Command("voltageget", parameters(_place("board", board), *([True] if on_board else [])))


def chip_health(board: int, chip: int | None = None) -> Command:
    """The one published way to read the frequency of every chip back."""
    values = [_place("board", board), *([] if chip is None else [_place("chip", chip)])]
    return Command("healthchipget", parameters(*values))


def read_session(reply: Reply) -> Session | CommandRefused:
    """Of `logon` and `session`. Raises RemoteProtocolError, as all readers here do, for another reply."""
    if (refused := reply.refusal) is not None:
        return refused
    session_id = LooseFields(reply.records("SESSION")[0], "session").text("SessionID") or ""
    if session_id and not _SESSION.fullmatch(session_id):
        raise RemoteProtocolError("session: an id that is none")
    return Session(session_id)


def read_ramp(reply: Reply) -> Ramp | CommandRefused:
    """Of `frequencyset`."""
    if (refused := reply.refusal) is not None:
        return refused
    fields = LooseFields(reply.records("RAMP")[0], "ramp")
    board, frequency, chip = fields.integer("Board"), fields.number("Frequency"), fields.text("TargetChip")
    if board is None or frequency is None or not (chip in (None, "all") or _is_place(chip)):
        raise RemoteProtocolError("ramp: without a board, a frequency or a chip")
    return Ramp(
        board, frequency, fields.number("FrequencyStep"), None if chip in (None, "all") else int(chip)
    )


def read_voltage(reply: Reply, *, on_board: bool = False) -> BoardVoltage | CommandRefused:
    """Of `voltageget`. On the board itself 0 says that there is no such reading."""
    if (refused := reply.refusal) is not None:
        return refused
    fields = LooseFields(reply.records("VOLTAGE")[0], "voltage")
    board, voltage, where = fields.integer("Board"), fields.number("Voltage"), fields.flag("IsOnBoard")
    if board is None:
        raise RemoteProtocolError("voltage: without a board")
    return BoardVoltage(board, None if on_board and voltage == 0 else voltage, where)


def read_chip_health(reply: Reply) -> tuple[ChipHealth, ...] | CommandRefused:
    """Of `healthchipget`."""
    if (refused := reply.refusal) is not None:
        return refused
    return tuple(_chip(record, f"chips[{i}]") for i, record in enumerate(reply.records("CHIPS")))


def unmet(
    settings: BoardSettings, chips: Sequence[ChipHealth], voltage: BoardVoltage | None, within_v: float = 0.05
) -> dict[str, tuple[float, float | None]]:
    """What was asked of the board and is not so: name -> (asked, is).

    Each chip of the board whose frequency is known counts, and the one that differs most is told; None says
    that there is no reading at all. A voltage is measured, so it may differ by `within_v`.
    """
    differing: dict[str, tuple[float, float | None]] = {}
    asked_mhz, asked_v = settings.frequency_mhz, settings.voltage_v
    if asked_mhz is not None:
        told = [chip.frequency_mhz for chip in chips if chip.board == settings.board]
        offsets = [frequency - asked_mhz for frequency in told if frequency is not None]
        worst = max(offsets, key=abs, default=None)
        if worst is None or not math.isclose(asked_mhz + worst, asked_mhz, rel_tol=1e-6):
            differing["frequency_mhz"] = (asked_mhz, None if worst is None else asked_mhz + worst)
    if asked_v is not None:
        here = voltage is not None and voltage.board == settings.board
        is_v = voltage.voltage_v if voltage is not None and here else None
        if is_v is None or abs(is_v - asked_v) > within_v:
            differing["voltage_v"] = (asked_v, is_v)
    return differing


def write_session(begun: Session, code: int = Code.SESSION_CREATED) -> Reply:
    """As `logon` (316) or `session` (319) are answered."""
    message = "Session created" if code == Code.SESSION_CREATED else "Session information"
    return _reply(code, message, {"SESSION": [{"SessionID": begun.session_id}]})


def write_ramp(ramp: Ramp) -> Reply:
    record: JsonObject = {
        "Board": ramp.board,
        "Frequency": ramp.frequency_mhz,
        "FrequencyStep": ramp.step_mhz,
        "TargetChip": "all" if ramp.chip is None else str(ramp.chip),
    }
    return _reply(Code.SET_FREQUENCY, "Set Frequency", {"RAMP": [record]})


def write_voltage(voltage: BoardVoltage) -> Reply:
    record: JsonObject = {
        "Board": voltage.board,
        "IsOnBoard": voltage.on_board,
        "Voltage": 0 if voltage.voltage_v is None else voltage.voltage_v,
    }
    return _reply(Code.GET_VOLTAGE, "Get Voltage", {"VOLTAGE": [record]})


def write_chip_health(chips: Sequence[ChipHealth]) -> Reply:
    return _reply(Code.CHIP_HEALTH, "Health Chip Get", {"CHIPS": [_chip_record(chip) for chip in chips]})


def _reply(code: int, message: str, sections: dict[str, list[JsonObject]]) -> Reply:
    return Reply(Status(Severity.SUCCESS, code, message, "LUXminer 2024.2.19.131822-ef17c0c4"), sections)


def _chip(record: JsonObject, where: str) -> ChipHealth:
    fields = LooseFields(record, where)
    board, chip = fields.integer("Board"), fields.integer("Chip")
    if board is None or chip is None:
        raise RemoteProtocolError(f"{where}: without a board or a chip")
    healthy = fields.text("Healthy")
    if healthy not in (None, "Y", "N", "Unknown"):
        raise RemoteProtocolError(f"{where}: Healthy: neither Y, nor N, nor Unknown")
    return ChipHealth(
        board=board,
        chip=chip,
        frequency_mhz=fields.number("Frequency"),
        healthy={"Y": True, "N": False}.get(healthy or ""),
        score=fields.number("Score"),
        temperature_c=fields.number("ChipTemp"),
    )


def _chip_record(chip: ChipHealth) -> JsonObject:
    members: dict[str, Any] = {
        "Board": chip.board,
        "Chip": chip.chip,
        "Frequency": chip.frequency_mhz,
        "Healthy": "Unknown" if chip.healthy is None else "NY"[chip.healthy],
        "IsChecking": False,
        "Score": chip.score,
        "ChipTemp": chip.temperature_c,
    }
    return {key: value for key, value in members.items() if value is not None}


def _known(session_id: str) -> str:
    if not _SESSION.fullmatch(session_id):
        raise LocalProtocolError("there is no session: ask for one with logon")
    return session_id


def _place(name: str, number: int) -> int:
    if not 0 <= number <= 999:
        raise LocalProtocolError(f"a {name} has a number from 0 to 999, not {number}")
    return number


def _is_place(text: str | None) -> bool:
    return text is not None and text.isascii() and text.isdigit() and len(text) <= 3
