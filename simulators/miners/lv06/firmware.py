"""Which generation of AxeOS an emulated LV06 runs."""

from __future__ import annotations

from collections.abc import Callable

from simulators.miners.lv06.esp_firmware import EspFirmware
from simulators.miners.lv06.esp_head import EspHead
from simulators.miners.lv06.esp_old import EspOld
from simulators.miners.options import MinerOptions
from simulators.miners.reactor import Reactor


def lv06(options: MinerOptions, reactor: Reactor, ring: Callable[[], None]) -> EspFirmware:
    kind = EspOld if options.profile == "esp-old" else EspHead
    return kind(options, reactor, ring)
