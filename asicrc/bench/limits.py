"""The absolute envelope of each chip on each board, with where every number is from.

Nothing is ever written outside it. A bare chip on a serial line gives us no voltage control and no
temperature: its envelope covers what can be written there, which is the clock. The upper bound of a clock
is what the boards that carry the chip are run at.

ESP-Miner below is bitaxeorg/ESP-Miner at 5c277131 (August 2026).
"""

from __future__ import annotations

from collections.abc import Mapping

from asicrc.bench.envelope import Envelope, Range
from asicrc.bench.network_limits import NETWORK_BOARDS
from asicrc.bench.widening import BEYOND_FLAG, BEYOND_TABLE
from asicrc.errors import UsageError

__all__ = [
    "BARE",
    "BOARDS",
    "DEFAULT_FREQUENCY_MHZ",
    "ENVELOPES",
    "Envelope",
    "Range",
    "allowed_envelope",
    "envelope_for",
]

DEFAULT_FREQUENCY_MHZ = 200.0
"""Where a capture runs unless told otherwise: well below what needs a fan, whose presence a bare line
cannot tell us."""

BARE = "bare"
"""The board of a chip on a plain serial line, of which nothing but the chip can be reached."""

_CONFIG = "ESP-Miner:main/device_config.h"
_RAMP = "ESP-Miner:components/asic/frequency_transition_bmXX.c steps by 6.25 MHz each 100 ms, from 50"

_STEP_MHZ = 6.25
_STEP_INTERVAL_S = 0.1
_STEPS = {"step_mhz": _RAMP, "step_interval_s": _RAMP}


def _bare(
    high_mhz: float, source: str, low_mhz: float = 50.0, low_source: str = "where ESP-Miner starts its ramps"
) -> Envelope:
    frequency_mhz = Range(low_mhz, high_mhz, "MHz", f"{source}; {low_mhz:g} is {low_source}")
    return Envelope(frequency_mhz, _STEP_MHZ, _STEP_INTERVAL_S, sources=_STEPS)


ENVELOPES: Mapping[str, Envelope] = {
    "BM1362": _bare(525.0, "mujina's capture of an S19j Pro's factory firmware ramps to 525 MHz"),
    "BM1366": _bare(575.0, f"{_CONFIG} offers 400 to 575 MHz"),
    "BM1368": _bare(575.0, f"{_CONFIG} offers 400 to 575 MHz"),
    "BM1370": _bare(625.0, f"{_CONFIG} offers 400 to 625 MHz"),
    "BM1387": _bare(
        650.0,
        "braiins:open/bosminer/bosminer-am1-s9/src/config.rs runs an S9 at 650 MHz",
        100.0,
        "the lowest of the factory's table (ckolivas/cgminer:driver-btm-soc.h)",
    ),
    "BM1397": _bare(600.0, f"{_CONFIG} offers 400 to 600 MHz"),
}
"""Of a chip on a bare serial line, by model."""

_BITAXE_SOURCES = {
    "step_mv": "our choice: 4 % of the power at 1.2 V, and 7 codes of a DS4432U; ESP-Miner goes in one step",
    "step_mv_interval_s": "our choice: ESP-Miner's power loop comes round each 100 ms (POLL_RATE)",
    "temperature_c": (
        "3 degC below the 75 degC from which ESP-Miner stops (main/tasks/power_management_task.c: "
        "THROTTLE_TEMP), as the way over USB takes longer"
    ),
}


def _bitaxe(chip: str, voltage_mv: Range, power_w: float, power_source: str) -> Envelope:
    return Envelope(
        frequency_mhz=ENVELOPES[chip].frequency_mhz,
        step_mhz=_STEP_MHZ,
        step_interval_s=_STEP_INTERVAL_S,
        voltage_mv=voltage_mv,
        step_mv=25.0,
        step_mv_interval_s=0.1,
        temperature_c=72.0,
        power_w=power_w,
        fan_percent=Range(25.0, 100.0, "%", "ESP-Miner:main/nvs_config.c: minfanspeed is 25 unless set"),
        sources={**_STEPS, **_BITAXE_SOURCES, "power_w": power_source},
    )


# The temperature of an Ultra with a DS4432U is the EMC2101's own plus 5 degC, of a Gamma the chip's diode
# (ESP-Miner:main/device_config.h: emc_internal_temp, temp_offset).
_ULTRA = _bitaxe(
    "BM1366",
    Range(
        1000.0,
        1300.0,
        "mV",
        f"{_CONFIG} offers 1100 to 1300 mV for the BM1366, main/Kconfig.projbuild takes 1000 and more; "
        "the DS4432U itself would reach 46 to 2390 mV (main/power/DS4432U.c)",
    ),
    power_w=25.0,
    power_source=f"{_CONFIG}: FAMILY_ULTRA.max_power, at the board's input",
)
_GAMMA = _bitaxe(
    "BM1370",
    Range(
        1000.0,
        1250.0,
        "mV",
        f"{_CONFIG} offers 1000 to 1250 mV for the BM1370; "
        "main/power/vcore.c would let the TPS546 go from 1 to 2 V",
    ),
    power_w=40.0,
    power_source=f"{_CONFIG}: FAMILY_GAMMA.max_power, the regulator's output plus 5 W (power_offset)",
)

BOARDS: Mapping[str, Mapping[str, Envelope]] = {
    BARE: ENVELOPES,
    "bitaxe-ultra": {"BM1366": _ULTRA},
    "bitaxe-gamma": {"BM1370": _GAMMA},
    **NETWORK_BOARDS,
}
"""Envelopes by board and chip. A new board is added here, and to `Board` of asicrc/bench/station.py."""


def envelope_for(board: str | None, chip: str) -> Envelope:
    """The built-in envelope; `board` None is a bare line. Raises UsageError for what is not in the table."""
    name = board or BARE
    if name not in BOARDS:
        raise UsageError(f"there are no limits for a board {name!r}", f"known: {', '.join(BOARDS)}")
    by_chip = BOARDS[name]
    if chip.upper() not in by_chip:
        where = "on a bare line" if name == BARE else f"on the board {name}"
        raise UsageError(f"there are no limits for a {chip.upper()} {where}", f"known: {', '.join(by_chip)}")
    return by_chip[chip.upper()]


def allowed_envelope(
    board: str | None,
    chip: str,
    limits: Mapping[str, float] | None = None,
    beyond: Mapping[str, float] | None = None,
    *,
    allow_beyond: bool = False,
    where: str = "the station file",
) -> Envelope:
    """The built-in envelope, narrowed by a station's `limits`; `beyond` counts only with `allow_beyond`.

    `beyond` of the result is empty unless something was widened. Raises UsageError as `narrowed` and
    `widened` do, and for a flag that finds nothing to allow.
    """
    envelope = envelope_for(board, chip)
    if allow_beyond:
        if not beyond:
            raise UsageError(
                f"{BEYOND_FLAG} was given, but {where} asks for nothing beyond the built-in envelope",
                f"leave the flag out, or write the limit under {BEYOND_TABLE}",
            )
        envelope = envelope.widened(beyond, where)
    return envelope.narrowed(limits or {}, where)
