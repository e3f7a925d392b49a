"""What an emulated board is asked to be: options of its own, and those of the chip on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from firmware_protocols.bitaxe_raw import ReplyVersion
from simulators.bm13xx.option_values import OptionError, Parser, one_of, pair, path, real
from simulators.bm13xx.scale import Scale, options_text, parse_scale
from simulators.models.physics import AMBIENT_C

CHIPS = MappingProxyType({"ultra": "bm1366", "gamma": "bm1370"})
"""By board."""

FROM_THE_START_S = -math.inf


@dataclass(frozen=True, slots=True)
class Spell:
    """From `after_s` seconds after the first job on, for `for_s`."""

    after_s: float
    for_s: float = math.inf

    @property
    def ends_s(self) -> float:
        return math.inf if math.isinf(self.for_s) else self.after_s + self.for_s


@dataclass(frozen=True, slots=True)
class BoardOptions:
    """Everything that was asked of a board. `scale` is what was asked of its chip."""

    board: str = "ultra"
    reply_version: ReplyVersion = ReplyVersion.V0
    """Form of the firmware's replies."""
    ambient_c: float = AMBIENT_C
    heat_speed: float = 1.0
    """How many times faster than a real board it warms and cools. Its own time is not stretched."""
    board_log: Path | None = None
    links: Path | None = None
    scale: Scale = field(default_factory=Scale)

    def fault(self, name: str) -> Spell:
        """When a fault of the board is there; never for one not asked for."""
        found = self.scale.faults.further.get(name)
        return found if isinstance(found, Spell) else Spell(math.inf)


def parse_board_options(options: Iterable[tuple[str, str]]) -> BoardOptions:
    """Options from `name, value` pairs, of the board and of its chip.

    Raises OptionError for an unknown or repeated name, a value that is no number, or one out of range.
    """
    values: dict[str, Any] = {}
    rest: list[tuple[str, str]] = []
    for given, text in options:
        name = given.replace("-", "_")
        if name == "chip":
            raise OptionError(f"the chip is that of the board; choose board={' or board='.join(CHIPS)}")
        if name not in _PARSERS:
            rest.append((given, text))
            continue
        if name in values:
            raise OptionError(f"option {given!r} is given twice; the name of a device may imply one")
        values[name] = _PARSERS[name](given, text)
    rest.append(("chip", CHIPS[values.get("board", "ultra")]))
    return BoardOptions(**values, scale=parse_scale(rest, FAULTS))


def board_options_text(board: str) -> str:
    """The options of a board, one line each, and those of its chip after them."""
    return OPTIONS_TEXT + options_text(CHIPS[board])


OPTIONS_TEXT = """\
  reply_version  0        form of the firmware's replies: 0 or 1
  ambient_c      25       temperature of the room
  heat_speed     1        how many times faster than a real board it warms and cools
  board_log      -        file for the board's true state: a line of JSON at every change
  links          -        folder for links `control` and `data` to the ports: they stay when the ports change
  Further faults: sensor_lost (the fan controller with its thermometers stops answering), fan_stopped,
  voltage_ignored (the regulator keeps its voltage), overheat (the heat sink comes off), regulator_reset (the
  regulator is as after power-on), reboot (the microcontroller starts anew, which holds the chip in reset),
  unplugged (both ports are gone). name:S begins S seconds after the first job, the name alone at the start;
  name:S/T is over after T seconds.
"""


def _folder(name: str, text: str) -> Path:
    folder: Path = path(name, text)
    if not folder.is_dir():
        raise OptionError(f"{name} is a folder that is there, and {text} is none")
    return folder


def _spell(name: str, text: str) -> Spell:
    if not text:
        return Spell(FROM_THE_START_S)
    return Spell(*_TWO_TIMES(name, text)) if "/" in text else Spell(_SECONDS(name, text))


def _reply_version(name: str, text: str) -> ReplyVersion:
    return ReplyVersion(int(one_of(("0", "1"))(name, text)))


_SECONDS = real(0.0, 1e9)
_TWO_TIMES = pair(_SECONDS, _SECONDS, "AFTER/FOR in seconds")
FAULT_NAMES = (
    *("sensor_lost", "fan_stopped", "voltage_ignored", "overheat"),
    *("regulator_reset", "reboot", "unplugged"),
)
FAULTS: Mapping[str, Parser] = MappingProxyType(dict.fromkeys(FAULT_NAMES, _spell))
_PARSERS: Mapping[str, Callable[[str, str], Any]] = MappingProxyType(
    {
        "board": one_of(tuple(CHIPS)),
        "reply_version": _reply_version,
        "ambient_c": real(-40.0, 80.0),
        "heat_speed": real(0.0, 1e6),
        "board_log": path,
        "links": _folder,
    }
)
