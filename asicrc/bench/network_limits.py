"""The absolute envelope of each miner that is driven over the network, with where every number is from.

Its firmware ramps the clock and watches the heat itself; what stands here is how far it may be asked to go,
in which steps, and where a capture ends. ESP-Miner is bitaxeorg/ESP-Miner at 5c277131 (August 2026),
config.rs xertSuns1/braiins:open/bosminer/bosminer-am1-s9/src/config.rs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from asicrc.bench.envelope import NO_CLOCK, Envelope, Range

_CONFIG = "ESP-Miner:main/device_config.h"
_AXEOS_SOURCES = {
    "step_mhz": "our choice: eight of the firmware's own steps of 6.25 MHz, each confirmed before the next",
    "step_interval_s": "the firmware takes 0.1 s for each 6.25 MHz (frequency_transition_bmXX.c)",
    "step_mv": "our choice: 2 % of the core voltage, with a look at the temperature before each step",
    "step_mv_interval_s": "our choice: ESP-Miner's power loop comes round each 100 ms (POLL_RATE)",
    "temperature_c": (
        "3 degC below the 75 degC from which ESP-Miner stops and rewrites its settings "
        "(main/tasks/power_management_task.c: THROTTLE_TEMP)"
    ),
}
_NO_LESS = "main/power/vcore.c lets a TPS546 go no lower than 1000 mV"


def _axeos(
    high_mhz: float, low_mv: float, high_mv: float, offered: str, power_w: float, power_source: str
) -> Envelope:
    return Envelope(
        frequency_mhz=Range(50.0, high_mhz, "MHz", f"{offered}; 50 is where ESP-Miner starts its ramps"),
        step_mhz=50.0,
        step_interval_s=0.8,
        voltage_mv=Range(low_mv, high_mv, "mV", f"{offered}; {_NO_LESS}"),
        step_mv=25.0,
        step_mv_interval_s=0.1,
        temperature_c=72.0,
        power_w=power_w,
        fan_percent=Range(25.0, 100.0, "%", "ESP-Miner:main/nvs_config.c: minfanspeed is 25 unless set"),
        sources={**_AXEOS_SOURCES, "power_w": power_source},
    )


_BM1366 = _axeos(
    575.0,
    1000.0,
    1300.0,
    f"{_CONFIG} offers 400 to 575 MHz and 1100 to 1300 mV for the BM1366",
    25.0,
    f"{_CONFIG}: FAMILY_ULTRA.max_power, at the board's input",
)

_S9 = Envelope(
    frequency_mhz=Range(
        100.0,
        650.0,
        "MHz",
        "config.rs: DEFAULT_FREQUENCY_MHZ is 650; 100 is the lowest of the factory's table "
        "(ckolivas/cgminer:driver-btm-soc.h)",
    ),
    step_mhz=50.0,
    step_interval_s=1.0,
    voltage_mv=Range(
        7950.0,
        9400.0,
        "mV",
        "of a hash board's supply: VOLTAGE_V_MIN and VOLTAGE_V_MAX of config.rs, which starts at 8.8 V",
    ),
    step_mv=100.0,
    step_mv_interval_s=1.0,
    temperature_c=100.0,
    sources={
        "step_mhz": "our choice; LuxOS goes there in steps of its own",
        "step_interval_s": "our choice: time for the firmware's own steps",
        "step_mv": "our choice: 1 % of 8.8 V; the controller of a hash board has steps of some 15 mV",
        "step_mv_interval_s": "our choice: time for the controller to follow and be read back",
        "temperature_c": "config.rs: DEFAULT_HOT_TEMP_C, of the chips; it shuts down at 110 degC",
    },
)

_LB_BOX = Envelope(
    frequency_mhz=NO_CLOCK,
    step_mhz=math.nan,
    step_interval_s=math.nan,
    temperature_c=95.0,
    sources={
        "temperature_c": "our choice: the vendor publishes no limit, and owners report chips of up to 90 degC"
    },
)

NETWORK_BOARDS: Mapping[str, Mapping[str, Envelope]] = {
    "lv06": {"BM1366": _BM1366},
    "axeos": {
        "BM1366": _BM1366,
        "BM1368": _axeos(
            575.0,
            1000.0,
            1300.0,
            f"{_CONFIG} offers 400 to 575 MHz and 1100 to 1300 mV for the BM1368",
            40.0,
            f"{_CONFIG}: FAMILY_SUPRA.max_power",
        ),
        "BM1370": _axeos(
            625.0,
            1000.0,
            1250.0,
            f"{_CONFIG} offers 400 to 625 MHz and 1000 to 1250 mV for the BM1370",
            40.0,
            f"{_CONFIG}: FAMILY_GAMMA.max_power",
        ),
        "BM1397": _axeos(
            600.0,
            1000.0,
            1500.0,
            f"{_CONFIG} offers 400 to 600 MHz and 1100 to 1500 mV for the BM1397",
            25.0,
            f"{_CONFIG}: FAMILY_MAX.max_power",
        ),
    },
    "s9": {"BM1387": _S9},
    "lb-box": {"LBRY": _LB_BOX},
}
"""By board and chip. `axeos` is any board of one chip that runs ESP-Miner, `lv06` LuckyMiner's."""
