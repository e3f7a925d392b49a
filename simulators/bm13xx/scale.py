"""What an emulator is asked to be, as `name=value` pairs: its size, its speed, and what goes wrong.

The real chip tests 434 GH/s against 32 leading zero bits; a CPU core manages a few tens of MH/s. So the
emulator is smaller and slower by stated factors, and those that an analysis has to know stand in the URL that
it hands out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from simulators.bm13xx.faults import FAULT_NAMES, Faults, parse_faults
from simulators.bm13xx.option_values import (
    OptionError,
    Parser,
    chip_id,
    flag,
    integer,
    one_of,
    path,
    real,
)
from simulators.bm13xx.silicon import SILICON, Silicon

__all__ = [
    "OptionError",
    "Scale",
    "default_time_scale",
    "known_options",
    "options_from_arguments",
    "options_text",
    "parse_scale",
]

DEFAULT_CHIP = "bm1366"
DEFAULT_ASKED_MHS = 4.0
"""What a chain asks of this machine at its usual clock unless told otherwise. One core of a shared two-core
machine with AVX2 was measured at 11.5 MH/s when quiet and 5 to 8 MH/s beside other work, one with AVX-512 at
16. The usual clock of the BM1366 is the 200 MHz at which its driver starts: 485 MHz is 9.7 MH/s."""

DEFAULT_FLOOD_ZERO_BITS = 8
"""Threshold of a flood unless one is asked for: 256 hashes a proof, so 100,000 proofs take seconds."""


def _option(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the emulated chain is, and everything else that it was asked for.

    The defaults of `cores`, `subcores` and `time_scale` are those of one BM1366; `parse_scale` knows those of
    the other chips and of chains.
    """

    zero_bits: int = _option(16, "leading zero bits without which a chip reports nothing (silicon: 32)")
    cores: int = _option(4, "cores of a chip")
    subcores: int = _option(1, "versions that a core tests in one sweep, or midstates that a job is to have")
    chips: int = _option(1, "chips on the line")
    time_scale: float = _option(
        200.0, "real seconds for one second of the device, line excepted; the default grows with the chain"
    )
    seed: int = _option(1, "of what is random in the device")
    waits: float = _option(0.02, "passed on to the host: share of its bring-up waits that is needed here")
    chip_id: int | None = _option(None, "what CHIP_ID answers, hexadecimal, for hosts to stumble over")
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
    chip: str = _option(DEFAULT_CHIP, f"which chip: {', '.join(SILICON)}")
    midstate_order: Literal["interleaved", "sequential"] = _option(
        "interleaved", "how a BM1387 takes the midstates of a job: interleaved or sequential"
    )
    faults: Faults = field(
        default_factory=Faults,
        metadata={"meaning": f"what goes wrong, name:value with commas between: {', '.join(FAULT_NAMES)}"},
    )
    fault_seed: int | None = _option(None, "of what is random in the faults; unless given, the seed")

    @property
    def flood_count(self) -> int:
        """How many proofs a flood offers."""
        return round(self.flood_rate * self.flood_seconds)

    def url_query(self) -> str:
        """The part of the endpoint's URL that states what a host cannot ask a chip: its scale."""
        return "&".join(f"{name}={getattr(self, name):.10g}" for name in _URL_NAMES)


def parse_scale(
    options: Iterable[tuple[str, str]], further_faults: Mapping[str, Parser] = MappingProxyType({})
) -> Scale:
    """A scale from `name, value` pairs; names are the fields of `Scale`.

    `further_faults` are parsers of those that a board adds to the chips'. Raises OptionError for an unknown
    or repeated name, a value that is no number, or one out of range.
    """
    texts: dict[str, tuple[str, str]] = {}
    for given, text in options:
        name = _SHORT_NAMES.get(given.replace("-", "_"), given.replace("-", "_"))
        if name not in _NAMES:
            raise OptionError(
                f"the emulator knows no option {given!r}; known are {', '.join(known_options())}"
            )
        if name in texts:
            raise OptionError(f"option {given!r} is given twice")
        texts[name] = (given, text)
    silicon = SILICON[_PARSERS["chip"](*texts["chip"]) if "chip" in texts else DEFAULT_CHIP]
    parsers: dict[str, Parser] = {
        **_PARSERS,
        "chips": integer(1, silicon.most_chips),
        "subcores": _subcores(silicon),
        "faults": lambda _, text: parse_faults(text, further_faults),
    }
    values = {name: parsers[name](given, text) for name, (given, text) in texts.items()}
    values.setdefault("cores", silicon.emulated_cores)
    values.setdefault("subcores", silicon.emulated_subcores)
    values.setdefault(
        "time_scale",
        default_time_scale(silicon, values.get("chips", 1), values["cores"], values["subcores"]),
    )
    if values.get("flood_rate"):
        values.setdefault("zero_bits", DEFAULT_FLOOD_ZERO_BITS)
    return Scale(**values)


def default_time_scale(silicon: Silicon, chips: int, cores: int, subcores: int) -> float:
    """So that the chain asks for `DEFAULT_ASKED_MHS` at its usual clock; small chips get the usual scale."""
    usual = _hashes_a_clock(silicon, silicon.emulated_cores, silicon.emulated_subcores)
    asked = max(usual, _hashes_a_clock(silicon, cores, subcores))
    return silicon.usual_mhz * chips * asked / DEFAULT_ASKED_MHS


def _hashes_a_clock(silicon: Silicon, cores: int, subcores: int) -> int:
    return cores if silicon.midstates_in_turn else cores * subcores


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


def options_text(chip: str = DEFAULT_CHIP) -> str:
    """One line for each option of an emulated chip: name, default, meaning."""
    silicon = SILICON[chip]
    scale = parse_scale([("chip", chip)])
    lines = []
    for name, option in zip(known_options(), fields(Scale), strict=True):
        lines.append(f"  {name:<14} {_shown(getattr(scale, option.name)):<8} {option.metadata['meaning']}")
    lines.append(
        f"The silicon has {silicon.cores} cores. time_scale is by default {scale.time_scale:g} times the "
        f"number of chips, more with more cores:\nat {silicon.usual_mhz:g} MHz the chain then asks this "
        f"machine for {DEFAULT_ASKED_MHS:g} MH/s. A faster clock asks for more."
    )
    return "\n".join(lines) + "\n"


_URL_NAMES = ("zero_bits", "cores", "subcores", "time_scale", "waits")
_SHORT_NAMES = {"hangup_after": "hangup_after_s"}
_LONG_NAMES = {long: short for short, long in _SHORT_NAMES.items()}
_NAMES = frozenset(option.name for option in fields(Scale))


def _shown(value: Any) -> str:
    if value is None or value == math.inf or isinstance(value, Faults):
        return "-"
    return value if isinstance(value, str) else f"{value:g}"


def _subcores(silicon: Silicon) -> Callable[[str, str], int]:
    allowed = [str(1 << power) for power in range(silicon.subcores.bit_length())]

    def parse(name: str, text: str) -> int:
        if text not in allowed:
            listed = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
            raise OptionError(f"{name} of a {silicon.name} are {listed}, not {text!r}")
        return int(text)

    return parse


_PARSERS: Mapping[str, Parser] = {
    "zero_bits": integer(1, 64),
    "cores": integer(1, 128),  # 7 bits of the nonce name the core
    "time_scale": real(0.01, 1e6),
    "seed": integer(0, 2**63 - 1),
    "waits": real(0.0, 1.0),
    "chip_id": chip_id,
    "silent": flag,
    "hangup_after_s": real(0.0, math.inf),
    "end_on_hangup": flag,
    "flood_rate": real(0.0, 1e6),
    "flood_burst": integer(1, 4096),
    "flood_seconds": real(0.0, 3600.0),
    "report": flag,
    "truth": path,
    "chip": one_of(tuple(SILICON)),
    "midstate_order": one_of(("interleaved", "sequential")),
    "fault_seed": integer(0, 2**63 - 1),
}
"""Of the options whose parser does not depend on the chip or the board."""
