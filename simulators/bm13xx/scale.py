"""What an emulator is asked to be, as `name=value` pairs: its size, its speed, and what goes wrong.

The real chip tests 434 GH/s against 32 leading zero bits; a CPU core manages a few tens of MH/s. So the
emulator is smaller and slower by stated factors, and those that an analysis has to know stand in the URL that
it hands out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

DEFAULT_TIME_SCALE = 200.0
"""By how much device time is stretched. 4 cores are 800 MH/s of device time at 200 MHz and 1,940 at 485: at
a scale of 200 that is 4.0 and 9.7 MH/s. One core of a shared two-core machine with AVX2 was measured at 11.5
MH/s when quiet and 5 to 8 MH/s beside other work: 200 MHz is kept up with, 485 MHz on a quiet machine only.
At a scale of 50 (16 to 39 MH/s) every nonce would come late."""

DEFAULT_FLOOD_ZERO_BITS = 8
"""Threshold of a flood unless one is asked for: 256 hashes a proof, so 100,000 proofs take seconds."""


class OptionError(ValueError):
    """An option that the emulator does not know, or a value that it cannot take."""


def _option(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the emulated chain is, and everything else that it was asked for."""

    zero_bits: int = _option(16, "leading zero bits without which a chip reports nothing (silicon: 32)")
    cores: int = _option(4, "cores of a chip (silicon: 112)")
    subcores: int = _option(1, "versions that a core tests in one sweep: 1, 2, 4 or 8 (silicon: 8)")
    chips: int = _option(1, "chips on the line")
    time_scale: float = _option(
        DEFAULT_TIME_SCALE, "real seconds for one second of the device, line excepted"
    )
    seed: int = _option(1, "of what is random in the device")
    waits: float = _option(0.02, "passed on to the host: share of its bring-up waits that is needed here")
    chip_id: int = _option(0x1366, "what CHIP_ID answers, hexadecimal; others than 1366 are not expected")
    silent: bool = _option(False, "1: never answer")
    hangup_after_s: float = _option(math.inf, "seconds from the first job until the line goes away")
    end_on_hangup: bool = _option(False, "1: end when the host closes the line, not only with stdin")
    flood_rate: float = _option(0.0, "proofs a second, mined beforehand, not held up by the line's speed")
    flood_burst: int = _option(1, "proofs of a flood that leave at once")
    flood_seconds: float = _option(10.0, "how long a flood is to last")
    report: bool = _option(True, "0: say nothing at the end, unless times were not kept")
    truth: Path | None = field(
        default=None, metadata={"meaning": "file for the true send times: CSV of t_ns,nonce,version"}
    )

    @property
    def flood_count(self) -> int:
        """How many proofs a flood offers."""
        return round(self.flood_rate * self.flood_seconds)

    def url_query(self) -> str:
        """The part of the endpoint's URL that states what a host cannot ask a chip: its scale."""
        return "&".join(f"{name}={getattr(self, name):.10g}" for name in _URL_NAMES)


def parse_scale(options: Iterable[tuple[str, str]]) -> Scale:
    """A scale from `name, value` pairs; names are the fields of `Scale`.

    Raises OptionError for an unknown or repeated name, a value that is no number, or one out of range.
    """
    values: dict[str, Any] = {}
    for given, text in options:
        name = _SHORT_NAMES.get(given.replace("-", "_"), given.replace("-", "_"))
        if name not in _LIMITS:
            raise OptionError(
                f"the emulator knows no option {given!r}; known are {', '.join(known_options())}"
            )
        if name in values:
            raise OptionError(f"option {given!r} is given twice")
        values[name] = _LIMITS[name](given, text)
    if values.get("flood_rate"):
        values.setdefault("zero_bits", DEFAULT_FLOOD_ZERO_BITS)
    return Scale(**values)


def options_from_arguments(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs from a command line: `name=value`, `--name=value` or `--name value`.

    Raises OptionError for anything else.
    """
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.removeprefix("--").partition("=")
        if not equals:
            if not argument.startswith("--"):
                raise OptionError(f"options are written name=value or --name value, not {argument!r}")
            following = next(remaining, None)
            if following is None:
                raise OptionError(f"option {argument!r} lacks its value")
            value = following
        yield name, value


def known_options() -> list[str]:
    """Names that `parse_scale` takes."""
    return [_LONG_NAMES.get(option.name, option.name) for option in fields(Scale)]


def options_text() -> str:
    """One line for each option: name, default, meaning."""
    lines = []
    for name, option in zip(known_options(), fields(Scale), strict=True):
        default = f"{option.default:x}" if name == "chip_id" else _shown(option.default)
        lines.append(f"  {name:<14} {default:<8} {option.metadata['meaning']}")
    return "\n".join(lines) + "\n"


_URL_NAMES = ("zero_bits", "cores", "subcores", "time_scale", "waits")
_SHORT_NAMES = {"hangup_after": "hangup_after_s"}
_LONG_NAMES = {long: short for short, long in _SHORT_NAMES.items()}


def _shown(default: Any) -> str:
    if default is None or default == math.inf:
        return "-"
    return f"{default:g}"


def _integer(low: int, high: int) -> Callable[[str, str], int]:
    def parse(name: str, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise OptionError(f"{name} is a whole number, not {text!r}") from None
        return int(_within(name, value, low, high))

    return parse


def _real(low: float, high: float) -> Callable[[str, str], float]:
    def parse(name: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise OptionError(f"{name} is a number, not {text!r}") from None
        return float(_within(name, value, low, high))

    return parse


def _within(name: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise OptionError(f"{name} lies between {low:g} and {high:g}, not at {value:g}")
    return value


def _flag(name: str, text: str) -> bool:
    if text not in ("0", "1"):
        raise OptionError(f"{name} is 0 or 1, not {text!r}")
    return text == "1"


def _chip_id(name: str, text: str) -> int:
    try:
        value = int(text, 16)
    except ValueError:
        raise OptionError(f"{name} is a chip id in hexadecimal such as 1368, not {text!r}") from None
    return int(_within(name, value, 0, 0xFFFF))


def _subcores(name: str, text: str) -> int:
    if text not in ("1", "2", "4", "8"):
        raise OptionError(f"{name} are 1, 2, 4 or 8, not {text!r}")
    return int(text)


def _path(name: str, text: str) -> Path:
    if not text:
        raise OptionError(f"{name} lacks the name of a file")
    return Path(text)


_LIMITS: dict[str, Callable[[str, str], Any]] = {
    "zero_bits": _integer(1, 64),
    "cores": _integer(1, 128),  # 7 bits of the nonce name the core
    "subcores": _subcores,
    "chips": _integer(1, 128),  # addresses are even
    "time_scale": _real(0.01, 1e6),
    "seed": _integer(0, 2**63 - 1),
    "waits": _real(0.0, 1.0),
    "chip_id": _chip_id,
    "silent": _flag,
    "hangup_after_s": _real(0.0, math.inf),
    "end_on_hangup": _flag,
    "flood_rate": _real(0.0, 1e6),
    "flood_burst": _integer(1, 4096),
    "flood_seconds": _real(0.0, 3600.0),
    "report": _flag,
    "truth": _path,
}
