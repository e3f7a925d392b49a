"""What a station's limits come to, device by device, beside the built-in ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from asicrc.bench.envelope import Envelope
from asicrc.bench.limits import BARE, BOARDS, allowed_envelope, envelope_for
from asicrc.bench.station import Station, StationDevice
from asicrc.bench.supervision.thresholds import DIRECT, THRESHOLD_KEYS, Thresholds, thresholds_for
from asicrc.errors import AsicrcError


@dataclass(frozen=True, slots=True)
class CheckedDevice:
    """One entry. `in_force` is None where the entry has an error, or does not say which chip it is."""

    entry: StationDevice
    board: str | None
    chip: str | None
    built_in: Envelope | None
    in_force: Envelope | None
    error: AsicrcError | None
    thresholds: Thresholds | None = None
    """Of its supervision, in force."""

    def supervision(self) -> dict[str, float]:
        """Thresholds in force by key; empty where the limits are not known."""
        known = {} if self.thresholds is None else self.thresholds.as_json()
        return {key: value for key in THRESHOLD_KEYS if (value := known.get(key)) is not None}

    def rows(self) -> list[tuple[str, float | None, float | None, float | None]]:
        """Key, built-in number, the file's number, number in force."""
        built_in = {} if self.built_in is None else self.built_in.limits()
        in_force = {} if self.in_force is None else self.in_force.limits()
        asked = self.entry.widen_beyond_built_in.by_key() | self.entry.limits.by_key()
        keys = [*built_in, *(key for key in asked if key not in built_in)]
        return [(key, built_in.get(key), asked.get(key), in_force.get(key)) for key in keys]

    def as_json(self) -> dict[str, Any]:
        error = self.error
        return {
            "name": self.entry.label,
            "board": self.board,
            "chip": self.chip,
            "cooling": None if self.entry.cooling is None else self.entry.cooling.model_dump(),
            "limits": {
                key: {"built_in": built_in, "station": asked, "in_force": in_force}
                for key, built_in, asked, in_force in self.rows()
            },
            "supervision": self.supervision(),
            "beyond_built_in": {} if self.in_force is None else dict(self.in_force.beyond),
            "error": None
            if error is None
            else {"code": error.code, "message": error.message, "hint": error.hint or None},
        }


def checked_devices(station: Station, *, allow_beyond: bool = False) -> list[CheckedDevice]:
    """Every entry of a station with what comes out of it; what is wrong with one does not hide the others."""
    return [_checked(entry, station, allow_beyond) for entry in station.devices]


def board_and_chip(entry: StationDevice) -> tuple[str | None, str | None]:
    """Of an entry: as written, or else as its URL says; None where only the device can tell."""
    scheme, _, rest = (entry.url or entry.url_prefix or "").partition(":")
    target, _, query = rest.partition("?")
    options = dict(parse_qsl(query))
    board: str | None = entry.board
    if board is None and scheme == "bitaxe-raw" and "board" in options:
        board = f"bitaxe-{options['board']}"
    elif board is None and scheme in ("serial", "sim"):
        board = _EMULATED.get(target, "bare")
    named = options.get("chip") or (target if scheme == "sim" and target.startswith("bm") else None)
    chip: str | None = entry.chip or (named.upper() if named else None)
    chips = list(BOARDS.get(board or "", ()))
    if chip is None and len(chips) == 1:
        chip = chips[0]
    return board, chip


DIRECT_BOARDS = frozenset({BARE, "bitaxe-ultra", "bitaxe-gamma"})
"""Reached by their own lines, without firmware that looks after them."""
_EMULATED = {
    "bitaxe": "bitaxe-ultra",
    "bitaxe-gamma": "bitaxe-gamma",
    "lv06": "lv06",
    "s9": "s9",
    "lbbox": "lb-box",
}
"""Boards of `sim:` devices that are more than a chip on a line."""


def _checked(entry: StationDevice, station: Station, allow_beyond: bool) -> CheckedDevice:
    board, chip = board_and_chip(entry)
    if board is None or chip is None:
        return CheckedDevice(entry, board, chip, None, None, None)
    limits, beyond, file = entry.limits.by_key(), entry.widen_beyond_built_in.by_key(), station.path.name
    built_in = in_force = error = thresholds = None
    try:
        built_in = envelope_for(board, chip)
        allowed = allow_beyond and bool(beyond)
        in_force = allowed_envelope(board, chip, limits, beyond, allow_beyond=allowed, where=file)
        family = DIRECT if board in DIRECT_BOARDS else board
        thresholds = thresholds_for(family, in_force.limits()).narrowed(entry.supervision.by_key(), file)
        thresholds = thresholds.at_most(station.supervision.by_key(), file)
    except AsicrcError as caught:
        error = caught
    return CheckedDevice(entry, board, chip, built_in, in_force, error, thresholds)
